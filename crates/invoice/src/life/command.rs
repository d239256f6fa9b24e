//! What somebody wants to happen to an invoice.

use serde::{Deserialize, Serialize};

use super::outcome::{Evidence, Outcome};
use super::state::WaitReason;
use crate::{Digest, Timestamp};

/// A person, and why they did it. Both are mandatory for every change by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// How a requeued invoice is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequeueMode {
    /// The same bytes: the cure lay outside the document.
    SameBytes,
    /// Encoded anew, after a change of settings; keeps its counter.
    Reencode,
}

/// A wish; [`super::decide`] says what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A retailer's event for a UUID that exists: a repeat, an amendment, or a conflict.
    Receive {
        /// Digest of its normal form.
        content: Digest,
        /// The document version that it says it amends.
        amends: Option<u32>,
        /// The person, when one amends by hand.
        by: Option<Actor>,
    },
    /// The encoder fixed counter and bytes.
    Encode {
        /// The counter: the assigned one, or the invoice's own from before.
        icv: u64,
        /// SHA-256 of the bytes.
        xml: Digest,
    },
    /// The encoder found it unfit.
    FindUnfit {
        /// Why.
        message: String,
    },
    /// The encoder found a return whose original is not cleared.
    Wait {
        /// The original: its number, or its UUID when that is all that is known of it.
        original: String,
        /// What about it.
        reason: WaitReason,
    },
    /// A submitter wants to send it.
    Start {
        /// Until when it wants to hold it.
        lease_until: Timestamp,
        /// Which process.
        worker: String,
    },
    /// The submitter gives its claim back unsent.
    Release {
        /// The attempt that it had begun.
        attempt: u32,
        /// When it may be claimed again.
        due_at: Timestamp,
    },
    /// The submitter heard (or did not hear) an answer.
    Record {
        /// To which attempt.
        attempt: u32,
        /// Which document version that attempt had sent.
        document: u32,
        /// What it means.
        outcome: Outcome,
        /// What was heard.
        evidence: Evidence,
    },
    /// A person sends it again.
    Requeue {
        /// How.
        mode: RequeueMode,
        /// Who, and why.
        by: Actor,
    },
    /// A person gives it up.
    Abandon {
        /// Who, and why.
        by: Actor,
    },
    /// A person takes over the document that the authority holds under this UUID.
    Adopt {
        /// Its QR, from the event that dead-lettered the invoice.
        qr: String,
        /// Who, and why.
        by: Actor,
    },
}
