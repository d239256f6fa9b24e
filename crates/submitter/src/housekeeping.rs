//! Keeping house: what was lost on the way is hinted again, chains are sealed, the dead-letter queue agrees with the ledger.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use broker::{Hint, Outgoing, Queue};
use invoice::life::{State, Step};
use invoice::{Digest, Timestamp};
use ledger::{LedgerError, Standing, Sweep};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::breaker::Admission;
use crate::dead_letter;
use crate::desk::{Desk, publish};
use crate::telling::Teller;

/// Runs every chore at its own pace until `shutdown`. A chore that fails is tried again at its next turn.
pub(crate) async fn run(desk: Arc<Desk>, shutdown: CancellationToken) {
    let config = &desk.role.config;
    let sweep = chore("sweep", config.sweep_every_ms, || sweep(&desk));
    let seal = chore("checkpoint", config.checkpoint_every_ms, || seal(&desk));
    let mut mismatch = Mismatch::default();
    let survey = async {
        let mut turns = turns(config.survey_every_ms);
        loop {
            turns.tick().await;
            if let Err(error) = survey(&desk, &mut mismatch).await {
                warn!(%error, "the survey failed");
            }
        }
    };
    let partitions = chore("partitions", 3_600_000, || async { desk.role.ledger.maintain().await });
    let telling = async {
        match &desk.role.telling {
            Some(telling) => {
                let (ledger, broker) = (&*desk.role.ledger, &*desk.role.broker);
                Teller { telling, ledger, broker }.run().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = telling => {}
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

/// Hints again what has not moved for long.
///
/// Drafts whose queue is full of hints are only waiting, not lost: nothing for them. What was under way before may have no
/// hint at all (a lease that ran out, a wait above the ladder), however full the queue is. And an outage must not fill the
/// queues with copies: while the breaker is open nothing is hinted for the submitter, and just one when a probe is due.
async fn sweep(desk: &Desk) -> Result<(), LedgerError> {
    let limit = desk.role.config.sweep_limit;
    if is_shallow(desk, Queue::Draft).await {
        hint_again(desk, Sweep { unencoded: true, ..Sweep::NONE }, limit).await?;
    }
    let admission = desk.breaker().admission(Instant::now());
    let limit = match admission {
        Admission::Free => limit,
        Admission::Probe => 1,
        Admission::Closed(_) => return Ok(()),
    };
    let unsent = is_shallow(desk, Queue::ToSubmit).await;
    hint_again(desk, Sweep { unsent, under_way: true, ..Sweep::NONE }, limit).await
}

async fn hint_again(desk: &Desk, wanted: Sweep, limit: u32) -> Result<(), LedgerError> {
    let swept = desk.role.ledger.sweep(wanted, limit).await?;
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

/// What the dead-letter queue and the ledger differed by, and for how long that has stood.
#[derive(Debug, Default)]
struct Mismatch {
    /// By how many hints the queue is short (or, below 0, too long).
    found: Option<i128>,
    /// In so many surveys in a row.
    surveys: u64,
    /// How often this process has filled the queue anew.
    mended: u64,
}

impl Mismatch {
    /// Whether it has stood still for as long as this process waits before it acts.
    ///
    /// Submitters that were started together survey together. Two that fill the queue at once would double it, see
    /// that, and do so again for ever; so each waits for a while of its own, and another one the next time.
    fn is_ours(&mut self, found: i128, worker: &str) -> bool {
        self.surveys = if self.found == Some(found) { self.surveys + 1 } else { 1 };
        self.found = Some(found);
        let draw = Digest::of_parts(&[worker.as_bytes(), &self.mended.to_be_bytes()]);
        let wait = 2 + draw.as_bytes().first().map_or(0, |byte| u64::from(byte % 8));
        self.surveys >= wait
    }
}

/// Measures, and mends the dead-letter queue when its difference from the ledger stands.
async fn survey(desk: &Desk, mismatch: &mut Mismatch) -> Result<(), LedgerError> {
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
    let found = broker.depth(Queue::DeadLetter).await.ok().filter(|depth| *depth != waiting);
    let Some(depth) = found else {
        mismatch.found = None;
        return Ok(());
    };
    // Both move on a busy day; the difference stands.
    if mismatch.is_ours(i128::from(waiting) - i128::from(depth), &desk.role.worker) {
        info!(depth, waiting, "the dead-letter queue differs from the ledger; filling it anew");
        mismatch.found = None;
        mismatch.mended += 1;
        dead_letter::refill(desk).await?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submitters_that_survey_together_do_not_mend_together_for_ever() {
        let (mut first, mut second) = (Mismatch::default(), Mismatch::default());
        let mut alone = None;
        for survey in 0..100 {
            let (one, other) = (first.is_ours(1, "ahmad-1"), second.is_ours(1, "ahmad-2"));
            if one != other {
                alone = Some(survey);
                break;
            }
            for (mismatch, mends) in [(&mut first, one), (&mut second, other)] {
                if mends {
                    *mismatch = Mismatch { mended: mismatch.mended + 1, ..Mismatch::default() };
                }
            }
        }
        assert!(alone.is_some_and(|survey| survey > 0), "{alone:?}");
    }

    #[test]
    fn a_difference_that_moves_is_left_alone() {
        let mut mismatch = Mismatch::default();
        assert!((0..100).all(|short| !mismatch.is_ours(short, "ahmad-1")));
    }
}
