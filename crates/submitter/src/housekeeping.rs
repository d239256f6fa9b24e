//! Keeping house: what was lost on the way is hinted again, chains are sealed, the dead-letter queue agrees with the ledger.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use broker::{Hint, Outgoing, Queue};
use invoice::life::{State, Step};
use invoice::{Environment, Timestamp};
use ledger::{Filter, LedgerError, Standing};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::role::Desk;

/// Runs every chore at its own pace until `shutdown`. A chore that fails is tried again at its next turn.
pub(crate) async fn run(desk: Arc<Desk>, shutdown: CancellationToken) {
    let config = &desk.role.config;
    let sweep = chore("sweep", config.sweep_every_ms, || sweep(&desk));
    let seal = chore("checkpoint", config.checkpoint_every_ms, || seal(&desk));
    let mut mismatch = None;
    let survey = async {
        let mut turns = turns(config.survey_every_ms);
        loop {
            turns.tick().await;
            match survey(&desk, mismatch).await {
                Ok(found) => mismatch = found,
                Err(error) => warn!(%error, "the survey failed"),
            }
        }
    };
    let partitions = chore("partitions", 3_600_000, || async { desk.role.ledger.maintain().await });
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = sweep => {}
        () = seal => {}
        () = survey => {}
        () = partitions => {}
    }
}

fn turns(every_ms: u64) -> tokio::time::Interval {
    let mut turns = interval(Duration::from_millis(every_ms.max(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

async fn chore<F, Fut>(name: &'static str, every_ms: u64, mut work: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), LedgerError>>,
{
    let mut turns = turns(every_ms);
    loop {
        turns.tick().await;
        if let Err(error) = work().await {
            warn!(%error, chore = name, "will be tried again");
        }
    }
}

/// Hints again what has not moved for long. Nothing for a queue that is full of hints already (then nothing is lost, only
/// waiting), and nothing for the submitter while the breaker is open: an outage must not fill the queues with copies.
async fn sweep(desk: &Desk) -> Result<(), LedgerError> {
    let encode = is_shallow(desk, Queue::Draft).await;
    let open = desk.breaker().is_closed_for_work();
    let submit = !open && is_shallow(desk, Queue::ToSubmit).await;
    if !encode && !submit {
        return Ok(());
    }
    let swept = desk.role.ledger.sweep(encode, submit, desk.role.config.sweep_limit).await?;
    if swept.is_empty() {
        return Ok(());
    }
    info!(count = swept.len(), "hinting again what has not moved for long");
    let hints = swept
        .into_iter()
        .filter_map(|swept| {
            let queue = match swept.invoice.waits_for()? {
                Step::Encode => Queue::Draft,
                Step::Submit => Queue::ToSubmit,
            };
            let payload = Hint::new(swept.invoice.key, swept.invoice.version).to_bytes();
            Some(Outgoing { queue, payload, traceparent: swept.traceparent })
        })
        .collect();
    publish(desk, hints).await;
    Ok(())
}

async fn is_shallow(desk: &Desk, queue: Queue) -> bool {
    let limit = u64::from(desk.role.config.sweep_limit);
    desk.role.broker.depth(queue).await.is_ok_and(|depth| depth < limit)
}

async fn seal(desk: &Desk) -> Result<(), LedgerError> {
    while let Some(checkpoint) = desk.role.ledger.checkpoint(10_000).await? {
        info!(number = checkpoint.number, streams = checkpoint.streams, "sealed");
        if checkpoint.streams < 10_000 {
            break;
        }
    }
    Ok(())
}

/// Measures, and mends the dead-letter queue when it differs from the ledger twice in a row in the same way.
async fn survey(desk: &Desk, before: Option<(u64, u64)>) -> Result<Option<(u64, u64)>, LedgerError> {
    let now = desk.role.ledger.now().await?;
    let standing = desk.role.ledger.standing().await?;
    measure(&standing, now);
    let broker = &desk.role.broker;
    for queue in desk.role.ladder.queues() {
        if let (Ok(depth), Some(name)) = (broker.depth(queue).await, desk.role.ladder.name(queue)) {
            telemetry::metrics().queue_depth.record(depth, &[queue_label(name)]);
        }
    }
    telemetry::metrics().broker_rebuilt.record(broker.health().rebuilt, &[]);
    let waiting = waiting_for_person(&standing);
    let Ok(depth) = broker.depth(Queue::DeadLetter).await else { return Ok(None) };
    if depth == waiting {
        return Ok(None);
    }
    if before != Some((depth, waiting)) {
        return Ok(Some((depth, waiting)));
    }
    info!(depth, waiting, "the dead-letter queue differs from the ledger; filling it anew");
    refill(desk).await?;
    Ok(None)
}

fn queue_label(name: String) -> telemetry::Label {
    telemetry::owned_label("queue", name)
}

fn waiting_for_person(standing: &Standing) -> u64 {
    let invoices = standing.counts.iter().filter(|line| line.state.waits_for_person());
    invoices.map(|line| line.count).sum::<u64>() + standing.refused_intake
}

fn measure(standing: &Standing, now: Timestamp) {
    let metrics = telemetry::metrics();
    let age = |since: Option<Timestamp>| {
        since.and_then(|since| (now - since).to_std().ok()).unwrap_or_default().as_secs_f64()
    };
    for state in State::ALL {
        let lines = standing.counts.iter().filter(|line| line.state == *state);
        let label = [telemetry::label("state", state.as_str())];
        metrics.standing.record(lines.clone().map(|line| line.count).sum(), &label);
        if *state != State::Cleared && *state != State::Abandoned {
            metrics.oldest_age.record(age(lines.filter_map(|line| line.oldest).min()), &label);
        }
    }
    metrics.past_due.record(standing.past_due, &[]);
    metrics.in_doubt.record(standing.in_doubt, &[]);
    metrics.oldest_doubt.record(age(standing.oldest_doubt), &[]);
}

/// One hint for each case that waits for a person, and nothing else.
async fn refill(desk: &Desk) -> Result<(), LedgerError> {
    if let Err(error) = desk.role.broker.purge(Queue::DeadLetter).await {
        warn!(%error, "the dead-letter queue could not be emptied");
        return Ok(());
    }
    let filter = Filter { states: vec![State::Rejected, State::DeadLettered], ..Filter::default() };
    let mut after = None;
    loop {
        let page = desk.role.ledger.list(&filter, after, 1_000).await?;
        let hints = page
            .rows
            .iter()
            .map(|row| Outgoing {
                queue: Queue::DeadLetter,
                payload: Hint::new(row.invoice.key, row.invoice.version).to_bytes(),
                traceparent: row.traceparent.clone(),
            })
            .collect();
        publish(desk, hints).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let refused = desk.role.ledger.refused_intake(10_000).await?;
    let hints = refused
        .iter()
        .map(|record| Hint { environment: Environment::Simulation, uuid: record.id, version: 0 })
        .map(|hint| Outgoing { queue: Queue::DeadLetter, payload: hint.to_bytes(), traceparent: None })
        .collect();
    publish(desk, hints).await;
    Ok(())
}

async fn publish(desk: &Desk, hints: Vec<Outgoing>) {
    for result in desk.role.broker.publish(hints).await {
        if let Err(error) = result {
            warn!(%error, "a hint was not published; the next sweep will make up for it");
        }
    }
}
