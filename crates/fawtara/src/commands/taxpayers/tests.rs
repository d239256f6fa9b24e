//! Tests of the command line, on the memory ledger and a transport that answers as told.

use std::sync::Mutex;

use async_trait::async_trait;
use clap::Parser;
use jofotara::{Exchange, HttpRequest, Transport};
use ledger::vault::MasterKey;
use ledger::{MemoryLedger, Schedule};
use secrecy::SecretString;
use serde_json::Value;

use super::*;

/// Would be recognised anywhere.
const SECRET: &str = "Gj5nS9wyYHRadaVffz5VKB4v4wlVWyPhcJvrTD4NHtM";
const NEW_SECRET: &str = "kR2fW8mQx7Lp0aZtYc6VbN3sUe5HiJd1GoTq9XyK4Ew";
const SIGNED: &str = "--by ليلى --reason نشاط-جديد";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Answers with a status, and keeps what it was sent.
#[derive(Default)]
struct Canned {
    status: Mutex<Option<u16>>,
    seen: Mutex<Vec<HttpRequest>>,
}

#[async_trait]
impl Transport for Canned {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        self.seen.lock().unwrap().push(request);
        match *self.status.lock().unwrap() {
            Some(status) => Exchange::Answered { status, retry_after: None, body: "{}".into() },
            None => Exchange::NotSent { reason: "connection refused".to_owned() },
        }
    }
}

struct Room {
    office: Office,
    authority: Arc<Canned>,
    folder: PathBuf,
}

fn key(seed: u8) -> MasterKey {
    let digits: String =
        (0..32_u8).map(|n| format!("{:02x}", n.wrapping_mul(7).wrapping_add(seed))).collect();
    MasterKey::parse(&SecretString::from(digits)).unwrap()
}

