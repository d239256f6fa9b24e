//! The table of transitions: nothing else happens, and every line of it does.

use std::collections::BTreeSet;

use super::State::{Abandoned, Cleared, DeadLettered, Draft, PendingRetry, Rejected, Submitted};
use super::random::{self, Transition};

/// From, by, to.
const TABLE: &[Transition] = &[
    (Draft, "encoded", Draft),
    (Draft, "waiting", Draft),
    (Draft, "amended", Draft),
    (Draft, "requeued", Draft),
    (Draft, "found_unfit", Rejected),
    (Draft, "submission_started", Submitted),
    (Draft, "abandoned", Abandoned),
    (Draft, "late_answer", Draft),
    (Draft, "cleared", Cleared),
    (Draft, "dead_lettered", DeadLettered),
    (Submitted, "claim_released", PendingRetry),
    (Submitted, "lease_expired", Submitted),
    (Submitted, "submission_started", Submitted),
    (Submitted, "cleared", Cleared),
    (Submitted, "qr_outstanding", PendingRetry),
    (Submitted, "qr_outstanding", Submitted),
    (Submitted, "refused", Rejected),
    (Submitted, "doubted", PendingRetry),
    (Submitted, "deferred", PendingRetry),
    (Submitted, "dead_lettered", DeadLettered),
    (Submitted, "late_answer", Submitted),
    (PendingRetry, "submission_started", Submitted),
    (PendingRetry, "cleared", Cleared),
    (PendingRetry, "qr_outstanding", PendingRetry),
    (PendingRetry, "late_answer", PendingRetry),
    (Rejected, "amended", Draft),
    (Rejected, "requeued", Draft),
    (Rejected, "requeued", PendingRetry),
    (Rejected, "abandoned", Abandoned),
    (Rejected, "cleared", Cleared),
    (Rejected, "qr_outstanding", PendingRetry),
    (Rejected, "dead_lettered", DeadLettered),
    (Rejected, "late_answer", Rejected),
    (DeadLettered, "amended", Draft),
    (DeadLettered, "requeued", Draft),
    (DeadLettered, "requeued", PendingRetry),
    (DeadLettered, "abandoned", Abandoned),
    (DeadLettered, "adopted", Cleared),
    (DeadLettered, "cleared", Cleared),
    (DeadLettered, "qr_outstanding", PendingRetry),
    (DeadLettered, "dead_lettered", DeadLettered),
    (DeadLettered, "late_answer", DeadLettered),
    (Abandoned, "cleared", Cleared),
    (Abandoned, "qr_outstanding", PendingRetry),
    (Abandoned, "dead_lettered", DeadLettered),
    (Abandoned, "late_answer", Abandoned),
    (Cleared, "late_answer", Cleared),
];

pub(super) fn table() -> BTreeSet<Transition> {
    let table: BTreeSet<_> = TABLE.iter().copied().collect();
    assert_eq!(table.len(), TABLE.len(), "a line stands twice");
    table
}

/// That no other transition happens is held by [`random`], on every run of its own.
#[test]
fn every_transition_is_exercised() {
    let unwalked = random::unwalked(&table());
    assert!(unwalked.is_empty(), "not exercised: {unwalked:#?}");
}
