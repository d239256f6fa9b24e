//! kill -9 at any moment costs time, never an invoice.

use std::time::{Duration, Instant};

use simulator::Latency;
use tests::processes::{FleetProcesses, Load, Plan, bad_day, hold_promises};
use tests::random::Random;
use tests::services::Ground;

const SEED: u64 = 0x0fa7;
const COUNT: u64 = 2_000;
/// A submitter that dies leaves a crash on every invoice in its hands, and the fourth in a row is a case for a person: three
/// kills of submitters are the most that can never be.
const ROUNDS: u64 = 3;
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_sigkill_of_any_role() {
    let ground = Ground::shared().await;
    let mut fleet = FleetProcesses::start(&ground, &Plan::default()).await;
    fleet.misbehave(&bad_day()).await;
    fleet.latency(Latency::Uniform { min_ms: 1, max_ms: 30 }).await;
    let load = Load::new(COUNT);
    let publishing =
        tokio::spawn(Load::publish(load.events, fleet.publisher(), fleet.ledger.clone(), DEADLINE));

    let begun = Instant::now();
    let mut random = Random::new(SEED);
    for round in 0..ROUNDS {
        let mut victims: Vec<String> = ["producer", "encoder", "submitter"]
            .iter()
            .map(|role| format!("{role}-{}", random.between(1, 2)))
            .collect();
        random.shuffle(&mut victims);
        let (begin, length) = (COUNT * round / ROUNDS, COUNT / ROUNDS);
        for (turn, victim) in (0..).zip(&victims) {
            let moment = begin + length * turn / 3 + random.between(1, length / 4);
            fleet.progressed(moment, DEADLINE).await;
            fleet.kill_and_start(victim);
            eprintln!("{victim} died when {moment} were settled, after {:?}", begun.elapsed());
        }
    }
    let tally = publishing.await.expect("everything is published");
    eprintln!("publisher: {tally:?}");
    fleet.settled(COUNT, DEADLINE).await;
    fleet.ready().await;
    eprintln!("all settled after {:?}", begun.elapsed());
    hold_promises(&fleet, &ground, &load.planned).await;
    drop(fleet);
    ground.remove().await;
}
