//! What is left to be done for hints that led to no attempt: parked, hinted elsewhere, acknowledged. Must not know why.

use std::time::Duration;

use broker::{Delivery, Hint, Outgoing};
use invoice::{InvoiceKey, Timestamp};
use ledger::{LedgerError, patiently};
use tokio::time::Instant;
use tracing::warn;

use crate::desk::{Desk, later, publish};

/// A batch is parked in about so many round trips at most.
const PARKINGS: usize = 8;

/// What a claim leaves to be done for the hints that led to no attempt.
#[derive(Default)]
pub(crate) struct Rest {
    /// The ledger's time when it was looked into, and when that was by our own count.
    pub(crate) looked: Option<(Timestamp, Instant)>,
    /// Hints to publish before their deliveries are acknowledged.
    pub(crate) hints: Vec<Outgoing>,
    /// What the ledger does not know: it may be older than the queues, after a restore.
    pub(crate) unknown: Vec<(InvoiceKey, u32)>,
    /// Deliveries that are done with.
    pub(crate) done: Vec<Delivery>,
    /// Invoices that cannot be worked on before then.
    pub(crate) parked: Vec<(InvoiceKey, Timestamp)>,
}

impl Rest {
    /// Leaves this one for later: it will be hinted again.
    pub(crate) fn postpone(&mut self, delivery: Delivery, wait: Duration) {
        if let (Ok(hint), Some((now, looked))) = (Hint::from_bytes(&delivery.payload), self.looked) {
            self.parked.push((hint.key(), later(now, looked.elapsed() + wait)));
        }
        self.done.push(delivery);
    }

    /// Parks, hints, and acknowledges what is done with, in this order.
    pub(crate) async fn settle(self, desk: &Desk) -> Result<(), LedgerError> {
        let ledger = &desk.role.ledger;
        for (until, keys) in in_few_groups(self.parked) {
            patiently(std::future::pending(), || ledger.park(&keys, until)).await?;
        }
        if !self.unknown.is_empty() {
            let noted = ledger.recovery().note_unknown(&self.unknown).await;
            // Only evidence: nobody's invoice waits for it.
            noted.unwrap_or_else(|error| warn!(%error, "unknown invoices could not be noted"));
        }
        publish(desk, self.hints).await;
        for delivery in self.done {
            // Stale: it comes again, and finds nothing to do.
            let _ = delivery.settle.ack().await;
        }
        Ok(())
    }
}

/// Those that are parked until about the same time go together, so that a batch takes only so many round trips; nobody wakes
/// before its time.
fn in_few_groups(mut parked: Vec<(InvoiceKey, Timestamp)>) -> Vec<(Timestamp, Vec<InvoiceKey>)> {
    parked.sort_unstable_by_key(|(key, until)| (*until, *key));
    let size = parked.len().div_ceil(PARKINGS).max(1);
    let mut groups: Vec<(Timestamp, Vec<InvoiceKey>)> = Vec::with_capacity(PARKINGS);
    for (key, until) in parked {
        match groups.last_mut() {
            Some((latest, keys)) if *latest == until || keys.len() < size => {
                *latest = until;
                keys.push(key);
            }
            _ => groups.push((until, vec![key])),
        }
    }
    groups
}
