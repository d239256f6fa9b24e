//! Who has no share in what the fleet may send keeps nothing from others, and has one again as soon as it can.

use std::sync::Arc;
use std::time::Duration;

use broker::{MemoryBroker, Queue};
use invoice::life::State;
use submitter::{Endpoints, Submitter};
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, settled};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::lanes::apart;
use crate::scene::{MINUTE, key, when};

#[tokio::test(start_paused = true)]
async fn who_lost_its_share_gives_back_the_hints_that_it_holds() {
    let mut numbers = Numbers::real();
    numbers.submitter.fleet_max_in_flight = 1;
    let mut seams = Seams::memory(&numbers, 66);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Fixed { ms: 1_000 }));
    let broker = MemoryBroker::new(numbers.ladder.clone());
    seams.broker = Arc::new(broker.clone());
    let start = |name: &str| {
        let (submitter, stop) = (seams.submitter(&numbers, name), CancellationToken::new());
        let token = stop.clone();
        (stop, tokio::spawn(async move { submitter.run(token).await.unwrap() }))
    };
    let fleet = Fleet::start_with(seams.encoder(&numbers), seams.submitter(&numbers, "worker-b"));
    sleep(MINUTE).await;
    // The one place goes to whoever comes first by name, while nothing is under way.
    let (stop, role) = start("worker-a");
    sleep(MINUTE).await;
    let shares = seams.ledger.fleet().submitters().await.unwrap();
    let granted: Vec<_> = shares.iter().map(|it| (it.worker.as_str(), it.granted)).collect();
    assert_eq!(granted, [("worker-a", 1), ("worker-b", 0)]);
    seams.publish((0..400).map(event)).await;
    sleep(MINUTE).await;
    let held = broker.unsettled(Queue::ToSubmit);
    assert!((65..=96).contains(&held), "{held} hints are held; one submitter takes 96");
    // And it goes on once it has a share again.
    stop.cancel();
    role.await.unwrap();
    let all = settled(&*seams.ledger, 400, 10 * MINUTE).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.crashes == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_was_gone_for_a_moment_is_sent_to_at_once() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 67);
    let submitter = apart(&seams, &numbers, "worker-1");
    let both = Arc::clone(&submitter.endpoints.borrow());
    let first: Endpoints = both.iter().take(1).map(|(name, it)| (name.clone(), it.clone())).collect();
    let (sender, endpoints) = watch::channel(Arc::clone(&both));
    let fleet = Fleet::start_with(seams.encoder(&numbers), Submitter { endpoints, ..submitter });
    sleep(MINUTE).await;
    sender.send_replace(Arc::new(first));
    sleep(Duration::from_secs(3)).await;
    sender.send_replace(both);
    sleep(Duration::from_secs(2)).await;
    seams.publish([event(1)]).await;
    when(&seams, key(1), "it to clear", Duration::from_secs(5), |it| it.state == State::Cleared).await;
    fleet.stop().await;
}
