//! What the memory adapter holds, and the one way in which a stream grows. Knows no clock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::SubsecRound;
use invoice::life::{Actor, Event, Invoice};
use invoice::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use super::returns::Reservation;
use super::wakes::Wakes;
use crate::originals::OriginalKey;
use crate::outbox::{codes_of, is_noted};
use crate::record::{
    AttemptRecord, Checkpoint, Document, DocumentKind, EncodeOutcome, NewDocument, RefusedIntake, Summary,
};
use crate::{Head, LedgerError, Link, OriginalName, Schedule, Sweep, Swept, Told, link};

/// Whose counter: environments count apart.
pub(super) type CounterKey = (Environment, IncomeSource);

/// One invoice with everything that belongs to it.
pub(super) struct Stream {
    pub(super) invoice: Invoice,
    pub(super) summary: Summary,
    pub(super) traceparent: Option<String>,
    /// The normal form of every document version, the first one first.
    pub(super) contents: Vec<String>,
    /// What each document version takes back; none of invoices.
    pub(super) originals: Vec<Option<OriginalName>>,
    pub(super) events: Vec<Stored>,
    /// Encoding anew stores other bytes for the same document version: the last ones count, none is lost.
    pub(super) documents: BTreeMap<(u32, DocumentKind), Vec<Document>>,
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) wake_at: Option<Timestamp>,
    /// How often the sweeper has hinted since the last event.
    pub(super) hints: u32,
}

impl Stream {
    /// The normal form of the current document version.
    pub(super) fn content(&self) -> &str {
        self.contents.last().map_or("", String::as_str)
    }

    /// What the current document version takes back.
    pub(super) fn original(&self) -> Option<&OriginalName> {
        self.originals.last()?.as_ref()
    }

    /// The hash that the next event is linked to.
    pub(super) fn head(&self) -> Digest {
        self.events.last().map_or(crate::GENESIS, |event| event.hash)
    }
}

/// One event as kept.
pub(super) struct Stored {
    pub(super) at: Timestamp,
    /// The event's JSON.
    pub(super) payload: String,
    pub(super) hash: Digest,
}

/// A checkpoint with what it seals.
pub(super) struct Sealed {
    pub(super) checkpoint: Checkpoint,
    pub(super) heads: Vec<Head>,
}

/// What is added to a stream in one go.
pub(super) struct Addition {
    pub(super) events: Vec<Event>,
    /// The JSON of each of them.
    pub(super) payloads: Vec<String>,
    pub(super) at: Timestamp,
    pub(super) documents: Vec<NewDocument>,
    pub(super) attempt: Option<AttemptRecord>,
}

/// Everything.
#[derive(Default)]
pub(super) struct Store {
    pub(super) shares: super::fleet::Shares,
    pub(super) streams: BTreeMap<InvoiceKey, Stream>,
    /// Seller, income source and number are unique as well.
    pub(super) numbers: BTreeMap<(CounterKey, String), Uuid>,
    /// The next counter of each income source.
    pub(super) counters: BTreeMap<CounterKey, u64>,
    /// Who has which counter, for ever.
    pub(super) assignments: BTreeMap<(CounterKey, u64), Uuid>,
    /// By last change, for listings.
    pub(super) changed: BTreeSet<(Timestamp, InvoiceKey)>,
    /// When the open ones wake, for the sweeper.
    pub(super) wakes: Wakes,
    /// Whose head no checkpoint seals yet.
    pub(super) unsealed: BTreeSet<InvoiceKey>,
    pub(super) checkpoints: Vec<Sealed>,
    /// With whoever dealt with it.
    pub(super) refused: BTreeMap<Uuid, (RefusedIntake, Option<Actor>)>,
    /// Every return.
    pub(super) returns: BTreeSet<InvoiceKey>,
    /// What each return has taken back, oldest first. Nothing is ever struck off: what counts follows from where it stands.
    pub(super) reservations: Vec<Reservation>,
    /// Originals from before this ledger's time.
    pub(super) outside: BTreeMap<OriginalKey, Told>,
    /// What others are to be told.
    pub(super) outbox: super::outbox::Kept,
    /// Taxpayers and their income sources.
    pub(super) book: super::taxpayers::Book,
    /// What recovery needs.
    pub(super) salvage: super::recovery::Salvage,
    pub(super) cabinet: super::keys::Cabinet,
}

impl Store {
    pub(super) fn invoice(&self, key: &InvoiceKey) -> Option<Invoice> {
        self.streams.get(key).map(|stream| stream.invoice.clone())
    }

