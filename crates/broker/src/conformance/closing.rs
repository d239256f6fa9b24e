//! Cases: the end of a broker.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{DEADLINE, numbered, outgoing, publish, take};
use crate::{Announcement, Broker, BrokerError, PublishError, Queue, Stale};

pub async fn closing_ends_every_wait(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(2)).await;
    let mut busy = broker.subscribe(Queue::Draft, 1).await.unwrap();
    let taken = take(&mut *busy, 1).await;
    let mut idle = broker.subscribe(Queue::ToSubmit, 1).await.unwrap();
    let waiting = tokio::spawn(async move { idle.next_batch(10, Duration::ZERO).await.len() });
    tokio::task::yield_now().await;
    timeout(DEADLINE, broker.close()).await.unwrap();

    assert_eq!(timeout(DEADLINE, waiting).await.unwrap().unwrap(), 0);
    assert_eq!(timeout(DEADLINE, busy.next_batch(10, Duration::ZERO)).await.unwrap().len(), 0);
    assert_eq!(taken[0].settle.ack().await, Err(Stale));
    timeout(DEADLINE, busy.close()).await.unwrap();
}

pub async fn a_closed_broker_refuses(broker: Arc<dyn Broker>) {
    assert!(broker.health().connected);
    broker.close().await;
    broker.close().await;
    assert!(!broker.health().connected);
    let published = timeout(DEADLINE, broker.publish(vec![outgoing(Queue::Draft, "x")])).await.unwrap();
    assert!(matches!(published[..], [Err(PublishError::Unconfirmed(_))]), "{published:?}");
    let announcement =
        Announcement { event_type: "x".into(), id: "1".into(), payload: "{}".into(), traceparent: None };
    let announced = timeout(DEADLINE, broker.announce(vec![announcement])).await.unwrap();
    assert!(matches!(announced[..], [Err(PublishError::Unconfirmed(_))]), "{announced:?}");
    assert!(matches!(broker.subscribe(Queue::Draft, 1).await.err(), Some(BrokerError::Unavailable(_))));
    assert!(matches!(broker.depth(Queue::Draft).await, Err(BrokerError::Unavailable(_))));
    assert!(matches!(broker.purge(Queue::Draft).await, Err(BrokerError::Unavailable(_))));
}
