//! Tests of the command line, on the memory adapters.

use std::sync::Arc;

use broker::MemoryBroker;
use clap::Parser;
use invoice::life::Policy;
use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use ledger::{Arrival, Draft, Encode, Encoding, MemoryLedger, RefusedIntake, Schedule, Summary, Unencoded};
use serde_json::{Value, json};

use super::*;
use crate::commands::show;

/// An id of refused intake, and of nothing else.
const INTAKE: &str = "00000000-0000-0000-0000-000000000009";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn desk() -> Console {
    let clock = Arc::new(|| Timestamp::from_timestamp(1_790_000_000, 0).unwrap());
    Console {
        ledger: Arc::new(MemoryLedger::new(clock, Schedule::default())),
        broker: Arc::new(MemoryBroker::default()),
        policy: Policy::default(),
        registrations: Arc::default(),
    }
}

async fn with_refused_intake() -> Console {
    let desk = desk();
    let record = RefusedIntake {
        id: INTAKE.parse().unwrap(),
        at: Timestamp::UNIX_EPOCH,
        via: "amqp".to_owned(),
        code: "invalid".to_owned(),
        message: "الكمية صفر".to_owned(),
        faults: None,
        uuid: None,
        number: Some("فاتورة-٩".to_owned()),
        sha256: invoice::Digest::of(b"{}"),
        body: b"{}".to_vec(),
    };
    desk.ledger.refuse_intake(vec![record]).await.unwrap();
    desk
}

async fn say(desk: &Console, line: &str) -> (Outcome, String) {
    let line = Line::try_parse_from(std::iter::once("dead-letters").chain(line.split_whitespace())).unwrap();
    let mut out = Vec::new();
    let outcome = run(&line.args, desk, &mut out).await.unwrap();
    (outcome, String::from_utf8(out).unwrap())
}

fn fails(line: &str) -> bool {
    Line::try_parse_from(std::iter::once("dead-letters").chain(line.split_whitespace())).is_err()
}

#[test]
fn every_change_must_be_signed() {
    for change in ["requeue X", "amend X f.json", "abandon X", "adopt X", &format!("resolve {INTAKE}")] {
        assert!(fails(change), "{change}");
        assert!(fails(&format!("{change} --by ليلى")), "{change}");
        assert!(!fails(&format!("{change} --by ليلى --reason صُحِّح")), "{change}");
    }
    assert!(fails("requeue --by a --reason b"), "nothing named");
    assert!(fails("requeue X --all-matching --by a --reason b"), "named and all");
    for bulk in ["--dry-run", "--at-most 3"] {
        assert!(fails(&format!("requeue X {bulk} --by a --reason b")), "{bulk} must not be without effect");
        assert!(!fails(&format!("requeue --all-matching {bulk} --by a --reason b")), "{bulk}");
    }
    assert!(fails("list --cause tired"));
}

#[tokio::test]
async fn refused_intake_is_listed_shown_and_resolved() {
    let desk = with_refused_intake().await;
    let (_, text) = say(&desk, "list").await;
    assert!(text.contains("فاتورة-٩") && text.contains(INTAKE), "{text}");
    let (_, text) = say(&desk, "list --groups").await;
    assert!(text.contains("refused intake  invalid  1"), "{text}");
    let (outcome, text) = say(&desk, &format!("show {INTAKE} --json")).await;
    assert_eq!(outcome, Outcome::Done);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["message"], "الكمية صفر");
    let resolve = format!("resolve {INTAKE} --by ليلى --reason نُشرت-ثانية");
    assert_eq!(say(&desk, &resolve).await.0, Outcome::Done);
    assert_eq!(say(&desk, &resolve).await.0, Outcome::No);
    assert_eq!(say(&desk, "list").await.1, "nothing waits for a person\n");
}

#[tokio::test]
async fn what_is_unknown_is_told_for_people_and_scripts() {
    let desk = desk();
    let (outcome, text) = say(&desk, "show INV-404").await;
    assert_eq!(outcome, Outcome::No);
    assert!(text.contains("no invoice with the UUID or number \"INV-404\""), "{text}");
    let (outcome, text) = say(&desk, "requeue INV-404 INV-405 --by ليلى --reason x --json").await;
    assert_eq!(outcome, Outcome::No);
    let results: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(results[1]["refused"]["error"], "unknown_invoice");
    let (outcome, text) = say(&desk, "requeue --all-matching --dry-run --by ليلى --reason x").await;
    assert_eq!(
        (outcome, text.as_str()),
        (Outcome::Done, "looked at 0: 0 would be done (worth 0), 0 refused\n")
    );
}

/// Finds everything unfit: the shortest way to an invoice that waits for a person.
struct Strict;

impl Encode for Strict {
    fn icv_start(&self, _: Environment, _: &IncomeSource) -> Option<u64> {
        Some(1)
    }

    fn encode(&self, _: &Draft, _: u64) -> Result<Encoding, Unencoded> {
        Err(Unencoded::unfit("المبلغ لا يطابق البنود"))
    }
}

