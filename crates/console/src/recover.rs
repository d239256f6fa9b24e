//! After the ledger came back older than the authority and the queues: counters are advanced, and it is told what the ledger
//! has lost. Decides nothing about invoices.

use std::collections::BTreeMap;

use invoice::life::Actor;
use invoice::{Environment, IncomeSource, InvoiceKey};
use ledger::{Advance, Advanced, CounterStanding, UnknownHint, VoidRange};
use serde::Serialize;

use crate::desk::{Console, signed};
use crate::error::ConsoleError;

/// The largest margin: no ledger loses a hundred million invoices of one income source.
pub(crate) const MARGIN_MAX: u64 = 100_000_000;

/// Which counters are advanced, and by how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advancing {
    /// Only this income source; none: all.
    pub source: Option<IncomeSource>,
    /// Only this environment.
    pub environment: Option<Environment>,
    /// How many numbers are skipped in each.
    pub margin: u64,
    /// Also where nothing was drawn since the last time.
    pub again: bool,
    /// Change nothing; say what would be skipped.
    pub dry_run: bool,
}

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedRow {
    /// Where its documents go.
    pub environment: Environment,
    /// Whose counter.
    pub source: IncomeSource,
    /// It had been advanced before, and nothing was drawn since: nothing was done now.
    pub already: bool,
    /// The first number that is void.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

/// What was skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Nothing was changed; the rows say what would have been.
    pub dry_run: bool,
    /// By income source.
    pub counters: Vec<SkippedRow>,
}

/// What is known of the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// By income source.
    pub counters: Vec<CounterStanding>,
}

/// What the queues knew and the ledger does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Invoices that hints named while the ledger did not know them.
    pub met: u64,
    /// Those of them that it still does not know: they must be published again.
    pub unknown: u64,
}

impl Console {
    /// All counters, what was skipped of them, and what the authority holds beside them.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn counters(&self) -> Result<Counters, ConsoleError> {
        Ok(Counters { counters: self.ledger.recovery().counters().await? })
    }

    /// Skips numbers, so that none is drawn that may have been drawn in a time that the ledger has lost. Of an income source that
    /// is registered and was never drawn from as well: its first numbers may have been drawn in that time.
    ///
    /// # Errors
    /// [`ConsoleError::Anonymous`]; [`ConsoleError::Margin`]; [`ConsoleError::UnknownSource`]; the ledger's. What was skipped
    /// before the error stays so, and is passed over the next time.
    pub async fn advance_counters(&self, wanted: &Advancing, by: &Actor) -> Result<Skipped, ConsoleError> {
        signed(by)?;
        if !(1..=MARGIN_MAX).contains(&wanted.margin) {
            return Err(ConsoleError::Margin { margin: wanted.margin });
        }
        let mut places: BTreeMap<(Environment, IncomeSource), (u64, Option<VoidRange>)> = BTreeMap::new();
        for (source, registration) in self.registrations.iter() {
            places.insert((registration.environment, source.clone()), (registration.icv_start, None));
        }
        for mut counter in self.ledger.recovery().counters().await? {
            let last = counter.voids.pop();
            places.insert((counter.environment, counter.source), (counter.next_icv, last));
        }
        places.retain(|(environment, source), _| {
            wanted.environment.is_none_or(|only| only == *environment)
                && wanted.source.as_ref().is_none_or(|only| only == source)
        });
        if let (Some(source), true) = (&wanted.source, places.is_empty()) {
            return Err(ConsoleError::UnknownSource { name: source.clone() });
        }
        let mut report = Skipped { dry_run: wanted.dry_run, ..Skipped::default() };
        for ((environment, source), (next, last)) in places {
            let advanced = if wanted.dry_run {
                planned(next, last, wanted)
            } else {
                let advance = Advance {
                    environment,
                    source: source.clone(),
                    start: next,
                    margin: wanted.margin,
                    again: wanted.again,
                    by: by.clone(),
                };
                match self.ledger.recovery().advance_counter(advance).await? {
                    Advanced::Done(VoidRange { first, last, .. }) => (false, first, last),
                    Advanced::Already(VoidRange { first, last, .. }) => (true, first, last),
                }
            };
            let (already, first, last) = advanced;
            report.counters.push(SkippedRow { environment, source, already, first, last });
        }
        Ok(report)
    }

    /// How many invoices the queues knew and the ledger did not.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn lost(&self) -> Result<Lost, ConsoleError> {
        let mut lost = Lost::default();
        let mut after = None;
        loop {
            let page = self.unknown(after, 10_000).await?;
            let Some(last) = page.last() else { return Ok(lost) };
            after = Some(InvoiceKey { environment: last.environment, uuid: last.uuid });
            lost.met += page.len() as u64;
            lost.unknown += page.iter().filter(|hint| !hint.known).count() as u64;
        }
    }

    /// A page of what hints named while the ledger did not know it.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn unknown(
        &self,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<Vec<UnknownHint>, ConsoleError> {
        Ok(self.ledger.recovery().unknown_hints(after, limit).await?)
    }
}

/// What the ledger would do.
fn planned(next: u64, last: Option<VoidRange>, wanted: &Advancing) -> (bool, u64, u64) {
    match last {
        Some(range) if !wanted.again && range.last.checked_add(1) == Some(next) => {
            (true, range.first, range.last)
        }
        _ => (false, next, next.saturating_add(wanted.margin.saturating_sub(1))),
    }
}
