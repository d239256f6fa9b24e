//! How the memory adapter knows what returns take back, and who waits for whom. Knows neither documents nor the rules of returns.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoice::life::{Event, Invoice, State};
use invoice::returns::Returned;
use invoice::{InvoiceKey, Timestamp};

use super::store::{Store, Stream, wake};
use crate::originals::{OriginalKey, add, reserving};
use crate::record::DocumentKind;
use crate::{Completed, Description, LedgerError, OriginalName, OriginalStanding, Schedule, Swept, Told};

/// At most so many returns are woken by one batch of originals; the sweep finds the others.
const DEPENDANTS_MAX: usize = 10_000;

/// What one return has taken back with the bytes of one document version; the last of a version counts.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    returning: InvoiceKey,
    document: u32,
    original: OriginalKey,
    lines: Returned,
}

/// What the returns of one batch take back, for those behind them.
#[derive(Default)]
pub(super) struct Taken {
    returned: BTreeMap<OriginalKey, Returned>,
    told: BTreeMap<OriginalKey, Told>,
}

/// What is to be kept of a return that was completed.
pub(super) struct Kept {
    completed: Completed,
    original: OriginalKey,
}

impl Store {
    /// What is known of the original of this return.
    pub(super) fn original_of(
        &self,
        stream: &Stream,
        taken: &Taken,
    ) -> Result<Option<OriginalStanding>, LedgerError> {
        let Some(name) = stream.original() else { return Ok(None) };
        let key = self.original_key(&stream.invoice, name);
        let mut returned = Returned::new();
        if let Some(key) = &key {
            let beyond =
                || LedgerError::Corrupt(format!("the returns of {} cannot be counted", key.original));
            for lines in self.reserved(key).chain(taken.returned.get(key)) {
                add(&mut returned, lines).ok_or_else(beyond)?;
            }
        }
        let ours = self.ours(&stream.invoice, name).and_then(|key| self.streams.get(&key));
        Ok(Some(match ours {
            Some(original) => OriginalStanding::Ours {
                invoice: Box::new(original.invoice.clone()),
                kind: original.summary.kind,
                document: held(original),
                returned,
            },
            None => OriginalStanding::Elsewhere {
                description: key.and_then(|key| self.description(&key, taken, !returned.is_empty())),
                returned,
            },
        }))
    }

    /// Takes down what a return takes back for those behind it in the batch; what is kept of it is kept with its bytes.
    pub(super) fn take(
        &self,
        invoice: &Invoice,
        completed: Completed,
        taken: &mut Taken,
    ) -> Result<Kept, LedgerError> {
        let lost = || LedgerError::Corrupt(format!("{} was completed without an original", invoice.key));
        let name = self.streams.get(&invoice.key).and_then(Stream::original).ok_or_else(lost)?;
        let original = self.original_key(invoice, name).ok_or_else(lost)?;
        let beyond =
            || LedgerError::Refused(format!("the returns of {} cannot be counted", original.original));
        add(taken.returned.entry(original.clone()).or_default(), &completed.returned).ok_or_else(beyond)?;
        if let Some(told) = &completed.description {
            taken.told.insert(original.clone(), told.clone());
        }
        Ok(Kept { completed, original })
    }

    /// Keeps it.
    pub(super) fn keep(&mut self, returning: InvoiceKey, document: u32, kept: Kept) {
        let Kept { completed, original } = kept;
        if let Some(told) = completed.description {
            self.outside.insert(original.clone(), told);
        }
        if let Some(stream) = self.streams.get_mut(&returning) {
            stream.summary = completed.summary;
        }
        self.reservations.push(Reservation { returning, document, original, lines: completed.returned });
    }

    /// Drafts of returns without bytes that name one of these.
    pub(super) fn dependants(
        &mut self,
        originals: &[InvoiceKey],
        now: Timestamp,
        schedule: &Schedule,
    ) -> Vec<Swept> {
        let waiting: Vec<InvoiceKey> = self
            .returns
            .iter()
            .filter_map(|key| self.streams.get(key))
            .filter(|stream| stream.invoice.state == State::Draft && stream.invoice.xml.is_none())
            .filter(|stream| originals.iter().any(|original| self.names(stream, original)))
            .map(|stream| stream.invoice.key)
            .take(DEPENDANTS_MAX)
            .collect();
        let mut swept = Vec::with_capacity(waiting.len());
        for key in waiting {
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            stream.hints = 0;
            let soon = stream.wake_at.map_or(schedule.soon(now), |wake_at| wake_at.min(schedule.soon(now)));
            wake(&mut self.wakes, stream, Some(soon));
            swept.push(Swept { invoice: stream.invoice.clone(), traceparent: stream.traceparent.clone() });
        }
        swept
    }

