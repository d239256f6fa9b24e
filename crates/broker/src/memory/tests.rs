//! What only the memory adapter does; the rest is in the conformance suite.

use std::time::Duration;

use super::*;
use crate::{Delivery, Stale};

fn outgoing(queue: Queue, text: &str) -> Outgoing {
    Outgoing { queue, payload: text.to_owned().into(), traceparent: None }
}

fn texts(batch: &[Delivery]) -> Vec<String> {
    batch.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_restart_gives_back_what_was_delivered() {
    let broker = MemoryBroker::default();
    broker.publish(vec![outgoing(Queue::Draft, "فاتورة"), outgoing(Queue::Draft, "b")]).await;
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    let old = consumer.next_batch(1, Duration::ZERO).await;
    broker.restart();

    assert_eq!(old[0].settle.ack().await, Err(Stale));
    let again = consumer.next_batch(10, Duration::from_secs(1)).await;
    assert_eq!(texts(&again), ["فاتورة", "b"]);
    assert!(again.iter().all(|it| it.redelivered));
    assert_ne!(again[0].settle.place().0, old[0].settle.place().0);
    assert_eq!(crate::settle_all(&again).await, 0);
    assert_eq!(broker.health(), Health { connected: true, blocked: None, rebuilt: 1, unsettled: 0 });
    assert_eq!(broker.unsettled(Queue::Draft), 0);
}

#[tokio::test(start_paused = true)]
async fn rungs_release_on_paused_time_without_a_task() {
    let broker = MemoryBroker::default();
    let mut consumer = broker.subscribe(Queue::ToSubmit, 10).await.unwrap();
    let begin = Instant::now();
    broker.publish(vec![outgoing(Queue::Retry(1), "30s"), outgoing(Queue::Retry(0), "5s")]).await;

    assert_eq!(texts(&consumer.next_batch(10, Duration::ZERO).await), ["5s"]);
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    assert_eq!(broker.depth(Queue::Retry(1)).await, Ok(1));
    broker.restart();
    assert_eq!(texts(&consumer.next_batch(10, Duration::from_secs(60)).await), ["5s", "30s"]);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_too_often_ends_with_the_dead_letters() {
    let broker = MemoryBroker::default();
    broker.publish(vec![outgoing(Queue::Draft, "poison")]).await;
    let mut consumer = broker.subscribe(Queue::Draft, 1).await.unwrap();
    for time in 0..=crate::queue::DELIVERY_LIMIT {
        let batch = consumer.next_batch(1, Duration::ZERO).await;
        assert_eq!(batch[0].redelivered, time > 0);
        assert_eq!(batch[0].settle.requeue().await, Ok(()));
    }
    assert_eq!(broker.depth(Queue::Draft).await, Ok(0));
    assert_eq!(broker.depth(Queue::DeadLetter).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_loses_nothing() {
    let broker = MemoryBroker::default();
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    broker.publish(vec![outgoing(Queue::Draft, "a")]).await;
    let cancelled =
        tokio::time::timeout(Duration::from_secs(1), consumer.next_batch(5, Duration::from_secs(9))).await;
    assert!(cancelled.is_err());
    assert_eq!(texts(&consumer.next_batch(5, Duration::ZERO).await), ["a"]);
}
