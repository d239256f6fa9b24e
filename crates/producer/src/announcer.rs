//! Hints on their way out. They never hold up a commit and nobody waits long for them: the sweeper makes up for what does
//! not get out. What finds no room on its queue is parked in the ledger. It knows nothing of events.

use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Hint, Outgoing, Queue, Window};
use invoice::Timestamp;
use ledger::Ledger;
use telemetry::label;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, warn};

/// A publish that takes longer is given up; the broker may still get the hints, and a hint too many does no harm.
const PATIENCE: Duration = Duration::from_secs(2);
/// Batches that wait for a slow broker, at most.
const ROOM: usize = 64;
/// Batches published at once.
const TOGETHER: usize = 8;

/// Hints for the encoder.
pub(crate) struct Fresh {
    pub(crate) hints: Vec<Outgoing>,
    /// When their invoices were made durable: what finds no room on the queue is dispatched in this order.
    pub(crate) at: Timestamp,
    /// Of invoices that were durable before and that nobody has taken up: whoever made them so may have died before hinting.
    /// What finds no room keeps the turn that it has.
    pub(crate) again: Vec<Outgoing>,
}

impl Fresh {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.hints.len() + self.again.len()
    }
}

/// Takes hints without ever waiting.
pub(crate) struct Announcer {
    broker: Arc<dyn Broker>,
    batches: mpsc::Sender<Fresh>,
}

impl Announcer {
    /// An announcer and the work that drives it. The work ends soon after the announcer is dropped, with what was waiting
    /// published unless the broker does not answer.
    pub(crate) fn new(ledger: Arc<dyn Ledger>, broker: Arc<dyn Broker>) -> (Self, impl Future<Output = ()>) {
        let (batches, waiting) = mpsc::channel(ROOM);
        let work = drive(ledger, Arc::clone(&broker), waiting);
        (Self { broker, batches }, work)
    }

    /// Hands hints over. They are passed over when the broker is away or too many wait already.
    pub(crate) fn announce(&self, fresh: Fresh) {
        let all = fresh.len();
        if all > 0 && (!reachable(&*self.broker) || self.batches.try_send(fresh).is_err()) {
            passed_over("draft", all as u64);
        }
    }
}

async fn drive(ledger: Arc<dyn Ledger>, broker: Arc<dyn Broker>, mut waiting: mpsc::Receiver<Fresh>) {
    let window = Window::new(Arc::clone(&broker), Queue::Draft);
    let mut batches = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut batches, TOGETHER).await > 0 {
        let answered = announce(&*ledger, &*broker, &window, batches.drain(..)).await;
        if !answered && waiting.is_closed() {
            debug!("hints are left to the sweeper: the producer stops and the broker does not answer");
            break;
        }
    }
}

/// Publishes as many of these as there is room for on the encoder's queue, and parks the others in the ledger, to be
/// dispatched in turn. False when the broker did not answer in time.
pub(crate) async fn announce(
    ledger: &dyn Ledger,
    broker: &dyn Broker,
    window: &Window,
    batches: impl Iterator<Item = Fresh>,
) -> bool {
    if reachable(broker) {
        window.look().await;
    }
    let mut hints = Vec::new();
    for mut fresh in batches {
        let parked = fresh.hints.split_off(window.admit(fresh.hints.len()));
        hints.append(&mut fresh.hints);
        let left = fresh.again.split_off(window.admit(fresh.again.len()));
        hints.append(&mut fresh.again);
        if !left.is_empty() {
            passed_over("draft", left.len() as u64);
        }
        if !reachable(broker) {
            // Nobody could dispatch them either: all are passed over below.
            hints.extend(parked);
        } else if !parked.is_empty() {
            park(ledger, &parked, fresh.at).await;
        }
    }
    publish(broker, hints).await
}

async fn park(ledger: &dyn Ledger, hints: &[Outgoing], at: Timestamp) {
    let keys: Vec<_> =
        hints.iter().filter_map(|hint| Hint::from_bytes(&hint.payload).ok()).map(|hint| hint.key()).collect();
    match timeout(PATIENCE, ledger.park(&keys, at)).await {
        Ok(Ok(())) => count("draft", "parked", hints.len() as u64),
        // They are found all the same, after the sweeper's grace.
        Ok(Err(error)) => {
            debug!(%error, "hints that find no room are left to the sweeper");
            passed_over("draft", hints.len() as u64);
        }
        Err(_) => passed_over("draft", hints.len() as u64),
    }
}

/// Publishes hints for one queue and waits for their confirms, but not for a broker that is away; false when it did not answer in time.
pub(crate) async fn publish(broker: &dyn Broker, hints: Vec<Outgoing>) -> bool {
    if hints.is_empty() {
        return true;
    }
    let (queue, all) = label_of(&hints);
    if !reachable(broker) {
        passed_over(queue, all);
        return true;
    }
    let Ok(results) = timeout(PATIENCE, broker.publish(hints)).await else {
        warn!(
            patience_ms = PATIENCE.as_millis(),
            "hints were not confirmed in time; the sweeper will make up for them"
        );
        count(queue, "failed", all);
        return false;
    };
    let failed = results.iter().filter(|result| result.is_err()).count() as u64;
    if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
        warn!(%error, failed, "hints were not published; the sweeper will make up for them");
    }
    count(queue, "ok", all - failed);
    count(queue, "failed", failed);
    true
}

/// Publishing now makes sense: nobody waits for a connection, or for the broker's memory.
fn reachable(broker: &dyn Broker) -> bool {
    let health = broker.health();
    health.connected && health.blocked.is_none()
}

fn passed_over(queue: &'static str, number: u64) {
    debug!(queue, number, "hints are left to the sweeper: the broker is away or slow, or has no room");
    count(queue, "passed_over", number);
}

fn count(queue: &'static str, result: &'static str, number: u64) {
    telemetry::metrics().hints.add(number, &[label("queue", queue), label("result", result)]);
}

/// The label of a batch, which goes to one queue, and its size: the producer hints at drafts, and at what it refused.
fn label_of(hints: &[Outgoing]) -> (&'static str, u64) {
    let refused = hints.first().is_some_and(|hint| hint.queue == Queue::DeadLetter);
    (if refused { "dead-letter" } else { "draft" }, hints.len() as u64)
}

#[cfg(test)]
mod tests;
