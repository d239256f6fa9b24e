//! The promises as they can be seen from outside: the authority's record against the ledger, invoice by invoice.

use std::collections::BTreeMap;
use std::time::Duration;

use broker::{Broker, Queue};
use invoice::life::{Cause, Invoice, State};
use simulator::{Cleared, Summary};
use uuid::Uuid;

use super::{FleetProcesses, said};
use crate::services::Ground;
use crate::{fleet, wait};

/// How an invoice is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// With the authority's QR.
    Cleared,
    /// Refused by the authority for its content.
    Refused,
}

/// Compares the authority's record with the ledger when all is settled: every invoice ended as planned, was cleared at most
/// once and under the bytes, counter and QR that the ledger has; counters are 1..n; nothing was charged; all chains hold; and
/// the dead-letter queue holds one hint for each that waits for a person.
pub async fn hold_promises(fleet: &FleetProcesses, ground: &Ground, planned: &BTreeMap<Uuid, Fate>) {
    let all = fleet::invoices(&*fleet.ledger).await;
    let known: Vec<_> = all.keys().map(|key| key.uuid).collect();
    let expected: Vec<_> = planned.keys().copied().collect();
    assert_eq!(known, expected, "the ledger knows exactly what was published");

    let summary = fleet.summary().await;
    assert!(summary.suspicious.is_empty(), "suspicious: {:#?}", summary.suspicious);
    let mut held = cleared_once(&summary);
    for invoice in all.values() {
        let there = held.remove(&invoice.key.uuid.to_string());
        ended_as_planned(invoice, there, planned[&invoice.key.uuid]);
    }
    assert!(held.is_empty(), "the authority cleared what the ledger does not know: {held:?}");
    fleet::counters_without_gap(&all);

    let verified = fleet.run(&["verify"]).await;
    assert!(verified.status.success(), "verify: {}", said(&verified));
    waiting_for_a_person(fleet, ground, planned).await;
}

fn cleared_once(summary: &Summary) -> BTreeMap<String, &Cleared> {
    let mut held = BTreeMap::new();
    for cleared in &summary.cleared {
        let before = held.insert(cleared.uuid.clone(), cleared);
        assert!(before.is_none(), "{} was cleared twice: {before:?} and {cleared:?}", cleared.uuid);
    }
    held
}

fn ended_as_planned(invoice: &Invoice, there: Option<&Cleared>, fate: Fate) {
    let name = &invoice.number;
    assert_eq!(invoice.in_doubt, None, "{name} is in doubt");
    assert_eq!(invoice.charged, 0, "{name} was charged: {:?}", invoice.message);
    match (fate, there) {
        (Fate::Cleared, Some(there)) => {
            assert_eq!(invoice.state, State::Cleared, "{name}: {:?}", invoice.message);
            assert_eq!(invoice.qr.as_deref(), Some(there.qr.as_str()), "QR of {name}");
            assert_eq!(
                invoice.icv.map(|icv| icv.to_string()).as_deref(),
                Some(there.icv.as_str()),
                "counter of {name}"
            );
            assert_eq!(
                invoice.xml.map(|sha256| sha256.to_string()).as_deref(),
                Some(there.sha256.as_str()),
                "bytes of {name}"
            );
        }
        (Fate::Cleared, None) => {
            panic!("{name} is not with the authority; here it is {}: {:?}", invoice.state, invoice.message)
        }
        (Fate::Refused, None) => {
            assert_eq!(invoice.state, State::Rejected, "{name}: {:?}", invoice.message);
            assert_eq!(invoice.cause, Some(Cause::Refused), "{name}");
            assert_eq!(invoice.qr, None, "{name}");
        }
        (Fate::Refused, Some(there)) => panic!("{name} should have been refused, but was cleared: {there:?}"),
    }
}

async fn waiting_for_a_person(fleet: &FleetProcesses, ground: &Ground, planned: &BTreeMap<Uuid, Fate>) {
    let refused = planned.values().filter(|fate| **fate == Fate::Refused).count() as u64;
    let queues = fleet.queues(ground).await;
    wait::until(&format!("{refused} hints in the dead-letter queue"), Duration::from_secs(60), || async {
        (queues.depth(Queue::DeadLetter).await.ok()? == refused).then_some(())
    })
    .await;
    queues.close().await;
}
