//! Who has no share in what the fleet may send keeps nothing from others.

use std::sync::Arc;

use broker::{MemoryBroker, Queue};
use invoice::life::State;
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, settled};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::scene::MINUTE;

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
