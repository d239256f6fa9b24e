//! Secrets are never logged, printed or measured, however much is logged.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use tests::processes::{FleetProcesses, Load, Plan, bad_day, run, said, secret_key};
use tests::services::Ground;
use tests::{events, fleet};

const PASSWORD: &str = "planted-database-password";
const AMQP_PASSWORD: &str = "planted-amqp-password";
const KEY: &str = "planted-bearer-key";
const WRONG_KEY: &str = "fwt_plantedk_0000000000000000000000000000000000000000000000000000plantedwrong";
/// 32 bytes each, in Base64.
const MASTER_KEY: &str = "cGxhbnRlZC1tYXN0ZXIta2V5LW9mLTMyLWJ5dGVzISE=";
const WEBHOOK_SECRET: &str = "whsec_cGxhbnRlZC13ZWJob29rLXNlY3JldC0zMi1ieXRlcw==";
const STORED_SECRET: &str = "planted-stored-secret-of-the-registry";
const COUNT: u64 = 60;
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_no_secret_is_logged_or_measured() {
    let ground = Ground::shared().await;
    let webhook_secret = tests::services::scratch("webhook").join("secret");
    std::fs::write(&webhook_secret, WEBHOOK_SECRET).unwrap();
    let plan = Plan {
        producers: 1,
        encoders: 1,
        submitters: 1,
        key: Some(KEY.to_owned()),
        database_password: Some(PASSWORD.to_owned()),
        master_key: Some(MASTER_KEY.to_owned()),
        // All that any library says.
        log: "trace".to_owned(),
        more: format!(
            "[[webhooks]]\nname = \"books\"\nurl = \"http://127.0.0.1:9/planted\"\nsecret_file = {webhook_secret:?}\n"
        ),
        ..Plan::default()
    };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    // A key of the ledger, and what is stored there: the one answer that tells a key is its making.
    let made = fleet.run(&["keys", "create", "--name", "till", "--by", "x", "--reason", "y", "--json"]).await;
    let made: Value = serde_json::from_slice(&made.stdout).expect("a key is made");
    let of_ledger = made["key"].as_str().expect("it is told once").to_owned();
    let add = "taxpayers add 12345678:7777777 --environment simulation --name T --client-id c --secret-env PLANTED --by x --reason y";
    let mut add = fleet.command(&add.split(' ').collect::<Vec<_>>());
    let added = run(add.env("PLANTED", STORED_SECRET)).await;
    assert!(added.status.success(), "{}", said(&added));

    fleet.misbehave(&bad_day()).await;
    let load = Load::new(COUNT);
    fleet.publisher().publish(load.events, DEADLINE).await;
    fleet.settled(COUNT, DEADLINE).await;

    let mut heard = fleet.metrics().await;
    heard.insert("taxpayers add".to_owned(), said(&added));
    answers(&fleet, &of_ledger, &mut heard).await;
    for (name, log) in fleet.logs() {
        // The simulator reads neither broker nor database: its libraries have nothing to say.
        assert!(
            name == "simulator" || log.contains("TRACE"),
            "{name} does not log all that it could: this proves nothing"
        );
        heard.insert(format!("log of {name}"), log);
    }
    commands(&fleet, &mut heard).await;

    let (_, secret_part) = of_ledger.rsplit_once('_').expect("prefix and secret");
    let mut secrets: Vec<String> =
        [KEY, WRONG_KEY, PASSWORD, AMQP_PASSWORD, MASTER_KEY, WEBHOOK_SECRET, STORED_SECRET, secret_part]
            .map(str::to_owned)
            .into();
    secrets.push(WEBHOOK_SECRET.trim_start_matches("whsec_").to_owned());
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

/// What publishers are answered, those who are let in and those who are not.
async fn answers(fleet: &FleetProcesses, of_ledger: &str, heard: &mut BTreeMap<String, String>) {
    let http = reqwest::Client::new();
    let place = format!("{}/v1/invoices", fleet.producers()[0]);
    let opened = async {
        // The key was made while the producer worked.
        while http.get(format!("{place}/x")).bearer_auth(of_ledger).send().await.unwrap().status() != 400 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, opened).await.expect("the key opens");
    for key in [KEY, WRONG_KEY, of_ledger] {
        for body in ["{", "[]", "\u{0}"] {
            let answer = http.post(&place).bearer_auth(key).body(body).send().await.unwrap();
            let headers = format!("{:?}", answer.headers());
            assert!(headers.contains("nosniff") && headers.contains("no-store"), "{headers}");
            let text = headers + &answer.text().await.unwrap();
            heard.insert(format!("answer to {body:?} with {}", key.len()), text);
        }
        let till = fleet.producers()[0].clone() + "/api/Invoice";
        let answer = http.post(till).header("license-key", key).body("{}").send().await.unwrap();
        heard.insert(format!("answer to a till with {}", key.len()), answer.text().await.unwrap());
    }
}

/// What commands say, of services that are there, that are away, and that refuse.
async fn commands(fleet: &FleetProcesses, heard: &mut BTreeMap<String, String>) {
    let uuid = events::uuid(1).to_string();
    let away = format!("ledger.url=postgres://app:{PASSWORD}@127.0.0.1:9/x");
    let odd = format!("ledger.url=mysql://app:{PASSWORD}@db/x");
    let refused = format!("broker.url=amqp://fawtara:{AMQP_PASSWORD}@127.0.0.1:5672/%2f");
    let gone = format!("broker.url=amqps://fawtara:{AMQP_PASSWORD}@127.0.0.1:9/%2f");
    for arguments in [
        &["config"][..],
        &["show", &uuid, "--json"],
        &["doctor", "--json"],
        &["keys", "list", "--all", "--json"],
        &["keys", "history", "--json"],
        &["taxpayers", "show", "12345678", "--json"],
        &["taxpayers", "history", "--json"],
        &["webhooks", "failed", "--json"],
        &["webhooks", "test", "books"],
        &["keys", "revoke", WRONG_KEY, "--by", "x", "--reason", "y"],
        &["doctor", "--set", &away, "--set", &gone],
        &["doctor", "--set", &refused],
        &["producer", "--set", &refused],
        &["submitter", "--set", &away],
        &["encoder", "--set", &odd],
    ] {
        let told = said(&fleet.run(arguments).await);
        assert!(!told.trim().is_empty(), "{arguments:?}");
        heard.insert(format!("fawtara {}", arguments[0]) + &format!(" #{}", heard.len()), told);
    }
}
