//! What a fault makes of an answer; it must not know the state of the authority.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::answer::{Accepted, Answer, timestamp};
use crate::fault::Fault;
use crate::finding::Finding;

/// What a fault does to an answer besides its content.
#[derive(Default)]
pub(super) struct Outcome {
    /// The connection is cut instead.
    pub(super) cut: bool,
    /// On top of the usual latency.
    pub(super) delay: Duration,
    pub(super) retry_after_s: Option<u64>,
}

/// Applies a fault to an answer.
pub(super) fn misbehave(answer: Answer, fault: Option<&Fault>, now: DateTime<Utc>) -> (Answer, Outcome) {
    let mut outcome = Outcome::default();
    let Some(fault) = fault else { return (answer, outcome) };
    let answer = match fault {
        Fault::Status { code, retry_after_s, .. } => {
            outcome.retry_after_s = *retry_after_s;
            Answer::Plain { status: *code, message: reason(*code).to_owned() }
        }
        Fault::InnerError => Answer::Refused {
            schema_passed: true,
            findings: vec![Finding::inner_error(&timestamp(now))],
            status: Some(400),
        },
        Fault::Garbage { .. } => raw("application/json", b"\x00\xff{\"EINV_"),
        Fault::Html { .. } => raw("text/html", b"<html><body><h1>Service maintenance</h1></body></html>"),
        Fault::Empty { .. } => raw("application/json", b""),
        Fault::DropBefore | Fault::DropAfter => {
            outcome.cut = true;
            answer
        }
        Fault::Late { delay_ms } => {
            outcome.delay = Duration::from_millis(*delay_ms);
            answer
        }
        Fault::Refuse { message, status } => Answer::Refused {
            schema_passed: true,
            findings: vec![Finding::uncoded(message.clone())],
            status: *status,
        },
        Fault::WithoutQr => change(answer, |accepted| accepted.qr = None),
        Fault::WithoutDocument => change(answer, |accepted| accepted.document = None),
        Fault::OtherNumber(number) => change(answer, |accepted| accepted.number.clone_from(number)),
        Fault::OtherUuid(uuid) => change(answer, |accepted| accepted.uuid.clone_from(uuid)),
        Fault::OtherDocument => change(answer, |accepted| {
            accepted.document = accepted.document.take().map(|document| other_document(&document));
        }),
    };
    (answer, outcome)
}

fn raw(content_type: &'static str, body: &'static [u8]) -> Answer {
    Answer::Raw { status: 200, content_type, body: Bytes::from_static(body) }
}

/// Changes an acceptance; other answers stay as they are.
fn change(answer: Answer, with: impl FnOnce(&mut Accepted)) -> Answer {
    match answer {
        Answer::Accepted(mut accepted) => {
            with(&mut accepted);
            Answer::Accepted(accepted)
        }
        other => other,
    }
}

/// The same document with the name of its goods and its total changed, so that a comparison must see it.
fn other_document(document: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(document);
    let text = text.replace("</cbc:Name>", " (صنف آخر)</cbc:Name>");
    Bytes::from(text.replace("</cbc:PayableAmount>", "1</cbc:PayableAmount>"))
}

fn reason(code: u16) -> &'static str {
    match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
