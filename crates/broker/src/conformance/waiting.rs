//! Cases: the ladder of waits. The rungs of [`super::Harness::fresh`] wait 300 ms and three seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{depth, nothing, numbered, outgoing, publish, take, texts};
use crate::{Broker, Outgoing, Queue};

pub async fn a_rung_releases_after_its_wait_and_not_before(broker: Arc<dyn Broker>) {
    let mut consumer = broker.subscribe(Queue::ToSubmit, 10).await.unwrap();
    for (rung, wait_ms) in [(0, 300), (1, 3_000)] {
        let begin = Instant::now();
        publish(&*broker, Queue::Retry(rung), &numbered(1)).await;
        let taken = take(&mut *consumer, 1).await;
        assert!(begin.elapsed() >= Duration::from_millis(wait_ms), "{:?}", begin.elapsed());
        assert!(!taken[0].redelivered);
        assert_eq!(taken[0].settle.ack().await, Ok(()));
    }
    // At-least-once dead-lettering may repeat, but not as a rule.
    nothing(&mut *consumer).await;
}

pub async fn a_long_rung_does_not_block_a_short_one(broker: Arc<dyn Broker>) {
    let mut consumer = broker.subscribe(Queue::ToSubmit, 10).await.unwrap();
    let batch = vec![outgoing(Queue::Retry(1), "long"), outgoing(Queue::Retry(0), "short")];
    assert_eq!(broker.publish(batch).await, [Ok(()), Ok(())]);
    assert_eq!(texts(&take(&mut *consumer, 2).await), ["short", "long"]);
}

pub async fn a_rung_keeps_order_and_trace(broker: Arc<dyn Broker>) {
    let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let sent = numbered(50);
    let with_trace = |text| Outgoing { traceparent: trace.clone(), ..outgoing(Queue::Retry(0), text) };
    let results = broker.publish(sent.iter().map(with_trace).collect()).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let mut consumer = broker.subscribe(Queue::ToSubmit, 100).await.unwrap();
    let taken = take(&mut *consumer, 50).await;
    assert_eq!(texts(&taken), sent);
    assert!(taken.iter().all(|it| it.traceparent == trace));
    assert!(taken.iter().all(|it| it.content_type.as_deref() == Some("application/json")));
}

pub async fn what_waits_is_counted_and_purged(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Retry(1), &numbered(3)).await;
    depth(&*broker, Queue::Retry(1), 3).await;
    assert_eq!(broker.purge(Queue::Retry(1)).await, Ok(3));
    depth(&*broker, Queue::Retry(1), 0).await;
    assert_eq!(broker.purge(Queue::Retry(1)).await, Ok(0));
    assert!(broker.depth(Queue::Retry(7)).await.is_err());
    assert!(broker.purge(Queue::Retry(7)).await.is_err());

    let mut consumer = broker.subscribe(Queue::ToSubmit, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    nothing(&mut *consumer).await;
}

pub async fn purging_leaves_what_is_delivered(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(5)).await;
    let mut consumer = broker.subscribe(Queue::Draft, 2).await.unwrap();
    let taken = take(&mut *consumer, 2).await;
    assert_eq!(broker.purge(Queue::Draft).await, Ok(3));
    assert_eq!(taken[0].settle.ack().await, Ok(()));
    nothing(&mut *consumer).await;
    drop(consumer);
    depth(&*broker, Queue::Draft, 1).await;
}