    /// Puts a stream in that has no events yet but the one its invoice begins with.
    pub(super) fn found(
        &mut self,
        stream: Stream,
        payload: String,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Invoice {
        let invoice = stream.invoice.clone();
        let key = invoice.key;
        let counter = (key.environment, invoice.source.clone());
        self.numbers.insert((counter, invoice.number.clone()), key.uuid);
        if stream.original().is_some() {
            self.returns.insert(key);
        }
        let stream = self.streams.entry(key).or_insert(stream);
        push(stream, payload, invoice.accepted_at);
        self.changed.insert((invoice.updated_at, key));
        self.unsealed.insert(key);
        wake(&mut self.wakes, stream, schedule.wake_at(&invoice, now));
        invoice
    }

    /// Adds to a stream that is still at `version` (any, if none is given); nothing happens, and none is given back, when it is not.
    pub(super) fn add(
        &mut self,
        key: InvoiceKey,
        version: Option<u32>,
        addition: Addition,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Option<Invoice> {
        let stream = self.streams.get_mut(&key)?;
        if version.is_some_and(|version| version != stream.invoice.version) {
            return None;
        }
        self.changed.remove(&(stream.invoice.updated_at, key));
        let before = stream.invoice.state;
        for (event, payload) in addition.events.iter().zip(addition.payloads) {
            stream.invoice.evolve(event, addition.at);
            push(stream, payload, addition.at);
        }
        for NewDocument { document, kind, bytes } in addition.documents {
            let sha256 = Digest::of(&bytes);
            stream.documents.entry((document, kind)).or_default().push(Document { bytes, sha256 });
        }
        if let Some(attempt) = addition.attempt {
            let AttemptRecord { started_at, ended_at, .. } = attempt;
            stream.attempts.push(AttemptRecord {
                started_at: micros(started_at),
                ended_at: micros(ended_at),
                ..attempt
            });
            // A late answer joins its attempt; the sort is stable.
            stream.attempts.sort_by_key(|attempt| (attempt.attempt, attempt.ended_at));
        }
        self.changed.insert((stream.invoice.updated_at, key));
        self.unsealed.insert(key);
        stream.hints = 0;
        let wake_at = schedule.wake_at(&stream.invoice, now);
        wake(&mut self.wakes, stream, wake_at);
        if is_noted(before, stream.invoice.state) {
            self.outbox.note(stream, codes_of(&addition.events), now);
        }
        Some(stream.invoice.clone())
    }

    /// In turn over taxpayers.
    pub(super) fn sweep(
        &mut self,
        wanted: &Sweep,
        limit: u32,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Vec<Swept> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let due = self.wakes.due(wanted, limit, now);
        let mut swept = Vec::with_capacity(due.len());
        for key in due {
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            stream.hints = stream.hints.saturating_add(1);
            let waits = stream.invoice.waiting.is_some();
            let next = if waits { schedule.seldom(now) } else { schedule.next_wake(now, stream.hints) };
            wake(&mut self.wakes, stream, Some(next));
            swept.push(Swept { invoice: stream.invoice.clone(), traceparent: stream.traceparent.clone() });
        }
        swept
    }

    /// Leaves settled invoices alone.
    pub(super) fn park(&mut self, key: &InvoiceKey, until: Timestamp) {
        if let Some(stream) = self.streams.get_mut(key)
            && !stream.invoice.state.is_settled()
        {
            wake(&mut self.wakes, stream, Some(until));
        }
    }

    /// What became of a key that needs no encoding.
    pub(super) fn skipped(&self, key: &InvoiceKey) -> EncodeOutcome {
        EncodeOutcome::Skipped(self.invoice(key))
    }
}

/// Links one more event to the stream's chain.
pub(super) fn push(stream: &mut Stream, payload: String, at: Timestamp) {
    let version = u32::try_from(stream.events.len() + 1).unwrap_or(u32::MAX);
    let hash = link(&stream.head(), &Link { key: stream.invoice.key, version, at, payload: &payload });
    stream.events.push(Stored { at, payload, hash });
}

pub(super) fn wake(wakes: &mut Wakes, stream: &mut Stream, at: Option<Timestamp>) {
    wakes.set(&stream.invoice, at);
    stream.wake_at = at;
}

/// The JSON of each event, as it is kept for ever.
pub(super) fn payloads(events: &[Event]) -> Result<Vec<String>, LedgerError> {
    events
        .iter()
        .map(|event| serde_json::to_string(event).map_err(|error| LedgerError::Refused(error.to_string())))
        .collect()
}

/// The ledger keeps microseconds.
pub(super) fn micros(at: Timestamp) -> Timestamp {
    at.trunc_subsecs(6)
}
