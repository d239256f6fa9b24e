//! What happened, event by event, in words: when, what, by whom.

use invoice::life::{Actor, DeferReason, Event, Evidence, RequeueMode};
use ledger::RecordedEvent;

use crate::remedy;
use crate::text::{Table, time};

/// The events as a table, the oldest first.
pub(super) fn render(events: &[RecordedEvent]) -> String {
    let mut lines = Table::default();
    for recorded in events {
        lines.row([time(recorded.at), recorded.event.name().to_owned(), describe(&recorded.event)]);
    }
    lines.render()
}

fn describe(event: &Event) -> String {
    match event {
        Event::Accepted { .. } => "taken in, as document version 1".to_owned(),
        Event::Amended { document, by, .. } => {
            let who = by.as_ref().map_or_else(|| "by the seller's own system".to_owned(), signed);
            format!("document version {document} {who}")
        }
        Event::Encoded { document, icv, .. } => {
            format!("document version {document} has counter {icv}; its bytes are fixed")
        }
        Event::Waiting { original, reason } => {
            format!("waits for its original, invoice {original}, which {}", remedy::stands(*reason))
        }
        Event::FoundUnfit { message } => message.clone(),
        Event::SubmissionStarted { attempt, document, worker, .. } => {
            format!("attempt {attempt} sends document version {document} from {worker}")
        }
        Event::ClaimReleased { attempt, due_at } => {
            format!("attempt {attempt} was given back unsent; again at {}", time(*due_at))
        }
        Event::LeaseExpired { attempt } => {
            format!("attempt {attempt} fell silent; what became of it is in doubt")
        }
        Event::Cleared { attempt, document, already, late, note, evidence, .. } => {
            let already = if *already { "; the authority had it already" } else { "" };
            let late = if *late { "; heard late" } else { "" };
            let note = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!(
                "attempt {attempt}, document version {document}{already}{late}{note}: {}",
                heard(evidence)
            )
        }
        Event::QrOutstanding { attempt, due_at, evidence } => {
            format!("attempt {attempt}: accepted without QR; again at {}: {}", time(*due_at), heard(evidence))
        }
        Event::Refused { attempt, evidence } => format!("attempt {attempt}: {}", heard(evidence)),
        Event::Doubted { attempt, due_at, evidence } => {
            format!(
                "attempt {attempt} is in doubt; the same bytes again at {}: {}",
                time(*due_at),
                heard(evidence)
            )
        }
        Event::Deferred { attempt, reason, due_at, evidence } => {
            let why = match reason {
                DeferReason::NotNow => "the authority is away or busy",
                DeferReason::Suspect => "the authority failed on it",
                DeferReason::Credentials => "the credentials were refused",
            };
            format!("attempt {attempt}: {why}; again at {}: {}", time(*due_at), heard(evidence))
        }
        Event::DeadLettered { cause, attempt, message, held_qr, .. } => {
            let qr = if held_qr.is_some() { "; the QR of what the authority holds is kept" } else { "" };
            format!("{cause} after attempt {attempt}: {message}{qr}")
        }
        Event::LateAnswer { attempt, outcome, evidence } => {
            format!(
                "attempt {attempt} would have been {outcome}, but had lost its lease: {}",
                heard(evidence)
            )
        }
        Event::Requeued { mode, by, .. } => {
            let how = match mode {
                RequeueMode::SameBytes => "with the same bytes",
                RequeueMode::Reencode => "to be encoded anew",
            };
            format!("{how} {}", signed(by))
        }
        Event::Abandoned { void_icv, by } => {
            let void = void_icv.map(|icv| format!("; counter {icv} is void")).unwrap_or_default();
            format!("given up {}{void}", signed(by))
        }
        Event::Adopted { by, .. } => format!("what the authority holds was taken over {}", signed(by)),
    }
}

fn signed(by: &Actor) -> String {
    format!("by {}: {}", by.name, by.reason)
}

fn heard(evidence: &Evidence) -> String {
    let status = evidence.http_status.map(|status| format!("HTTP {status}, ")).unwrap_or_default();
    format!("{status}{} ms, {}", evidence.duration_ms, evidence.message)
}
