//! How the memory adapter keeps taxpayers. Knows nothing of secrets but that they are there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use invoice::{Environment, IncomeSource, Timestamp};

use super::MemoryLedger;
use super::store::Store;
use crate::LedgerError;
use crate::taxpayers::{
    Entry, Registered, RegisteredSource, Registry, RegistryChange, RegistryRecord, Taxpayer, Taxpayers,
    differences, is_signed,
};

/// Taxpayers, their income sources, and who changed them.
#[derive(Default)]
pub(super) struct Book {
    revision: u64,
    taxpayers: BTreeMap<String, Taxpayer>,
    sources: BTreeMap<(IncomeSource, Environment), RegisteredSource>,
    history: Vec<RegistryRecord>,
}

impl Book {
    fn register(&mut self, change: RegistryChange, now: Timestamp) -> Registered {
        let RegistryChange { entry, action, by } = change;
        if !is_signed(&by) {
            return Registered::Unsigned;
        }
        let before = self.current(&entry);
        let (had, based_on, created_at) = match (&before, &entry) {
            (Some(Entry::Taxpayer(old)), Entry::Taxpayer(new)) => {
                (old.revision, new.revision, old.created_at)
            }
            (Some(Entry::Source(old)), Entry::Source(new)) => (old.revision, new.revision, old.created_at),
            (
                _,
                Entry::Taxpayer(Taxpayer { revision, .. }) | Entry::Source(RegisteredSource { revision, .. }),
            ) => (0, *revision, now),
        };
        if had != based_on {
            return Registered::Outdated;
        }
        if let Entry::Source(source) = &entry {
            if !self.taxpayers.contains_key(&source.source.tax_number) {
                return Registered::NoTaxpayer;
            }
            let elsewhere = |(name, environment): &&(IncomeSource, Environment)| {
                *name == source.source && *environment != source.environment
            };
            let mut others = self.sources.iter().filter(|(key, other)| elsewhere(key) && other.active);
            if let (true, Some((_, other))) = (source.active, others.next()) {
                return Registered::ActiveElsewhere(other.environment);
            }
        }
        self.revision += 1;
        let what = differences(before.as_ref(), &entry);
        let (tax_number, place) = match entry {
            Entry::Taxpayer(taxpayer) => {
                let tax_number = taxpayer.tax_number.clone();
                let taxpayer = Taxpayer { revision: self.revision, created_at, updated_at: now, ..taxpayer };
                self.taxpayers.insert(tax_number.clone(), taxpayer);
                (tax_number, None)
            }
            Entry::Source(source) => {
                let key = (source.source.clone(), source.environment);
                let source =
                    RegisteredSource { revision: self.revision, created_at, updated_at: now, ..source };
                self.sources.insert(key.clone(), source);
                (key.0.tax_number, Some((key.1, key.0.sequence)))
            }
        };
        let (environment, sequence) = place.unzip();
        let record = RegistryRecord {
            revision: self.revision,
            at: now,
            by,
            tax_number,
            environment,
            sequence,
            action,
            what,
        };
        self.history.push(record);
        Registered::Done(self.revision)
    }

    fn current(&self, entry: &Entry) -> Option<Entry> {
        match entry {
            Entry::Taxpayer(taxpayer) => {
                self.taxpayers.get(&taxpayer.tax_number).cloned().map(Entry::Taxpayer)
            }
            Entry::Source(source) => {
                self.sources.get(&(source.source.clone(), source.environment)).cloned().map(Entry::Source)
            }
        }
    }
}

impl Store {
    fn registry(&self) -> Registry {
        let sources = self.book.sources.iter().map(|((name, environment), source)| RegisteredSource {
            next_icv: self.counters.get(&(*environment, name.clone())).copied(),
            ..source.clone()
        });
        Registry {
            revision: self.book.revision,
            taxpayers: self.book.taxpayers.values().cloned().collect(),
            sources: sources.collect(),
        }
    }

    fn wake_source(
        &mut self,
        environment: Environment,
        source: &IncomeSource,
        limit: u32,
        now: Timestamp,
    ) -> u64 {
        let parked: Vec<_> = self
            .wakes
            .of_source(environment, source)
            .filter(|(wake_at, _)| *wake_at > now)
            .filter_map(|(_, key)| self.streams.get(&key))
            .filter(|stream| {
                let own = stream.invoice.lease_until.or(stream.invoice.due_at);
                own.is_none_or(|own| own <= now)
            })
            .map(|stream| stream.invoice.key)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        parked.iter().for_each(|key| self.park(key, now));
        parked.len().try_into().unwrap_or(u64::MAX)
    }
}

#[async_trait]
impl Taxpayers for MemoryLedger {
    async fn registry_revision(&self) -> Result<u64, LedgerError> {
        Ok(self.store().book.revision)
    }

    async fn registry(&self) -> Result<Registry, LedgerError> {
        Ok(self.store().registry())
    }

    async fn register(&self, change: RegistryChange) -> Result<Registered, LedgerError> {
        let now = self.time();
        Ok(self.store().book.register(change, now))
    }

    async fn registry_history(
        &self,
        tax_number: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RegistryRecord>, LedgerError> {
        let store = self.store();
        let wanted = |record: &&RegistryRecord| {
            tax_number.is_none_or(|wanted| record.tax_number == wanted)
                && before.is_none_or(|before| record.revision < before)
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(store.book.history.iter().rev().filter(wanted).take(limit).cloned().collect())
    }

    async fn wake(
        &self,
        environment: Environment,
        source: &IncomeSource,
        limit: u32,
    ) -> Result<u64, LedgerError> {
        let now = self.time();
        Ok(self.store().wake_source(environment, source, limit, now))
    }
}
