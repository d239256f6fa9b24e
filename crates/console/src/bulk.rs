//! The same done to all that match, in pages: counted first if wished, and safe to interrupt. What is done no longer
//! matches, so that running it again goes on where it stopped.

use invoice::life::{Actor, RequeueMode};
use invoice::{Environment, Timestamp};
use ledger::{Appended, Change, Filter, LedgerError, Listed};
use serde::Serialize;
use uuid::Uuid;

use crate::action::{Action, Done, Held};
use crate::desk::{Console, signed};
use crate::error::ConsoleError;
use crate::listing::Cursor;
use crate::money::Sums;

/// So many invoices are read and changed in one go.
const BATCH: u32 = 256;
/// So many refusals are told one by one; the rest are counted.
const REFUSALS: usize = 1_000;

/// How to go through what matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bulk {
    /// Change nothing; say what would be done.
    pub dry_run: bool,
    /// Stop after so many invoices looked at; at the end when none.
    pub at_most: Option<u64>,
    /// Where to begin: [`Report::next`] of an earlier run.
    pub after: Option<Cursor>,
}

/// One that was not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedRow {
    /// Where it goes.
    pub environment: Environment,
    /// Its name.
    pub uuid: Uuid,
    /// The seller's number.
    pub number: String,
    /// Stable code of the reason.
    pub code: &'static str,
    /// Why.
    pub reason: String,
}

/// The counters under which the authority holds what was adopted, where they are others than ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HeldCounters {
    /// How many.
    pub count: u64,
    /// The highest of them.
    pub highest: Option<u64>,
    /// Those beyond what had been skipped: the margin was too small.
    pub beyond: u64,
    /// Those that another invoice has drawn here.
    pub clashes: u64,
}

impl HeldCounters {
    fn add(&mut self, held: &Held) {
        self.count += 1;
        self.highest = self.highest.max(Some(held.icv));
        self.beyond += u64::from(!held.noted.is_void || held.noted.advanced.is_some());
        self.clashes += u64::from(held.noted.clash.is_some());
    }
}

/// What was done to all that matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was changed; `done` is what would have been.
    pub dry_run: bool,
    /// Invoices looked at.
    pub count: u64,
    /// Changed.
    pub done: u64,
    /// What the changed ones are worth.
    pub amounts: Sums,
    /// Of adopted ones: the counters under which the authority holds them.
    pub held: HeldCounters,
    /// Not changed.
    pub refused: u64,
    /// The first 1,000 of those, with reasons.
    pub refusals: Vec<RefusedRow>,
    /// Where to go on, when it stopped before the end.
    pub next: Option<Cursor>,
    /// Why it stopped before the end, when that was not asked for. What was done until then is done.
    pub interrupted: Option<String>,
}

impl Console {
    /// Sends again all that match; of those that wait for a person when the filter names no state.
    ///
    /// # Errors
    /// As for [`Console::act_on_matching`].
    pub async fn requeue_matching(
        &self,
        filter: &Filter,
        mode: RequeueMode,
        by: &Actor,
        bulk: Bulk,
    ) -> Result<Report, ConsoleError> {
        self.act_on_matching(filter, Action::Requeue(mode), by, bulk).await
    }

    /// Does it to all that match and stood so when this began: none is changed twice in one run.
    ///
    /// # Errors
    /// [`ConsoleError::Anonymous`], and the ledger's when nothing was begun; later ones stand in [`Report::interrupted`].
    pub async fn act_on_matching(
        &self,
        filter: &Filter,
        action: Action,
        by: &Actor,
        bulk: Bulk,
    ) -> Result<Report, ConsoleError> {
        signed(by)?;
        let begun = self.ledger.now().await?;
        let mut report = Report { dry_run: bulk.dry_run, next: bulk.after, ..Report::default() };
        loop {
            match self.next_batch(filter, action, by, bulk, begun, &mut report).await {
                Ok(true) => {}
                Ok(false) => return Ok(report),
                Err(error) if report.count == 0 => return Err(error),
                Err(error) => {
                    report.interrupted = Some(error.to_string());
                    return Ok(report);
                }
            }
        }
    }

