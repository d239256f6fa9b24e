use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker::Broker;
use bytes::Bytes;

use super::*;
use crate::testing::{Moody, event, intake, until};

async fn publish(broker: &dyn Broker, bodies: Vec<Vec<u8>>) {
    let outgoing = |body| Outgoing { queue: Queue::Intake, payload: Bytes::from(body), traceparent: None };
    let results = broker.publish(bodies.into_iter().map(outgoing).collect()).await;
    assert!(results.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn an_absent_broker_is_waited_for_and_what_is_too_large_is_refused() {
    let broker = Arc::new(Moody::default());
    broker.late.store(3, Ordering::Relaxed);
    let mut large = event(1).to_string().into_bytes();
    large.resize(invoice::limits::EVENT_BYTES + 100, b' ');
    publish(&*broker, vec![event(2).to_string().into_bytes(), large.clone()]).await;

    let intake = intake(broker.clone());
    let stop = CancellationToken::new();
    let config = Config::default();
    let work = async {
        until("a refusal", async || intake.ledger.standing().await.unwrap().refused_intake == 1).await;
        until("the acks", async || broker.inner.unsettled(Queue::Intake) == 0).await;
        stop.cancel();
    };
    let (worked, ()) = tokio::join!(run(&intake, &config, &stop), work);
    worked.unwrap();

    assert_eq!(broker.late.load(Ordering::Relaxed), 0);
    let refused = intake.ledger.refused_intake(10).await.unwrap().remove(0);
    assert_eq!(refused.code, "too_large");
    assert_eq!(refused.sha256, Digest::of(&large));
    assert_eq!(refused.body, large[..invoice::limits::EVENT_BYTES]);
    assert_eq!(intake.ledger.find("ف-000002").await.unwrap().len(), 1);
    assert_eq!(broker.depth(Queue::DeadLetter).await.unwrap(), 1);
    assert_eq!(broker.depth(Queue::Draft).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_broker_once_asked_to_stop() {
    let broker = Arc::new(Moody::default());
    broker.late.store(u32::MAX, Ordering::Relaxed);
    let stop = CancellationToken::new();
    let intake = intake(broker);
    let config = Config::default();
    let stopping = async {
        tokio::time::sleep(PAUSE * 10).await;
        stop.cancel();
    };
    let (worked, ()) = tokio::join!(run(&intake, &config, &stop), stopping);
    worked.unwrap();
}
