//! How the memory adapter takes arrivals in, and keeps what could not be taken. What may follow what is decided by
//! `invoice::life` alone.

use std::collections::BTreeMap;

use invoice::Timestamp;
use invoice::life::{Actor, Command, Context, Event, Invoice, Policy, decide};
use uuid::Uuid;

use super::store::{Addition, Store, Stream, payloads};
use crate::record::{Arrival, Reception, RefusedIntake};
use crate::{LedgerError, Schedule};

/// Whether this arrival can be kept. Postgres keeps no text with a NUL in it, and refuses the batch: so does this ledger, or the
/// simulation would not see what becomes of such a batch.
///
/// # Errors
/// [`LedgerError::Refused`] with the text.
pub(super) fn storable(arrival: &Arrival) -> Result<(), LedgerError> {
    let Arrival { source, number, normal_form, summary, original, traceparent, .. } = arrival;
    let original = original.as_ref();
    let texts = [
        Some(source.tax_number.as_str()),
        Some(&source.sequence),
        Some(number),
        Some(normal_form),
        Some(&summary.currency),
        summary.buyer.as_deref(),
        original.and_then(|it| it.uuid.as_deref()),
        original.and_then(|it| it.number.as_deref()),
        traceparent.as_deref(),
    ];
    match texts.into_iter().flatten().find(|text| text.contains('\0')) {
        Some(text) => Err(LedgerError::Refused(format!("NUL in {:?}", invoice::excerpt(text, 200)))),
        None => Ok(()),
    }
}

impl Store {
    pub(super) fn accept(
        &mut self,
        arrival: Arrival,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Result<Reception, LedgerError> {
        if let Some(invoice) = self.invoice(&arrival.key) {
            return self.receive(arrival, invoice, now, schedule);
        }
        let counter = (arrival.key.environment, arrival.source.clone());
        if let Some(by) = self.numbers.get(&(counter, arrival.number.clone())) {
            return Ok(Reception::NumberTaken { by: *by });
        }
        let payload = payload(&Event::Accepted { content: arrival.content })?;
        let invoice = Invoice::accepted(arrival.key, arrival.source, arrival.number, arrival.content, now);
        let stream = Stream {
            invoice,
            summary: arrival.summary,
            traceparent: arrival.traceparent,
            contents: vec![arrival.normal_form],
            originals: vec![arrival.original],
            events: Vec::new(),
            documents: BTreeMap::new(),
            attempts: Vec::new(),
            wake_at: None,
            hints: 0,
        };
        Ok(Reception::Accepted(self.found(stream, payload, now, schedule)))
    }

    /// An arrival for a UUID that exists: a repeat, an amendment, or a conflict.
    fn receive(
        &mut self,
        arrival: Arrival,
        invoice: Invoice,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Result<Reception, LedgerError> {
        let command = Command::Receive { content: arrival.content, amends: arrival.amends, by: arrival.by };
        let events = match decide(&invoice, command, Context { now, policy: &Policy::default() }) {
            Err(refusal) => {
                let current = self.streams.get(&arrival.key).map(|stream| stream.content().to_owned());
                return Ok(Reception::Refused { invoice, refusal, current: current.unwrap_or_default() });
            }
            Ok(events) if events.is_empty() => return Ok(Reception::Repeat(invoice)),
            Ok(events) => events,
        };
        if (&arrival.source, &arrival.number) != (&invoice.source, &invoice.number) {
            return Ok(Reception::IdentityChanged { invoice });
        }
        let payloads = payloads(&events)?;
        let addition = Addition { events, payloads, at: now, documents: Vec::new(), attempt: None };
        if arrival.original.is_some() {
            self.returns.insert(arrival.key);
        }
        if let Some(stream) = self.streams.get_mut(&arrival.key) {
            stream.contents.push(arrival.normal_form);
            stream.originals.push(arrival.original);
            stream.summary = arrival.summary;
            stream.traceparent = arrival.traceparent;
        }
        Ok(Reception::Amended(self.add(arrival.key, None, addition, now, schedule).unwrap_or(invoice)))
    }

    pub(super) fn refuse(&mut self, record: RefusedIntake, now: Timestamp) {
        let (kept, resolved) =
            self.refused.entry(record.id).or_insert((RefusedIntake { at: now, ..record }, None));
        // It came again although somebody had dealt with it: it waits for a person again.
        if resolved.take().is_some() {
            kept.at = now;
        }
    }

    /// What nobody has resolved, oldest first.
    pub(super) fn refused(&self, limit: u32) -> Vec<RefusedIntake> {
        let mut open: Vec<&RefusedIntake> = self
            .refused
            .values()
            .filter(|(_, resolved)| resolved.is_none())
            .map(|(record, _)| record)
            .collect();
        open.sort_by_key(|record| (record.at, record.id));
        open.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect()
    }

    pub(super) fn resolve(&mut self, id: Uuid, by: Actor) -> bool {
        match self.refused.get_mut(&id) {
            Some((_, resolved @ None)) => {
                *resolved = Some(by);
                true
            }
            Some((_, Some(_))) | None => false,
        }
    }
}

fn payload(event: &Event) -> Result<String, LedgerError> {
    payloads(std::slice::from_ref(event)).map(|mut payloads| payloads.remove(0))
}
