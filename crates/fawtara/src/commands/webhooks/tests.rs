use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use invoice::{Environment, InvoiceKey, Timestamp};
use ledger::{Attempted, MemoryLedger, NewDelivery, Schedule};

use super::*;
use crate::settings::SecretUrl;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

struct Desk {
    ledger: MemoryLedger,
    settings: Settings,
}

impl Desk {
    /// A ledger with one message for `erp` that was given up.
    async fn new() -> Self {
        let ledger = MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default());
        let message = NewDelivery {
            webhook: "erp".to_owned(),
            key: InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(1) },
            version: 5,
            id: Uuid::from_u128(7),
            event_type: "jo.fawtara.invoice.cleared.v1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: "{}".to_owned(),
        };
        let outbox = ledger.outbox();
        outbox.settle_notices(&[], vec![message]).await.unwrap();
        let due = outbox.claim_deliveries("erp", 1, Duration::ZERO).await.unwrap().remove(0);
        let error = "HTTP 500: مشغول\u{1b}[31m".to_owned();
        let unheard = Attempted::Unheard { again_in: None, status: Some(500), error };
        outbox.record_deliveries(vec![(due, unheard)]).await.unwrap();
        let webhook = WebhookSettings {
            name: "erp".to_owned(),
            url: SecretUrl::new("http://127.0.0.1:9/hook?token=geheim"),
            secret_file: None,
            secret_env: None,
            types: Vec::new(),
            tax_numbers: Vec::new(),
        };
        Self { ledger, settings: Settings { webhooks: vec![webhook], ..Settings::default() } }
    }

    async fn say(&self, line: &str) -> (anyhow::Result<Outcome>, String) {
        let words = std::iter::once("webhooks").chain(line.split_whitespace());
        let args = Line::try_parse_from(words).unwrap().args;
        let mut out = Vec::new();
        let outcome = run(&args, &self.settings, &self.ledger, &mut out).await;
        (outcome, String::from_utf8(out).unwrap())
    }
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_sent_again() {
    let desk = Desk::new().await;
    let (_, listed) = desk.say("list").await;
    assert!(listed.contains("erp  on  waiting 0  given up 1") && !listed.contains("geheim"), "{listed}");
    let (_, failed) = desk.say("failed").await;
    let id = Uuid::from_u128(7).to_string();
    assert!(failed.contains(&id) && failed.contains("1 attempts") && !failed.contains('\u{1b}'), "{failed}");
    let (outcome, told) = desk.say(&format!("resend {} --by x --reason y", Uuid::from_u128(8))).await;
    assert_eq!(outcome.unwrap(), Outcome::No, "{told}");
    let (outcome, told) = desk.say("resend --all-failed --by ليلى --reason عاد --json").await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert!(told.contains("\"resent\": 1"), "{told}");
    let (_, listed) = desk.say("list --json").await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["waiting"], &listed[0]["failed"]), (&1.into(), &0.into()), "{listed}");
}

#[tokio::test]
async fn a_webhook_is_switched_with_a_name_and_a_reason() {
    let desk = Desk::new().await;
    let (_, told) = desk.say("disable erp --by ليلى --reason صيانة").await;
    assert!(told.contains("erp is off now"), "{told}");
    let (_, listed) = desk.say("list").await;
    assert!(listed.contains("off since") && listed.contains("صيانة"), "{listed}");
    let (_, told) = desk.say("enable erp --by ليلى --reason عاد").await;
    assert!(told.contains("erp is on now"), "{told}");
    assert!(desk.say("enable shop --by x --reason y").await.0.is_err(), "nobody has configured it");
    assert!(desk.say("enable erp --by= --reason y").await.0.is_err());
    let nobody = ["webhooks", "enable", "erp"];
    assert!(Line::try_parse_from(nobody).is_err());
}

#[tokio::test]
async fn a_webhook_that_nobody_answers_at_is_told() {
    let mut desk = Desk::new().await;
    let file = std::env::temp_dir().join(format!("fawtara-webhook-test-{}", std::process::id()));
    std::fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    desk.settings.webhooks[0].secret_file = Some(file.clone());
    let (outcome, told) = desk.say("test erp").await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(outcome.unwrap(), Outcome::No);
    assert!(told.starts_with("erp: no answer") && !told.contains("geheim"), "{told}");
}
