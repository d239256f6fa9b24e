//! Cases: what is published arrives, once, in order and whole; and what cannot arrive is said.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{depth, numbered, outgoing, publish, take, texts};
use crate::{Announcement, Broker, Outgoing, PublishError, Queue};

pub async fn keeps_the_order_of_a_batch(broker: Arc<dyn Broker>) {
    let sent = numbered(700);
    publish(&*broker, Queue::Draft, &sent).await;
    let mut consumer = broker.subscribe(Queue::Draft, 1000).await.unwrap();
    assert_eq!(texts(&take(&mut *consumer, 700).await), sent);
}

pub async fn carries_text_and_headers(broker: Arc<dyn Broker>) {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let text = "شركة النور للتجارة — عمّان 🧾 \u{202e}";
    let with = Outgoing { traceparent: Some(trace.to_owned()), ..outgoing(Queue::DeadLetter, text) };
    let without = outgoing(Queue::DeadLetter, "b");
    assert_eq!(broker.publish(vec![with, without]).await, [Ok(()), Ok(())]);

    let mut consumer = broker.subscribe(Queue::DeadLetter, 10).await.unwrap();
    let taken = take(&mut *consumer, 2).await;
    assert_eq!(texts(&taken), [text, "b"]);
    assert_eq!(taken[0].traceparent.as_deref(), Some(trace));
    assert_eq!(taken[1].traceparent, None);
    for delivery in taken {
        assert_eq!(delivery.content_type.as_deref(), Some("application/json"));
        assert!(!delivery.redelivered);
    }
}

/// A header of a megabyte would break the connection that carries it, and every connection after it.
pub async fn carries_no_trace_that_is_none(broker: Arc<dyn Broker>) {
    let traced =
        |trace: &str| Outgoing { traceparent: Some(trace.to_owned()), ..outgoing(Queue::Draft, "x") };
    let results = broker.publish(vec![traced("\0"), traced(&"a".repeat(1 << 20)), traced("ا")]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    for delivery in take(&mut *consumer, 3).await {
        assert_eq!(delivery.traceparent, None);
        assert!(!delivery.redelivered, "the connection held");
    }
}

pub async fn carries_large_and_empty_payloads(broker: Arc<dyn Broker>) {
    let large = Bytes::from((0..=255).cycle().take(400_000).collect::<Vec<u8>>());
    let sent = [large, Bytes::new()];
    let outgoing =
        |payload: &Bytes| Outgoing { queue: Queue::Intake, payload: payload.clone(), traceparent: None };
    assert_eq!(broker.publish(sent.iter().map(outgoing).collect()).await, [Ok(()), Ok(())]);
    let mut consumer = broker.subscribe(Queue::Intake, 10).await.unwrap();
    let taken: Vec<_> = take(&mut *consumer, 2).await.into_iter().map(|it| it.payload).collect();
    assert!(taken == sent, "the payloads differ");
}

pub async fn publishes_thousands_at_once(broker: Arc<dyn Broker>) {
    publish(&*broker, Queue::Draft, &numbered(5_000)).await;
    depth(&*broker, Queue::Draft, 5_000).await;
}

pub async fn announcements_need_no_listener(broker: Arc<dyn Broker>) {
    let announcement = |n: u32| Announcement {
        event_type: "jo.fawtara.invoice.cleared.v1".to_owned(),
        id: format!("id-{n}"),
        payload: format!(r#"{{"فاتورة":{n}}}"#).into(),
        traceparent: (n == 1).then(|| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    let results = broker.announce((0..300).map(announcement).collect()).await;
    assert_eq!(results.len(), 300);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(broker.announce(Vec::new()).await, []);
    // Queues go on as before.
    publish(&*broker, Queue::Draft, &numbered(3)).await;
    depth(&*broker, Queue::Draft, 3).await;
}

pub async fn an_empty_batch_has_no_results(broker: Arc<dyn Broker>) {
    assert_eq!(broker.publish(Vec::new()).await, []);
}

pub async fn an_unknown_rung_is_unroutable_and_harms_no_other(broker: Arc<dyn Broker>) {
    let batch = [Queue::Draft, Queue::Retry(7), Queue::Draft].map(|queue| outgoing(queue, "x"));
    let results = broker.publish(batch.into()).await;
    assert!(matches!(results[..], [Ok(()), Err(PublishError::Unroutable(_)), Ok(())]), "{results:?}");
    depth(&*broker, Queue::Draft, 2).await;
}

pub async fn publishers_do_not_disturb_one_another(broker: Arc<dyn Broker>) {
    let publishers = (0..12).map(|publisher| {
        let broker = broker.clone();
        tokio::spawn(async move {
            let texts: Vec<_> = (0..250).map(|number| format!("{publisher}-{number}")).collect();
            publish(&*broker, Queue::ToSubmit, &texts).await;
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    let mut consumer = broker.subscribe(Queue::ToSubmit, 5_000).await.unwrap();
    let taken = take(&mut *consumer, 3_000).await;
    assert_eq!(texts(&taken).into_iter().collect::<BTreeSet<_>>().len(), 3_000);
    super::nothing(&mut *consumer).await;
}
