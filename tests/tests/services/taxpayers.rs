//! Taxpayers that are registered, rotated and deactivated by command while the fleet is at work.

use std::time::Duration;

use invoice::life::State;
use ledger::Ledger;
use serde_json::{Value, json};
use tests::processes::{FleetProcesses, Plan, said};
use tests::services::Ground;
use tests::{events, wait};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(60);
const TAX_NUMBER: &str = "33333333";
const OLD_SECRET: &str = "planted-old-secret-of-a-new-taxpayer";
const NEW_SECRET: &str = "planted-new-secret-of-a-new-taxpayer";
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// An event of the taxpayer that nobody knows at first.
fn event(n: u64) -> Value {
    let mut event = events::event(n * 2);
    event["seller"] = json!({ "tax_number": TAX_NUMBER, "income_source": "3003003", "name": "مخبز الأمل" });
    event["number"] = json!(format!("N-{n:04}"));
    event["uuid"] = json!(uuid(n));
    event
}

fn uuid(n: u64) -> Uuid {
    events::uuid(1_000_000 + n)
}

/// A pair that the simulated authority knows, in place of an older one.
async fn link_device(fleet: &FleetProcesses, secret: &str) {
    let device = json!([{
        "client_id": "client-of-a-new-taxpayer", "secret_key": secret, "tax_number": TAX_NUMBER,
        "income_source": "3003003", "family": "income",
    }]);
    fleet.register_devices(&device).await;
}

async fn say(fleet: &FleetProcesses, arguments: &[&str]) -> (Option<i32>, String) {
    let output = fleet.run(arguments).await;
    (output.status.code(), said(&output))
}

const SIGNED: [&str; 4] = ["--by", "ليلى", "--reason", "فرع جديد"];

async fn change(fleet: &FleetProcesses, arguments: &[&str]) {
    let line = [&["taxpayers"], arguments, &SIGNED].concat();
    let (code, text) = say(fleet, &line).await;
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
}

async fn publish(fleet: &FleetProcesses, event: &Value) -> (u16, Value) {
    let url = format!("{}/v1/invoices", fleet.producers()[0]);
    let http = reqwest::Client::new();
    let request = http.post(url).header("content-type", "application/json").body(event.to_string());
    let answer = request.send().await.expect("the producer answers");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
}

async fn reaches(fleet: &FleetProcesses, n: u64, wanted: State) {
    let key = invoice::InvoiceKey { environment: invoice::Environment::Simulation, uuid: uuid(n) };
    wait::until(&format!("invoice {n} to be {wanted}"), DEADLINE, || async {
        let loaded = fleet.ledger.load(&[key]).await.ok()?;
        loaded.invoices[0].as_ref().is_some_and(|invoice| invoice.state == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_a_taxpayer_comes_changes_and_rests_while_the_fleet_works() {
    let ground = Ground::shared().await;
    let plan = Plan {
        producers: 1,
        encoders: 1,
        submitters: 1,
        log: "debug,sqlx=warn,hyper=info,lapin=info".to_owned(),
        master_key: Some(MASTER_KEY.to_owned()),
        ..Plan::default()
    };
    let mut fleet = FleetProcesses::start(&ground, &plan).await;
    let (old, new) = (fleet.folder().join("old"), fleet.folder().join("new"));
    std::fs::write(&old, OLD_SECRET).unwrap();
    std::fs::write(&new, NEW_SECRET).unwrap();
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    link_device(&fleet, OLD_SECRET).await;

    let (status, problem) = publish(&fleet, &event(1)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("unknown_income_source")), "{problem}");
    let name = "33333333:3003003";
    change(
        &fleet,
        &[
            "add",
            name,
            "--environment",
            "simulation",
            "--name",
            "مخبز الأمل",
            "--family",
            "income",
            "--icv-start",
            "41",
            "--client-id",
            "client-of-a-new-taxpayer",
            "--secret-file",
            old,
        ],
    )
    .await;
    let (code, text) = say(&fleet, &["taxpayers", "check", name]).await;
    assert_eq!((code, text.contains("ACCEPTED")), (Some(0), true), "{text}");
    wait::until("the producer to know the taxpayer", DEADLINE, || async {
        (publish(&fleet, &event(1)).await.0 == 202).then_some(())
    })
    .await;
    reaches(&fleet, 1, State::Cleared).await;
    assert_eq!(fleet.shown(uuid(1)).await["icv"], 41, "counters start where they were told to");

    // The pair is revoked on the portal: only this taxpayer waits.
    link_device(&fleet, NEW_SECRET).await;
    assert_eq!(publish(&fleet, &event(2)).await.0, 202);
    reaches(&fleet, 2, State::PendingRetry).await;
    let (code, text) = say(&fleet, &["taxpayers", "check", name]).await;
    assert_eq!((code, text.contains("REFUSED")), (Some(1), true), "{text}");
    let mut publisher = fleet.publisher();
    publisher.publish((0..20).map(events::event), DEADLINE).await;
    fleet.progressed(21, DEADLINE).await;
    reaches(&fleet, 2, State::PendingRetry).await;
    change(&fleet, &["rotate-secret", name, "--secret-file", new]).await;
    reaches(&fleet, 2, State::Cleared).await;

    // Deactivated: nothing new is taken, what was taken waits, and nothing of it is lost.
    change(&fleet, &["deactivate", name]).await;
    wait::until("the producer to refuse the taxpayer", DEADLINE, || async {
        let (status, problem) = publish(&fleet, &event(3)).await;
        (status == 422 && problem["code"] == "inactive_income_source").then_some(())
    })
    .await;
    change(&fleet, &["activate", name]).await;
    wait::until("the producer to take the taxpayer again", DEADLINE, || async {
        matches!(publish(&fleet, &event(3)).await.0, 202 | 200).then_some(())
    })
    .await;
    reaches(&fleet, 3, State::Cleared).await;

    no_secret_is_told(&fleet, name).await;
    let (code, text) = say(&fleet, &["verify"]).await;
    assert_eq!(code, Some(0), "{text}");
    fleet.all_alive();
    drop(fleet);
    ground.remove().await;
}

async fn no_secret_is_told(fleet: &FleetProcesses, name: &str) {
    let mut heard = fleet.logs();
    for arguments in [
        &["taxpayers", "list"][..],
        &["taxpayers", "list", "--json"],
        &["taxpayers", "show", TAX_NUMBER],
        &["taxpayers", "show", TAX_NUMBER, "--json"],
        &["taxpayers", "history", "--json"],
        &["taxpayers", "check", name, "--json"],
        &["config"],
        &["doctor", "--json"],
    ] {
        heard.insert(format!("{arguments:?}"), say(fleet, arguments).await.1);
    }
    for (place, text) in &heard {
        for secret in [OLD_SECRET, NEW_SECRET, MASTER_KEY] {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{place} tells {secret}");
        }
    }
}
