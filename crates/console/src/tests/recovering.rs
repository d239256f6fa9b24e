//! After a restore: bulk adoption of what differs in the counter alone, counters advanced, queues rebuilt.

use std::time::Duration;

use broker::Queue;
use invoice::life::{Cause, Outcome, State};
use invoice::{Environment, InvoiceKey};
use ledger::conformance::evidence;
use ledger::{Change, DocumentKind, Filter, NewDocument};

use super::hands::{Desk, HELD_QR, layla, nobody};
use crate::{Action, Advancing, Bulk, ConsoleError, Report};

/// A document of ours as far as the comparison goes.
fn document(icv: u64, number: &str) -> Vec<u8> {
    format!(
        r#"<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"><cbc:ID>{number}</cbc:ID><cbc:UUID>u</cbc:UUID><cac:AdditionalDocumentReference><cbc:ID>ICV</cbc:ID><cbc:UUID>{icv}</cbc:UUID></cac:AdditionalDocumentReference><cbc:Note>خبز</cbc:Note></Invoice>"#
    )
    .into_bytes()
}

impl Desk {
    /// One that the authority holds under counter `theirs`, and under another number if `same` is false.
    async fn held_under(&self, n: u64, theirs: Option<u64>, same: bool) -> InvoiceKey {
        let key = self.encoded(n).await;
        self.start(key).await;
        let invoice = self.load(key).await;
        let ours = document(invoice.icv.unwrap(), &invoice.number);
        let mut documents = vec![NewDocument { document: 1, kind: DocumentKind::Sent, bytes: ours }];
        if let Some(theirs) = theirs {
            let number = if same { invoice.number.as_str() } else { "other" };
            let bytes = document(theirs, number);
            documents.push(NewDocument { document: 1, kind: DocumentKind::Held, bytes });
        }
        let now = self.ledger().now().await.unwrap();
        let outcome =
            Outcome::HoldsOther { qr: Some(HELD_QR.to_owned()), difference: "the counter".to_owned() };
        let command = invoice::life::Command::Record {
            attempt: invoice.attempt,
            document: 1,
            outcome,
            evidence: evidence("ALREADY_SUBMITTED"),
        };
        let context = invoice::life::Context { now, policy: &self.console.policy };
        let events = invoice::life::decide(&invoice, command, context).unwrap();
        let change = Change { invoice, events, at: now, documents, attempt: None };
        self.ledger().append(vec![change]).await.unwrap();
        key
    }

    async fn adopt_counters(&self, bulk: Bulk) -> Report {
        let filter = Filter { cause: Some(Cause::AuthorityHoldsOther), ..Filter::default() };
        self.console.act_on_matching(&filter, Action::AdoptCounter, &layla(), bulk).await.unwrap()
    }
}

fn advancing(margin: u64) -> Advancing {
    Advancing { source: None, environment: None, margin, again: false, dry_run: false }
}

#[tokio::test]
async fn only_what_differs_in_the_counter_alone_is_adopted() {
    let desk = Desk::new();
    // Invoices of one income source.
    desk.encoded(0).await;
    desk.console.advance_counters(&advancing(10), &layla()).await.unwrap();
    let lost = [desk.held_under(3, Some(5), true).await, desk.held_under(6, Some(6), true).await];
    let other = desk.held_under(9, Some(7), false).await;
    let bare = desk.held_under(12, None, true).await;

    let planned = desk.adopt_counters(Bulk { dry_run: true, ..Bulk::default() }).await;
    assert_eq!((planned.count, planned.done, planned.refused), (4, 2, 2));
    assert_eq!(desk.load(lost[0]).await.state, State::DeadLettered, "nothing was changed");
    assert_eq!(desk.ledger().recovery().counters().await.unwrap()[0].held, 0, "nor noted");

    let report = desk.adopt_counters(Bulk::default()).await;
    assert_eq!((report.count, report.done, report.refused), (4, 2, 2));
    let codes: Vec<_> = report.refusals.iter().map(|row| row.code).collect();
    assert_eq!(codes, ["differs_elsewhere", "not_compared"]);
    assert_eq!((report.held.count, report.held.highest), (2, Some(6)));
    assert_eq!((report.held.beyond, report.held.clashes), (0, 0), "all of them had been skipped");
    for key in lost {
        let invoice = desk.load(key).await;
        assert_eq!((invoice.state, invoice.qr.as_deref()), (State::Cleared, Some(HELD_QR)));
    }
    for key in [other, bare] {
        assert_eq!(desk.load(key).await.state, State::DeadLettered, "left for a person");
    }
    let again = desk.adopt_counters(Bulk::default()).await;
    assert_eq!((again.count, again.done), (2, 0), "what is adopted no longer matches");
    let counters = desk.ledger().recovery().counters().await.unwrap();
    assert_eq!((counters[0].held, counters[0].held_outside, counters[0].clashes), (2, 0, 0));
}

#[tokio::test]
async fn a_margin_that_was_too_small_shows() {
    let desk = Desk::new();
    desk.encoded(0).await;
    desk.console.advance_counters(&advancing(2), &layla()).await.unwrap();
    // Numbers 2 and 3 are void; 4 and 5 are drawn anew, and the authority has seen up to 9.
    desk.held_under(3, Some(5), true).await;
    desk.held_under(6, Some(9), true).await;
    let report = desk.adopt_counters(Bulk::default()).await;
    assert_eq!(report.done, 2);
    assert_eq!((report.held.beyond, report.held.clashes, report.held.highest), (2, 1, Some(9)));
    desk.encoded(9).await;
    let counter = desk.ledger().recovery().counters().await.unwrap().remove(0);
    assert_eq!((counter.next_icv, counter.held_outside, counter.clashes), (11, 1, 1), "9 is never drawn");
}

