//! The memory adapter: the same promises without a disk, for the demo and the simulation tests. It is also the reference
//! that says what the seam means; it knows nothing of SQL.
//!
//! Everything stands under one lock that is never held over an await, so each method is one unit by itself.

mod archive;
mod encoding;
mod fleet;
mod intake;
mod keys;
mod outbox;
mod proof;
mod reading;
mod recovery;
mod returns;
mod store;
#[cfg(any(test, feature = "conformance"))]
mod tampering;
mod taxpayers;
mod wakes;

#[cfg(any(test, feature = "conformance"))]
pub use tampering::Tampering;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{InvoiceKey, Timestamp};
use uuid::Uuid;

use crate::record::{
    Amendable, Appended, Arrival, AttemptRecord, Change, Checkpoint, Document, DocumentKind, EncodeOutcome,
    Filter, Loaded, Page, Reception, RecordedEvent, RefusedIntake, Standing, Verification,
};
use crate::sweep::{Parked, Sweep, Swept};
use crate::{Archive, Clock, Encode, Keys, Ledger, LedgerError, Outbox, Schedule, Taxpayers};
use store::{Addition, Store, micros};

/// A ledger in this process; what it holds is gone with it.
pub struct MemoryLedger {
    clock: Clock,
    schedule: Schedule,
    store: Mutex<Store>,
}

impl MemoryLedger {
    /// An empty ledger that takes the time from `clock` and hints by `schedule`.
    #[must_use]
    pub fn new(clock: Clock, schedule: Schedule) -> Self {
        Self { clock, schedule, store: Mutex::new(Store::default()) }
    }

    /// With notices of invoices that settle (see [`Outbox`]), as `PostgresConfig::notices`.
    #[must_use]
    pub fn with_notices(self) -> Self {
        self.store().outbox.keeps_notices = true;
        self
    }

    fn time(&self) -> Timestamp {
        micros((self.clock)())
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic in a caller's encoder leaves the store whole: everything is planned before anything is changed.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLedger").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn now(&self) -> Result<Timestamp, LedgerError> {
        Ok(self.time())
    }

    async fn accept(&self, batch: Vec<Arrival>) -> Result<Vec<Reception>, LedgerError> {
        // What could fail comes first: the batch is one unit.
        batch.iter().try_for_each(intake::storable)?;
        let now = self.time();
        let mut store = self.store();
        batch.into_iter().map(|arrival| store.accept(arrival, now, &self.schedule)).collect()
    }

    async fn load(&self, keys: &[InvoiceKey]) -> Result<Loaded, LedgerError> {
        let store = self.store();
        Ok(Loaded { now: self.time(), invoices: keys.iter().map(|key| store.invoice(key)).collect() })
    }

    async fn append(&self, batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError> {
        // What could fail comes first: the batch is one unit.
        let batch: Vec<(Change, Vec<String>)> = batch
            .into_iter()
            .map(|change| {
                let payloads = store::payloads(&change.events)?;
                if payloads.is_empty() {
                    return Err(LedgerError::Refused(format!(
                        "a change of {} without events",
                        change.invoice.key
                    )));
                }
                Ok((change, payloads))
            })
            .collect::<Result<_, _>>()?;
        let now = self.time();
        let mut store = self.store();
        let append = |(change, payloads): (Change, Vec<String>)| {
            let Change { invoice, events, at, documents, attempt } = change;
            let addition = Addition { events, payloads, at: micros(at), documents, attempt };
            match store.add(invoice.key, Some(invoice.version), addition, now, &self.schedule) {
                Some(invoice) => Appended::Done(invoice),
                None => Appended::Outdated,
            }
        };
        Ok(batch.into_iter().map(append).collect())
    }

    async fn encode(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: Arc<dyn Encode>,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        self.store().encode(&keys, encoder.as_ref(), self.time(), &self.schedule)
    }

    async fn dependants(&self, originals: &[InvoiceKey]) -> Result<Vec<Swept>, LedgerError> {
        Ok(self.store().dependants(originals, self.time(), &self.schedule))
    }

    async fn documents(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError> {
        let store = self.store();
        Ok(wanted
            .iter()
            .map(|(key, document, kind)| {
                store.streams.get(key)?.documents.get(&(*document, *kind))?.last().cloned()
            })
            .collect())
    }

    async fn history(&self, key: InvoiceKey) -> Result<Vec<RecordedEvent>, LedgerError> {
        self.store().history(&key)
    }

    async fn attempts(&self, key: InvoiceKey) -> Result<Vec<AttemptRecord>, LedgerError> {
        Ok(self.store().streams.get(&key).map(|stream| stream.attempts.clone()).unwrap_or_default())
    }

    async fn content(&self, key: InvoiceKey) -> Result<Option<Amendable>, LedgerError> {
        let store = self.store();
        Ok(store.streams.get(&key).map(|stream| Amendable {
            invoice: stream.invoice.clone(),
            normal_form: stream.content().to_owned(),
        }))
    }

    async fn find(&self, uuid_or_number: &str) -> Result<Vec<InvoiceKey>, LedgerError> {
        Ok(self.store().find(uuid_or_number))
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<(Timestamp, InvoiceKey)>,
        limit: u32,
    ) -> Result<Page, LedgerError> {
        Ok(self.store().list(filter, after, limit))
    }

    async fn refuse_intake(&self, batch: Vec<RefusedIntake>) -> Result<(), LedgerError> {
        let now = self.time();
        let mut store = self.store();
        for record in batch {
            store.refuse(record, now);
        }
        Ok(())
    }

    async fn refused_intake(&self, limit: u32) -> Result<Vec<RefusedIntake>, LedgerError> {
        Ok(self.store().refused(limit))
    }

    async fn refused_ids(&self, limit: u32) -> Result<Vec<Uuid>, LedgerError> {
        Ok(self.store().refused(limit).into_iter().map(|record| record.id).collect())
    }

    async fn resolve_intake(&self, id: Uuid, by: Actor) -> Result<bool, LedgerError> {
        Ok(self.store().resolve(id, by))
    }

    async fn sweep(&self, wanted: Sweep, limit: u32) -> Result<Vec<Swept>, LedgerError> {
        Ok(self.store().sweep(&wanted, limit, self.time(), &self.schedule))
    }

    async fn parked(&self, at_most: u32) -> Result<Parked, LedgerError> {
        Ok(self.store().wakes.parked(at_most, self.time()))
    }

    async fn park(&self, invoices: &[InvoiceKey], until: Timestamp) -> Result<(), LedgerError> {
        let mut store = self.store();
        for key in invoices {
            store.park(key, micros(until));
        }
        Ok(())
    }

    async fn standing(&self) -> Result<Standing, LedgerError> {
        Ok(self.store().standing(self.time()))
    }

    async fn checkpoint(&self, limit: u32) -> Result<Option<Checkpoint>, LedgerError> {
        Ok(self.store().checkpoint(limit, self.time()))
    }

    async fn verify(&self) -> Result<Verification, LedgerError> {
        Ok(self.store().verify())
    }

    fn archive(&self) -> &dyn Archive {
        self
    }

    fn fleet(&self) -> &dyn crate::Fleet {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn taxpayers(&self) -> &dyn Taxpayers {
        self
    }

    fn recovery(&self) -> &dyn crate::Recovery {
        self
    }

    fn keys(&self) -> &dyn Keys {
        self
    }

    async fn maintain(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}
