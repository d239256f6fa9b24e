use std::sync::Arc;

use broker::MemoryBroker;
use invoice::life::{Command, Context, Evidence, Outcome, Policy, decide};
use invoice::{Environment, IncomeSource};
use ledger::{Appended, Change, Draft, Encode, EncodeOutcome, Encoding, Filter, Unencoded};

use super::*;
use crate::testing::{event as sale, intake};

/// Some bytes.
struct Bytes;

impl Encode for Bytes {
    fn icv_start(&self, _: Environment, _: &IncomeSource) -> Option<u64> {
        Some(1)
    }

    fn encode(&self, draft: &Draft, _: u64) -> Result<Encoding, Unencoded> {
        Ok(Encoding::from(draft.normal_form.clone().into_bytes()))
    }
}

/// Takes an event, sends it, and records this answer.
async fn sent(intake: &Intake, event: &Value, outcome: Outcome) -> InvoiceKey {
    let arrival = intake.check(event.to_string().as_bytes(), None).unwrap();
    let key = arrival.key;
    intake.take(vec![arrival]).await.unwrap().remove(0).unwrap();
    let encoded = intake.ledger.encode(vec![key], Arc::new(Bytes)).await.unwrap().remove(0);
    assert!(matches!(encoded, EncodeOutcome::Encoded(_)), "{encoded:?}");
    let now = intake.ledger.now().await.unwrap();
    let lease_until = now + std::time::Duration::from_secs(60);
    let evidence = Evidence::default();
    for command in [
        Command::Start { lease_until, worker: "one".to_owned() },
        Command::Record { attempt: 1, document: 1, outcome, evidence },
    ] {
        let invoice = intake.ledger.load(&[key]).await.unwrap().invoices.remove(0).unwrap();
        let events = decide(&invoice, command, Context { now, policy: &Policy::default() }).unwrap();
        let change = Change { invoice, events, at: now, documents: Vec::new(), attempt: None };
        let appended = intake.ledger.append(vec![change]).await.unwrap().remove(0);
        assert!(matches!(appended, Appended::Done(_)));
    }
    key
}

async fn cleared(intake: &Intake, n: u64) -> InvoiceKey {
    let outcome = Outcome::Cleared { qr: "QR".to_owned(), already: false, note: None, signed: None };
    sent(intake, &sale(n), outcome).await
}

/// It is refused in this half by this code, and takes nothing.
async fn refused(intake: &Intake, correction: &Correction, half: Half, code: &str) -> String {
    let before = streams(intake).await;
    let refused = correct(intake, correction).await.unwrap_err();
    assert_eq!((refused.half, refused.refused.code()), (half, code), "{refused}");
    assert!(refused.to_string().ends_with("nothing was taken"), "{refused}");
    assert_eq!(streams(intake).await, before);
    refused.to_string()
}

fn correction(change: impl FnOnce(&mut Value)) -> Correction {
    let mut json = json!({
        "return": { "number": "م-1", "reason": "سعر خاطئ" },
        "original": "ف-000001",
        "invoice": sale(2),
    });
    change(&mut json);
    serde_json::from_value(json).unwrap()
}

async fn correct(intake: &Intake, correction: &Correction) -> Result<Corrected, CorrectionRefused> {
    let (returning, invoice) = intake.check_correction(correction, None)?;
    intake.correct(returning, invoice).await
}

async fn streams(intake: &Intake) -> usize {
    intake.ledger.list(&Filter::default(), None, 10).await.unwrap().rows.len()
}

#[tokio::test]
async fn both_halves_are_taken_and_a_repeat_changes_nothing() {
    let intake = intake(Arc::new(MemoryBroker::default()));
    cleared(&intake, 1).await;
    let done = correct(&intake, &correction(|_| {})).await.unwrap();
    assert!(done.returned.new && done.invoice.new);
    assert_eq!(
        (done.returned.invoice.number.as_str(), done.invoice.invoice.number.as_str()),
        ("م-1", "ف-000002")
    );
    let again = correct(&intake, &correction(|_| {})).await.unwrap();
    assert!(!again.returned.new && !again.invoice.new);
    assert_eq!(streams(&intake).await, 3);
}

