//! The queues rebuilt from the ledger: a hint for each open invoice that can move now, and for each that waits for a person.
//! Changes no invoice. Hints may come twice; what is lost is worse.

use broker::{Hint, Outgoing, Queue};
use invoice::life::{Invoice, State};
use invoice::{Environment, InvoiceKey, Timestamp};
use ledger::Filter;
use serde::Serialize;

use crate::action::Hinted;
use crate::desk::{Console, queue_of};
use crate::error::ConsoleError;
use crate::listing::Cursor;

/// So many invoices are read and hinted in one go.
const PAGE: u32 = 256;
/// Above so many hints in a queue the rest is made due in the ledger, from where the submitters feed the queue in turn.
const WINDOW: u64 = 1_000;
/// At most so many records of refused intake are hinted.
const REFUSED: u32 = 1_000_000;

/// What was hinted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Nothing was hinted; the numbers are what would have been.
    pub dry_run: bool,
    /// Invoices looked at.
    pub count: u64,
    /// Hinted for the encoder.
    pub draft: u64,
    /// Hinted for the submitter.
    pub to_submit: u64,
    /// Made due in the ledger, since the queue is deep or away: submitters hint them in turn.
    pub made_due: u64,
    /// Left to the time for which the ledger has them.
    pub not_due: u64,
    /// Being sent at this moment: whoever holds them, or the end of the lease, moves them on.
    pub in_flight: u64,
    /// Rejected, dead-lettered and refused intake, hinted for people.
    pub dead_letter: u64,
    /// The dead-letter queue had messages already: submitters make it equal to the ledger.
    pub dead_letter_left: bool,
    /// Where to go on, when it stopped before the end.
    pub next: Option<Cursor>,
    /// Why it stopped before the end, when that was not asked for.
    pub interrupted: Option<String>,
}

/// A rebuilding under way: [`Console::rebuild_page`] does it piece by piece, so that whoever asks for it sets the pace.
#[derive(Debug, Clone)]
pub struct Rebuilding {
    filter: Filter,
    begun: Timestamp,
    /// What was done so far.
    pub report: Rebuilt,
}

