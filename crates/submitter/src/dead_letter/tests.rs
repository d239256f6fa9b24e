use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use broker::{Announcement, Broker, BrokerError, Health, MemoryBroker, PublishError};
use bytes::Bytes;

use super::*;
use crate::housekeeping::tests::{desk, record};

fn key(number: u128) -> InvoiceKey {
    refused(Uuid::from_u128(number))
}

async fn queued(payloads: impl IntoIterator<Item = Bytes>) -> Box<dyn Subscription> {
    let broker = MemoryBroker::default();
    let message = |payload| Outgoing { queue: Queue::DeadLetter, payload, traceparent: None };
    broker.publish(payloads.into_iter().map(message).collect()).await;
    broker.subscribe(Queue::DeadLetter, 1_000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_cut_and_known_by_the_whole() {
    let large = Bytes::from(vec![b'x'; EVENT_BYTES + 100]);
    let held = queued([large.clone(), Hint::new(key(1), 1).to_bytes()]).await.next_batch(2, QUIET).await;
    let records: Vec<_> = held.iter().filter_map(stranger).collect();
    let [record] = records.as_slice() else { panic!("one is no hint: {}", records.len()) };
    assert_eq!((record.body.len(), record.sha256), (EVENT_BYTES, Digest::of(&large)));
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_kept_keeps_no_other_from_it() {
    let bodies = ["first", "cursed", "last"].map(|body| Bytes::from_static(body.as_bytes()));
    let held = queued(bodies).await.next_batch(3, QUIET).await;
    let kept = Mutex::new(Vec::new());
    let store = |record: RefusedIntake| {
        let cursed = record.body == b"cursed";
        if !cursed {
            kept.lock().unwrap().push(record.body);
        }
        let refused = || LedgerError::Refused("a value that does not fit".to_owned());
        ready(if cursed { Err(refused()) } else { Ok(()) })
    };
    keep(held.iter().filter_map(stranger).collect(), store).await.unwrap();
    assert_eq!(kept.into_inner().unwrap(), [b"first".to_vec(), b"last".to_vec()]);
    let away = |_| ready(Err(LedgerError::Unavailable("restarting".to_owned())));
    let told = keep(held.iter().filter_map(stranger).collect(), away).await;
    assert!(matches!(told, Err(LedgerError::Unavailable(_))), "all of them stay where they are");
}

#[tokio::test(start_paused = true)]
async fn names_are_struck_out_and_what_is_too_much_is_not_compared() {
    let hint = |number| Hint::new(key(number), 3).to_bytes();
    let stranger = Bytes::from_static(b"an intake event");
    let mut missing = BTreeSet::from([key(1), key(2)]);
    let mut queue = queued([hint(1), hint(1), hint(7), stranger.clone()]).await;
    let wrong = strike_out(&mut *queue, 4, &mut missing).await.unwrap();
    assert_eq!(missing, [key(2)].into());
    assert_eq!(wrong, [hint(1), hint(7), stranger].iter().map(|it| Digest::of(it)).collect());
    let large = Bytes::from(vec![b'x'; BYTES_MAX / 4]);
    let mut queue = queued(vec![large; 5]).await;
    assert_eq!(strike_out(&mut *queue, 5, &mut missing).await, None);
}

/// A broker that holds what it was given; whether it gives it away can be switched off, as a member of a queue that does not run.
#[derive(Default)]
struct Miser {
    holds: MemoryBroker,
    gives: AtomicBool,
}

struct Nothing;

#[async_trait::async_trait]
impl Subscription for Nothing {
    async fn next_batch(&mut self, _: usize, _: Duration) -> Vec<Delivery> {
        pending().await
    }

    async fn close(self: Box<Self>) {}
}

#[async_trait::async_trait]
impl Broker for Miser {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        self.holds.publish(batch).await
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        self.holds.announce(batch).await
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        if self.gives.load(Ordering::Relaxed) {
            self.holds.subscribe(queue, prefetch).await
        } else {
            Ok(Box::new(Nothing))
        }
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.holds.depth(queue).await
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.holds.purge(queue).await
    }

    fn health(&self) -> Health {
        self.holds.health()
    }

    async fn close(&self) {
        self.holds.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_gives_nothing_away_does_not_grow() {
    let broker = Arc::new(Miser::default());
    let desk = desk(broker.clone());
    desk.role.ledger.refuse_intake(vec![record()]).await.unwrap();
    let stale = Hint::new(key(9), 1).to_bytes();
    let stale = |_| Outgoing { queue: Queue::DeadLetter, payload: stale.clone(), traceparent: None };
    broker.publish((0..5).map(stale).collect()).await;
    for _ in 0..3 {
        refill(&desk).await.unwrap();
        assert_eq!(broker.depth(Queue::DeadLetter).await.unwrap(), 5);
        assert_eq!(difference(&desk).await.unwrap(), None, "what cannot be looked at is not compared");
    }
    broker.gives.store(true, Ordering::Relaxed);
    assert!(difference(&desk).await.unwrap().is_some());
    refill(&desk).await.unwrap();
    assert_eq!(broker.depth(Queue::DeadLetter).await.unwrap(), 1);
    assert_eq!(difference(&desk).await.unwrap(), None);
}
