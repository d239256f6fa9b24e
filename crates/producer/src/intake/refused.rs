//! Why an event is not taken, in words that say what to do.

use invoice::event::Family;
use invoice::life::State;
use invoice::{Environment, Fault, FaultCode, Timestamp};
use uuid::Uuid;

/// The longest part of a name of somebody else's that is repeated.
pub(crate) const USER_CHARS: usize = 100;

/// Why an event is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It breaks rules; all that it breaks.
    #[error("{}", first(.0))]
    Invalid(Vec<Fault>),
    /// Nobody has configured this income source.
    #[error(
        "income source {source_name} is not registered here: add it with `fawtara taxpayers add` (or under [[income_sources]] of the settings), or correct {tax_number} and {sequence}"
    )]
    UnknownSource {
        /// `tax number:sequence`.
        source_name: String,
        /// Where its tax number stands, in terms of what was sent.
        tax_number: String,
        /// Where its sequence stands.
        sequence: String,
    },
    /// The income source is known, and deactivated.
    #[error(
        "income source {source_name} is deactivated ({environment}): activate it with `fawtara taxpayers activate`, or publish \
         under the income source that is in use now"
    )]
    InactiveSource {
        /// `tax number:sequence`.
        source_name: String,
        /// Where its invoices went.
        environment: Environment,
    },
    /// The seller is registered for another family.
    #[error(
        "income source {source_name} is registered for {registered:?} documents, not {stated:?}: the authority would refuse it as not authorized"
    )]
    WrongFamily {
        /// `tax number:sequence`.
        source_name: String,
        /// What is configured.
        registered: Family,
        /// What the event says.
        stated: Family,
    },
    /// Other content under a UUID that is taken.
    #[error("{reason}")]
    Conflict {
        /// The invoice that has it.
        uuid: Uuid,
        /// Where that stands.
        state: State,
        /// Its current document version.
        document: u32,
        /// Why this is no permitted amendment.
        reason: String,
        /// What differs from its current document version.
        differences: Vec<String>,
    },
    /// The number belongs to another UUID.
    #[error(
        "this seller, income source and number belong to invoice {by} already: a document keeps its UUID for ever; publish with that UUID, or give a new number"
    )]
    NumberTaken {
        /// Whose it is.
        by: Uuid,
    },
    /// The UUID belongs to a document of another seller, of which nothing is told.
    #[error(
        "UUID {uuid} belongs to a document of another seller already: give this one a UUID of its own (or none, so that it gets \
         one from seller, income source and number)"
    )]
    UuidTaken {
        /// Which.
        uuid: Uuid,
    },
    /// The caller's key is not for this taxpayer, or not in this environment.
    #[error(
        "this key is not for documents of income source {source_name}: use a key whose taxpayers and environments include it \
         (`fawtara keys list` shows them)"
    )]
    OutOfScope {
        /// `tax number:sequence`, as the event says it.
        source_name: String,
    },
    /// Over AMQP: whoever published it has no key, or does not say who they are.
    #[error("{}", sender(.user.as_deref()))]
    UnknownSender {
        /// The broker's user, as the message names it.
        user: Option<String>,
    },
    /// The CloudEvent around it is wrong.
    #[error("the CloudEvent is wrong{}: {message}", at(.attribute))]
    Envelope {
        /// Which attribute; empty when it is none by itself.
        attribute: String,
        /// What, and what to do.
        message: String,
    },
    /// A correction of what this ledger does not have.
    #[error(
        "{original} is not known here as an invoice of income source {source_name} ({environment}): correct \"original\"; an invoice \
         from before this system comes back by a return that describes it in original.lines"
    )]
    OriginalUnknown {
        /// As it was named.
        original: String,
        /// `tax number:sequence`.
        source_name: String,
        /// Where it was looked for.
        environment: Environment,
    },
    /// A correction of what is not cleared, so that nothing can come back.
    #[error("{number} is not cleared but {state}: {}", instead(*.state))]
    OriginalNotCleared {
        /// The invoice that was to come back.
        uuid: Uuid,
        /// Its number.
        number: String,
        /// Where it stands.
        state: State,
    },
    /// A new return beside a corrected invoice that is here already.
    #[error(
        "invoice {number} is known already with this content, so it replaces nothing: give the corrected invoice a number and \
         UUID of its own, or publish the return alone"
    )]
    InvoiceKnown {
        /// Which.
        uuid: Uuid,
        /// Its number.
        number: String,
    },
    /// The header `Idempotency-Key` names another invoice.
    #[error(
        "Idempotency-Key is {given}, but the UUID of the event is {uuid}: the UUID is what makes publishing twice harmless here; \
         send that, or leave the header out"
    )]
    OtherKey {
        /// The UUID in the header.
        given: Uuid,
        /// The event's.
        uuid: Uuid,
    },
    /// A person has closed intake: nothing was taken; publish again later.
    #[error(
        "intake is closed since {since}: {reason}; nothing was taken: publish the same event again when it is open (a person opens \
         it with `fawtara intake open`)"
    )]
    Closed {
        /// Since when.
        since: Timestamp,
        /// Why, in the words of whoever closed it.
        reason: String,
    },
    /// The ledger cannot be reached: nothing is known to have been taken; publish again later.
    #[error(
        "the ledger is unavailable; nothing is known to have been taken: publish the same event again in a moment"
    )]
    Unavailable,
    /// The ledger refused this very event.
    #[error("the ledger cannot store this event: {0}")]
    Unstorable(String),
}

