//! What the memory adapter tells of what it holds.

use std::collections::BTreeMap;
use std::ops::Bound;

use invoice::life::{Cause, Event, Invoice, State};
use invoice::{Environment, InvoiceKey, Timestamp};
use uuid::Uuid;

use super::store::{Store, Stream};
use crate::LedgerError;
use crate::record::{Filter, Listed, Page, RecordedEvent, Standing, StandingCount};

impl Store {
    pub(super) fn history(&self, key: &InvoiceKey) -> Result<Vec<RecordedEvent>, LedgerError> {
        let Some(stream) = self.streams.get(key) else { return Ok(Vec::new()) };
        (1..)
            .zip(&stream.events)
            .map(|(version, stored)| {
                let event: Event = serde_json::from_str(&stored.payload)
                    .map_err(|error| LedgerError::Corrupt(format!("event {version} of {key}: {error}")))?;
                Ok(RecordedEvent { version, at: stored.at, event, hash: stored.hash })
            })
            .collect()
    }

    pub(super) fn find(&self, uuid_or_number: &str) -> Vec<InvoiceKey> {
        let text = uuid_or_number;
        let environments = [Environment::Simulation, Environment::Sandbox, Environment::Production];
        let uuid = Uuid::try_parse(text).ok();
        let named =
            environments.into_iter().filter_map(|environment| Some(InvoiceKey { environment, uuid: uuid? }));
        let numbered = self
            .numbers
            .iter()
            .filter(|((_, number), _)| number == text)
            .map(|(((environment, _), _), uuid)| InvoiceKey { environment: *environment, uuid: *uuid });
        let mut keys: Vec<InvoiceKey> =
            named.chain(numbered).filter(|key| self.streams.contains_key(key)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    pub(super) fn list(&self, filter: &Filter, after: Option<(Timestamp, InvoiceKey)>, limit: u32) -> Page {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut matching = self
            .changed
            .range((from, Bound::Unbounded))
            .filter_map(|(_, key)| self.streams.get(key))
            .filter(|stream| matches(filter, &stream.invoice));
        let rows: Vec<Listed> = matching.by_ref().take(limit).map(listed).collect();
        let more = matching.next().is_some();
        let next = rows.last().filter(|_| more).map(|row| (row.invoice.updated_at, row.invoice.key));
        Page { rows, next }
    }

    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let mut counts: BTreeMap<(State, Option<Cause>), (u64, Timestamp)> = BTreeMap::new();
        let mut standing = Standing::default();
        for invoice in self.streams.values().map(|stream| &stream.invoice) {
            let (count, oldest) =
                counts.entry((invoice.state, invoice.cause)).or_insert((0, invoice.updated_at));
            *count += 1;
            *oldest = invoice.updated_at.min(*oldest);
            standing.past_due += u64::from(is_past_due(invoice, now));
            if invoice.in_doubt.is_some() {
                standing.in_doubt += 1;
                standing.oldest_doubt =
                    [standing.oldest_doubt, invoice.doubt_since].into_iter().flatten().min();
            }
        }
        standing.counts = counts
            .into_iter()
            .map(|((state, cause), (count, oldest))| StandingCount {
                state,
                cause,
                count,
                // Nobody waits for what has settled for good.
                oldest: Some(oldest).filter(|_| !matches!(state, State::Cleared | State::Abandoned)),
            })
            .collect();
        let open = self.refused.values().filter(|(_, resolved)| resolved.is_none()).count();
        standing.refused_intake = u64::try_from(open).unwrap_or(u64::MAX);
        standing
    }
}

fn listed(stream: &Stream) -> Listed {
    Listed {
        invoice: stream.invoice.clone(),
        summary: stream.summary.clone(),
        traceparent: stream.traceparent.clone(),
    }
}

fn matches(filter: &Filter, invoice: &Invoice) -> bool {
    let found = |text: &String| {
        invoice.number.contains(text)
            || invoice.key.uuid.to_string().contains(text)
            || invoice.message.as_ref().is_some_and(|message| message.contains(text))
    };
    filter.environment.is_none_or(|environment| environment == invoice.key.environment)
        && (filter.states.is_empty() || filter.states.contains(&invoice.state))
        && filter.cause.is_none_or(|cause| Some(cause) == invoice.cause)
        && filter.tax_number.as_ref().is_none_or(|tax_number| *tax_number == invoice.source.tax_number)
        && filter.income_source.as_ref().is_none_or(|sequence| *sequence == invoice.source.sequence)
        && filter.search.as_ref().is_none_or(found)
        && (!filter.in_doubt || invoice.in_doubt.is_some())
        && filter.since.is_none_or(|since| invoice.updated_at >= since)
        && filter.until.is_none_or(|until| invoice.updated_at < until)
}

/// Its time has come and nobody holds it.
fn is_past_due(invoice: &Invoice, now: Timestamp) -> bool {
    match invoice.state {
        State::Draft => invoice.waiting.is_none(),
        State::PendingRetry => invoice.due_at.is_none_or(|due_at| due_at <= now),
        State::Submitted => invoice.lease_until.is_none_or(|until| until <= now),
        State::Rejected | State::DeadLettered | State::Abandoned | State::Cleared => false,
    }
}
