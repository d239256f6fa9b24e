//! What is known of one invoice at one version of its stream.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, IncomeSource, InvoiceKey, Timestamp};

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted and durable; encoded once `xml` is set.
    Draft,
    /// An attempt holds it by a lease.
    Submitted,
    /// To be sent again at `due_at`.
    PendingRetry,
    /// The authority, or our own late check, refused the document.
    Rejected,
    /// Given up, or a case for a person.
    DeadLettered,
    /// A person gave it up.
    Abandoned,
    /// QR and returned document are kept.
    Cleared,
}

/// A name that is none of the known ones: the ledger was written by a newer version, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} {name:?}")]
pub struct UnknownName {
    /// What was to be read.
    pub kind: &'static str,
    /// What stood there.
    pub name: String,
}

/// Writes an enum's stable names once, for storage, display and parsing alike.
macro_rules! names {
    ($type:ident, $kind:literal, { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name: in the ledger, in metrics, in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $type {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == text)
                    .ok_or_else(|| UnknownName { kind: $kind, name: text.to_owned() })
            }
        }
    };
}
pub(crate) use names;

names!(State, "state", {
    Draft => "draft",
    Submitted => "submitted",
    PendingRetry => "pending_retry",
    Rejected => "rejected",
    DeadLettered => "dead_lettered",
    Abandoned => "abandoned",
    Cleared => "cleared",
});

impl State {
    /// Nothing more will happen to it without a person (or a late acceptance).
    #[must_use]
    pub fn is_settled(self) -> bool {
        match self {
            Self::Rejected | Self::DeadLettered | Self::Abandoned | Self::Cleared => true,
            Self::Draft | Self::Submitted | Self::PendingRetry => false,
        }
    }

    /// It waits for a person: one hint in the dead-letter queue stands for it.
    #[must_use]
    pub fn waits_for_person(self) -> bool {
        matches!(self, Self::Rejected | Self::DeadLettered)
    }
}

/// Why an invoice is rejected or dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Unfit by our own rules, found after it had been accepted.
    Unfit,
    /// The authority refused the content.
    Refused,
    /// The authority's 500 came back every time while others passed: probably the invoice's own data.
    Suspect,
    /// Workers died with it in hand, again and again.
    KillsWorker,
    /// The authority holds another document under this UUID.
    AuthorityHoldsOther,
    /// The authority accepted it, and later refused the same bytes.
    Contradiction,
    /// A return of an invoice that never came.
    OriginalUnknown,
}

names!(Cause, "cause", {
    Unfit => "unfit",
    Refused => "refused",
    Suspect => "suspect",
    KillsWorker => "kills_worker",
    AuthorityHoldsOther => "authority_holds_other",
    Contradiction => "contradiction",
    OriginalUnknown => "original_unknown",
});

/// What keeps a return waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Nobody knows its original; that has an end.
    Unknown,
    /// Its original is on its way.
    Open,
    /// Its original is rejected, and a person must mend it.
    Rejected,
    /// Its original is dead-lettered, and a person must look at it.
    DeadLettered,
}

names!(WaitReason, "reason to wait", {
    Unknown => "unknown",
    Open => "open",
    Rejected => "rejected",
    DeadLettered => "dead_lettered",
});

impl WaitReason {
    /// What a return waits for whose original stands there; none when there is nothing to wait for.
    #[must_use]
    pub fn of(original: State) -> Option<Self> {
        match original {
            State::Draft | State::Submitted | State::PendingRetry => Some(Self::Open),
            State::Rejected => Some(Self::Rejected),
            State::DeadLettered => Some(Self::DeadLettered),
            State::Abandoned | State::Cleared => None,
        }
    }
}

/// A return waits until its original is cleared (promise 10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The original: its number, or its UUID when that is all that is known of it.
    pub original: String,
    /// What about it.
    pub reason: WaitReason,
    /// Since when the return waits, whatever for.
    pub since: Timestamp,
}

