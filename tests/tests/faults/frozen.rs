//! No lease stops a process that was paused: what it says when it wakes up must not count against what happened meanwhile.

use std::time::Duration;

use ledger::Ledger;
use simulator::Latency;
use tests::processes::{Fate, FleetProcesses, Load, Plan, hold_promises};
use tests::services::Ground;
use tests::{fleet, wait};

const COUNT: u64 = 60;
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_a_submitter_frozen_past_its_leases_changes_nothing() {
    let ground = Ground::shared().await;
    let plan = Plan { max_in_flight: 16, ..Plan::default() };
    let mut fleet = FleetProcesses::start(&ground, &plan).await;
    // Slow, so that whoever is frozen has requests in the air.
    fleet.latency(Latency::Fixed { ms: 1_000 }).await;
    let mut load = Load::new(COUNT);
    load.planned.values_mut().for_each(|fate| *fate = Fate::Cleared);
    let publishing =
        tokio::spawn(Load::publish(load.events, fleet.publisher(), fleet.ledger.clone(), DEADLINE));
    wait::until("both submitters to have sent something", DEADLINE, || async {
        (fleet.summary().await.requests >= 24).then_some(())
    })
    .await;

    fleet.role("submitter-1").freeze();
    publishing.await.expect("everything is published");
    // The other one takes over when the leases have run out: 2 s of time-out and 1 s of margin.
    fleet.settled(COUNT, DEADLINE).await;
    fleet.role("submitter-1").resume();
    wait::until("what it heard too late to be kept as evidence", DEADLINE, || async {
        let mut late = 0;
        for key in fleet::invoices(&*fleet.ledger).await.into_keys() {
            let attempts = fleet.ledger.attempts(key).await.ok()?;
            late += attempts.iter().filter(|attempt| attempt.late).count();
        }
        (late > 0).then_some(())
    })
    .await;
    fleet.all_alive();
    fleet.ready().await;
    hold_promises(&fleet, &ground, &load.planned).await;
    drop(fleet);
    ground.remove().await;
}
