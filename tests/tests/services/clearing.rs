//! Events by HTTP and AMQP become cleared invoices; one that is refused is amended and clears too.

use std::time::Duration;

use broker::{Broker, Outgoing, Queue};
use ledger::{DocumentKind, Ledger};
use serde_json::json;
use simulator::Latency;
use tests::events;
use tests::processes::{Fate, FleetProcesses, Load, Plan, bad_day, hold_promises, said};
use tests::services::Ground;

const COUNT: u64 = 300;
const BY_AMQP: usize = 150;
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_events_by_http_and_amqp_become_cleared_invoices() {
    let ground = Ground::shared().await;
    let fleet = FleetProcesses::start(&ground, &Plan::default()).await;
    fleet.misbehave(&bad_day()).await;
    fleet.latency(Latency::Uniform { min_ms: 1, max_ms: 20 }).await;
    let mut load = Load::new(COUNT);
    let queues = fleet.queues(&ground).await;
    let message = |event: &serde_json::Value| Outgoing {
        queue: Queue::Intake,
        payload: event.to_string().into_bytes().into(),
        traceparent: None,
    };
    let by_http = load.events.split_off(BY_AMQP);
    let mut publisher = fleet.publisher();
    let (confirmed, tally) = tokio::join!(
        queues.publish(load.events.iter().map(message).collect()),
        publisher.publish(by_http, DEADLINE),
    );
    assert!(confirmed.iter().all(Result::is_ok), "{confirmed:?}");
    assert_eq!(tally.taken, COUNT - BY_AMQP as u64);
    queues.close().await;
    fleet.settled(COUNT, DEADLINE).await;
    hold_promises(&fleet, &ground, &load.planned).await;
    shown_with_qr(&fleet).await;
    imported(&fleet).await;
    load.planned.insert(events::uuid(COUNT), Fate::Cleared);
    amended(&fleet).await;
    load.planned.insert(events::uuid(REFUSED), Fate::Cleared);
    hold_promises(&fleet, &ground, &load.planned).await;
    drop(fleet);
    ground.remove().await;
}

async fn shown_with_qr(fleet: &FleetProcesses) {
    let uuid = events::uuid(0);
    let shown = fleet.shown(uuid).await;
    assert_eq!(shown["state"], "cleared", "{shown}");
    assert!(shown["qr"].as_str().is_some_and(|qr| !qr.is_empty()), "{shown}");
    assert!(shown["icv"].is_u64(), "{shown}");

    let text = fleet.run(&["show", &uuid.to_string()]).await;
    assert!(text.status.success(), "{}", said(&text));
    assert!(said(&text).contains("cleared"), "{}", said(&text));
    let story = fleet.run(&["show", "T-000000", "--json"]).await;
    assert!(story.status.success(), "{}", said(&story));
    let story: serde_json::Value = serde_json::from_slice(&story.stdout).expect("JSON");
    assert!(story.to_string().contains(&uuid.to_string()), "{story}");
    let xml = fleet.run(&["show", "T-000000", "--document", "sent"]).await;
    let key = invoice::InvoiceKey { environment: invoice::Environment::Simulation, uuid };
    let kept = fleet.ledger.documents(&[(key, 1, DocumentKind::Sent)]).await.expect("the ledger answers");
    assert_eq!(kept[0].as_ref().map(|kept| &kept.bytes), Some(&xml.stdout), "{}", said(&xml));
    let unknown = fleet.run(&["show", "nothing-of-the-kind"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
}

/// A file with one new event and some known ones: the same road, another door.
async fn imported(fleet: &FleetProcesses) {
    let lines: Vec<_> = [0, 1, COUNT].map(|n| events::event(n).to_string()).into();
    let file = fleet.folder().join("invoices.ndjson");
    std::fs::write(&file, lines.join("\n")).expect("the folder can be written to");
    let file = file.to_str().expect("the path is text");
    let output = fleet.run(&["import", file]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("taken 1, known before 2, refused 0"), "{}", said(&output));
    fleet.settled(COUNT + 1, DEADLINE).await;
}

/// One that the authority refuses (see `Load`).
const REFUSED: u64 = 7;

/// A correction of a refused invoice clears; its older version, published once more, changes nothing.
async fn amended(fleet: &FleetProcesses) {
    fleet.misbehave(&[]).await;
    let mut first = events::event(REFUSED);
    first["number"] = json!(format!("R-{REFUSED:06}"));
    let mut second = first.clone();
    second["lines"][0]["name"] = json!("زيت زيتون بكر");
    second["amends"] = json!(1);
    let (publisher, count) = (fleet.publisher(), COUNT + 1);
    let (status, answer) = publisher.publish_one(0, &second).await;
    assert_eq!((status, &answer["document"]), (202, &json!(2)), "{answer}");
    fleet.settled(count, DEADLINE).await;
    for event in [&first, &second] {
        let (status, answer) = publisher.publish_one(1, event).await;
        assert_eq!(
            (status, &answer["state"], &answer["document"]),
            (200, &json!("cleared"), &json!(2)),
            "{answer}"
        );
    }
    let requests = fleet.summary().await.requests;
    // A repeat hints nothing: were it otherwise, the authority would soon see it.
    fleet.settled(count, DEADLINE).await;
    assert_eq!(fleet.summary().await.requests, requests);
}