/// Which role an open invoice waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Counter and bytes.
    Encode,
    /// An attempt at the authority.
    Submit,
}

/// One invoice, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its name.
    pub key: InvoiceKey,
    /// Whose counter and credentials it uses.
    pub source: IncomeSource,
    /// The seller's number.
    pub number: String,
    /// When it was first accepted; the month of it places the events' partition.
    pub accepted_at: Timestamp,
    /// How many events its stream has.
    pub version: u32,
    /// Where it stands.
    pub state: State,
    /// Version of the document: 1, and one more for each amendment.
    pub document: u32,
    /// Content digest of every document version, the first one first.
    pub contents: Vec<Digest>,
    /// The counter, once assigned; amendments keep it.
    pub icv: Option<u64>,
    /// SHA-256 of the bytes fixed for the current document version.
    pub xml: Option<Digest>,
    /// Number of the latest attempt, 0 before the first; counts over all document versions.
    pub attempt: u32,
    /// Until when the current attempt holds it; set exactly while submitted.
    pub lease_until: Option<Timestamp>,
    /// When it is to be sent again; set exactly while pending retry.
    pub due_at: Option<Timestamp>,
    /// Uncharged put-offs in a row: the place on the ladder. Doubt and the fetching of a QR begin at its foot.
    pub retries: u32,
    /// Attempts charged to the invoice itself.
    pub charged: u32,
    /// Attempts whose lease ran out without an answer, in a row.
    pub crashes: u32,
    /// The latest attempt whose answer was not heard and which nothing has settled since; or, once an invoice is sent
    /// again of which the authority holds another document, the attempt that told so.
    pub in_doubt: Option<u32>,
    /// Since when it is in doubt.
    pub doubt_since: Option<Timestamp>,
    /// The authority accepted it but gave no QR yet.
    pub qr_outstanding: bool,
    /// Why it is rejected or dead-lettered.
    pub cause: Option<Cause>,
    /// The last thing said about it, for people.
    pub message: Option<String>,
    /// A return's draft that cannot be encoded before its original is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The authority's QR text, once cleared.
    pub qr: Option<String>,
    /// Which document version was cleared.
    pub cleared_document: Option<u32>,
    /// When the latest event happened.
    pub updated_at: Timestamp,
}

impl Invoice {
    /// A stream that was just accepted, as it is after its first event.
    #[must_use]
    pub fn accepted(
        key: InvoiceKey,
        source: IncomeSource,
        number: String,
        content: Digest,
        at: Timestamp,
    ) -> Self {
        Self {
            key,
            source,
            number,
            accepted_at: at,
            version: 1,
            state: State::Draft,
            document: 1,
            contents: vec![content],
            icv: None,
            xml: None,
            attempt: 0,
            lease_until: None,
            due_at: None,
            retries: 0,
            charged: 0,
            crashes: 0,
            in_doubt: None,
            doubt_since: None,
            qr_outstanding: false,
            cause: None,
            message: None,
            waiting: None,
            qr: None,
            cleared_document: None,
            updated_at: at,
        }
    }

    /// The role that must act next, if any.
    #[must_use]
    pub fn waits_for(&self) -> Option<Step> {
        match self.state {
            State::Draft if self.xml.is_none() => Some(Step::Encode),
            State::Draft | State::Submitted | State::PendingRetry => Some(Step::Submit),
            State::Rejected | State::DeadLettered | State::Abandoned | State::Cleared => None,
        }
    }

    /// This attempt is under way. The fence is its number, not the clock: a lease that ran out unnoticed is still this attempt's.
    #[must_use]
    pub fn is_held_by(&self, attempt: u32) -> bool {
        self.state == State::Submitted && self.attempt == attempt
    }

    /// The authority may hold this very document: nothing may change it until that is known.
    #[must_use]
    pub fn may_be_held(&self) -> bool {
        self.in_doubt.is_some() || self.qr_outstanding
    }
}
