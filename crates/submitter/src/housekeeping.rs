//! Keeping house: chains are sealed, the dead-letter queue agrees with the ledger, how things stand is measured; the dispatcher
//! is kept going.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use broker::Queue;
use invoice::life::State;
use invoice::{Digest, Timestamp};
use ledger::{LedgerError, Standing};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::desk::Desk;
use crate::telling::Teller;
use crate::{dead_letter, dispatch};

/// What stands in the ledger alone is counted up to so much of each kind: no autoscaler needs to know more.
const PARKED_COUNTED: u32 = 100_000;

/// Runs every chore at its own pace until `shutdown`. A chore that fails is tried again at its next turn.
pub(crate) async fn run(desk: Arc<Desk>, shutdown: CancellationToken) {
    let config = &desk.role.config;
    let dispatch = dispatch::run(&desk);
    let seal = chore("checkpoint", config.checkpoint_every_ms, || seal(&desk));
    let mut mismatch = Mismatch::default();
    let mut names = Names::new(Duration::from_millis(config.reconcile_every_ms), &desk.role.worker);
    let survey = async {
        let mut turns = turns(config.survey_every_ms);
        loop {
            turns.tick().await;
            if let Err(error) = survey(&desk, &mut mismatch, &mut names).await {
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
        () = dispatch => {}
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

/// When the dead-letter queue is compared with the ledger name by name: counts may agree and be of different cases.
struct Names {
    next: Instant,
    /// In what they differed last time.
    found: Option<Digest>,
}

impl Names {
    /// Each submitter at a time of its own.
    fn new(every: Duration, worker: &str) -> Self {
        let draw = Digest::of(worker.as_bytes()).as_bytes().first().map_or(0, |byte| u32::from(*byte));
        Self { next: Instant::now() + every * (draw + 1) / 256, found: None }
    }

    /// Fills the queue anew when its names differ in the same way twice in a row.
    async fn compare(&mut self, desk: &Desk) -> Result<(), LedgerError> {
        if Instant::now() < self.next {
            return Ok(());
        }
        let found = dead_letter::difference(desk).await?;
        if found.is_some() && found == self.found {
            info!("the dead-letter queue holds other names than the ledger; filling it anew");
            dead_letter::refill(desk).await?;
            self.found = None;
        } else {
            self.found = found;
        }
        if self.found.is_none() {
            self.next = Instant::now() + Duration::from_millis(desk.role.config.reconcile_every_ms);
        }
        Ok(())
    }
}

/// What waits for each of the roles: what autoscalers look at.
async fn measure_work(desk: &Desk) -> Result<(), LedgerError> {
    let Desk { role, .. } = desk;
    let parked = role.ledger.parked(PARKED_COUNTED).await?;
    for queue in role.ladder.queues() {
        let (Ok(depth), Some(name)) = (role.broker.depth(queue).await, role.ladder.name(queue)) else {
            continue;
        };
        telemetry::metrics().queue_depth.record(depth, &[queue_label(name)]);
        let (stage, waiting) = match queue {
            Queue::Intake => ("intake", depth),
            Queue::Draft => ("encode", depth + parked.unencoded),
            Queue::ToSubmit => ("submit", depth + parked.unsent + parked.under_way),
            Queue::Retry(_) | Queue::DeadLetter => continue,
        };
        telemetry::metrics().work_waiting.record(waiting, &[telemetry::label("stage", stage)]);
    }
    Ok(())
}

/// How things stand.
async fn count(desk: &Desk) -> Result<Standing, LedgerError> {
    let now = desk.role.ledger.now().await?;
    let standing = desk.role.ledger.standing().await?;
    measure(&standing, now);
    Ok(standing)
}

/// Measures, and mends the dead-letter queue. A count that fails holds up neither the others nor that.
async fn survey(desk: &Desk, mismatch: &mut Mismatch, names: &mut Names) -> Result<(), LedgerError> {
    telemetry::metrics().broker_rebuilt.record(desk.role.broker.health().rebuilt, &[]);
    let work = measure_work(desk).await;
    mend(desk, count(desk).await, mismatch, names).await.and(work)
}

async fn mend(
    desk: &Desk,
    counted: Result<Standing, LedgerError>,
    mismatch: &mut Mismatch,
    names: &mut Names,
) -> Result<(), LedgerError> {
    match counted {
        Ok(standing) => agree(desk, &standing, mismatch, names).await,
        // By name it can be compared all the same.
        Err(error) => names.compare(desk).await.and(Err(error)),
    }
}

/// Mends the dead-letter queue when its difference from the ledger stands.
async fn agree(
    desk: &Desk,
    standing: &Standing,
    mismatch: &mut Mismatch,
    names: &mut Names,
) -> Result<(), LedgerError> {
    let broker = &desk.role.broker;
    let waiting = waiting_for_person(standing);
    let found = broker.depth(Queue::DeadLetter).await.ok().filter(|depth| *depth != waiting);
    let Some(depth) = found else {
        mismatch.found = None;
        return names.compare(desk).await;
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
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use broker::{Broker, Ladder, MemoryBroker};
    use invoice::life::Policies;
    use jofotara::{Client, Exchange, HttpRequest, Transport};
    use ledger::{MemoryLedger, RefusedIntake, Schedule, unchanging};
    use uuid::Uuid;

    use super::*;
    use crate::config::{Config, Submitter};

    struct NoRoad;

    #[async_trait::async_trait]
    impl Transport for NoRoad {
        async fn exchange(&self, _: HttpRequest) -> Exchange {
            Exchange::NotSent { reason: "there is no road".to_owned() }
        }
    }

    pub(crate) fn desk(broker: Arc<dyn Broker>) -> Desk {
        let ledger = MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default());
        Desk::new(Submitter {
            ledger: Arc::new(ledger),
            broker,
            client: Client::new(Arc::new(NoRoad)),
            endpoints: unchanging(BTreeMap::new()),
            policies: Policies::default(),
            ladder: Ladder::default(),
            telling: None,
            worker: "ahmad-1".to_owned(),
            config: Config::default(),
        })
    }

    pub(crate) fn record() -> RefusedIntake {
        RefusedIntake {
            id: Uuid::from_u128(1),
            at: Timestamp::UNIX_EPOCH,
            via: "http".to_owned(),
            code: "invalid".to_owned(),
            message: "لا يمكن".to_owned(),
            faults: None,
            uuid: None,
            number: None,
            sha256: Digest::of(b"x"),
            body: b"x".to_vec(),
        }
    }

    #[tokio::test]
    async fn a_count_that_fails_keeps_no_hint_from_the_dead_letter_queue() {
        let desk = desk(Arc::new(MemoryBroker::new(Ladder::default())));
        desk.role.ledger.refuse_intake(vec![record()]).await.unwrap();
        let mut names = Names { next: Instant::now(), found: None };
        for _ in 0..2 {
            let slow = Err(LedgerError::Unavailable("57014".to_owned()));
            assert!(mend(&desk, slow, &mut Mismatch::default(), &mut names).await.is_err());
        }
        assert_eq!(desk.role.broker.depth(Queue::DeadLetter).await.unwrap(), 1);
    }

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