#[tokio::test]
async fn a_half_that_cannot_be_taken_leaves_nothing() {
    let intake = intake(Arc::new(MemoryBroker::default()));
    let one = intake.check(sale(5).to_string().as_bytes(), None).unwrap();
    intake.take(vec![one]).await.unwrap();
    for (change, half, code) in [
        (correction(|it| it["return"]["number"] = sale(5)["number"].clone()), Half::Return, "number_taken"),
        (correction(|it| it["invoice"]["number"] = sale(5)["number"].clone()), Half::Invoice, "number_taken"),
        (correction(|it| it["invoice"]["uuid"] = sale(5)["uuid"].clone()), Half::Invoice, "conflict"),
        (correction(|it| it["return"]["reason"] = json!("")), Half::Return, "invalid"),
        (correction(|it| it["invoice"]["lines"] = json!([])), Half::Invoice, "invalid"),
        (correction(|it| it["invoice"]["number"] = json!("ف-000001")), Half::Invoice, "invalid"),
        (correction(|it| it["original"] = sale(2)["uuid"].clone()), Half::Invoice, "invalid"),
        (correction(|it| it["return"]["number"] = sale(2)["number"].clone()), Half::Return, "invalid"),
    ] {
        refused(&intake, &change, half, code).await;
    }
}

#[tokio::test]
async fn an_original_that_nobody_knows_brings_nothing_back() {
    let intake = intake(Arc::new(MemoryBroker::default()));
    cleared(&intake, 1).await;
    for original in ["ف-000007", "0fa70000-0000-4000-8000-00000000ffff"] {
        let unknown = correction(|it| it["original"] = json!(original));
        let told = refused(&intake, &unknown, Half::Return, "original_unknown").await;
        assert!(told.contains(original), "{told}");
    }
    let by_uuid = correction(|it| it["original"] = sale(1)["uuid"].clone());
    assert!(correct(&intake, &by_uuid).await.unwrap().returned.new);
}

#[tokio::test]
async fn an_original_that_is_not_cleared_brings_nothing_back() {
    let intake = intake(Arc::new(MemoryBroker::default()));
    let draft = intake.check(sale(1).to_string().as_bytes(), None).unwrap();
    intake.take(vec![draft]).await.unwrap();
    let told = refused(&intake, &correction(|_| {}), Half::Return, "original_not_cleared").await;
    assert!(told.contains("draft: send the correction again once it is cleared"), "{told}");
    sent(&intake, &sale(3), Outcome::Refused).await;
    let of_refused = correction(|it| it["original"] = sale(3)["number"].clone());
    let told = refused(&intake, &of_refused, Half::Return, "original_not_cleared").await;
    assert!(told.contains("rejected: nothing of it counts") && told.contains("\"amends\""), "{told}");
}

#[tokio::test]
async fn a_return_does_not_come_back() {
    let intake = intake(Arc::new(MemoryBroker::default()));
    let mut returning = event(&correction(|_| {}), "ف-000001");
    returning["number"] = json!("م-9");
    let outcome = Outcome::Cleared { qr: "QR".to_owned(), already: false, note: None, signed: None };
    sent(&intake, &returning, outcome).await;
    let told =
        refused(&intake, &correction(|it| it["original"] = json!("م-9")), Half::Return, "invalid").await;
    assert!(told.contains("م-9 is a return"), "{told}");
}

#[tokio::test]
async fn a_new_return_beside_an_invoice_that_is_known_is_refused() {
    let intake = intake(Arc::new(MemoryBroker::default()));
    cleared(&intake, 1).await;
    let known = intake.check(sale(2).to_string().as_bytes(), None).unwrap();
    intake.take(vec![known]).await.unwrap();
    let told = refused(&intake, &correction(|_| {}), Half::Invoice, "invoice_known").await;
    assert!(told.contains("ف-000002"), "{told}");
}
