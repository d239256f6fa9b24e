//! What goes into the ledger and what comes out of it. Plain data.

use chrono::NaiveDate;
use invoice::event::{Family, Kind, Payment};
use invoice::life::{Actor, Cause, Event, Evidence, Invoice, OutcomeKind, Refusal, State};
use invoice::{Amount, Checked, Digest, IncomeSource, InvoiceEvent, InvoiceKey, Published, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::archive::Detachment;
use crate::originals::{OriginalName, OriginalStanding};

/// What finance ops search by; typed columns beside the invoice's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Sale or return.
    pub kind: Kind,
    /// Income, general or special sales.
    pub family: Family,
    /// Cash or receivable.
    pub payment: Payment,
    /// Date of issue.
    pub issue_date: NaiveDate,
    /// Currency of the document.
    pub currency: String,
    /// Payable amount in that currency, at most 9 decimals.
    pub payable: Amount,
    /// The buyer's name, if any.
    pub buyer: Option<String>,
}

impl Summary {
    /// Of a checked event. A return says little before its original is known: what it leaves out is set when it is encoded.
    #[must_use]
    pub fn of(checked: &Checked) -> Self {
        match (&checked.event, &checked.document) {
            (Published::Return(event), _) => Self {
                kind: Kind::Return,
                family: event.family.unwrap_or(Family::GeneralSales),
                payment: event.payment.unwrap_or(Payment::Cash),
                issue_date: event.issue_date,
                currency: event.currency.clone().unwrap_or_else(|| "JOD".to_owned()),
                payable: Amount::ZERO,
                buyer: event.buyer.as_ref().and_then(|buyer| buyer.name.clone()),
            },
            (Published::Invoice(event), document) => {
                let payable = document.as_ref().map(|document| document.totals.payable).unwrap_or_default();
                Self::of_document(event, payable.into())
            }
        }
    }

    /// Of a whole document, returns included.
    #[must_use]
    pub fn of_document(event: &InvoiceEvent, payable: Amount) -> Self {
        Self {
            kind: event.kind,
            family: event.family,
            payment: event.payment,
            issue_date: event.issue_date,
            currency: event.currency.clone(),
            payable,
            buyer: event.buyer.as_ref().and_then(|buyer| buyer.name.clone()),
        }
    }
}

/// A checked invoice event on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its name.
    pub key: InvoiceKey,
    /// Whose counter it will use.
    pub source: IncomeSource,
    /// The seller's number.
    pub number: String,
    /// Digest of the normal form.
    pub content: Digest,
    /// The normal form itself, kept for ever: JSON.
    pub normal_form: String,
    /// The document version that it says it amends.
    pub amends: Option<u32>,
    /// The person, when one amends by hand.
    pub by: Option<Actor>,
    /// For searching.
    pub summary: Summary,
    /// Returns only: what it takes back.
    pub original: Option<OriginalName>,
    /// W3C trace context of whoever published it.
    pub traceparent: Option<String>,
}

/// What became of an [`Arrival`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reception {
    /// A new draft, durable now.
    Accepted(Invoice),
    /// Equal to some version of an invoice that exists: nothing changed. The invoice as it stands.
    Repeat(Invoice),
    /// It amended a rejected or dead-lettered invoice, which is a draft again.
    Amended(Invoice),
    /// Other content under a UUID that is taken, and no permitted amendment.
    Refused {
        /// The invoice as it stands.
        invoice: Invoice,
        /// Why.
        refusal: Refusal,
        /// The normal form of its current document version, to say what differs.
        current: String,
    },
    /// Seller, income source and number belong to another UUID.
    NumberTaken {
        /// Whose they are.
        by: Uuid,
    },
    /// An amendment must keep seller, income source and number.
    IdentityChanged {
        /// The invoice as it stands.
        invoice: Invoice,
    },
}

/// Invoices as they stand, and the time by the ledger's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The ledger's time, taken in the same round trip.
    pub now: Timestamp,
    /// One for each key asked for, in that order.
    pub invoices: Vec<Option<Invoice>>,
}

/// New events for one stream; refused when the stream has moved on from `invoice.version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The invoice as it was when the events were decided.
    pub invoice: Invoice,
    /// What happened, in order; never empty.
    pub events: Vec<Event>,
    /// When.
    pub at: Timestamp,
    /// Documents that belong to these events.
    pub documents: Vec<NewDocument>,
    /// The attempt that ended with these events, for the table of attempts.
    pub attempt: Option<AttemptRecord>,
}

/// What became of a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "nearly all are done: a box for each would be the dearer way")]
pub enum Appended {
    /// Committed. The invoice as it stands now.
    Done(Invoice),
    /// The stream had moved on (or does not exist): nothing of this change was stored. Load and decide again.
    Outdated,
}

/// Which document of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// The bytes that every attempt of a document version sends.
    Sent,
    /// The signed document as the authority returned it.
    Signed,
    /// What the authority holds instead of ours.
    Held,
}

impl DocumentKind {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Signed => "signed",
            Self::Held => "held",
        }
    }
}

/// A document to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// Of which document version.
    pub document: u32,
    /// Which one.
    pub kind: DocumentKind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A document that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256, as recorded when they were stored.
    pub sha256: Digest,
}

