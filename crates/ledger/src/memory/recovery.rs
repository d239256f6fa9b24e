//! How the memory adapter keeps what recovery needs.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use super::MemoryLedger;
use super::store::{CounterKey, Store};
use crate::LedgerError;
use crate::recovery::{
    Advance, Advanced, CounterStanding, HeldNoted, IntakeSwitch, Recovery, UNKNOWN_MAX, UnknownHint,
    VoidRange,
};

/// The intake's switch, skipped numbers, what the authority and the queues know.
#[derive(Default)]
pub(super) struct Salvage {
    switches: Vec<IntakeSwitch>,
    /// In order.
    pub(super) voids: BTreeMap<CounterKey, Vec<VoidRange>>,
    held: BTreeSet<(CounterKey, u64, Uuid)>,
    unknown: BTreeMap<InvoiceKey, (u32, Timestamp, Timestamp)>,
}

impl Salvage {
    fn is_void(&self, counter: &CounterKey, icv: u64) -> bool {
        self.voids.get(counter).into_iter().flatten().any(|range| range.contains(icv))
    }
}

impl Store {
    fn next_of(&self, counter: &CounterKey, start: u64) -> u64 {
        self.counters.get(counter).copied().unwrap_or(start)
    }

    fn skip(
        &mut self,
        counter: &CounterKey,
        first: u64,
        last: u64,
        by: &Actor,
        at: Timestamp,
    ) -> Result<VoidRange, LedgerError> {
        let too_large = || LedgerError::Refused(format!("{last} is too large for the ledger"));
        let next = last.checked_add(1).filter(|next| i64::try_from(*next).is_ok()).ok_or_else(too_large)?;
        let range = VoidRange { first, last, at, by: by.clone() };
        self.counters.insert(counter.clone(), next);
        self.salvage.voids.entry(counter.clone()).or_default().push(range.clone());
        Ok(range)
    }

    fn advance(&mut self, advance: Advance, at: Timestamp) -> Result<Advanced, LedgerError> {
        let Advance { environment, source, start, margin, again, by } = advance;
        let counter = (environment, source);
        let next = self.next_of(&counter, start);
        let before = self.salvage.voids.get(&counter).and_then(|ranges| ranges.last());
        if let Some(before) = before
            && !again
            && before.last.checked_add(1) == Some(next)
        {
            return Ok(Advanced::Already(before.clone()));
        }
        let last = next
            .checked_add(margin.max(1) - 1)
            .ok_or_else(|| LedgerError::Refused(format!("{margin} is too large a margin")))?;
        self.skip(&counter, next, last, &by, at).map(Advanced::Done)
    }

    fn note_held(
        &mut self,
        key: InvoiceKey,
        source: &IncomeSource,
        icv: u64,
        by: &Actor,
        at: Timestamp,
    ) -> Result<HeldNoted, LedgerError> {
        let counter = (key.environment, source.clone());
        let next = self.next_of(&counter, icv);
        let advanced = if icv >= next { Some(self.skip(&counter, next, icv, by, at)?) } else { None };
        self.salvage.held.insert((counter.clone(), icv, key.uuid));
        let is_void = self.salvage.is_void(&counter, icv);
        let drawn = self.assignments.get(&(counter, icv)).copied();
        Ok(HeldNoted { is_void, advanced, clash: drawn.filter(|uuid| *uuid != key.uuid) })
    }

    fn counter_standings(&self) -> Vec<CounterStanding> {
        let standing = |(counter, next): (&CounterKey, &u64)| {
            let held: Vec<_> = self.salvage.held.iter().filter(|(of, ..)| of == counter).collect();
            let outside = held.iter().filter(|(_, icv, _)| !self.salvage.is_void(counter, *icv));
            let clashes = held.iter().filter(|(_, icv, uuid)| {
                self.assignments.get(&(counter.clone(), *icv)).is_some_and(|drawn| drawn != uuid)
            });
            CounterStanding {
                environment: counter.0,
                source: counter.1.clone(),
                next_icv: *next,
                voids: self.salvage.voids.get(counter).cloned().unwrap_or_default(),
                held: held.len() as u64,
                highest_held: held.iter().map(|(_, icv, _)| *icv).max(),
                held_outside: outside.count() as u64,
                clashes: clashes.count() as u64,
            }
        };
        self.counters.iter().map(standing).collect()
    }
}

#[async_trait]
impl Recovery for MemoryLedger {
    async fn intake_switch(&self) -> Result<Option<IntakeSwitch>, LedgerError> {
        Ok(self.store().salvage.switches.last().cloned())
    }

    async fn switch_intake(&self, closed: bool, by: Actor) -> Result<bool, LedgerError> {
        let at = self.time();
        let switches = &mut self.store().salvage.switches;
        if switches.last().is_some_and(|last| last.closed) == closed {
            return Ok(false);
        }
        switches.push(IntakeSwitch { closed, at, by });
        Ok(true)
    }

    async fn intake_history(&self, limit: u32) -> Result<Vec<IntakeSwitch>, LedgerError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.store().salvage.switches.iter().rev().take(limit).cloned().collect())
    }

    async fn advance_counter(&self, advance: Advance) -> Result<Advanced, LedgerError> {
        let at = self.time();
        self.store().advance(advance, at)
    }

    async fn note_held(
        &self,
        key: InvoiceKey,
        source: &IncomeSource,
        icv: u64,
        by: &Actor,
    ) -> Result<HeldNoted, LedgerError> {
        let at = self.time();
        self.store().note_held(key, source, icv, by, at)
    }

    async fn counters(&self) -> Result<Vec<CounterStanding>, LedgerError> {
        Ok(self.store().counter_standings())
    }

    async fn note_unknown(&self, hints: &[(InvoiceKey, u32)]) -> Result<(), LedgerError> {
        let now = self.time();
        let unknown = &mut self.store().salvage.unknown;
        if unknown.len() as u64 >= u64::from(UNKNOWN_MAX) {
            return Ok(());
        }
        for (key, version) in hints {
            let (latest, _, seen) = unknown.entry(*key).or_insert((*version, now, now));
            *latest = (*version).max(*latest);
            *seen = now;
        }
        Ok(())
    }

    async fn unknown_hints(
        &self,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<Vec<UnknownHint>, LedgerError> {
        let store = self.store();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rest = store.salvage.unknown.iter().filter(|(key, _)| after.is_none_or(|after| **key > after));
        let told = |(key, (version, first_seen, last_seen)): (&InvoiceKey, &(u32, Timestamp, Timestamp))| {
            UnknownHint {
                environment: key.environment,
                uuid: key.uuid,
                version: *version,
                first_seen: *first_seen,
                last_seen: *last_seen,
                known: store.streams.contains_key(key),
            }
        };
        Ok(rest.take(limit).map(told).collect())
    }
}
