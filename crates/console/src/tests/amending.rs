//! Corrections by hand.

use broker::Queue;
use invoice::event::InvoiceEvent;
use invoice::life::{Event, Outcome, Refusal, State};
use ledger::conformance::{event, evidence};

use super::hands::{Desk, layla, nobody};
use crate::ConsoleError;

/// The `n`-th event with another note.
fn corrected(n: u64, note: &str) -> InvoiceEvent {
    InvoiceEvent { note: Some(note.to_owned()), ..event(n) }
}

fn json(event: &InvoiceEvent) -> Vec<u8> {
    serde_json::to_vec(event).unwrap()
}

#[tokio::test]
async fn a_correction_makes_a_draft_again() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let icv = desk.load(key).await.icv;
    let json = json(&corrected(1, "صُحِّح رقم المشتري"));
    let planned = desk.console.amendment(key, &json, &layla()).await.unwrap();
    assert_eq!((planned.amends, planned.differences.len()), (1, 1));
    assert!(planned.differences[0].contains("صُحِّح رقم المشتري"), "{:?}", planned.differences);
    assert_eq!(desk.load(key).await.state, State::Rejected, "a plan changes nothing");

    let (done, differences) = desk.console.amend(key, &json, &layla()).await.unwrap();
    assert_eq!(differences, planned.differences);
    assert_eq!((done.invoice.state, done.invoice.document, done.invoice.icv), (State::Draft, 2, icv));
    assert_eq!(desk.depth(Queue::Draft).await, 1);
    let last = desk.ledger().history(key).await.unwrap().pop().unwrap();
    assert!(
        matches!(&last.event, Event::Amended { document: 2, by: Some(by), .. } if *by == layla()),
        "{last:?}"
    );
}

#[tokio::test]
async fn only_what_was_given_back_is_corrected() {
    let desk = Desk::new();
    let sent = desk.encoded(3).await;
    desk.start(sent).await;
    for (n, key) in
        [(1, desk.draft(1).await), (2, desk.encoded(2).await), (3, sent), (4, desk.cleared(4).await)]
    {
        let refused = desk.console.amend(key, &json(&corrected(n, "جديد")), &layla()).await.unwrap_err();
        assert!(
            matches!(refused, ConsoleError::Refused { refusal: Refusal::OtherContent { .. }, .. }),
            "{refused:?}"
        );
    }
    let doubtful = desk.suspect(5, true).await;
    let refused = desk.console.amend(doubtful, &json(&corrected(5, "جديد")), &layla()).await.unwrap_err();
    assert!(refused.to_string().contains("attempt 1 is in doubt"), "{refused}");
    assert_eq!(desk.load(doubtful).await.document, 1);
    let rejected = desk.rejected(6).await;
    let refused = desk.console.amend(rejected, &json(&corrected(6, "جديد")), &nobody()).await.unwrap_err();
    assert_eq!(refused.code(), "anonymous");
}

#[tokio::test]
async fn the_identity_is_kept() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let mut other = corrected(1, "جديد");
    other.number = "INV-آخر".to_owned();
    other.seller.income_source = "777".to_owned();
    let refused = desk.console.amend(key, &json(&other), &layla()).await.unwrap_err();
    let ConsoleError::IdentityChanged { changed } = &refused else { panic!("{refused:?}") };
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(changed[0].contains("INV-آخر"), "{changed:?}");

    let refused = desk.console.amend(key, &json(&corrected(2, "جديد")), &layla()).await.unwrap_err();
    assert!(refused.to_string().contains("uuid is"), "{refused}");

    // Left out, the UUID is this invoice's, not one made from the number.
    let without_uuid = InvoiceEvent { uuid: None, ..corrected(1, "جديد") };
    let (done, _) = desk.console.amend(key, &json(&without_uuid), &layla()).await.unwrap();
    assert_eq!(done.invoice.key, key);
}

#[tokio::test]
async fn all_faults_are_told_and_nothing_is_taken() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let mut wrong = corrected(1, "جديد");
    wrong.currency = "XXX".to_owned();
    wrong.lines[0].name = String::new();
    let refused = desk.console.amend(key, &json(&wrong), &layla()).await.unwrap_err();
    let ConsoleError::Invalid(faults) = &refused else { panic!("{refused:?}") };
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(refused.what_to_do().lines().count(), 2);
    let refused = desk.console.amend(key, b"{", &layla()).await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    let mut special = corrected(1, "جديد");
    special.lines[0].consumer_price = Some("9".parse().unwrap());
    let refused = desk.console.amend(key, &json(&special), &layla()).await.unwrap_err();
    assert!(["invalid", "unsupported_consumer_price"].contains(&refused.code()), "{refused:?}");
    assert_eq!(desk.load(key).await.document, 1);
}

#[tokio::test]
async fn a_correction_of_an_older_version_is_refused() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let edited = desk.console.editable(key).await.unwrap();
    assert!(edited.contains("\"amends\": 1"), "{edited}");
    assert_eq!(desk.console.amend(key, edited.as_bytes(), &layla()).await.unwrap_err().code(), "nothing_new");

    desk.console.amend(key, &json(&corrected(1, "الأول")), &layla()).await.unwrap();
    desk.encode(key).await;
    desk.attempt(key, Outcome::Refused, evidence("ما زال")).await;
    // Whoever edited version 1 must not undo version 2 unseen.
    let mine = InvoiceEvent { amends: Some(1), ..corrected(1, "الثاني") };
    let refused = desk.console.amend(key, &json(&mine), &layla()).await.unwrap_err();
    let ConsoleError::Refused { refusal: Refusal::WrongVersion { named: 1, current: 2 }, .. } = &refused
    else {
        panic!("{refused:?}")
    };
    let back = desk.console.amend(key, &json(&event(1)), &layla()).await.unwrap_err();
    assert!(matches!(back, ConsoleError::NothingNew { document: 1 }), "{back:?}");
}

#[tokio::test]
async fn of_two_corrections_one_is_made() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let (a, b) = (json(&corrected(1, "ألف")), json(&corrected(1, "باء")));
    let first = desk.console.amendment(key, &a, &layla()).await.unwrap();
    let second = desk.console.amendment(key, &b, &layla()).await.unwrap();
    let same = desk.console.amendment(key, &a, &layla()).await.unwrap();
    desk.console.make(first).await.unwrap();
    for late in [second, same] {
        let late = desk.console.make(late).await.unwrap_err();
        let ConsoleError::Overtaken { invoice, by } = &late else { panic!("{late:?}") };
        assert_eq!((invoice.document, by), (2, &Some(layla())));
    }
    assert_eq!(desk.load(key).await.document, 2);
}