    /// One page; whether there may be more.
    pub(crate) async fn next_batch(
        &self,
        filter: &Filter,
        action: Action,
        by: &Actor,
        bulk: Bulk,
        begun: Timestamp,
        report: &mut Report,
    ) -> Result<bool, ConsoleError> {
        let left = bulk.at_most.map_or(u64::MAX, |at_most| at_most.saturating_sub(report.count));
        if left == 0 {
            return Ok(false);
        }
        let limit = u32::try_from(left).unwrap_or(BATCH).min(BATCH);
        let (mut rows, next) = self.page(filter, report.next, limit).await?;
        // The listing is ordered by the last change: what comes after the beginning has been touched meanwhile.
        rows.retain(|row| row.invoice.updated_at <= begun);
        let Some(last) = rows.last().map(|row| Cursor(row.invoice.updated_at, row.invoice.key)) else {
            report.next = None;
            return Ok(false);
        };
        if bulk.dry_run || action.adopts() {
            for row in rows {
                self.one(row, action, by, report).await?;
            }
        } else {
            self.many(rows, action, by, report).await?;
        }
        report.next = next.map(|_| last);
        Ok(next.is_some())
    }

    /// Decides each of a page and commits them in one transaction.
    async fn many(
        &self,
        rows: Vec<Listed>,
        action: Action,
        by: &Actor,
        report: &mut Report,
    ) -> Result<(), ConsoleError> {
        let now = self.ledger.now().await?;
        let mut decided = Vec::with_capacity(rows.len());
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            match self.decide(&row.invoice, now, action, by).await {
                Ok(events) => {
                    let invoice = row.invoice.clone();
                    changes.push(Change { invoice, events, at: now, documents: Vec::new(), attempt: None });
                    decided.push(row);
                }
                Err(error) => report.refuse(row, error)?,
            }
        }
        let appended = match self.ledger.append(changes).await {
            // One that cannot be stored must not keep the others back.
            Err(LedgerError::Refused(_)) => vec![Appended::Outdated; decided.len()],
            other => other?,
        };
        let mut changed = Vec::with_capacity(decided.len());
        let mut again = Vec::new();
        for (row, appended) in decided.into_iter().zip(appended) {
            match appended {
                Appended::Done(invoice) => {
                    report.done(&row);
                    changed.push((invoice, row.traceparent));
                }
                Appended::Outdated => again.push(row),
            }
        }
        self.hint(&changed).await;
        for row in again {
            self.one(row, action, by, report).await?;
        }
        Ok(())
    }

    /// One by itself, or only asked whether it could be.
    async fn one(
        &self,
        row: Listed,
        action: Action,
        by: &Actor,
        report: &mut Report,
    ) -> Result<(), ConsoleError> {
        let now = self.ledger.now().await?;
        let outcome = if report.dry_run {
            self.decide(&row.invoice, now, action, by).await.map(|_| None)
        } else {
            let seen = row.invoice.clone();
            let acted = self.act_on(seen, now, action, by, row.traceparent.clone()).await;
            acted.map(|Done { held, .. }| held)
        };
        match outcome {
            Ok(held) => {
                held.iter().for_each(|held| report.held.add(held));
                report.done(&row);
            }
            Err(error) => report.refuse(row, error)?,
        }
        Ok(())
    }
}

impl Report {
    fn done(&mut self, row: &Listed) {
        self.count += 1;
        self.done += 1;
        self.amounts.add(&row.summary.currency, row.summary.payable);
    }

    /// What concerns this invoice alone is noted; what concerns the ledger ends the run.
    fn refuse(&mut self, row: Listed, error: ConsoleError) -> Result<(), ConsoleError> {
        if matches!(error, ConsoleError::Ledger(LedgerError::Unavailable(_) | LedgerError::Corrupt(_))) {
            return Err(error);
        }
        self.count += 1;
        self.refused += 1;
        if self.refusals.len() < REFUSALS {
            self.refusals.push(RefusedRow {
                environment: row.invoice.key.environment,
                uuid: row.invoice.key.uuid,
                number: row.invoice.number,
                code: error.code(),
                reason: error.to_string(),
            });
        }
        Ok(())
    }
}
