//! The table of transitions: nothing else happens, and every line of it does.

use std::collections::BTreeSet;

use super::State::{self, Abandoned, Cleared, DeadLettered, Draft, PendingRetry, Rejected, Submitted};
use super::random;

/// From, by, to.
const TABLE: &[(State, &str, State)] = &[];

#[test]
fn every_transition_of_the_table_is_walked_and_no_other() {
    let table: BTreeSet<_> = TABLE.iter().copied().collect();
    assert_eq!(table.len(), TABLE.len(), "a line stands twice");
    let walked = random::walked();
    let unforeseen: Vec<_> = walked.difference(&table).collect();
    assert!(unforeseen.is_empty(), "not in the table: {unforeseen:#?}");
    let unwalked: Vec<_> = table.difference(&walked).collect();
    assert!(unwalked.is_empty(), "not exercised: {unwalked:#?}");
}
