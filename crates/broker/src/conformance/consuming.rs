//! Cases: how deliveries become batches, and how many may be out at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{DEADLINE, depth, nothing, numbered, publish, take, texts};
use crate::{Broker, BrokerError, Queue, settle_all};

const LONG: Duration = Duration::from_secs(60);

pub async fn a_batch_has_at_most_its_maximum(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(10)).await;
    let mut consumer = broker.subscribe(Queue::Draft, 100).await.unwrap();
    let mut sizes = Vec::new();
    for linger in [LONG, LONG, Duration::from_secs(2)] {
        let batch = timeout(DEADLINE, consumer.next_batch(4, linger)).await.unwrap();
        sizes.push(batch.len());
    }
    assert_eq!(sizes, [4, 4, 2]);
}

pub async fn a_batch_gathers_until_it_is_full(broker: Arc<dyn Broker>) {
    let mut consumer = broker.subscribe(Queue::Draft, 100).await.unwrap();
    let publisher = {
        let broker = broker.clone();
        tokio::spawn(async move {
            for text in numbered(3) {
                publish(&*broker, Queue::Draft, &[text]).await;
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        })
    };
    let batch = timeout(DEADLINE, consumer.next_batch(3, LONG)).await.unwrap();
    assert_eq!(texts(&batch), numbered(3));
    publisher.await.unwrap();
}

pub async fn a_batch_lingers_no_longer_than_told(broker: Arc<dyn Broker>) {
    let mut consumer = broker.subscribe(Queue::Draft, 100).await.unwrap();
    publish(&*broker, Queue::Draft, &numbered(1)).await;
    let begin = Instant::now();
    let batch = timeout(DEADLINE, consumer.next_batch(5, Duration::from_millis(200))).await.unwrap();
    assert_eq!(batch.len(), 1);
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());
}

pub async fn a_full_prefetch_ends_the_linger(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(5)).await;
    let mut consumer = broker.subscribe(Queue::Draft, 3).await.unwrap();
    let batch = timeout(DEADLINE, consumer.next_batch(100, LONG)).await.unwrap();
    assert_eq!(texts(&batch), numbered(3));
}

pub async fn the_prefetch_bounds_what_is_unsettled(broker: Arc<dyn Broker>) {
    let sent = numbered(6);
    publish(&*broker, Queue::Draft, &sent).await;
    let mut consumer = broker.subscribe(Queue::Draft, 3).await.unwrap();
    let first = take(&mut *consumer, 3).await;
    nothing(&mut *consumer).await;
    depth(&*broker, Queue::Draft, 3).await;

    first[1].settle.ack().await.unwrap();
    assert_eq!(texts(&take(&mut *consumer, 1).await), sent[3..4]);
    nothing(&mut *consumer).await;
    first[0].settle.ack().await.unwrap();
    first[2].settle.ack().await.unwrap();
    assert_eq!(texts(&take(&mut *consumer, 2).await), sent[4..]);
}

pub async fn a_cancelled_wait_loses_nothing(broker: Arc<dyn Broker>) {
    let mut consumer = broker.subscribe(Queue::Draft, 100).await.unwrap();
    let sent = numbered(4);
    for part in sent.chunks(2) {
        publish(&*broker, Queue::Draft, part).await;
        let wait = timeout(Duration::from_millis(100), consumer.next_batch(100, LONG)).await;
        assert!(wait.is_err());
    }
    assert_eq!(texts(&take(&mut *consumer, 4).await), sent);
}

pub async fn competing_consumers_take_each_message_once(broker: Arc<dyn Broker>) {
    let sent = numbered(200);
    let mut consumers = Vec::new();
    for _ in 0..3 {
        consumers.push(broker.subscribe(Queue::ToSubmit, 10).await.unwrap());
    }
    publish(&*broker, Queue::ToSubmit, &sent).await;
    let deadline = Instant::now() + DEADLINE;
    let mut shares = [0; 3];
    let mut taken = Vec::new();
    while taken.len() < sent.len() {
        assert!(Instant::now() < deadline, "only {} came", taken.len());
        for (consumer, share) in consumers.iter_mut().zip(&mut shares) {
            let waited = timeout(Duration::from_millis(50), consumer.next_batch(7, Duration::ZERO));
            let batch = waited.await.unwrap_or_default();
            *share += batch.len();
            taken.extend(texts(&batch));
            assert_eq!(settle_all(&batch).await, 0);
        }
    }
    assert_eq!(taken.len(), sent.len());
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), sent.into_iter().collect());
    assert!(shares.iter().all(|share| *share >= 10), "{shares:?}");
}

pub async fn a_rung_is_not_for_consuming(broker: Arc<dyn Broker>) {
    let refused = broker.subscribe(Queue::Retry(0), 10).await.err();
    assert!(matches!(refused, Some(BrokerError::Unfit(_))), "{refused:?}");
}