/// One attempt at the authority, as finance ops see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Its number, from 1.
    pub attempt: u32,
    /// Which document version it sent.
    pub document: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When its answer (or silence) was recorded.
    pub ended_at: Timestamp,
    /// Which process sent it.
    pub worker: String,
    /// What it came to.
    pub outcome: OutcomeKind,
    /// Its answer came after the lease was lost.
    pub late: bool,
    /// What was heard.
    pub evidence: Evidence,
}

/// A draft that the encoder is to give its counter and bytes.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The invoice as it stands, locked.
    pub invoice: Invoice,
    /// The normal form of its current document version.
    pub normal_form: String,
    /// Returns only: its original, locked as well.
    pub original: Option<OriginalStanding>,
}

/// What became of a key given to [`crate::Ledger::encode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncodeOutcome {
    /// Counter and bytes are fixed.
    Encoded(Invoice),
    /// It was unfit, and is rejected now, or waited in vain for its original, and is dead-lettered; no counter was used.
    Unfit(Invoice),
    /// A return whose original is not cleared: it stays a draft, and comes again when its original settles.
    Waits(Invoice),
    /// Nothing to encode: it is past that, or gone on in another way. The invoice as it stands, if there is one.
    Skipped(Option<Invoice>),
}

/// An invoice event that could not be taken: a record of its own, never a state of somebody's invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedIntake {
    /// Name of the record; derived from content and place of arrival, so that a redelivery makes no second one.
    pub id: Uuid,
    /// When; set by the ledger.
    pub at: Timestamp,
    /// How it came: `amqp`, `http`, `file`.
    pub via: String,
    /// Stable code of the reason: `malformed`, `invalid`, `conflict`, `unsupported`, …
    pub code: String,
    /// For people, with how to mend it.
    pub message: String,
    /// The faults as JSON, when there are any.
    pub faults: Option<String>,
    /// UUID and number, as far as they could be read.
    pub uuid: Option<Uuid>,
    /// The seller's number, as far as it could be read.
    pub number: Option<String>,
    /// SHA-256 of what arrived.
    pub sha256: Digest,
    /// What arrived, word for word (cut at the intake's limit).
    pub body: Vec<u8>,
}

/// One event as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// Place in the stream, from 1.
    pub version: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Its link of the chain.
    pub hash: Digest,
}

/// What a listing shows. Empty means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this environment.
    pub environment: Option<invoice::Environment>,
    /// Only these states.
    pub states: Vec<State>,
    /// Only this cause.
    pub cause: Option<Cause>,
    /// Only this seller.
    pub tax_number: Option<String>,
    /// Only this income source sequence.
    pub income_source: Option<String>,
    /// Number or UUID contains this text, or the message does.
    pub search: Option<String>,
    /// Only what is in doubt.
    pub in_doubt: bool,
    /// Only what changed last at this time or later.
    pub since: Option<Timestamp>,
    /// Only what changed last before this time.
    pub until: Option<Timestamp>,
}

/// A piece of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Ordered by last change, then key; oldest first.
    pub rows: Vec<Listed>,
    /// Where the next page begins; none at the end.
    pub next: Option<(Timestamp, InvoiceKey)>,
}

/// One row of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// As it stands.
    pub invoice: Invoice,
    /// For searching.
    pub summary: Summary,
    /// W3C trace context of its publisher.
    pub traceparent: Option<String>,
}

/// The current content of an invoice, for whoever wants to amend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendable {
    /// As it stands.
    pub invoice: Invoice,
    /// The normal form of its current document version.
    pub normal_form: String,
}

/// How many invoices stand where: for metrics, health and the console.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Number and oldest for each state (and cause, where one is set).
    pub counts: Vec<StandingCount>,
    /// Open invoices whose time has come and which nobody holds.
    pub past_due: u64,
    /// Invoices in doubt.
    pub in_doubt: u64,
    /// Since when the oldest doubt lasts.
    pub oldest_doubt: Option<Timestamp>,
    /// Refused intake records that nobody has resolved.
    pub refused_intake: u64,
}

/// A line of [`Standing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingCount {
    /// Where.
    pub state: State,
    /// Why.
    pub cause: Option<Cause>,
    /// How many.
    pub count: u64,
    /// Last change of the one that has stood longest; none where nobody waits for them: cleared, abandoned.
    pub oldest: Option<Timestamp>,
}

/// A seal over the heads of all streams that changed since the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// How many stream heads it seals.
    pub streams: u64,
    /// Its hash, over the previous checkpoint's and all heads.
    pub hash: Digest,
}

/// What [`crate::Ledger::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Streams read.
    pub streams: u64,
    /// Events read.
    pub events: u64,
    /// Checkpoints read.
    pub checkpoints: u64,
    /// Months that were set aside: of their invoices only identity and state were examined.
    pub detached: Vec<Detachment>,
    /// What does not hold; at most the first thousand.
    pub violations: Vec<Violation>,
}

/// Something in the ledger that cannot have come about honestly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The stream, when it is about one.
    pub key: Option<InvoiceKey>,
    /// The place in it.
    pub version: Option<u32>,
    /// What is wrong.
    pub message: String,
}
