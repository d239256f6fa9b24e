//! Secrets are never logged, printed or measured, however much is logged.

use std::time::Duration;

use tests::processes::{FleetProcesses, Load, Plan, bad_day, said, secret_key};
use tests::services::Ground;
use tests::{events, fleet};

const PASSWORD: &str = "planted-database-password";
const COUNT: u64 = 60;
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_no_secret_is_logged_or_measured() {
    let ground = Ground::shared().await;
    let plan = Plan {
        producers: 1,
        encoders: 1,
        submitters: 1,
        key: Some("planted-bearer-key".to_owned()),
        database_password: Some(PASSWORD.to_owned()),
        log: "debug".to_owned(),
        ..Plan::default()
    };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    fleet.misbehave(&bad_day()).await;
    let load = Load::new(COUNT);
    fleet.publisher().publish(load.events, DEADLINE).await;
    fleet.settled(COUNT, DEADLINE).await;

    let mut heard = fleet.metrics().await;
    for (name, log) in fleet.logs() {
        assert!(!log.is_empty(), "{name} logged nothing: this proves nothing");
        heard.insert(format!("log of {name}"), log);
    }
    let uuid = events::uuid(1).to_string();
    for arguments in [&["config"][..], &["show", &uuid, "--json"], &["doctor", "--json"]] {
        heard.insert(format!("{arguments:?}"), said(&fleet.run(arguments).await));
    }
    let mut secrets = vec!["planted-bearer-key".to_owned(), PASSWORD.to_owned()];
    secrets.extend(fleet::sources().iter().map(|(source, _)| secret_key(&source.sequence)));
    for (place, text) in &heard {
        for secret in &secrets {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{place} tells {secret}");
        }
    }
    drop(fleet);
    ground.remove().await;
}
