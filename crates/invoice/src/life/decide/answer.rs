//! What comes of an answer to an attempt, in time or late. Must not know HTTP: it is given typed outcomes.

use std::time::Duration;

use super::Context;
use crate::Timestamp;
use crate::life::event::{DeferReason, Event};
use crate::life::outcome::{Evidence, Outcome};
use crate::life::state::{Cause, Invoice, State};

/// Never refused: what was heard is kept, whatever else comes of it.
pub(super) fn record(
    invoice: &Invoice,
    attempt: u32,
    document: u32,
    outcome: Outcome,
    evidence: Evidence,
    context: Context<'_>,
) -> Vec<Event> {
    let holds = invoice.is_held_by(attempt);
    let kind = outcome.kind();
    let event = match outcome {
        // An acceptance is complete only with its QR.
        Outcome::Cleared { qr, already, note, signed } if !qr.trim().is_empty() => {
            if invoice.state == State::Cleared {
                Event::LateAnswer { attempt, outcome: kind, evidence }
            } else {
                Event::Cleared { attempt, document, qr, already, late: !holds, note, signed, evidence }
            }
        }
        Outcome::Cleared { .. } | Outcome::AcceptedWithoutQr => {
            if holds {
                qr_outstanding(invoice, attempt, evidence, context)
            } else {
                accepted_late(invoice, attempt, document, evidence, context)
            }
        }
        Outcome::HoldsOther { qr, difference } if holds => Event::DeadLettered {
            cause: Cause::AuthorityHoldsOther,
            attempt,
            message: difference,
            held_qr: qr,
            evidence: Some(evidence),
        },
        Outcome::Refused if holds => refused(invoice, attempt, evidence),
        Outcome::InDoubt if holds => {
            let rung = if invoice.may_be_held() { invoice.retries } else { 0 };
            let due_at = due(invoice, attempt, context.policy.ladder(rung), context);
            Event::Doubted { attempt, due_at, evidence }
        }
        Outcome::NotNow { retry_after } if holds => {
            let ladder = context.policy.ladder(invoice.retries);
            let wait = retry_after.map_or(ladder, |wish| context.policy.retry_after(wish).max(ladder));
            let due_at = due(invoice, attempt, wait, context);
            Event::Deferred { attempt, reason: DeferReason::NotNow, due_at, evidence }
        }
        Outcome::Credentials if holds => {
            let due_at = due(invoice, attempt, context.policy.credentials(), context);
            Event::Deferred { attempt, reason: DeferReason::Credentials, due_at, evidence }
        }
        Outcome::Suspect if holds => suspect(invoice, attempt, evidence, context),
        Outcome::HoldsOther { .. }
        | Outcome::Refused
        | Outcome::InDoubt
        | Outcome::NotNow { .. }
        | Outcome::Credentials
        | Outcome::Suspect => Event::LateAnswer { attempt, outcome: kind, evidence },
    };
    vec![event]
}

/// A refusal ends every doubt, unless the authority contradicts itself.
fn refused(invoice: &Invoice, attempt: u32, evidence: Evidence) -> Event {
    if !invoice.qr_outstanding {
        return Event::Refused { attempt, evidence };
    }
    Event::DeadLettered {
        cause: Cause::Contradiction,
        attempt,
        message: format!("accepted before, now refused: {}", evidence.message),
        held_qr: None,
        evidence: Some(evidence),
    }
}

/// A 500 while others pass is charged; but what the authority has accepted is never given up for it.
fn suspect(invoice: &Invoice, attempt: u32, evidence: Evidence, context: Context<'_>) -> Event {
    if invoice.qr_outstanding {
        let due_at = due(invoice, attempt, context.policy.ladder(invoice.retries), context);
        return Event::Deferred { attempt, reason: DeferReason::NotNow, due_at, evidence };
    }
    match context.policy.suspect(invoice.charged + 1) {
        Some(wait) => {
            let due_at = due(invoice, attempt, wait, context);
            Event::Deferred { attempt, reason: DeferReason::Suspect, due_at, evidence }
        }
        None => Event::DeadLettered {
            cause: Cause::Suspect,
            attempt,
            message: format!(
                "the authority failed on this invoice {} times while others passed; \
                 often the tax number, the income source or a rate is wrong",
                invoice.charged + 1
            ),
            held_qr: None,
            evidence: Some(evidence),
        },
    }
}

/// An acceptance without QR, heard by an attempt that lost its lease. The fence never discards an acceptance, but it
/// says something new only while nobody knows that the authority has a document of this invoice.
fn accepted_late(
    invoice: &Invoice,
    attempt: u32,
    document: u32,
    evidence: Evidence,
    context: Context<'_>,
) -> Event {
    let known = invoice.qr_outstanding
        || invoice.state == State::Cleared
        || invoice.cause == Some(Cause::AuthorityHoldsOther);
    // The next answer to what is on its way will agree with it, or differ and go to a person.
    let on_its_way = matches!(invoice.state, State::Submitted | State::PendingRetry);
    // Sending the same bytes again fetches the QR, even for an invoice that was given up.
    let same_bytes = invoice.state != State::Draft && document == invoice.document && invoice.xml.is_some();
    if known {
        Event::LateAnswer { attempt, outcome: Outcome::AcceptedWithoutQr.kind(), evidence }
    } else if on_its_way || same_bytes {
        qr_outstanding(invoice, attempt, evidence, context)
    } else {
        // It has moved on to another version: the authority holds what is not ours any more.
        Event::DeadLettered {
            cause: Cause::AuthorityHoldsOther,
            attempt,
            message: format!(
                "attempt {attempt} was answered late: the authority has accepted document version {document} \
                 as it was then, without giving its QR"
            ),
            held_qr: None,
            evidence: Some(evidence),
        }
    }
}

fn qr_outstanding(invoice: &Invoice, attempt: u32, evidence: Evidence, context: Context<'_>) -> Event {
    // Fetching begins at the foot of the ladder, however long the outage before it was.
    let rung = if invoice.qr_outstanding { invoice.retries } else { 0 };
    let due_at = due(invoice, attempt, context.policy.ladder(rung), context);
    Event::QrOutstanding { attempt, due_at, evidence }
}

fn due(invoice: &Invoice, attempt: u32, wait: Duration, context: Context<'_>) -> Timestamp {
    context.policy.due(context.now, wait, &invoice.key, attempt)
}
