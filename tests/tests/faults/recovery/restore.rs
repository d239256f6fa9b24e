//! docs/runbooks/restore-postgres.md: the ledger comes back from a backup that is older than the queues and the authority.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker::{Broker, Hint, Outgoing, Queue};
use invoice::life::{Cause, State};
use invoice::{Environment, InvoiceKey};
use ledger::Ledger;
use serde_json::Value;
use simulator::Suspicion;
use tests::processes::{FleetProcesses, Plan};
use tests::services::Ground;
use tests::{events, fleet, wait};

use super::{SIGNED, done, kill, run, signed, start};

/// In the backup, accepted while it was made, and accepted until the loss.
const BEFORE: u64 = 120;
const DURING: u64 = 130;
const ALL: u64 = 200;
/// Events that only the intake queue has when the ledger is lost.
const QUEUED: u64 = 5;
const DEADLINE: Duration = Duration::from_secs(120);
const ROLES: [&str; 3] = ["producer-1", "encoder-1", "submitter-1"];

/// A program of Postgres, as the database's owner.
async fn postgres(program: &str, arguments: &[&str]) {
    let output = tokio::process::Command::new(program).args(arguments).output().await.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

/// Replaces the database by its backup, whoever is connected to it.
async fn restore(url: &str, backup: &str) {
    let (server, name) = url.rsplit_once('/').expect("a URL with a database");
    let server = format!("{server}/postgres");
    for statement in [format!("DROP DATABASE {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        postgres("psql", &["-q", "-v", "ON_ERROR_STOP=1", "-d", &server, "-c", &statement]).await;
    }
    postgres("pg_restore", &["--exit-on-error", "-d", url, backup]).await;
}

async fn post(fleet: &FleetProcesses, n: u64) -> (u16, Option<String>, Value) {
    let url = format!("{}/v1/invoices", fleet.producers()[0]);
    let request = reqwest::Client::new().post(url).header("content-type", "application/json");
    let answer = request.body(events::event(n).to_string()).send().await.expect("the producer answers");
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let (status, retry_after) = (answer.status().as_u16(), retry_after.map(ToOwned::to_owned));
    let body = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    (status, retry_after, body)
}

fn key(n: u64) -> InvoiceKey {
    InvoiceKey { environment: Environment::Simulation, uuid: events::uuid(n) }
}

/// The roles work again, and what the queues knew and the ledger does not is told; but nothing is taken.
async fn intake_stays_closed(fleet: &mut FleetProcesses, queues: &impl Broker) {
    start(fleet, &ROLES);
    fleet.ready().await;
    wait::until("the hints of lost invoices to be noted", DEADLINE, || async {
        let (code, text) = run(fleet, &["recover", "unknown"]).await;
        let both = [150, 160].iter().all(|n| text.contains(&events::uuid(*n).to_string()));
        (code == Some(1) && both).then_some(())
    })
    .await;
    let (status, retry_after, problem) = post(fleet, 0).await;
    assert_eq!((status, retry_after.as_deref()), (503, Some("30")), "{problem}");
    assert_eq!(problem["code"], "intake_closed", "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains(SIGNED[3])), "{problem}");
    let file = fleet.folder().join("again.ndjson");
    std::fs::write(&file, events::event(150).to_string()).expect("the folder can be written to");
    let (code, text) = run(fleet, &["import", file.to_str().expect("text")]).await;
    assert_eq!((code, text.contains("intake is closed")), (Some(1), true), "{text}");
    assert_eq!(queues.depth(Queue::Intake).await.expect("the broker answers"), QUEUED, "left in the queue");
    let (code, text) = run(fleet, &["recover", "status"]).await;
    assert_eq!(code, Some(1), "a lost invoice is still unknown: {text}");
    assert!(text.contains("intake is closed; 5 events wait in the intake queue"), "{text}");
}

/// Each UUID once, no counter twice, and the ledger's numbers are the authority's or void.
async fn nothing_is_lost_and_nothing_twice(fleet: &FleetProcesses, held: u64) {
    let all = fleet::invoices(&*fleet.ledger).await;
    assert_eq!(all.len() as u64, ALL + QUEUED);
    let summary = fleet.summary().await;
    // It saw the window's invoices a second time, under other counters, and accepted none of them again.
    for entry in &summary.suspicious {
        assert!(matches!(entry.suspicion, Some(Suspicion::OtherContent { .. })), "{entry:?}");
    }
    assert_eq!(summary.suspicious.len() as u64, held, "what was adopted is what it saw twice");
    let there: BTreeMap<_, _> = summary.cleared.iter().map(|it| (it.uuid.as_str(), it)).collect();
    assert_eq!((there.len(), summary.cleared.len()), (all.len(), all.len()), "each UUID once");
    let icvs: BTreeSet<_> = summary.cleared.iter().map(|it| (&it.income_source, &it.icv)).collect();
    assert_eq!(icvs.len(), all.len(), "no counter twice");
    let counters = fleet.ledger.recovery().counters().await.expect("the ledger answers");
    for invoice in all.values() {
        let there = there[invoice.key.uuid.to_string().as_str()];
        assert_eq!(invoice.state, State::Cleared, "{}: {:?}", invoice.number, invoice.message);
        assert_eq!(invoice.qr.as_deref(), Some(there.qr.as_str()), "QR of {}", invoice.number);
        let icv: u64 = there.icv.parse().expect("a number");
        if invoice.icv != Some(icv) {
            let counter =
                counters.iter().find(|counter| counter.source == invoice.source).expect("a counter");
            assert!(counter.voids.iter().any(|range| range.contains(icv)), "{icv} of {}", invoice.number);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_the_ledger_comes_back_older_than_the_authority() {
    let ground = Ground::shared().await;
    let plan = Plan { producers: 1, encoders: 1, submitters: 1, ..Plan::default() };
    let mut fleet = FleetProcesses::start(&ground, &plan).await;
    let mut publisher = fleet.publisher();
    publisher.publish((0..BEFORE).map(events::event), DEADLINE).await;
    fleet.settled(BEFORE, DEADLINE).await;
    publisher.publish((BEFORE..DURING).map(events::event), DEADLINE).await;
    let backup = fleet.folder().join("backup").display().to_string();
    postgres("pg_dump", &["-Fc", "-f", &backup, "-d", &ground.database_url()]).await;
    publisher.publish((DURING..ALL).map(events::event), DEADLINE).await;
    fleet.settled(ALL, DEADLINE).await;

    // The loss: everything stops, the queues keep what they have.
    kill(&mut fleet, &ROLES);
    let queues = fleet.queues(&ground).await;
    let send = |queue, payload: Vec<u8>| Outgoing { queue, payload: payload.into(), traceparent: None };
    let mut left: Vec<_> =
        (ALL..ALL + QUEUED).map(|n| send(Queue::Intake, events::event(n).to_string().into_bytes())).collect();
    left.push(send(Queue::Draft, Hint::new(key(150), 1).to_bytes().to_vec()));
    left.push(send(Queue::ToSubmit, Hint::new(key(160), 2).to_bytes().to_vec()));
    assert!(queues.publish(left).await.iter().all(Result::is_ok));
    restore(&ground.database_url(), &backup).await;

    // The runbook.
    signed(&fleet, &["intake", "close"]).await;
    let (code, text) = run(&fleet, &["intake", "status"]).await;
    assert_eq!((code, text.contains("closed by ليلى")), (Some(1), true), "{text}");
    let advance = ["recover", "advance-counters", "--all", "--margin", "1000"];
    let text = signed(&fleet, &[&advance[..], &["--dry-run"]].concat()).await;
    assert_eq!(text.matches("would be void").count(), 2, "{text}");
    let text = signed(&fleet, &advance).await;
    assert_eq!(text.matches("are void now").count(), 2, "{text}");
    let text = signed(&fleet, &advance).await;
    assert_eq!(text.matches("nothing was done").count(), 2, "{text}");
    intake_stays_closed(&mut fleet, &queues).await;

    signed(&fleet, &["intake", "open"]).await;
    let tally = fleet.publisher().publish((0..ALL).map(events::event), DEADLINE).await;
    assert!(tally.repeats >= BEFORE && tally.taken >= ALL - DURING, "{tally:?}");
    fleet.settled(ALL + QUEUED, DEADLINE).await;
    let standing = fleet.ledger.standing().await.expect("the ledger answers");
    let held = standing.counts.iter().filter(|line| line.cause == Some(Cause::AuthorityHoldsOther));
    let held: u64 = held.map(|line| line.count).sum();
    assert!(held >= ALL - DURING, "{held}: everything from the window stands there under another counter");

    let adopt = ["dead-letters", "adopt", "--all-matching", "--counter-only"];
    let text = signed(&fleet, &[&adopt[..], &["--dry-run"]].concat()).await;
    assert!(text.contains(&format!("looked at {held}: {held} would be done")), "{text}");
    let text = signed(&fleet, &adopt).await;
    assert!(text.contains(&format!("looked at {held}: {held} done")), "{text}");
    assert!(text.contains("under another counter") && !text.contains("WARNING"), "{text}");
    let text = done(&fleet, &["recover", "status"]).await;
    assert!(text.contains("intake is open; 0 events wait in the intake queue"), "{text}");
    assert!(text.contains("did not: 2; still unknown, to be published again: 0"), "{text}");
    done(&fleet, &["verify"]).await;
    nothing_is_lost_and_nothing_twice(&fleet, held).await;
    wait::until("the dead-letter queue to be empty", DEADLINE, || async {
        (queues.depth(Queue::DeadLetter).await.ok()? == 0).then_some(())
    })
    .await;
    queues.close().await;
    fleet.all_alive();
    drop(fleet);
    ground.remove().await;
}
