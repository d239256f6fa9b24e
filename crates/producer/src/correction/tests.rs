use std::sync::Arc;

use broker::MemoryBroker;
use ledger::Filter;

use super::*;
use crate::testing::{event as sale, intake};

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
    let done = correct(&intake, &correction(|_| {})).await.unwrap();
    assert!(done.returned.new && done.invoice.new);
    assert_eq!(
        (done.returned.invoice.number.as_str(), done.invoice.invoice.number.as_str()),
        ("م-1", "ف-000002")
    );
    let again = correct(&intake, &correction(|_| {})).await.unwrap();
    assert!(!again.returned.new && !again.invoice.new);
    assert_eq!(streams(&intake).await, 2);
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
        let refused = correct(&intake, &change).await.unwrap_err();
        assert_eq!((refused.half, refused.refused.code()), (half, code), "{refused}");
        assert!(refused.to_string().ends_with("nothing was taken"), "{refused}");
        assert_eq!(streams(&intake).await, 1);
    }
}
