//! What has happened to an invoice. Append-only; the JSON form is the ledger's and must stay readable for ever.

use serde::{Deserialize, Serialize};

use super::command::{Actor, RequeueMode};
use super::outcome::{Evidence, OutcomeKind};
use super::state::{Cause, WaitReason};
use crate::{Digest, Timestamp};

/// Why an invoice is to be sent again without its fault being settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeferReason {
    /// Outage.
    NotNow,
    /// A 500 while others pass; charged.
    Suspect,
    /// 401 or 403.
    Credentials,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A retailer's event became a draft.
    Accepted {
        /// Digest of its normal form.
        content: Digest,
    },
    /// The content was replaced after a rejection or dead letter.
    Amended {
        /// The new document version.
        document: u32,
        /// Digest of its normal form.
        content: Digest,
        /// The person who did it; none when the retailer's own system did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// Counter and bytes are fixed.
    Encoded {
        /// Which document version.
        document: u32,
        /// The counter.
        icv: u64,
        /// SHA-256 of the bytes.
        xml: Digest,
    },
    /// A return waits for its original, or for something else about it than before.
    Waiting {
        /// The original: its number, or its UUID when that is all that is known of it.
        original: String,
        /// What about it.
        reason: WaitReason,
    },
    /// Our own rules refused it after all.
    FoundUnfit {
        /// Why.
        message: String,
    },
    /// An attempt begins; committed before anything is sent.
    SubmissionStarted {
        /// Its number.
        attempt: u32,
        /// Which document version it sends.
        document: u32,
        /// Until when it holds the invoice.
        lease_until: Timestamp,
        /// The process that sends.
        worker: String,
        /// SHA-256 of the bytes it sends.
        xml: Digest,
    },
    /// The claim was given back before anything was sent.
    ClaimReleased {
        /// The attempt that will never have been.
        attempt: u32,
        /// When it may be claimed again.
        due_at: Timestamp,
    },
    /// The lease ran out and nobody had heard an answer.
    LeaseExpired {
        /// The silent attempt.
        attempt: u32,
    },
    /// The authority has it and gave its QR.
    Cleared {
        /// The attempt that heard it.
        attempt: u32,
        /// Which document version it had sent.
        document: u32,
        /// The QR text.
        qr: String,
        /// The authority had it already.
        already: bool,
        /// The attempt had lost its lease.
        #[serde(default)]
        late: bool,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// SHA-256 of the signed document.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Digest>,
        /// The answer.
        evidence: Evidence,
    },
    /// The authority has it; its QR is still to be fetched.
    QrOutstanding {
        /// The attempt.
        attempt: u32,
        /// When to ask again.
        due_at: Timestamp,
        /// The answer.
        evidence: Evidence,
    },
    /// The authority refused the content.
    Refused {
        /// The attempt.
        attempt: u32,
        /// The answer.
        evidence: Evidence,
    },
    /// Sent, and no answer heard.
    Doubted {
        /// The attempt.
        attempt: u32,
        /// When to send the same bytes again.
        due_at: Timestamp,
        /// What was heard instead.
        evidence: Evidence,
    },
    /// To be sent again.
    Deferred {
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: DeferReason,
        /// When.
        due_at: Timestamp,
        /// The answer.
        evidence: Evidence,
    },
    /// Left to a person.
    DeadLettered {
        /// Why.
        cause: Cause,
        /// The attempt after which it happened.
        attempt: u32,
        /// For people.
        message: String,
        /// QR of the document that the authority holds instead of ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_qr: Option<String>,
        /// The answer, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    },
    /// An answer that came too late, or said nothing new: kept, without effect.
    LateAnswer {
        /// The attempt.
        attempt: u32,
        /// What it would have meant.
        outcome: OutcomeKind,
        /// The answer.
        evidence: Evidence,
    },
    /// A person sends it again.
    Requeued {
        /// The same bytes, or encoded anew.
        mode: RequeueMode,
        /// When it may be sent.
        due_at: Timestamp,
        /// Who, and why.
        by: Actor,
    },
    /// A person gave it up.
    Abandoned {
        /// The counter that is void now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        void_icv: Option<u64>,
        /// Who, and why.
        by: Actor,
    },
    /// A person took over what the authority holds.
    Adopted {
        /// The QR of that document.
        qr: String,
        /// Who, and why.
        by: Actor,
    },
}

impl Event {
    /// The stable name, as in the JSON member `type`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Amended { .. } => "amended",
            Self::Encoded { .. } => "encoded",
            Self::Waiting { .. } => "waiting",
            Self::FoundUnfit { .. } => "found_unfit",
            Self::SubmissionStarted { .. } => "submission_started",
            Self::ClaimReleased { .. } => "claim_released",
            Self::LeaseExpired { .. } => "lease_expired",
            Self::Cleared { .. } => "cleared",
            Self::QrOutstanding { .. } => "qr_outstanding",
            Self::Refused { .. } => "refused",
            Self::Doubted { .. } => "doubted",
            Self::Deferred { .. } => "deferred",
            Self::DeadLettered { .. } => "dead_lettered",
            Self::LateAnswer { .. } => "late_answer",
            Self::Requeued { .. } => "requeued",
            Self::Abandoned { .. } => "abandoned",
            Self::Adopted { .. } => "adopted",
        }
    }

    /// The person behind it, if one was.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Amended { by, .. } => by.as_ref(),
            Self::Requeued { by, .. } | Self::Abandoned { by, .. } | Self::Adopted { by, .. } => Some(by),
            Self::Accepted { .. }
            | Self::Encoded { .. }
            | Self::Waiting { .. }
            | Self::FoundUnfit { .. }
            | Self::SubmissionStarted { .. }
            | Self::ClaimReleased { .. }
            | Self::LeaseExpired { .. }
            | Self::Cleared { .. }
            | Self::QrOutstanding { .. }
            | Self::Refused { .. }
            | Self::Doubted { .. }
            | Self::Deferred { .. }
            | Self::DeadLettered { .. }
            | Self::LateAnswer { .. } => None,
        }
    }
}
