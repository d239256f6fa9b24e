//! The same done to all that match.

use broker::{Broker, Queue};
use invoice::Amount;
use invoice::life::{Cause, RequeueMode, State};
use ledger::Filter;
use ledger::conformance::arrival;

use super::hands::{Desk, HELD_QR, layla, nobody};
use crate::{Action, Bulk, Report};

const SAME: RequeueMode = RequeueMode::SameBytes;

async fn requeue(desk: &Desk, filter: &Filter, mode: RequeueMode, bulk: Bulk) -> Report {
    desk.console.requeue_matching(filter, mode, &layla(), bulk).await.unwrap()
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let desk = Desk::new();
    let mut keys = Vec::new();
    for n in 0..300 {
        keys.push(desk.rejected(n).await);
    }
    let bulk = Bulk { dry_run: true, ..Bulk::default() };
    let planned = requeue(&desk, &Filter::default(), SAME, bulk).await;
    assert_eq!((planned.count, planned.done, planned.refused, planned.dry_run), (300, 300, 0, true));
    assert_eq!(desk.depth(Queue::ToSubmit).await, 0);
    assert_eq!(desk.load(keys[0]).await.state, State::Rejected);

    let report = requeue(&desk, &Filter::default(), SAME, Bulk::default()).await;
    assert_eq!((report.count, report.done, &report.amounts), (300, 300, &planned.amounts));
    let sum: rust_decimal::Decimal = (0..300).map(|n| arrival(n).summary.payable.decimal()).sum();
    assert_eq!(report.amounts.of("JOD"), Amount::from(sum));
    assert_eq!(report.next, None);
    assert_eq!(desk.depth(Queue::ToSubmit).await, 300);
    for key in keys {
        assert_eq!(desk.load(key).await.state, State::PendingRetry);
    }
    let again = requeue(&desk, &Filter::default(), SAME, Bulk::default()).await;
    assert_eq!(again.count, 0);
}

#[tokio::test]
async fn it_goes_on_where_it_stopped() {
    let desk = Desk::new();
    for n in 0..5 {
        desk.rejected(n).await;
    }
    desk.suspect(5, true).await;
    let mut bulk = Bulk { at_most: Some(2), ..Bulk::default() };
    let mut counts = Vec::new();
    loop {
        let report = requeue(&desk, &Filter::default(), RequeueMode::Reencode, bulk).await;
        counts.push((report.count, report.done, report.refused));
        if report.next.is_none() {
            break;
        }
        bulk.after = report.next;
    }
    assert_eq!(counts.iter().map(|(count, ..)| count).sum::<u64>(), 6, "{counts:?}");
    assert_eq!(counts.iter().map(|(_, done, _)| done).sum::<u64>(), 5, "{counts:?}");
    assert_eq!(counts.iter().map(|(.., refused)| refused).sum::<u64>(), 1, "in doubt is never encoded anew");
}

#[tokio::test]
async fn refusals_are_told_with_reasons() {
    let desk = Desk::new();
    desk.rejected(1).await;
    let doubtful = desk.suspect(2, true).await;
    let report = requeue(&desk, &Filter::default(), RequeueMode::Reencode, Bulk::default()).await;
    assert_eq!((report.done, report.refused), (1, 1));
    assert_eq!((report.refusals[0].uuid, report.refusals[0].code), (doubtful.uuid, "in_doubt"));
    assert!(report.refusals[0].reason.contains("attempt 1"), "{:?}", report.refusals);
    let anonymous = desk.console.requeue_matching(&Filter::default(), SAME, &nobody(), Bulk::default()).await;
    assert_eq!(anonymous.unwrap_err().code(), "anonymous");
}

#[tokio::test]
async fn the_filter_chooses() {
    let desk = Desk::new();
    let rejected = desk.rejected(1).await;
    let suspect = desk.suspect(2, false).await;
    let filter = Filter { cause: Some(Cause::Suspect), ..Filter::default() };
    let report = requeue(&desk, &filter, SAME, Bulk::default()).await;
    assert_eq!(report.done, 1);
    assert_eq!(desk.load(rejected).await.state, State::Rejected);
    assert_eq!(desk.load(suspect).await.state, State::PendingRetry);
}

#[tokio::test]
async fn what_the_authority_holds_is_adopted_in_bulk() {
    let desk = Desk::new();
    let held = desk.held_elsewhere(1, Some(HELD_QR)).await;
    let without_qr = desk.held_elsewhere(2, None).await;
    let filter = Filter { cause: Some(Cause::AuthorityHoldsOther), ..Filter::default() };
    let report =
        desk.console.act_on_matching(&filter, Action::Adopt, &layla(), Bulk::default()).await.unwrap();
    assert_eq!((report.done, report.refused), (1, 1));
    assert_eq!(report.refusals[0].uuid, without_qr.uuid);
    assert_eq!(desk.load(held).await.qr.as_deref(), Some(HELD_QR));
}

#[tokio::test]
async fn without_a_broker_the_ledger_still_knows() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    desk.broker.close().await;
    let report = requeue(&desk, &Filter::default(), SAME, Bulk::default()).await;
    assert_eq!(report.done, 1);
    assert_eq!(desk.load(key).await.state, State::PendingRetry);
}

#[tokio::test]
async fn what_comes_back_during_the_run_is_left_for_the_next() {
    let desk = Desk::new();
    let stood = desk.rejected(1).await;
    let begun = desk.ledger().now().await.unwrap();
    let came_back = desk.rejected(2).await;
    let mut report = Report::default();
    let (filter, action, bulk) = (Filter::default(), Action::Requeue(SAME), Bulk::default());
    while desk.console.next_batch(&filter, action, &layla(), bulk, begun, &mut report).await.unwrap() {}
    assert_eq!((report.count, report.next), (1, None));
    assert_eq!(desk.load(stood).await.state, State::PendingRetry);
    assert_eq!(desk.load(came_back).await.state, State::Rejected);
}
