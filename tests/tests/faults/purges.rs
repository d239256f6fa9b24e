//! The ledger is the truth, the queues are hints: whoever empties them takes nothing away.

use std::time::Duration;

use broker::{Broker, Ladder, Queue};
use simulator::Latency;
use tests::processes::{FleetProcesses, Load, Plan, RUNGS_MS, bad_day, hold_promises};
use tests::services::Ground;

const COUNT: u64 = 1_000;
const PURGES: u64 = 8;
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_queues_purged() {
    let ground = Ground::shared().await;
    let fleet = FleetProcesses::start(&ground, &Plan::default()).await;
    fleet.misbehave(&bad_day()).await;
    fleet.latency(Latency::Uniform { min_ms: 20, max_ms: 80 }).await;
    let load = Load::new(COUNT);
    let publishing =
        tokio::spawn(Load::publish(load.events, fleet.publisher(), fleet.ledger.clone(), DEADLINE));

    let queues = fleet.queues(&ground).await;
    let mut lost = 0;
    for purge in 1..=PURGES {
        fleet.progressed(COUNT * purge / (PURGES + 1), DEADLINE).await;
        // The intake is left alone: an event in it has been accepted by nobody yet.
        for queue in (Ladder { rungs_ms: RUNGS_MS.to_vec() })
            .queues()
            .into_iter()
            .filter(|queue| *queue != Queue::Intake)
        {
            lost += queues.purge(queue).await.expect("the queue can be purged");
        }
    }
    queues.close().await;
    assert!(lost > 0, "the purges took nothing: they prove nothing");
    eprintln!("{lost} hints were lost");
    publishing.await.expect("everything is published");
    fleet.settled(COUNT, DEADLINE).await;
    hold_promises(&fleet, &ground, &load.planned).await;
    drop(fleet);
    ground.remove().await;
}
