//! What comes of a command: the events it leads to, or why not. Must not know who asks, nor how it is stored.

mod answer;

use super::command::{Actor, Command, RequeueMode};
use super::event::Event;
use super::policy::Policy;
use super::state::{Cause, Invoice, State, WaitReason};
use crate::{Digest, Timestamp};

/// What a decision depends on besides state and command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time, by the ledger's clock.
    pub now: Timestamp,
    /// The numbers.
    pub policy: &'a Policy,
}

/// Why a command leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The state does not allow it.
    #[error("an invoice that is {state} cannot be {wish}")]
    WrongState {
        /// Where it stands.
        state: State,
        /// What was wanted, as a participle.
        wish: &'static str,
    },
    /// Promise 6: while its fate is unknown nothing may change.
    #[error(
        "attempt {attempt} is in doubt: the authority may hold this document; wait until the same bytes have been answered"
    )]
    InDoubt {
        /// The doubtful attempt.
        attempt: u32,
    },
    /// The authority accepted it; its QR is being fetched.
    #[error("the authority has accepted this document and its QR is being fetched; nothing may change now")]
    QrOutstanding,
    /// Promise 7: what the authority holds must be adopted first.
    #[error(
        "the authority holds another document under this UUID: adopt it, or send the same bytes again to hear what it is"
    )]
    HeldByAuthority,
    /// Other content under a UUID that is taken.
    #[error("this UUID has other content already (document version {document}, {state})")]
    OtherContent {
        /// The current document version.
        document: u32,
        /// Where the invoice stands.
        state: State,
    },
    /// The amendment names another version than the current one.
    #[error("the amendment names document version {named}, but version {current} is the current one")]
    WrongVersion {
        /// What it named.
        named: u32,
        /// What it should have named.
        current: u32,
    },
    /// An attempt holds it.
    #[error("another attempt holds it until {until}")]
    Leased {
        /// Until when.
        until: Timestamp,
    },
    /// Its time has not come.
    #[error("not due before {due_at}")]
    NotDue {
        /// When.
        due_at: Timestamp,
    },
    /// There are no bytes to send yet.
    #[error("not encoded yet")]
    NotEncoded,
    /// The bytes are fixed already.
    #[error("encoded already, as number {icv}")]
    AlreadyEncoded {
        /// The counter.
        icv: u64,
    },
    /// An invoice keeps its counter.
    #[error("this invoice has counter {own}, not {offered}")]
    OtherCounter {
        /// Its own.
        own: u64,
        /// What was offered.
        offered: u64,
    },
    /// The claim to be given back is not the current one.
    #[error("attempt {attempt} does not hold this invoice")]
    NotHolder {
        /// Which attempt asked.
        attempt: u32,
    },
    /// Only a document that the authority holds can be adopted.
    #[error("only an invoice dead-lettered as authority_holds_other can be adopted")]
    NothingToAdopt,
    /// A cleared invoice is one that has its QR.
    #[error("adopting needs the QR text of the document that the authority holds")]
    NoQr,
    /// A change by hand needs both.
    #[error("a change by a person needs a name and a reason")]
    Anonymous,
}

/// What `command` leads to; no events means that it changes nothing (a repeat).
///
/// # Errors
/// A [`Refusal`] that says why the invoice, as it stands, does not allow it.
pub fn decide(invoice: &Invoice, command: Command, context: Context<'_>) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Receive { content, amends, by } => receive(invoice, content, amends, by),
        Command::Encode { icv, xml } => encode(invoice, icv, xml),
        Command::FindUnfit { message } => match (invoice.state, invoice.xml) {
            (State::Draft, None) => Ok(vec![Event::FoundUnfit { message }]),
            (state, _) => Err(Refusal::WrongState { state, wish: "found unfit" }),
        },
        Command::Wait { original, reason } => wait(invoice, original, reason, context),
        Command::Start { lease_until, worker } => start(invoice, lease_until, worker, context),
        Command::Release { attempt, due_at } => {
            if invoice.is_held_by(attempt) {
                Ok(vec![Event::ClaimReleased { attempt, due_at }])
            } else {
                Err(Refusal::NotHolder { attempt })
            }
        }
        Command::Record { attempt, document, outcome, evidence } => {
            Ok(answer::record(invoice, attempt, document, outcome, evidence, context))
        }
        Command::Requeue { mode, by } => requeue(invoice, mode, by, context),
        Command::Abandon { by } => abandon(invoice, by),
        Command::Adopt { qr, by } => adopt(invoice, qr, by),
    }
}

fn receive(
    invoice: &Invoice,
    content: Digest,
    amends: Option<u32>,
    by: Option<Actor>,
) -> Result<Vec<Event>, Refusal> {
    if invoice.contents.contains(&content) {
        return Ok(Vec::new());
    }
    let conflict = Refusal::OtherContent { document: invoice.document, state: invoice.state };
    let Some(named) = amends else { return Err(conflict) };
    if !may_be_changed(invoice) {
        return Err(conflict);
    }
    unheld(invoice)?;
    if named != invoice.document {
        return Err(Refusal::WrongVersion { named, current: invoice.document });
    }
    if let Some(actor) = &by {
        signed(actor)?;
    }
    Ok(vec![Event::Amended { document: invoice.document + 1, content, by }])
}

