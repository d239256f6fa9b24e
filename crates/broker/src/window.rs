//! Keeping queues short: whoever publishes hints looks how many wait already. Knows neither what a hint means nor where the
//! ones go that find no room: their publisher parks them in the ledger, for the dispatcher to fetch in turn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::{Broker, Outgoing, Queue};

/// What was seen counts for so long.
const FRESH: Duration = Duration::from_millis(50);
/// A broker that takes longer to say how deep a queue is, is not waited for.
const PATIENCE: Duration = Duration::from_millis(250);

/// How many hints one publisher may put straight into a queue.
///
/// There is room up to [`Window::CLOSES`] hints; then there is none until the queue is nearly empty ([`Window::OPENS`]). A
/// dispatcher that keeps more than that in the queue thereby has it to itself for as long as anything is parked, and can
/// fill it fairly. Where the depth is not known there is room: publishing fails by itself then.
pub struct Window {
    broker: Arc<dyn Broker>,
    queue: Queue,
    closes: u64,
    opens: u64,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Option<Instant>,
    room: u64,
    open: bool,
}

impl Window {
    /// With so many hints in its queue a window closes.
    pub const CLOSES: u64 = 100;
    /// With so few it opens again.
    pub const OPENS: u64 = 20;

    /// The window of a queue, as yet closed: it opens with the first look, if the queue is short then.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, queue: Queue) -> Self {
        Self::between(broker, queue, Self::OPENS, Self::CLOSES)
    }

    /// Room up to `limit` hints at any time.
    #[must_use]
    pub fn up_to(broker: Arc<dyn Broker>, queue: Queue, limit: u64) -> Self {
        Self::between(broker, queue, limit.saturating_sub(1), limit)
    }

    fn between(broker: Arc<dyn Broker>, queue: Queue, opens: u64, closes: u64) -> Self {
        let seen = Mutex::new(Seen { at: None, room: 0, open: false });
        Self { broker, queue, closes, opens, seen }
    }

    /// Looks how deep the queue is, unless that was done a moment ago.
    pub async fn look(&self) {
        let is_fresh = |at: Instant| at.elapsed() < FRESH;
        if self.seen().at.is_some_and(is_fresh) {
            return;
        }
        let depth = match timeout(PATIENCE, self.broker.depth(self.queue)).await {
            Ok(Ok(depth)) => depth,
            Ok(Err(_)) | Err(_) => 0,
        };
        let mut seen = self.seen();
        seen.at = Some(Instant::now());
        seen.open = if seen.open { depth < self.closes } else { depth <= self.opens };
        seen.room = if seen.open { self.closes.saturating_sub(depth) } else { 0 };
    }

    /// How many of `wanted` hints there is room for, as last seen; they are taken to be published.
    #[must_use]
    pub fn admit(&self, wanted: usize) -> usize {
        let mut seen = self.seen();
        let admitted = usize::try_from(seen.room).unwrap_or(usize::MAX).min(wanted);
        seen.room = seen.room.saturating_sub(admitted as u64);
        seen.open &= admitted == wanted;
        admitted
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The windows of all rungs of a ladder.
pub struct RungWindows(Vec<Window>);

impl RungWindows {
    /// Room up to `limit` hints on each of `rungs` rungs.
    #[must_use]
    pub fn new(broker: &Arc<dyn Broker>, rungs: usize, limit: u64) -> Self {
        let window = |rung| Window::up_to(Arc::clone(broker), Queue::Retry(rung), limit);
        Self((0..rungs).map(window).collect())
    }

    /// The hints without those that find no room on their rung: they stand in the ledger alone, and come at their time.
    pub async fn admitted(&self, hints: Vec<Outgoing>) -> Vec<Outgoing> {
        let mut admitted = Vec::with_capacity(hints.len());
        for hint in hints {
            if let Queue::Retry(rung) = hint.queue
                && let Some(window) = self.0.get(rung)
            {
                window.look().await;
                if window.admit(1) == 0 {
                    continue;
                }
            }
            admitted.push(hint);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Ladder, MemoryBroker};

    async fn publish(broker: &dyn Broker, queue: Queue, number: usize) {
        let hint = Outgoing { queue, payload: Bytes::from_static(b"hint"), traceparent: None };
        broker.publish(vec![hint; number]).await;
    }

    async fn looked_at(window: &Window) -> &Window {
        tokio::time::advance(FRESH).await;
        window.look().await;
        window
    }

    #[tokio::test(start_paused = true)]
    async fn closes_when_full_and_opens_when_nearly_empty() {
        let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
        let window = Window::new(Arc::clone(&broker), Queue::Draft);
        assert_eq!(window.admit(1), 0, "nobody has looked yet");
        assert_eq!(looked_at(&window).await.admit(40), 40);
        assert_eq!(window.admit(80), 60, "what was admitted counts as published");
        publish(&*broker, Queue::Draft, 200).await;
        assert_eq!(looked_at(&window).await.admit(100), 0, "closed until the queue is nearly empty");
        broker.purge(Queue::Draft).await.unwrap();
        publish(&*broker, Queue::Draft, 20).await;
        window.look().await;
        assert_eq!(window.admit(1), 0, "what was seen a moment ago counts");
        assert_eq!(looked_at(&window).await.admit(1_000), 80);
    }

    #[tokio::test(start_paused = true)]
    async fn stays_open_while_there_is_room() {
        let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
        let window = Window::new(Arc::clone(&broker), Queue::Draft);
        assert_eq!(looked_at(&window).await.admit(1), 1);
        publish(&*broker, Queue::Draft, 99).await;
        assert_eq!(looked_at(&window).await.admit(1), 1);
        publish(&*broker, Queue::Draft, 1).await;
        assert_eq!(looked_at(&window).await.admit(1), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_says_nothing_closes_no_window() {
        let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
        broker.close().await;
        let window = Window::new(broker, Queue::Draft);
        assert_eq!(looked_at(&window).await.admit(7), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn rungs_take_no_more_than_their_limit() {
        let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(Ladder::default()));
        let rungs = RungWindows::new(&broker, 7, 10);
        let hint = |rung| Outgoing { queue: rung, payload: Bytes::from_static(b"hint"), traceparent: None };
        let many = |rung, number| vec![hint(rung); number];
        let admitted = rungs.admitted(many(Queue::Retry(0), 8)).await;
        assert_eq!(admitted.len(), 8);
        broker.publish(admitted).await;
        tokio::time::advance(FRESH).await;
        let mixed = [many(Queue::Retry(0), 5), many(Queue::Retry(1), 5), many(Queue::ToSubmit, 20)].concat();
        let admitted = rungs.admitted(mixed).await;
        let count = |queue| admitted.iter().filter(|hint| hint.queue == queue).count();
        assert_eq!([count(Queue::Retry(0)), count(Queue::Retry(1)), count(Queue::ToSubmit)], [2, 5, 20]);
    }
}
