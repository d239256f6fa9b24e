//! What one attempt at the authority came to, by the design's table of what counts against an invoice.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::{UnknownName, names};
use crate::Digest;

/// The typed answer to one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// SUBMITTED, or ALREADY_SUBMITTED for our own document, with QR.
    Cleared {
        /// The QR text, unchanged.
        qr: String,
        /// It was there already: an earlier attempt had arrived.
        already: bool,
        /// Something a person may want to know, such as a returned document that cannot be decoded.
        note: Option<String>,
        /// SHA-256 of the signed document, when there is one.
        signed: Option<Digest>,
    },
    /// Accepted, but the QR is missing: to be fetched by sending again.
    AcceptedWithoutQr,
    /// ALREADY_SUBMITTED, but for another document.
    HoldsOther {
        /// The QR of what the authority holds.
        qr: Option<String>,
        /// What differs.
        difference: String,
    },
    /// Refused for its content.
    Refused,
    /// Bytes went out and no intelligible answer came back.
    InDoubt,
    /// The authority or the road to it is down or busy; certainly not this invoice's fault.
    NotNow {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// A 500: often the invoice's own data. Whoever sends decides by its neighbours whether it is one for all ([`Outcome::NotNow`]).
    Suspect,
    /// 401 or 403: the credential pair, not the invoice.
    Credentials,
}

/// The class of an outcome, for the ledger and for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// With QR.
    Cleared,
    /// Without QR.
    AcceptedWithoutQr,
    /// Another document under our UUID.
    HoldsOther,
    /// Content refusal.
    Refused,
    /// No answer heard.
    InDoubt,
    /// Outage.
    NotNow,
    /// A 500 while others pass.
    Suspect,
    /// 401 or 403.
    Credentials,
    /// The lease ran out without any word from the worker.
    Crashed,
}

names!(OutcomeKind, "outcome", {
    Cleared => "cleared",
    AcceptedWithoutQr => "accepted_without_qr",
    HoldsOther => "holds_other",
    Refused => "refused",
    InDoubt => "in_doubt",
    NotNow => "not_now",
    Suspect => "suspect",
    Credentials => "credentials",
    Crashed => "crashed",
});

impl Outcome {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Cleared { .. } => OutcomeKind::Cleared,
            Self::AcceptedWithoutQr => OutcomeKind::AcceptedWithoutQr,
            Self::HoldsOther { .. } => OutcomeKind::HoldsOther,
            Self::Refused => OutcomeKind::Refused,
            Self::InDoubt => OutcomeKind::InDoubt,
            Self::NotNow { .. } => OutcomeKind::NotNow,
            Self::Suspect => OutcomeKind::Suspect,
            Self::Credentials => OutcomeKind::Credentials,
        }
    }
}

/// What a person needs to see why: kept with every attempt, never holding a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// HTTP status, when there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// How long the call took, milliseconds.
    pub duration_ms: u32,
    /// The authority's error codes, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// One line for people: the authority's message, or what went wrong on the road.
    pub message: String,
    /// The beginning of the answer, word for word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
}