#[tokio::test]
async fn counters_are_advanced_by_name_and_within_reason() {
    let desk = Desk::new();
    desk.encoded(0).await;
    desk.encoded(1).await;
    let planned = Advancing { dry_run: true, ..advancing(100) };
    let report = desk.console.advance_counters(&planned, &layla()).await.unwrap();
    let told: Vec<_> = report.counters.iter().map(|row| (row.already, row.first, row.last)).collect();
    assert_eq!(told, [(false, 2, 101), (false, 2, 101)]);
    let mut counters = desk.ledger().recovery().counters().await.unwrap();
    assert!(counters.iter().all(|counter| counter.voids.is_empty()), "nothing was changed: {counters:?}");

    let source = counters.remove(0).source;
    let one = Advancing { source: Some(source), ..advancing(50) };
    desk.console.advance_counters(&one, &layla()).await.unwrap();
    let all = desk.console.advance_counters(&advancing(100), &layla()).await.unwrap();
    let told: Vec<_> = all.counters.iter().map(|row| (row.already, row.first, row.last)).collect();
    assert_eq!(told, [(true, 2, 51), (false, 2, 101)], "none is advanced twice");

    for margin in [0, 100_000_001] {
        let refused = desk.console.advance_counters(&advancing(margin), &layla()).await.unwrap_err();
        assert!(matches!(refused, ConsoleError::Margin { .. }), "{refused}");
    }
    let refused = desk.console.advance_counters(&advancing(5), &nobody()).await.unwrap_err();
    assert!(matches!(refused, ConsoleError::Anonymous(_)), "{refused}");
    let stranger = invoice::IncomeSource { tax_number: "1".into(), sequence: "2".into() };
    let wanted = Advancing { source: Some(stranger), ..advancing(5) };
    let refused = desk.console.advance_counters(&wanted, &layla()).await.unwrap_err();
    assert_eq!(refused.code(), "unknown_income_source");
}

#[tokio::test]
async fn the_queues_are_rebuilt_from_the_ledger() {
    let desk = Desk::new();
    desk.draft(0).await;
    desk.encoded(1).await;
    let sent = desk.encoded(2).await;
    desk.start(sent).await;
    let later = desk.encoded(3).await;
    desk.attempt(later, Outcome::NotNow { retry_after: Some(Duration::from_secs(3_600)) }, evidence("503"))
        .await;
    desk.rejected(4).await;
    desk.cleared(5).await;

    let mut planned = desk.console.rebuild(&Filter::default(), None, true).await.unwrap();
    while desk.console.rebuild_page(&mut planned).await.unwrap() {}
    desk.console.rebuild_dead_letters(&mut planned).await.unwrap();
    for queue in [Queue::Draft, Queue::ToSubmit, Queue::DeadLetter] {
        assert_eq!(desk.depth(queue).await, 0, "{queue:?}");
    }
    let mut work = desk.console.rebuild(&Filter::default(), None, false).await.unwrap();
    while desk.console.rebuild_page(&mut work).await.unwrap() {}
    desk.console.rebuild_dead_letters(&mut work).await.unwrap();
    let told = &work.report;
    assert_eq!((told.count, told.draft, told.to_submit, told.made_due), (4, 1, 1, 0), "{told:?}");
    assert_eq!((told.not_due, told.in_flight, told.dead_letter), (1, 1, 1), "{told:?}");
    assert_eq!(planned.report, crate::Rebuilt { dry_run: true, ..told.clone() }, "the dry run told as much");
    assert_eq!(desk.depth(Queue::Draft).await, 1);
    assert_eq!(desk.depth(Queue::ToSubmit).await, 1);
    assert_eq!(desk.depth(Queue::DeadLetter).await, 1);

    desk.console.rebuild_dead_letters(&mut work).await.unwrap();
    assert!(work.report.dead_letter_left, "a queue with messages is the submitters' to mend");
    assert_eq!(desk.depth(Queue::DeadLetter).await, 1);
}

#[tokio::test]
async fn what_a_full_queue_cannot_hold_is_made_due() {
    let desk = Desk::new();
    for n in 0..1_300 {
        desk.draft(n).await;
    }
    let mut work = desk.console.rebuild(&Filter::default(), None, false).await.unwrap();
    while desk.console.rebuild_page(&mut work).await.unwrap() {}
    let told = &work.report;
    assert_eq!((told.count, told.draft + told.made_due), (1_300, 1_300), "{told:?}");
    assert!(told.made_due >= 256 && told.draft >= 1_000, "{told:?}");
    assert_eq!(desk.depth(Queue::Draft).await, told.draft);
}

#[tokio::test]
async fn unknown_invoices_are_counted_until_they_come_again() {
    let desk = Desk::new();
    let known = desk.draft(0).await;
    let lost = InvoiceKey { environment: Environment::Simulation, uuid: uuid::Uuid::from_u128(7) };
    ledger::note_strangers(desk.ledger(), &[(known, 1), (lost, 4)]).await.unwrap();
    let told = desk.console.lost().await.unwrap();
    assert_eq!((told.met, told.unknown), (1, 1));
    assert_eq!(desk.console.unknown(None, 10).await.unwrap()[0].version, 4);
}
