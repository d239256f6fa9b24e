//! Cases: what becomes of a delivery.

use std::sync::Arc;

use super::{depth, nothing, numbered, publish, take, texts};
use crate::{Broker, Queue, Stale, settle_all};

pub async fn what_is_acknowledged_is_gone(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(3)).await;
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    for delivery in take(&mut *consumer, 3).await {
        assert_eq!(delivery.settle.ack().await, Ok(()));
    }
    consumer.close().await;
    let mut next = broker.subscribe(Queue::Draft, 10).await.unwrap();
    nothing(&mut *next).await;
}

pub async fn what_is_requeued_comes_again_in_its_place(broker: Arc<dyn Broker>) {
    let sent = numbered(4);
    publish(&*broker, Queue::Draft, &sent).await;
    let mut consumer = broker.subscribe(Queue::Draft, 1).await.unwrap();
    let first = take(&mut *consumer, 1).await;
    assert!(!first[0].redelivered);
    assert_eq!(first[0].settle.requeue().await, Ok(()));
    let again = take(&mut *consumer, 1).await;
    assert_eq!(texts(&again), sent[..1]);
    assert!(again[0].redelivered);
    assert_eq!(again[0].settle.ack().await, Ok(()));
    assert_eq!(texts(&take(&mut *consumer, 1).await), sent[1..2]);
}

pub async fn a_delivery_is_settled_once(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(3)).await;
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    let taken = take(&mut *consumer, 3).await;
    assert_eq!(taken[1].settle.ack_through().await, Ok(()));
    for delivery in &taken[..2] {
        assert_eq!(delivery.settle.ack().await, Err(Stale));
        assert_eq!(delivery.settle.requeue().await, Err(Stale));
        assert_eq!(delivery.settle.ack_through().await, Err(Stale));
    }
    // And none of that has harmed the channel.
    assert_eq!(taken[2].settle.ack().await, Ok(()));
    publish(&*broker, Queue::Draft, &numbered(1)).await;
    let after = take(&mut *consumer, 1).await;
    assert_eq!(after[0].settle.place().0, taken[0].settle.place().0);
}

pub async fn a_batch_is_settled_as_a_whole(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(50)).await;
    let mut consumer = broker.subscribe(Queue::Draft, 20).await.unwrap();
    let mut count = 0;
    while count < 50 {
        let batch = take(&mut *consumer, 10).await;
        count += batch.len();
        let places: Vec<_> = batch.iter().map(|it| it.settle.place()).collect();
        assert!(places.windows(2).all(|pair| pair[1] == (pair[0].0, pair[0].1 + 1)), "{places:?}");
        assert_eq!(settle_all(&batch).await, 0);
    }
    consumer.close().await;
    let mut next = broker.subscribe(Queue::Draft, 10).await.unwrap();
    nothing(&mut *next).await;
}

pub async fn a_batch_with_holes_is_settled_around_them(broker: Arc<dyn Broker>) {
    let sent = numbered(8);
    publish(&*broker, Queue::Draft, &sent).await;
    let mut consumer = broker.subscribe(Queue::Draft, 8).await.unwrap();
    let mut batch = take(&mut *consumer, 8).await;
    let holes = [batch.remove(5), batch.remove(2)];
    for hole in &holes {
        assert_eq!(hole.settle.requeue().await, Ok(()));
    }
    assert_eq!(settle_all(&batch).await, 0);

    let mut again = take(&mut *consumer, 2).await;
    again.sort_by_key(|it| it.payload.clone());
    assert_eq!(texts(&again), [sent[2].clone(), sent[5].clone()]);
    assert_eq!(settle_all(&again).await, 0);
    nothing(&mut *consumer).await;
    assert_eq!(settle_all(&batch).await, batch.len());
}

pub async fn acknowledging_through_spares_what_follows(broker: Arc<dyn Broker>) {
    let sent = numbered(5);
    publish(&*broker, Queue::Draft, &sent).await;
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    let batch = take(&mut *consumer, 5).await;
    assert_eq!(batch[2].settle.ack_through().await, Ok(()));
    consumer.close().await;
    depth(&*broker, Queue::Draft, 2).await;
    let mut next = broker.subscribe(Queue::Draft, 10).await.unwrap();
    assert_eq!(texts(&take(&mut *next, 2).await), sent[3..]);
}

pub async fn a_dropped_subscription_gives_back_what_is_unsettled(broker: Arc<dyn Broker>) {
    let sent = numbered(5);
    publish(&*broker, Queue::Draft, &sent).await;
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    let batch = take(&mut *consumer, 3).await;
    assert_eq!(batch[0].settle.ack().await, Ok(()));
    drop(consumer);
    assert_eq!(batch[1].settle.ack().await, Err(Stale));
    depth(&*broker, Queue::Draft, 4).await;
    let mut next = broker.subscribe(Queue::Draft, 10).await.unwrap();
    let again = take(&mut *next, 4).await;
    assert_eq!(texts(&again), sent[1..]);
    assert!(again[0].redelivered);
}

pub async fn a_closed_subscription_gives_back_what_is_unsettled(broker: Arc<dyn Broker>) {
    let sent = numbered(2);
    publish(&*broker, Queue::Draft, &sent).await;
    // Pause and resume, often: each time on a fresh channel, with deliveries under way.
    for round in 0..10 {
        let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
        let batch = take(&mut *consumer, 2).await;
        assert_eq!(texts(&batch), sent);
        assert_eq!(batch[0].redelivered, round > 0);
        consumer.close().await;
        assert_eq!(batch[1].settle.requeue().await, Err(Stale));
        depth(&*broker, Queue::Draft, 2).await;
    }
}
