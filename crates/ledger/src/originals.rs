//! What a return needs of its original, and what it takes of it. Plain data, and who counts as having taken something; knows
//! neither documents nor where they are kept.

use std::sync::Arc;

use invoice::event::Kind;
use invoice::life::{Invoice, State, WaitReason};
use invoice::returns::{Returned, canonical_uuid};
use invoice::{Digest, Environment, Published};
use uuid::Uuid;

use crate::record::Summary;

/// How a return names its original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalName {
    /// Its UUID in its one spelling, or any other text that the authority knows it by. Decides alone where it is given.
    pub uuid: Option<String>,
    /// Its number.
    pub number: Option<String>,
}

impl OriginalName {
    /// What this event says that it takes back; none for invoices.
    #[must_use]
    pub fn of(event: &Published) -> Option<Self> {
        let Published::Return(event) = event else { return None };
        Some(Self {
            uuid: event.original.uuid.as_deref().map(canonical_uuid),
            number: event.original.number.as_deref().map(|number| number.trim().to_owned()),
        })
    }

    /// The UUID, when it is one: only such a one can be ours.
    #[must_use]
    pub fn as_uuid(&self) -> Option<Uuid> {
        self.uuid.as_deref().and_then(|text| Uuid::try_parse(text).ok())
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.number.clone().or_else(|| self.uuid.clone()).unwrap_or_default()
    }
}

/// An original for ever, ours or not: all returns of it share what can be returned. Ordered, so that locks are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OriginalKey {
    pub(crate) environment: Environment,
    pub(crate) tax_number: String,
    /// Its UUID in its one spelling, or any other text that stands for it.
    pub(crate) original: String,
}

/// The original of a return that is to be encoded, as it stands under its lock.
#[derive(Debug, Clone)]
pub enum OriginalStanding {
    /// This ledger has it.
    Ours {
        /// As it stands.
        invoice: Box<Invoice>,
        /// A return itself?
        kind: Kind,
        /// The document that the authority holds of it, once cleared; none where nobody knows what that is.
        document: Option<Arc<Vec<u8>>>,
        /// What other returns have taken back of it, or reserved.
        returned: Returned,
    },
    /// This ledger does not have it: from before its time, or not here yet, or never to come.
    Elsewhere {
        /// What a return said of it earlier.
        description: Option<Description>,
        /// As above; without what had come back before this ledger's time.
        returned: Returned,
    },
}

/// What a return said of an original that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// As the encoder wrote it.
    pub text: String,
    /// Other returns rest on it: it is fixed.
    pub fixed: bool,
}

/// What a draft became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// The bytes, under the counter that was given.
    pub bytes: Vec<u8>,
    /// For returns: what the original made of it.
    pub completed: Option<Box<Completed>>,
}

impl From<Vec<u8>> for Encoding {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, completed: None }
    }
}

/// A return with all that its original says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The whole document's.
    pub summary: Summary,
    /// What it takes back: reserved from the moment in which its bytes are fixed.
    pub returned: Returned,
    /// What it says of an original that is not ours, when it says something.
    pub description: Option<Told>,
}

/// What a return says of an original that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its number, by which other returns of the same income source may name it.
    pub number: String,
    /// The income source (its sequence) of the return that describes it.
    pub income_source: String,
    /// All of it, as the encoder will read it again.
    pub text: String,
}

/// Why a draft has no bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unencoded {
    /// It cannot become a document.
    Unfit {
        /// For people.
        message: String,
    },
    /// A return whose original is not cleared.
    Waits {
        /// The original, for people.
        original: String,
        /// What about it.
        reason: WaitReason,
    },
}

impl Unencoded {
    /// It cannot become a document.
    #[must_use]
    pub fn unfit(message: impl Into<String>) -> Self {
        Self::Unfit { message: message.into() }
    }
}

/// The document version whose reservation counts, of a return that stands like this; none when it has none.
///
/// A rejected return keeps what it reserved until it is amended or abandoned; a late clearance brings it back. So nothing is
/// ever struck off: what counts follows from where the return stands.
pub(crate) fn reserving(invoice: &Invoice) -> Option<u32> {
    match (invoice.state, invoice.xml) {
        (State::Cleared, _) => invoice.cleared_document,
        (State::Abandoned, _) | (_, None) => None,
        (_, Some::<Digest>(_)) => Some(invoice.document),
    }
}

/// Adds what one return takes back to what others do.
pub(crate) fn add(sum: &mut Returned, more: &Returned) -> Option<()> {
    for (line, now) in more {
        let entry = sum.entry(*line).or_default();
        *entry = entry.plus(now)?;
    }
    Some(())
}
