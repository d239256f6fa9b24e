//! A service that restarts, in good order or not: the fleet goes on by itself.

use std::time::Duration;

use simulator::Latency;
use tests::processes::{FleetProcesses, Load, MARGIN, Plan, TIMEOUT, bad_day, hold_promises};
use tests::services::{Ground, PrivateServices};

const COUNT: u64 = 500;
const DEADLINE: Duration = Duration::from_secs(120);

struct Run {
    ground: Ground,
    fleet: FleetProcesses,
    load: Load,
    publishing: tokio::task::JoinHandle<tests::processes::Tally>,
}

impl Run {
    async fn begin() -> Self {
        let ground = Ground::private().await;
        // Slow, so that much is still to do whenever a service ends: its own programs take seconds to do as they are told.
        let fleet = FleetProcesses::start(&ground, &Plan { max_in_flight: 8, ..Plan::default() }).await;
        fleet.misbehave(&bad_day()).await;
        fleet.latency(Latency::Uniform { min_ms: 150, max_ms: 350 }).await;
        let mut load = Load::new(COUNT);
        let events = std::mem::take(&mut load.events);
        let publishing =
            tokio::spawn(Load::publish(events, fleet.publisher(), fleet.ledger.clone(), DEADLINE));
        Self { ground, fleet, load, publishing }
    }

    fn services(&mut self) -> &mut PrivateServices {
        match &mut self.ground {
            Ground::Private(services) => services,
            Ground::Shared { .. } => panic!("they are private"),
        }
    }

    /// Waits for so many quarters of the invoices. What comes next is to happen in mid-run.
    async fn part_way(&self, quarters: u64) {
        let settled = self.fleet.progressed(COUNT * quarters / 4, DEADLINE).await;
        eprintln!("{settled} of {COUNT} are settled");
        assert!(settled < COUNT * 9 / 10, "the run is as good as over: {settled} of {COUNT} are settled");
    }

    async fn end(mut self) {
        let tally = self.publishing.await.expect("everything is published");
        eprintln!("publisher: {tally:?}");
        self.fleet.settled(COUNT, DEADLINE).await;
        self.fleet.all_alive();
        self.fleet.ready().await;
        hold_promises(&self.fleet, &self.ground, &self.load.planned).await;
        drop(self.fleet);
        self.ground.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_rabbitmq_restarted() {
    let mut run = Run::begin().await;
    run.part_way(1).await;
    run.services().restart_rabbitmq().await;
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_rabbitmq_killed() {
    let mut run = Run::begin().await;
    run.part_way(1).await;
    run.services().kill_and_start_rabbitmq().await;
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_postgres_restarted_immediately() {
    let mut run = Run::begin().await;
    for part in [1, 2] {
        run.part_way(part).await;
        run.services().restart_postgres_immediately().await;
    }
    run.end().await;
}

/// Whoever is asked to stop while the ledger is away stops in time, and what was in its hands is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_stopping_while_postgres_is_away() {
    let mut run = Run::begin().await;
    run.part_way(1).await;
    run.services().stop_postgres_immediately().await;
    for role in ["producer-1", "encoder-1", "submitter-1"] {
        let (status, took) = run.fleet.role(role).stop(TIMEOUT + MARGIN + Duration::from_secs(12)).await;
        eprintln!("{role} stopped after {took:?}");
        assert_eq!(status.code(), Some(0), "{role} stopped with {status}");
    }
    run.services().start_postgres().await;
    for role in ["producer-1", "encoder-1", "submitter-1"] {
        run.fleet.role(role).start();
    }
    run.end().await;
}