impl Console {
    /// Begins to rebuild: for the open invoices that match, from `after` on.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn rebuild(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        dry_run: bool,
    ) -> Result<Rebuilding, ConsoleError> {
        let begun = self.ledger.now().await?;
        let states = match filter.states.as_slice() {
            [] => vec![State::Draft, State::Submitted, State::PendingRetry],
            wanted => wanted.to_vec(),
        };
        let report = Rebuilt { dry_run, next: after, ..Rebuilt::default() };
        Ok(Rebuilding { filter: Filter { states, ..filter.clone() }, begun, report })
    }

    /// The next page; whether there may be more.
    ///
    /// # Errors
    /// The ledger's; the same page can be asked for again.
    pub async fn rebuild_page(&self, work: &mut Rebuilding) -> Result<bool, ConsoleError> {
        let (mut rows, next) = self.page(&work.filter, work.report.next, PAGE).await?;
        // Ordered by the last change: what comes after the beginning was touched meanwhile, and hinted by whoever did.
        rows.retain(|row| row.invoice.updated_at <= work.begun);
        let Some(last) = rows.last().map(|row| Cursor(row.invoice.updated_at, row.invoice.key)) else {
            work.report.next = None;
            return Ok(false);
        };
        let now = self.ledger.now().await?;
        let report = &mut work.report;
        let (mut draft, mut to_submit) = (Vec::new(), Vec::new());
        for row in rows {
            report.count += 1;
            let (invoice, traceparent) = (row.invoice, row.traceparent);
            match (stand(&invoice, now), queue_of(&invoice)) {
                (Stand::NotDue, _) => report.not_due += 1,
                (Stand::InFlight, _) => report.in_flight += 1,
                (Stand::Now, Some(Queue::Draft)) => draft.push((invoice, traceparent)),
                (Stand::Now, Some(_)) => to_submit.push((invoice, traceparent)),
                (Stand::Now, None) => {}
            }
        }
        if report.dry_run {
            report.draft += draft.len() as u64;
            report.to_submit += to_submit.len() as u64;
        } else {
            let mut late = Vec::new();
            report.draft += self.hint_again(Queue::Draft, draft, &mut late).await;
            report.to_submit += self.hint_again(Queue::ToSubmit, to_submit, &mut late).await;
            report.made_due += late.len() as u64;
            if !late.is_empty() {
                self.ledger.park(&late, now).await?;
            }
        }
        report.next = next.map(|_| last);
        Ok(next.is_some())
    }

    /// How many got their hint; the others are added to `late`.
    async fn hint_again(
        &self,
        queue: Queue,
        invoices: Vec<(Invoice, Option<String>)>,
        late: &mut Vec<InvoiceKey>,
    ) -> u64 {
        let hint = |(invoice, traceparent): &(Invoice, Option<String>)| Outgoing {
            queue,
            payload: Hint::new(invoice.key, invoice.version).to_bytes(),
            traceparent: traceparent.clone(),
        };
        let results = self.publish(queue, invoices.iter().map(hint).collect(), WINDOW).await;
        let mut sent = 0;
        for ((invoice, _), result) in invoices.iter().zip(results) {
            match result {
                Hinted::Sent => sent += 1,
                Hinted::NotNeeded | Hinted::LeftToSweeper => late.push(invoice.key),
            }
        }
        sent
    }

    /// Fills an empty dead-letter queue with one hint for each case that waits for a person; one that has messages is left to
    /// the submitters, which keep what only it holds.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn rebuild_dead_letters(&self, work: &mut Rebuilding) -> Result<(), ConsoleError> {
        let report = &mut work.report;
        if !report.dry_run && self.broker.depth(Queue::DeadLetter).await.is_ok_and(|depth| depth > 0) {
            report.dead_letter_left = true;
            return Ok(());
        }
        let filter = Filter { states: vec![State::Rejected, State::DeadLettered], ..Filter::default() };
        let mut after = None;
        loop {
            let (rows, next) = self.page(&filter, after, PAGE).await?;
            let hints = rows.into_iter().map(|row| Outgoing {
                queue: Queue::DeadLetter,
                payload: Hint::new(row.invoice.key, row.invoice.version).to_bytes(),
                traceparent: row.traceparent,
            });
            report.dead_letter += self.for_people(hints.collect(), report.dry_run).await;
            after = next;
            if after.is_none() {
                break;
            }
        }
        let refused = self.ledger.refused_ids(REFUSED).await?;
        for piece in refused.chunks(1_000) {
            let hints = piece.iter().map(|uuid| {
                let hint = Hint { environment: Environment::Simulation, uuid: *uuid, version: 0 };
                Outgoing { queue: Queue::DeadLetter, payload: hint.to_bytes(), traceparent: None }
            });
            report.dead_letter += self.for_people(hints.collect(), report.dry_run).await;
        }
        Ok(())
    }

    async fn for_people(&self, hints: Vec<Outgoing>, dry_run: bool) -> u64 {
        if dry_run {
            return hints.len() as u64;
        }
        let sent = self.publish(Queue::DeadLetter, hints, u64::MAX).await;
        sent.iter().filter(|result| **result == Hinted::Sent).count() as u64
    }
}

/// Whether an open invoice can move now.
enum Stand {
    Now,
    NotDue,
    InFlight,
}

fn stand(invoice: &Invoice, now: Timestamp) -> Stand {
    match invoice.state {
        State::PendingRetry if invoice.due_at.is_some_and(|due_at| due_at > now) => Stand::NotDue,
        State::Submitted if invoice.lease_until.is_some_and(|until| until > now) => Stand::InFlight,
        _ => Stand::Now,
    }
}
