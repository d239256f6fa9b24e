//! When open invoices wake, in an order that serves taxpayers in turn. Knows no clock.

use std::collections::{BTreeMap, BTreeSet};

use invoice::life::Invoice;
use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use crate::sweep::{Parked, Stage, Sweep};

/// One income source's invoices that wait for the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    stage: Stage,
    source: (Environment, IncomeSource),
}

/// Who wakes when.
#[derive(Default)]
pub(super) struct Wakes {
    lanes: BTreeMap<Lane, BTreeSet<(Timestamp, Uuid)>>,
    places: BTreeMap<InvoiceKey, (Lane, Timestamp)>,
}

impl Wakes {
    /// This invoice, as it stands, wakes then; or never.
    pub(super) fn set(&mut self, invoice: &Invoice, at: Option<Timestamp>) {
        let key = invoice.key;
        if let Some((lane, before)) = self.places.remove(&key)
            && let Some(wakes) = self.lanes.get_mut(&lane)
        {
            wakes.remove(&(before, key.uuid));
            if wakes.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        if let Some(at) = at {
            let lane = Lane { stage: Stage::of(invoice), source: (key.environment, invoice.source.clone()) };
            self.lanes.entry(lane.clone()).or_default().insert((at, key.uuid));
            self.places.insert(key, (lane, at));
        }
    }

    /// At most `limit` whose time has come: each taxpayer's longest waiting first, then each one's second, and so on.
    pub(super) fn due(&self, wanted: &Sweep, limit: usize, now: Timestamp) -> Vec<InvoiceKey> {
        let stages = wanted.stages();
        let mut taxpayers: BTreeMap<&str, Vec<(Timestamp, InvoiceKey)>> = BTreeMap::new();
        for (lane, wakes) in &self.lanes {
            let (environment, source) = &lane.source;
            if stages.contains(&lane.stage) && wanted.sources.include(&lane.source) {
                let due = wakes.iter().take_while(|(at, _)| *at <= now).take(limit);
                let due = due.map(|(at, uuid)| (*at, InvoiceKey { environment: *environment, uuid: *uuid }));
                taxpayers.entry(&source.tax_number).or_default().extend(due);
            }
        }
        let mut turns = Vec::new();
        for mut due in taxpayers.into_values() {
            due.sort_unstable();
            turns.extend(due.into_iter().take(limit).enumerate());
        }
        turns.sort_unstable();
        turns.into_iter().take(limit).map(|(_, (_, key))| key).collect()
    }

    /// How many are due, each kind counted up to `at_most`.
    pub(super) fn parked(&self, at_most: u32, now: Timestamp) -> Parked {
        let count = |stage| {
            let lanes = self.lanes.iter().filter(|(lane, _)| lane.stage == stage);
            let due = lanes.flat_map(|(_, wakes)| wakes.iter().take_while(|(at, _)| *at <= now));
            due.take(usize::try_from(at_most).unwrap_or(usize::MAX)).count() as u64
        };
        Parked {
            unencoded: count(Stage::Unencoded),
            unsent: count(Stage::Unsent),
            under_way: count(Stage::UnderWay),
        }
    }

    /// All that wakes of an income source, with the time.
    pub(super) fn of_source(
        &self,
        environment: Environment,
        source: &IncomeSource,
    ) -> impl Iterator<Item = (Timestamp, InvoiceKey)> {
        let lanes = self.lanes.iter().filter(move |(lane, _)| {
            let (theirs, its) = &lane.source;
            *theirs == environment && its == source
        });
        lanes.flat_map(move |(_, wakes)| {
            wakes.iter().map(move |(at, uuid)| (*at, InvoiceKey { environment, uuid: *uuid }))
        })
    }
}