impl Room {
    fn new() -> Self {
        let authority = Arc::new(Canned::default());
        let office = Office {
            ledger: Arc::new(MemoryLedger::new(crate::wiring::wall_clock(), Schedule::default())),
            broker: Arc::new(broker::MemoryBroker::default()),
            vault: Vault::new(Some(key(1)), Vec::new()),
            settings: Settings::default(),
            client: Client::new(authority.clone()),
        };
        let folder = std::env::temp_dir().join(format!("fawtara-taxpayers-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("secret"), format!("{SECRET}\n")).unwrap();
        std::fs::write(folder.join("new"), NEW_SECRET).unwrap();
        std::fs::write(folder.join("empty"), " \n").unwrap();
        Self { office, authority, folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    async fn say(&self, line: &str) -> (Outcome, String) {
        let (outcome, text) = self.try_say(line).await;
        (outcome.unwrap(), text)
    }

    async fn try_say(&self, line: &str) -> (anyhow::Result<Outcome>, String) {
        let words = std::iter::once("taxpayers").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).unwrap();
        let mut out = Vec::new();
        let outcome = run(&line.args, &self.office, &mut out).await;
        let text = String::from_utf8(out).unwrap();
        for hidden in [SECRET, NEW_SECRET] {
            assert!(!text.contains(hidden), "a secret is shown: {text}");
        }
        (outcome, text)
    }

    async fn add(&self, source: &str, environment: &str) -> (Outcome, String) {
        let file = self.file("secret");
        let line = format!(
            "add {source} --environment {environment} --name متجر --client-id u-{source} --secret-file {file} {SIGNED}"
        );
        self.say(&line).await
    }

    async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.say(&format!("{line} --json")).await.1).unwrap()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn fails(line: &str) -> bool {
    Line::try_parse_from(std::iter::once("taxpayers").chain(line.split_whitespace())).is_err()
}

#[test]
fn every_change_must_be_signed_and_no_secret_is_an_argument() {
    for change in [
        "add 12345678:1 --environment simulation",
        "set 12345678:1",
        "rotate-secret 12345678:1",
        "activate 12345678:1",
        "deactivate 12345678:1",
        "rotate-master-key",
        "move X --to 12345678:1",
    ] {
        assert!(fails(change), "{change}");
        assert!(fails(&format!("{change} --by ليلى")), "{change}");
        assert!(!fails(&format!("{change} {SIGNED}")), "{change}");
    }
    assert!(fails(&format!("rotate-secret 12345678:1 --secret {SECRET} {SIGNED}")));
    assert!(fails(&format!("rotate-secret 12345678:1 --secret-stdin --secret-env X {SIGNED}")), "two places");
    for wrong in ["12345678", "12345678:", ":1", "1234:1", "12345678:x", "12345678:١", "a:b"] {
        assert!(fails(&format!("check {wrong}")), "{wrong}");
    }
}

#[tokio::test]
async fn a_taxpayer_is_registered_seen_and_changed() {
    let room = Room::new();
    assert_eq!(
        room.say("list").await.1,
        "no income source is registered: `fawtara taxpayers add` registers one\n"
    );
    let (outcome, text) = room.add("12345678:9932895", "simulation").await;
    assert_eq!(outcome, Outcome::Done, "{text}");
    assert_eq!(text, "12345678:9932895 (SIMULATION) is registered; the fleet knows it within 5 s\n");
    let (_, text) = room.say("history").await;
    assert!(text.contains("name: \"متجر\"") && !text.contains("null") && !text.contains("profile"), "{text}");
    let (_, text) = room.say("list").await;
    for told in ["12345678", "9932895", "SIMULATION", "active", "متجر"] {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    let set = format!(
        "set 12345678:9932895 --family income --icv-start 501 --profile {{\"taxable_amount\":true}} {SIGNED}"
    );
    assert_eq!(room.say(&set).await.0, Outcome::Done);
    assert_eq!(room.json(&set).await["error"], "nothing_new");
    let (_, text) = room.say("show 12345678").await;
    for told in [
        "starts at 501",
        "{\"taxable_amount\":true}",
        &key(1).id(),
        "u-12345678:9932895",
        "icv_start: 1 → 501",
    ] {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    let shown = room.json("show 12345678").await;
    assert_eq!(shown["income_sources"][0]["secret_is_under_current_key"], true);
    assert_eq!(shown["income_sources"][0]["secret_sealed_under"], key(1).id());
    assert!(shown["income_sources"][0].get("secret").is_none());
    let rename = format!("set 12345678 --name متجر-الياسمين --notes {{\"branch\":\"عمّان\"}} {SIGNED}");
    assert_eq!(room.say(&rename).await.0, Outcome::Done);
    assert_eq!(room.json("show 12345678").await["taxpayer"]["settings"]["branch"], "عمّان");
    let history = room.json("history").await;
    let actions: Vec<_> = history.as_array().unwrap().iter().map(|record| &record["action"]).collect();
    assert_eq!(actions, ["set", "set", "add", "add"]);
    assert!(room.say("history 12345678 --limit 1").await.1.contains("more: --before 4"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_what_to_do() {
    let room = Room::new();
    room.add("12345678:1", "simulation").await;
    let file = room.file("secret");
    let (empty, absent) = (room.file("empty"), room.file("absent"));
    let add = |rest: &str| format!("add 12345678:2 {rest} {SIGNED}");
    for (line, code) in [
        (add("--environment production --client-id u"), "no_secret"),
        (add(&format!("--environment production --client-id u --secret-file {empty}")), "no_secret"),
        (add(&format!("--environment production --secret-file {file}")), "refused_by_gate"),
        (add(&format!("--environment sandbox --client-id u --secret-file {file}")), "refused_by_gate"),
        (
            add(&format!(
                "--environment simulation --client-id u --secret-file {file} --url https://backend.jofotara.gov.jo/"
            )),
            "refused_by_gate",
        ),
        (add("--environment simulation --inactive --route {\"kind\":\"pigeon\"}"), "wrong_route"),
        (add("--environment simulation --inactive --profile {\"colour\":1}"), "wrong_profile"),
        (add("--environment simulation --inactive --profile nonsense"), "not_json"),
        (add("--environment simulation --inactive --name آخر"), "named"),
        (format!("add 87654321:1 --environment simulation --inactive {SIGNED}"), "no_name"),
        (format!("add 12345678:1 --environment simulation --inactive {SIGNED}"), "registered"),
        (
            format!("add 12345678:1 --environment production --client-id u --secret-file {file} {SIGNED}"),
            "active_elsewhere",
        ),
        (format!("set 12345678:3 --family any {SIGNED}"), "unknown_income_source"),
        (format!("set 87654321 --name x {SIGNED}"), "unknown_taxpayer"),
        (format!("set 12345678 --family any {SIGNED}"), "wrong_target"),
        (format!("set 12345678:1 --name x {SIGNED}"), "wrong_target"),
        (format!("set 12345678:1 {SIGNED}"), "nothing_new"),
        (format!("rotate-secret 12345678:1 {SIGNED}"), "no_secret"),
        (format!("activate 12345678:1 {SIGNED}"), "nothing_new"),
        ("deactivate 12345678:1 --by ليلى --reason= ".to_owned(), "unsigned"),
        ("check 12345678:9".to_owned(), "unknown_income_source"),
        ("show 87654321".to_owned(), "unknown_taxpayer"),
        (format!("move INV-404 --to 12345678:1 {SIGNED}"), "unknown_invoice"),
    ] {
        let answer = room.json(&line).await;
        assert_eq!(answer["error"], code, "{line}: {answer}");
    }
    assert_eq!(room.office.ledger.taxpayers().registry_revision().await.unwrap(), 2, "nothing was written");
    let missing = format!("rotate-secret 12345678:1 --secret-file {absent} {SIGNED}");
    let error = room.try_say(&missing).await.0.unwrap_err();
    assert!(format!("{error:#}").contains("--secret-file"), "{error:#}");
}

#[tokio::test]
async fn a_move_to_where_it_is_is_refused_in_whole_sentences() {
    let room = Room::new();
    room.add("12345678:1", "simulation").await;
    let event = serde_json::json!({
        "schema_version": 1, "family": "income", "payment": "cash", "number": "فاتورة-1", "issue_date": "2026-03-01",
        "seller": { "tax_number": "12345678", "name": "متجر الياسمين", "income_source": "1" },
        "lines": [{ "name": "زيت زيتون بلدي", "quantity": 2, "unit_price": "3.5" }],
    });
    let checked = invoice::read(event.to_string().as_bytes()).unwrap();
    let arrival = ledger::Arrival {
        key: invoice::InvoiceKey { environment: Environment::Simulation, uuid: checked.event.uuid() },
        source: checked.event.income_source(),
        number: checked.event.number().to_owned(),
        content: checked.content,
        amends: None,
        by: None,
        summary: ledger::Summary::of(&checked),
        original: None,
        normal_form: checked.normal_form,
        traceparent: None,
    };
    room.office.ledger.accept(vec![arrival]).await.unwrap();
    let (outcome, text) = room.say(&format!("move فاتورة-1 --to 12345678:1 {SIGNED}")).await;
    assert_eq!(outcome, Outcome::No);
    assert!(text.contains("12345678:1 already. Name an active"), "{text}");
}

#[tokio::test]
async fn a_rehearsal_gives_way_to_the_real_thing() {
    let room = Room::new();
    room.add("12345678:1", "simulation").await;
    let file = room.file("secret");
    let prepare = format!(
        "add 12345678:1 --environment production --client-id u --secret-file {file} --inactive {SIGNED}"
    );
    assert_eq!(room.say(&prepare).await.0, Outcome::Done);
    assert_eq!(room.json(&format!("deactivate 12345678:1 {SIGNED}")).await["error"], "ambiguous");
    let go = format!("activate 12345678:1 --environment production {SIGNED}");
    let refused = room.json(&go).await;
    assert_eq!(refused["error"], "active_elsewhere");
    assert!(refused["message"].as_str().unwrap().contains("deactivate 12345678:1 --environment simulation"));
    let end = format!("deactivate 12345678:1 --environment simulation {SIGNED}");
    assert_eq!(room.say(&end).await.0, Outcome::Done);
    let (outcome, text) = room.say(&go).await;
    assert_eq!((outcome, text.contains("(production) is active")), (Outcome::Done, true), "{text}");
}

#[tokio::test]
async fn credentials_are_checked_without_an_invoice() {
    let room = Room::new();
    room.add("12345678:1", "simulation").await;
    room.add("12345678:2", "simulation").await;
    let answer = |status| *room.authority.status.lock().unwrap() = status;
    answer(Some(400));
    let (outcome, text) = room.say("check").await;
    assert_eq!((outcome, text.matches("ACCEPTED").count()), (Outcome::Done, 2), "{text}");
    for request in room.authority.seen.lock().unwrap().iter() {
        assert_eq!(request.body().as_ref(), b"{\"invoice\":\"\"}");
        assert_eq!(request.header("secret-key"), Some(SECRET));
    }
    answer(Some(403));
    let (outcome, text) = room.say("check 12345678:2").await;
    assert_eq!((outcome, text.matches("REFUSED").count()), (Outcome::No, 1), "{text}");
    answer(None);
    let (outcome, text) = room.try_say("check --json").await;
    let findings: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(findings[0]["result"], "unclear");
    assert_eq!(crate::failure::exit_code(&outcome.unwrap_err()), crate::failure::EX_UNAVAILABLE);
}

#[tokio::test]
async fn a_secret_is_rotated_and_so_is_the_master_key() {
    let mut room = Room::new();
    room.add("12345678:1", "simulation").await;
    room.add("12345678:2", "simulation").await;
    let new = room.file("new");
    let rotate = format!("rotate-secret 12345678:1 --client-id u-9 --secret-file {new} {SIGNED}");
    assert_eq!(room.say(&rotate).await.0, Outcome::Done);
    *room.authority.status.lock().unwrap() = Some(400);
    room.say("check 12345678:1").await;
    let sent = room.authority.seen.lock().unwrap().pop().unwrap();
    assert_eq!((sent.header("secret-key"), sent.header("client-id")), (Some(NEW_SECRET), Some("u-9")));

    room.office.vault = Vault::new(Some(key(2)), Vec::new());
    let again = format!("rotate-master-key {SIGNED}");
    let (outcome, text) = room.say(&again).await;
    assert_eq!(
        (outcome, text.matches("NOT sealed anew").count()),
        (Outcome::No, 2),
        "the old key is needed: {text}"
    );
    assert!(text.contains(&key(1).id()), "{text}");
    room.office.vault = Vault::new(Some(key(2)), vec![key(1)]);
    let (_, text) = room.say(&format!("{again} --dry-run")).await;
    assert!(text.contains("2 secret(s) would be sealed anew"), "{text}");
    assert_eq!(room.say(&again).await.0, Outcome::Done);
    room.office.vault = Vault::new(Some(key(2)), Vec::new());
    let report = room.json(&again).await;
    assert_eq!(report["secrets"][0]["result"], "current");
    assert_eq!(room.say("check").await.0, Outcome::Done, "the new key alone opens all");
    let history = room.json("history").await.to_string();
    assert!(history.contains("\"reseal\"") && history.contains("\"replaced\""), "{history}");
    assert!(!history.contains(SECRET) && !history.contains(NEW_SECRET));
}

#[tokio::test]
async fn without_a_master_key_nothing_is_stored() {
    let mut room = Room::new();
    room.office.vault = Vault::default();
    let file = room.file("secret");
    let add = format!(
        "add 12345678:1 --environment simulation --name x --client-id u --secret-file {file} {SIGNED}"
    );
    let error = room.try_say(&add).await.0.unwrap_err();
    assert_eq!(crate::failure::exit_code(&error), crate::failure::EX_CONFIG);
    assert!(error.to_string().contains("FAWTARA_MASTER_KEY"), "{error}");
    assert_eq!(room.office.ledger.taxpayers().registry_revision().await.unwrap(), 0);
}
