//! Rolling restarts, one after the other, while invoices are under way: nobody notices.

use std::time::Duration;

use invoice::life::OutcomeKind;
use ledger::Ledger;
use simulator::Latency;
use tests::processes::{Fate, FleetProcesses, Load, MARGIN, PATIENT, Plan, TIMEOUT, hold_promises};
use tests::services::Ground;
use tests::{fleet, wait};

const STOPS: usize = 200;
const COUNT: u64 = 6_000;
/// What a machine with much else to do may add.
const SLACK: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_two_hundred_rolling_stops_harm_nobody() {
    let ground = Ground::shared().await;
    // Slow enough that there is work until the last stop.
    let plan = Plan { max_in_flight: 8, timeout: PATIENT, ..Plan::default() };
    let mut fleet = FleetProcesses::start(&ground, &plan).await;
    fleet.latency(Latency::Uniform { min_ms: 200, max_ms: 600 }).await;
    let mut load = Load::new(COUNT);
    load.planned.values_mut().for_each(|fate| *fate = Fate::Cleared);
    let publishing =
        tokio::spawn(Load::publish(load.events, fleet.publisher(), fleet.ledger.clone(), DEADLINE));

    let names = ["producer-1", "encoder-1", "submitter-1", "producer-2", "encoder-2", "submitter-2"];
    for stop in 0..STOPS {
        let name = names[stop % names.len()];
        let (status, took) = fleet.role(name).stop(TIMEOUT + MARGIN + SLACK).await;
        assert_eq!(status.code(), Some(0), "{name} stopped with {status} after {took:?}, the {stop}th stop");
        fleet.role(name).start();
        let url = format!("{}/readyz", fleet.role(name).admin().expect("it has an admin port"));
        wait::until(&format!("{name} to be ready again"), DEADLINE, || async {
            reqwest::get(&url).await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
    }
    publishing.await.expect("everything is published");
    fleet.settled(COUNT, DEADLINE).await;
    hold_promises(&fleet, &ground, &load.planned).await;
    for (key, invoice) in fleet::invoices(&*fleet.ledger).await {
        assert_eq!((invoice.crashes, invoice.charged), (0, 0), "{key}");
        let attempts = fleet.ledger.attempts(key).await.expect("the ledger answers");
        let all_heard = attempts.iter().all(|attempt| attempt.outcome == OutcomeKind::Cleared);
        assert!(all_heard, "{key}: {attempts:?}");
    }
    drop(fleet);
    ground.remove().await;
}
