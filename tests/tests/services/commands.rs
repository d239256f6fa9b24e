//! What the binary says and how it exits when something is not as it must be.

use std::process::Output;

use serde_json::Value;
use tests::processes::{FleetProcesses, Plan, bare_command, run, said};
use tests::services::Ground;

/// Nobody listens on this port: it is reserved for multiplexing, and not in use anywhere.
const NOWHERE: &str = "127.0.0.1:1";
const PASSWORD: &str = "planted-password";

async fn fawtara(arguments: &[&str]) -> Output {
    run(&mut bare_command(arguments)).await
}

#[tokio::test]
async fn services_that_are_away_are_named_with_what_to_do() {
    let database = format!("ledger.url=postgres://fawtara:{PASSWORD}@{NOWHERE}/fawtara");
    for command in [&["encoder"][..], &["migrate"], &["verify"], &["show", "T-1"], &["import", "-"]] {
        let arguments: Vec<_> = command.iter().copied().chain(["--set", &database]).collect();
        let output = fawtara(&arguments).await;
        let text = said(&output);
        assert_eq!(output.status.code(), Some(69), "{command:?}: {text}");
        assert!(
            text.contains("fawtara doctor") || text.contains("ledger.url"),
            "{command:?} does not say what to do: {text}"
        );
        assert!(!text.contains(PASSWORD), "{command:?} prints the password: {text}");
    }
}

#[tokio::test]
async fn a_broker_that_is_away_is_named_with_what_to_do() {
    let ground = Ground::shared().await;
    let ledger = format!("ledger.url={}", ground.database_url());
    let migrated = fawtara(&["migrate", "--set", &ledger]).await;
    assert!(migrated.status.success(), "{}", said(&migrated));
    let broker = format!("broker.url=amqp://fawtara:{PASSWORD}@{NOWHERE}/%2f");
    let output = fawtara(&["encoder", "--set", &ledger, "--set", &broker]).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(text.contains("broker.url") && text.contains("fawtara doctor"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    ground.remove().await;
}

#[tokio::test]
async fn doctor_finds_what_is_absent_and_says_how_to_mend_it() {
    let database = format!("ledger.url=postgres://fawtara:{PASSWORD}@{NOWHERE}/fawtara");
    let broker = format!("broker.url=amqp://fawtara:{PASSWORD}@{NOWHERE}/%2f");
    let output = fawtara(&["doctor", "--json", "--set", &database, "--set", &broker]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!said(&output).contains(PASSWORD), "{}", said(&output));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    for what in ["ledger", "broker"] {
        let finding =
            findings.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("{findings:?}"));
        assert_eq!(finding["grade"], "wrong", "{finding}");
        assert!(
            finding["mend"].as_str().is_some_and(|mend| mend.contains(&format!("{what}.url"))),
            "{finding}"
        );
    }
}

#[tokio::test]
async fn doctor_finds_nothing_wrong_with_a_fleet_at_work() {
    let ground = Ground::shared().await;
    let plan = Plan { producers: 1, encoders: 1, submitters: 1, ..Plan::default() };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    let output = fleet.run(&["doctor", "--json"]).await;
    assert!(output.status.success(), "{}", said(&output));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(findings.len() > 8, "{findings:?}");
    assert!(findings.iter().all(|finding| finding["grade"] != "wrong"), "{findings:#?}");
    let text = fleet.run(&["doctor"]).await;
    assert!(said(&text).contains("Nothing stands in the way."), "{}", said(&text));
    drop(fleet);
    ground.remove().await;
}

#[tokio::test]
async fn a_listener_that_others_reach_needs_a_key() {
    let ground = Ground::shared().await;
    let plan = Plan { producers: 0, encoders: 0, submitters: 0, ..Plan::default() };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = fleet.run(&["producer", "--set", &format!("producer.listen={address}")]).await;
        let text = said(&output);
        assert!(!output.status.success(), "{text}");
        assert!(text.contains("producer.keys") && text.contains("127.0.0.1"), "{text}");
    }
    drop(fleet);
    ground.remove().await;
}