/// What there is to do instead of correcting an invoice that stands there.
fn instead(state: State) -> &'static str {
    match state {
        State::Draft | State::Submitted | State::PendingRetry => {
            "send the correction again once it is cleared (or publish the corrected event with \"amends\" if it is refused)"
        }
        State::Rejected => {
            "nothing of it counts, so nothing comes back: publish the corrected event under its UUID and number with \"amends\""
        }
        State::DeadLettered => {
            "a person settles it first (fawtara dead-letters); correct it if it turns out to be cleared, amend it otherwise"
        }
        State::Abandoned => "it was given up and nothing comes back: publish the corrected invoice alone",
        State::Cleared => "send the correction again",
    }
}

fn at(attribute: &str) -> String {
    if attribute.is_empty() { String::new() } else { format!(" ({attribute})") }
}

fn sender(user: Option<&str>) -> String {
    match user {
        None => "the message does not say who published it: set its property user_id to the AMQP user of the connection, and \
                 publish it again"
            .to_owned(),
        Some(user) => format!(
            "AMQP user {:?} may not publish here, or no longer: make a key for it with `fawtara keys create --amqp-user` \
             (`fawtara keys list --all` shows those that there were), and publish it again",
            invoice::excerpt(user, USER_CHARS)
        ),
    }
}

fn first(faults: &[Fault]) -> String {
    match faults {
        [] => "the event is not valid".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

impl Refused {
    /// The stable code: in problem types, refused-intake records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(faults) if faults.iter().any(|fault| fault.code == FaultCode::TooLarge) => {
                "too_large"
            }
            Self::Invalid(_) => "invalid",
            Self::UnknownSource { .. } => "unknown_income_source",
            Self::InactiveSource { .. } => "inactive_income_source",
            Self::WrongFamily { .. } => "wrong_family",
            Self::Conflict { .. } => "conflict",
            Self::NumberTaken { .. } => "number_taken",
            Self::UuidTaken { .. } => "uuid_taken",
            Self::OutOfScope { .. } => "out_of_scope",
            Self::UnknownSender { .. } => "unknown_sender",
            Self::Envelope { .. } => "envelope",
            Self::OriginalUnknown { .. } => "original_unknown",
            Self::OriginalNotCleared { .. } => "original_not_cleared",
            Self::InvoiceKnown { .. } => "invoice_known",
            Self::OtherKey { .. } => "idempotency_key",
            Self::Closed { .. } => "intake_closed",
            Self::Unavailable => "unavailable",
            Self::Unstorable(_) => "unstorable",
        }
    }
}
