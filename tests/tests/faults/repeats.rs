//! One UUID, one document, however often and by whatever road it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use broker::{Broker, Outgoing, Queue};
use tests::events;
use tests::processes::{Fate, FleetProcesses, PATIENT, Plan, hold_promises};
use tests::services::Ground;
use tokio::task::JoinSet;

const BY_HTTP: usize = 30;
const BY_AMQP: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_the_same_event_fifty_times_at_once() {
    let ground = Ground::shared().await;
    let plan = Plan { timeout: PATIENT, ..Plan::default() };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    let (event, queues, publisher) = (events::event(1), fleet.queues(&ground).await, fleet.publisher());

    let message = || Outgoing {
        queue: Queue::Intake,
        payload: event.to_string().into_bytes().into(),
        traceparent: None,
    };
    let by_amqp = queues.publish((0..BY_AMQP).map(|_| message()).collect());
    let mut by_http = JoinSet::new();
    for turn in 0..BY_HTTP {
        let (publisher, event) = (publisher.clone(), event.clone());
        by_http.spawn(async move { publisher.publish_one(turn % 2, &event).await });
    }
    let (confirmed, answers) = tokio::join!(by_amqp, by_http.join_all());

    assert!(confirmed.iter().all(Result::is_ok), "{confirmed:?}");
    let new = answers.iter().filter(|(status, _)| *status == 202).count();
    assert!(new <= 1, "{new} publishers heard that it was new");
    assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 202)), "{answers:?}");
    tests::wait::until("the intake queue to be empty", Duration::from_secs(20), || async {
        (queues.depth(Queue::Intake).await.ok()? == 0).then_some(())
    })
    .await;
    queues.close().await;
    fleet.settled(1, Duration::from_secs(20)).await;
    assert_eq!(fleet.summary().await.requests, 1, "it was sent once");
    hold_promises(&fleet, &ground, &BTreeMap::from([(events::uuid(1), Fate::Cleared)])).await;
    drop(fleet);
    ground.remove().await;
}