fn encode(invoice: &Invoice, icv: u64, xml: Digest) -> Result<Vec<Event>, Refusal> {
    match (invoice.state, invoice.xml, invoice.icv) {
        (State::Draft, None, Some(own)) if own != icv => Err(Refusal::OtherCounter { own, offered: icv }),
        (State::Draft, None, _) => Ok(vec![Event::Encoded { document: invoice.document, icv, xml }]),
        (State::Draft, Some(_), Some(icv)) => Err(Refusal::AlreadyEncoded { icv }),
        (state, ..) => Err(Refusal::WrongState { state, wish: "encoded" }),
    }
}

/// Told once for each reason, not at each look; an original that nobody knows is waited for only so long.
fn wait(
    invoice: &Invoice,
    original: String,
    reason: WaitReason,
    context: Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    if (invoice.state, invoice.xml) != (State::Draft, None) {
        return Err(Refusal::WrongState { state: invoice.state, wish: "kept waiting" });
    }
    let Some(waiting) = &invoice.waiting else { return Ok(vec![Event::Waiting { original, reason }]) };
    let waited = (context.now - waiting.since).to_std().unwrap_or_default();
    if reason == WaitReason::Unknown && waited >= context.policy.original_wait() {
        return Ok(vec![Event::DeadLettered {
            cause: Cause::OriginalUnknown,
            attempt: invoice.attempt,
            message: format!("no invoice {original} of this seller is known, since {}", waiting.since),
            held_qr: None,
            evidence: None,
        }]);
    }
    if (&waiting.original, waiting.reason) == (&original, reason) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::Waiting { original, reason }])
}

fn start(
    invoice: &Invoice,
    lease_until: Timestamp,
    worker: String,
    context: Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let Some(xml) = invoice.xml else { return Err(Refusal::NotEncoded) };
    let mut events = Vec::with_capacity(2);
    match (invoice.state, invoice.due_at, invoice.lease_until) {
        (State::Draft, ..) => {}
        (State::PendingRetry, Some(due_at), _) if due_at > context.now => {
            return Err(Refusal::NotDue { due_at });
        }
        (State::PendingRetry, ..) => {}
        (State::Submitted, _, Some(until)) if until > context.now => return Err(Refusal::Leased { until }),
        (State::Submitted, ..) => {
            events.push(Event::LeaseExpired { attempt: invoice.attempt });
            // One lease may have run out in company; after that it is claimed alone.
            if invoice.crashes >= context.policy.crashes_alone {
                events.push(Event::DeadLettered {
                    cause: Cause::KillsWorker,
                    attempt: invoice.attempt,
                    message: format!(
                        "{} workers in a row fell silent while they held this invoice",
                        invoice.crashes + 1
                    ),
                    held_qr: None,
                    evidence: None,
                });
                return Ok(events);
            }
        }
        (state, ..) => return Err(Refusal::WrongState { state, wish: "sent" }),
    }
    events.push(Event::SubmissionStarted {
        attempt: invoice.attempt + 1,
        document: invoice.document,
        lease_until,
        worker,
        xml,
    });
    Ok(events)
}

fn requeue(
    invoice: &Invoice,
    mode: RequeueMode,
    by: Actor,
    context: Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    signed(&by)?;
    if !may_be_changed(invoice) {
        return Err(Refusal::WrongState { state: invoice.state, wish: "requeued" });
    }
    // Without fixed bytes there are no same ones: it would be encoded anew.
    if mode == RequeueMode::Reencode || invoice.xml.is_none() {
        unheld(invoice)?;
    }
    Ok(vec![Event::Requeued { mode, due_at: context.now, by }])
}

fn abandon(invoice: &Invoice, by: Actor) -> Result<Vec<Event>, Refusal> {
    signed(&by)?;
    match invoice.state {
        State::Draft | State::Rejected | State::DeadLettered => {
            unheld(invoice)?;
            Ok(vec![Event::Abandoned { void_icv: invoice.icv, by }])
        }
        state @ (State::Submitted | State::PendingRetry | State::Abandoned | State::Cleared) => {
            Err(Refusal::WrongState { state, wish: "abandoned" })
        }
    }
}

fn adopt(invoice: &Invoice, qr: String, by: Actor) -> Result<Vec<Event>, Refusal> {
    signed(&by)?;
    if invoice.cause != Some(Cause::AuthorityHoldsOther) {
        Err(Refusal::NothingToAdopt)
    } else if qr.trim().is_empty() {
        Err(Refusal::NoQr)
    } else {
        Ok(vec![Event::Adopted { qr, by }])
    }
}

/// A person's turn; or a return that waits, which may name the wrong original and has no bytes yet.
fn may_be_changed(invoice: &Invoice) -> bool {
    invoice.state.waits_for_person() || invoice.waiting.is_some()
}

/// Promises 6 and 7: nothing may change what the authority may hold, nor forget what it is known to hold.
fn unheld(invoice: &Invoice) -> Result<(), Refusal> {
    match invoice.in_doubt {
        Some(attempt) => Err(Refusal::InDoubt { attempt }),
        None if invoice.cause == Some(Cause::AuthorityHoldsOther) => Err(Refusal::HeldByAuthority),
        None if invoice.qr_outstanding => Err(Refusal::QrOutstanding),
        None => Ok(()),
    }
}

fn signed(actor: &Actor) -> Result<(), Refusal> {
    if actor.name.trim().is_empty() || actor.reason.trim().is_empty() {
        Err(Refusal::Anonymous)
    } else {
        Ok(())
    }
}
