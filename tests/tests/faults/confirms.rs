//! What the broker has confirmed is there after a power cut.

use std::collections::BTreeSet;
use std::time::Duration;

use broker::{Broker, Outgoing, Queue, Subscription, settle_all};
use tests::processes::RUNGS_MS;
use tests::services::Ground;
use tests::wait;
use tokio::time::Instant;

const BATCHES: u32 = 60;
const BATCH: u32 = 50;
const DEADLINE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_what_was_confirmed_survives_the_brokers_death() {
    let mut ground = Ground::private().await;
    let broker = ground.broker(broker::Ladder { rungs_ms: RUNGS_MS.to_vec() }).await;
    let Ground::Private(services) = &mut ground else { panic!("they are private") };

    let mut confirmed = BTreeSet::new();
    for batch in 0..BATCHES {
        let names: Vec<String> = (0..BATCH).map(|n| format!("رسالة {batch}-{n}")).collect();
        let message = |name: &String| Outgoing {
            queue: Queue::Draft,
            payload: name.clone().into_bytes().into(),
            traceparent: None,
        };
        let publishing = broker.publish(names.iter().map(message).collect());
        let results = if batch == BATCHES / 2 {
            // In the middle of it.
            let (results, ()) = tokio::join!(publishing, services.kill_and_start_rabbitmq());
            wait::until("the connection to stand again", DEADLINE, || async {
                broker.health().connected.then_some(())
            })
            .await;
            results
        } else {
            publishing.await
        };
        confirmed.extend(
            names.into_iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(name, _)| name),
        );
    }
    let least = usize::try_from((BATCHES - 2) * BATCH).unwrap();
    assert!(confirmed.len() >= least, "only {} of {} were confirmed", confirmed.len(), BATCHES * BATCH);

    let mut consumer = broker.subscribe(Queue::Draft, 200).await.expect("the queue is there");
    let begun = Instant::now();
    while !confirmed.is_empty() {
        assert!(
            begun.elapsed() < DEADLINE,
            "{} confirmed messages never came: {confirmed:?}",
            confirmed.len()
        );
        for name in some(&mut *consumer).await {
            confirmed.remove(&name);
        }
    }
    broker.close().await;
    ground.remove().await;
}

async fn some(consumer: &mut dyn Subscription) -> Vec<String> {
    let batch =
        tokio::time::timeout(Duration::from_secs(5), consumer.next_batch(200, Duration::from_millis(20)))
            .await;
    let batch = batch.unwrap_or_default();
    settle_all(&batch).await;
    batch.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect()
}
