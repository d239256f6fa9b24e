//! docs/runbooks/authority-wrong.md and docs/runbooks/rotate-master-key.md.

use std::time::Duration;

use invoice::life::Cause;
use ledger::Ledger;
use serde_json::json;
use simulator::{Fault, FaultRule, Match, Times};
use tests::processes::{Fate, FleetProcesses, Plan, hold_promises};
use tests::services::Ground;
use tests::{events, wait};

use super::{done, run, signed};

const DEADLINE: Duration = Duration::from_secs(120);

fn plan() -> Plan {
    Plan { producers: 1, encoders: 1, submitters: 1, ..Plan::default() }
}

fn always(fault: Fault, times: Times) -> FaultRule {
    FaultRule { matching: Match::default(), times, fault }
}

async fn with_cause(fleet: &FleetProcesses, cause: Cause) -> u64 {
    let standing = fleet.ledger.standing().await.expect("the ledger answers");
    standing.counts.iter().filter(|line| line.cause == Some(cause)).map(|line| line.count).sum()
}

/// The ledger's time as the commands take it.
async fn now(fleet: &FleetProcesses) -> String {
    fleet.ledger.now().await.expect("the ledger answers").to_rfc3339()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_the_authority_answers_wrongly_for_an_hour() {
    let ground = Ground::shared().await;
    let mut fleet = FleetProcesses::start(&ground, &plan()).await;
    let mut publisher = fleet.publisher();

    // Sound invoices are refused in bulk.
    let refuse = Fault::Refuse { message: "المشتري غير معروف".to_owned(), status: None };
    let since = now(&fleet).await;
    fleet.misbehave(&[always(refuse, Times::Always)]).await;
    publisher.publish((0..30).map(events::event), DEADLINE).await;
    fleet.settled(30, DEADLINE).await;
    assert_eq!(with_cause(&fleet, Cause::Refused).await, 30);
    let until = now(&fleet).await;
    fleet.misbehave(&[]).await;
    let window = ["--since", &since, "--until", &until];
    let requeue =
        [&["dead-letters", "requeue", "--all-matching", "--cause", "refused"], &window[..]].concat();
    let earlier =
        ["dead-letters", "requeue", "--all-matching", "--cause", "refused", "--until", &since, "--dry-run"];
    assert!(signed(&fleet, &earlier).await.contains("looked at 0:"), "nothing was refused before");
    let text =
        signed(&fleet, &[&requeue[..], &["--search", "المشتري غير معروف", "--dry-run"]].concat()).await;
    assert!(text.contains("looked at 30: 30 would be done"), "{text}");
    let text = signed(&fleet, &requeue).await;
    assert!(text.contains("looked at 30: 30 done"), "{text}");
    fleet.settled(30, DEADLINE).await;

    // It answers that it holds other documents.
    let lies = [always(Fault::DropAfter, Times::PerDocument(1)), always(Fault::OtherDocument, Times::Always)];
    fleet.misbehave(&lies).await;
    publisher.publish((30..50).map(events::event), DEADLINE).await;
    fleet.settled(50, DEADLINE).await;
    assert_eq!(with_cause(&fleet, Cause::AuthorityHoldsOther).await, 20);
    let adopt =
        ["dead-letters", "adopt", "--all-matching", "--counter-only", "--by", "ليلى", "--reason", "؟"];
    let (code, text) = run(&fleet, &adopt).await;
    assert_eq!(code, Some(1), "what differs in more than the counter is adopted by nobody: {text}");
    assert!(text.contains("looked at 20: 0 done") && text.contains("differs in more"), "{text}");
    fleet.misbehave(&[]).await;
    let text =
        signed(&fleet, &["dead-letters", "requeue", "--all-matching", "--cause", "authority_holds_other"])
            .await;
    assert!(text.contains("looked at 20: 20 done"), "{text}");
    fleet.settled(50, DEADLINE).await;

    let planned = (0..50).map(|n| (events::uuid(n), Fate::Cleared)).collect();
    hold_promises(&fleet, &ground, &planned).await;
    fleet.all_alive();
    drop(fleet);
    ground.remove().await;
}

const OLD_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW_KEY: &str = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const SECRET: &str = "planted-secret-of-a-rotated-taxpayer";

fn event(n: u64) -> serde_json::Value {
    let mut event = events::event(n * 2);
    event["seller"] = json!({ "tax_number": "33333333", "income_source": "3003003", "name": "مخبز الأمل" });
    event["number"] = json!(format!("N-{n:04}"));
    event["uuid"] = json!(events::uuid(1_000 + n));
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_the_master_key_is_rotated_while_submitters_work() {
    let ground = Ground::shared().await;
    let plan = Plan { master_key: Some(OLD_KEY.to_owned()), ..plan() };
    let mut fleet = FleetProcesses::start(&ground, &plan).await;
    let folder = fleet.folder().to_owned();
    let (secret, old, new) =
        (folder.join("secret"), folder.join("master-key-old"), folder.join("master-key"));
    std::fs::write(&secret, SECRET).unwrap();
    let device = json!([{
        "client_id": "client-3003003", "secret_key": SECRET, "tax_number": "33333333",
        "income_source": "3003003", "family": "income",
    }]);
    fleet.register_devices(&device).await;
    let add = [
        "taxpayers",
        "add",
        "33333333:3003003",
        "--environment",
        "simulation",
        "--name",
        "مخبز الأمل",
        "--family",
        "income",
        "--client-id",
        "client-3003003",
        "--secret-file",
        secret.to_str().unwrap(),
    ];
    signed(&fleet, &add).await;
    let publisher = fleet.publisher();
    wait::until("the producer to know the taxpayer", DEADLINE, || async {
        (publisher.publish_one(0, &event(1)).await.0 == 202).then_some(())
    })
    .await;
    fleet.settled(1, DEADLINE).await;

    // The runbook: the old key is named beside the new one, submitters come back one by one, and all is sealed anew.
    std::fs::write(&old, OLD_KEY).unwrap();
    std::fs::write(&new, NEW_KEY).unwrap();
    let config = folder.join("fawtara.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let both = format!("taxpayers.old_master_key_files = [{:?}]\n{text}", old.display().to_string());
    std::fs::write(&config, both).unwrap();
    fleet.kill_and_start("submitter-1");
    fleet.ready().await;
    assert_eq!(publisher.publish_one(0, &event(2)).await.0, 202);
    fleet.settled(2, DEADLINE).await;
    let told = signed(&fleet, &["taxpayers", "rotate-master-key", "--dry-run"]).await;
    assert!(told.contains("1 secret(s) would be sealed anew"), "{told}");
    let told = signed(&fleet, &["taxpayers", "rotate-master-key"]).await;
    assert!(
        told.contains("1 secret(s) sealed anew") && told.contains("no secret needs an older key"),
        "{told}"
    );
    std::fs::write(&config, text).unwrap();
    std::fs::remove_file(&old).unwrap();
    fleet.kill_and_start("submitter-1");
    fleet.ready().await;
    assert_eq!(publisher.publish_one(0, &event(3)).await.0, 202);
    fleet.settled(3, DEADLINE).await;
    let told = done(&fleet, &["taxpayers", "check", "33333333:3003003"]).await;
    assert!(told.contains("ACCEPTED"), "{told}");
    for (place, log) in fleet.logs() {
        for planted in [SECRET, OLD_KEY, NEW_KEY] {
            assert!(!log.contains(planted), "{place} tells {planted}");
        }
    }
    fleet.all_alive();
    drop(fleet);
    ground.remove().await;
}
