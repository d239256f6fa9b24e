//! SIGTERM: no more is taken, what is in flight is finished, the rest is released.

use std::collections::BTreeMap;
use std::time::Duration;

use invoice::life::{OutcomeKind, State};
use ledger::Ledger;
use simulator::Latency;
use tests::processes::{FleetProcesses, Load, MARGIN, PATIENT, Plan, TIMEOUT, hold_promises};
use tests::services::Ground;
use tests::{fleet, wait};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const COUNT: u64 = 400;
/// What a machine with much else to do may add.
const SLACK: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_sigterm_drains() {
    let ground = Ground::shared().await;
    let mut fleet = FleetProcesses::start(&ground, &Plan { timeout: PATIENT, ..Plan::default() }).await;
    // Slow, but well within the time-out: whoever drains hears every answer.
    fleet.latency(Latency::Uniform { min_ms: 300, max_ms: 900 }).await;
    let mut load = Load::new(COUNT);
    load.planned.values_mut().for_each(|fate| *fate = tests::processes::Fate::Cleared);
    // Some have begun a request, or not even that, and never go on.
    let admin = fleet.role("submitter-1").admin().expect("it has an admin port").to_owned();
    let producer = &fleet.producers()[0];
    let idlers =
        [idler(producer, HALF_A_REQUEST).await, idler(producer, "").await, idler(&admin, "GET ").await];

    let publishing =
        tokio::spawn(Load::publish(load.events, fleet.publisher(), fleet.ledger.clone(), DEADLINE));
    wait::until("requests to be under way", DEADLINE, || async {
        (fleet.summary().await.requests > 60).then_some(())
    })
    .await;
    let names = ["producer-1", "encoder-1", "submitter-1", "submitter-2"];
    for name in names {
        fleet.role(name).ask_to_stop();
    }
    for name in names {
        let (status, took) = fleet.role(name).stop_asked(TIMEOUT + MARGIN + SLACK).await;
        eprintln!("{name} stopped after {took:?}");
        assert_eq!(status.code(), Some(0), "{name} stopped with {status}");
    }
    nothing_in_the_air(&fleet).await;
    drop(idlers);

    // The second producer has gone on meanwhile, and with submitters the rest clears.
    for name in names {
        fleet.role(name).start();
    }
    publishing.await.expect("everything is published");
    fleet.settled(COUNT, DEADLINE).await;
    fleet.ready().await;
    hold_promises(&fleet, &ground, &load.planned).await;
    no_attempt_but_one(&fleet).await;
    drop(fleet);
    ground.remove().await;
}

const HALF_A_REQUEST: &str = "POST /v1/invoices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";

async fn idler(url: &str, beginning: &str) -> TcpStream {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.expect("somebody listens");
    stream.write_all(beginning.as_bytes()).await.expect("it is sent");
    stream
}

/// With no submitter left, the ledger knows of every answer that was given.
async fn nothing_in_the_air(fleet: &FleetProcesses) {
    let all = fleet::invoices(&*fleet.ledger).await;
    let states = all.values().fold(BTreeMap::<_, u64>::new(), |mut states, invoice| {
        *states.entry(invoice.state).or_default() += 1;
        states
    });
    assert_eq!(states.get(&State::Submitted), None, "claims were left behind: {states:?}");
    assert!(all.values().all(|invoice| invoice.in_doubt.is_none()), "answered, and in doubt all the same");
    let summary = fleet.summary().await;
    let cleared = states.get(&State::Cleared).copied().unwrap_or_default();
    assert_eq!(summary.cleared_count, cleared, "every clearance is in the ledger");
    assert_eq!(summary.undelivered, 0, "every answer was waited for");
    assert!(cleared < COUNT, "it was all over before anybody was asked to stop");
}

async fn no_attempt_but_one(fleet: &FleetProcesses) {
    for (key, invoice) in fleet::invoices(&*fleet.ledger).await {
        assert_eq!(invoice.crashes, 0, "{key}");
        let attempts = fleet.ledger.attempts(key).await.expect("the ledger answers");
        assert!(
            attempts.iter().all(|attempt| attempt.outcome == OutcomeKind::Cleared),
            "{key}: {attempts:?}"
        );
    }
}