    /// Whether this return may mean that invoice.
    fn names(&self, stream: &Stream, original: &InvoiceKey) -> bool {
        let Some(name) = stream.original() else { return false };
        let Some(invoice) = self.streams.get(original).map(|original| &original.invoice) else {
            return false;
        };
        let same_seller = original.environment == stream.invoice.key.environment
            && invoice.source.tax_number == stream.invoice.source.tax_number;
        same_seller
            && match &name.uuid {
                Some(_) => name.as_uuid() == Some(original.uuid),
                None => name.number.as_ref() == Some(&invoice.number),
            }
    }

    /// The invoice that a return names: by UUID where it gives one; else the one of the same income source with that number.
    fn ours(&self, invoice: &Invoice, name: &OriginalName) -> Option<InvoiceKey> {
        let environment = invoice.key.environment;
        if name.uuid.is_some() {
            let key = InvoiceKey { environment, uuid: name.as_uuid()? };
            let theirs = self.streams.get(&key)?.invoice.source.tax_number == invoice.source.tax_number;
            return theirs.then_some(key);
        }
        let number = name.number.as_ref()?;
        let named = |uuid: &uuid::Uuid| InvoiceKey { environment, uuid: *uuid };
        self.numbers.get(&((environment, invoice.source.clone()), number.clone())).map(named)
    }

    fn original_key(&self, invoice: &Invoice, name: &OriginalName) -> Option<OriginalKey> {
        let key = |original: String| OriginalKey {
            environment: invoice.key.environment,
            tax_number: invoice.source.tax_number.clone(),
            original,
        };
        if let Some(ours) = self.ours(invoice, name) {
            return Some(key(ours.uuid.to_string()));
        }
        if let Some(uuid) = &name.uuid {
            return Some(key(uuid.clone()));
        }
        let mut outside = self.outside.iter().filter(|(theirs, told)| {
            theirs.environment == invoice.key.environment
                && theirs.tax_number == invoice.source.tax_number
                && told.income_source == invoice.source.sequence
                && Some(&told.number) == name.number.as_ref()
        });
        let only = outside.next()?.0.clone();
        outside.next().is_none().then_some(only)
    }

    /// What returns have taken back of it, by where each of them stands.
    fn reserved<'a>(&'a self, original: &'a OriginalKey) -> impl Iterator<Item = &'a Returned> {
        let mut last: BTreeMap<InvoiceKey, &Reservation> = BTreeMap::new();
        for reservation in self.reservations.iter().filter(|reservation| reservation.original == *original) {
            let counts =
                self.streams.get(&reservation.returning).and_then(|stream| reserving(&stream.invoice));
            if counts == Some(reservation.document) {
                last.insert(reservation.returning, reservation);
            }
        }
        last.into_values().map(|reservation| &reservation.lines)
    }

    fn description(&self, original: &OriginalKey, taken: &Taken, fixed: bool) -> Option<Description> {
        let told = taken.told.get(original).or_else(|| self.outside.get(original))?;
        Some(Description { text: told.text.clone(), fixed })
    }
}

/// The document that the authority holds of a cleared invoice: the bytes that were cleared, or what was found there when a
/// person adopted it.
fn held(original: &Stream) -> Option<Arc<Vec<u8>>> {
    let cleared = original.invoice.cleared_document.filter(|_| original.invoice.state == State::Cleared)?;
    let adopted = original.events.iter().any(|event| {
        serde_json::from_str::<Event>(&event.payload)
            .is_ok_and(|event| matches!(event, Event::Adopted { .. }))
    });
    let mut documents = original.documents.iter().rev();
    let kept = if adopted {
        documents.find(|((_, kind), _)| *kind == DocumentKind::Held)
    } else {
        documents.find(|(place, _)| **place == (cleared, DocumentKind::Sent))
    };
    kept.and_then(|(_, kept)| kept.last()).map(|document| Arc::new(document.bytes.clone()))
}