/// A rejected invoice number `فاتورة-1` over 7 JOD.
async fn rejected(desk: &Console) -> InvoiceKey {
    let event = json!({
        "schema_version": 1, "family": "income", "payment": "cash", "number": "فاتورة-1", "issue_date": "2026-03-01",
        "seller": { "tax_number": "12345678", "name": "متجر الياسمين", "income_source": "9932895" },
        "buyer": { "name": "شركة البتراء & الشركاء <عمان>" },
        "lines": [{ "name": "زيت زيتون بلدي", "quantity": 2, "unit_price": "3.5" }],
    });
    let checked = invoice::read(event.to_string().as_bytes()).unwrap();
    let key = InvoiceKey { environment: Environment::Simulation, uuid: checked.event.uuid() };
    let arrival = Arrival {
        key,
        source: checked.event.income_source(),
        number: checked.event.number().to_owned(),
        content: checked.content,
        amends: None,
        by: None,
        summary: Summary::of(&checked),
        original: None,
        normal_form: checked.normal_form,
        traceparent: None,
    };
    desk.ledger.accept(vec![arrival]).await.unwrap();
    desk.ledger.encode(vec![key], Arc::new(Strict)).await.unwrap();
    key
}

async fn shown(desk: &Console, line: &str) -> String {
    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: show::Args,
    }
    let line = Line::try_parse_from(std::iter::once("show").chain(line.split_whitespace())).unwrap();
    let mut out = Vec::new();
    assert_eq!(show::run(&line.args, desk, &mut out).await.unwrap(), Outcome::Done);
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn a_rejected_invoice_is_seen_corrected_and_given_up() {
    let desk = desk();
    let key = rejected(&desk).await;
    let (_, text) = say(&desk, "list").await;
    for told in ["SIMULATION", "فاتورة-1", "rejected", "unfit", "7 JOD", "المبلغ لا يطابق البنود"]
    {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    let (_, text) = say(&desk, "list --groups").await;
    assert!(text.contains("rejected  unfit  1"), "{text}");

    let content = shown(&desk, "فاتورة-1 --content").await;
    assert!(content.contains("\"amends\": 1"), "{content}");
    let file = std::env::temp_dir().join(format!("fawtara-amend-{}.json", key.uuid));
    std::fs::write(&file, content.replace("\"3.5\"", "\"4.25\"")).unwrap();
    let amend = format!("amend {} {} --by ليلى --reason صُحِّح", key.uuid, file.display());
    let (outcome, text) = say(&desk, &format!("{amend} --dry-run")).await;
    assert_eq!(outcome, Outcome::Done);
    assert!(text.contains("lines[0].unit_price: ours \"3.5\", theirs \"4.25\""), "{text}");
    let (outcome, text) = say(&desk, &amend).await;
    assert_eq!(outcome, Outcome::Done);
    assert!(text.contains("(SIMULATION) is draft now"), "{text}");
    let (outcome, text) = say(&desk, &format!("{amend} --json")).await;
    assert_eq!(outcome, Outcome::No);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["error"], "nothing_new");
    std::fs::remove_file(&file).unwrap();

    let (outcome, _) = say(&desk, "abandon فاتورة-1 --by ليلى --reason مكررة").await;
    assert_eq!(outcome, Outcome::Done);
    let story = shown(&desk, &key.uuid.to_string()).await;
    for told in
        ["SIMULATION", "document version 2 by ليلى: صُحِّح", "given up by ليلى: مكررة", "<عمان>", "8.5 JOD"]
    {
        assert!(story.contains(told), "{told} is missing in:\n{story}");
    }
    let json: Value = serde_json::from_str(&shown(&desk, &format!("{} --json", key.uuid)).await).unwrap();
    assert_eq!(json["invoice"]["state"], "abandoned");
}

#[tokio::test]
async fn all_that_match_are_requeued_after_a_dry_run() {
    let desk = desk();
    let key = rejected(&desk).await;
    let requeue = "requeue --all-matching --cause unfit --by ليلى --reason صُحِّح";
    let (_, text) = say(&desk, &format!("{requeue} --dry-run")).await;
    assert_eq!(text, "looked at 1: 1 would be done (worth 7 JOD), 0 refused\n");
    let (_, text) = say(&desk, requeue).await;
    assert_eq!(text, "looked at 1: 1 done (worth 7 JOD), 0 refused\n");
    let filtered = format!("dead-letters requeue {} --cause refused --by عمر --reason y", key.uuid);
    let line = Line::try_parse_from(filtered.split_whitespace()).unwrap();
    assert!(run(&line.args, &desk, &mut Vec::new()).await.is_err(), "a filter beside names");
    let (outcome, text) = say(&desk, &format!("requeue {} --by عمر --reason y", key.uuid)).await;
    assert_eq!(outcome, Outcome::No);
    assert!(text.contains("an invoice that is draft cannot be requeued"), "{text}");
}
