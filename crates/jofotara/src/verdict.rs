//! One exchange turned into one typed outcome, by the design's table of what counts against an invoice. Pure; it must
//! not know attempts, neighbours or waiting times.
//!
//! `EINV_STATUS` decides, not the HTTP status (guide v1.5). Only an answer without a known status is judged by HTTP:
//!
//! | HTTP | outcome | why |
//! |---|---|---|
//! | 2xx, 3xx, 409 | in doubt | the document may have arrived, and nothing intelligible was said of it |
//! | 400 with reasons in the authority's shape; 422 with any | refused | a content refusal |
//! | 400 or 422 otherwise, 413 | suspect | a gateway or framework speaks (specification 1.6): it may be this document or all of them, so the neighbours tell, and it ends no doubt |
//! | 401, 403 | credentials | |
//! | 404, 405, 415 and any other 4xx | not now | wrong address, or the form of every request: no invoice's fault |
//! | 500 | suspect | often the invoice's own data (specification 1.3) |
//! | 408, 425, 429, other 5xx | not now | down or busy |
//!
//! A gateway's 504 is in doubt: it may have passed the document on before its patience ended.
//!
//! An inner failure of the department, wrapped in a 400 or even in a refusal, is judged by the inner status.

mod acceptance;
mod evidence;
#[cfg(test)]
mod tests;

use std::time::Duration;

use invoice::life::{Evidence, Outcome};
use uuid::Uuid;

use crate::answer::{Answer, Entry, Form, Status};
use crate::catalogue;
use crate::credentials::Credentials;
use crate::transport::Exchange;
pub(crate) use evidence::Mask;

/// What was sent: an answer is believed only when it fits.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The invoice's number.
    pub number: &'a str,
    /// Its UUID.
    pub uuid: &'a Uuid,
    /// The very bytes of the document.
    pub xml: &'a [u8],
    /// As whom. Should they come back in an answer, they are masked in the evidence.
    pub credentials: &'a Credentials,
}

/// What came of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The typed outcome.
    pub outcome: Outcome,
    /// What a person needs to see why. Its duration is filled by [`crate::Client`].
    pub evidence: Evidence,
    /// The signed document, decoded, when the outcome is cleared and there was one.
    pub signed: Option<Vec<u8>>,
    /// What the authority holds instead of ours, decoded, when it gave it.
    pub held: Option<Vec<u8>>,
}

/// What an answer comes to, before it is masked and put together.
struct Ruling {
    outcome: Outcome,
    /// The line for people.
    message: String,
    signed: Option<Vec<u8>>,
    held: Option<Vec<u8>>,
}

impl Ruling {
    fn of(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, message: message.into(), signed: None, held: None }
    }
}

/// Whose words an answer is in, and to which question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The authority's answer to a document.
    Authority,
    /// The authority's answer to the question what became of one. Nothing was sent with it, so that it is believed by
    /// the stricter rules of ALREADY_SUBMITTED.
    Query,
    /// Post2Tax's answer to the figures of a document.
    Relay,
}

/// What came of sending `sent`.
#[must_use]
pub fn interpret(exchange: &Exchange, sent: &Sent<'_>) -> Verdict {
    judge(exchange, sent, &Mask::new(sent.credentials), Dialect::Authority)
}

/// What came of asking in this dialect.
pub(crate) fn judge(exchange: &Exchange, sent: &Sent<'_>, mask: &Mask, dialect: Dialect) -> Verdict {
    let (ruling, http_status, codes, excerpt) = match exchange {
        Exchange::NotSent { reason } => {
            let outcome = Outcome::NotNow { retry_after: None };
            (Ruling::of(outcome, format!("nothing was sent: {reason}")), None, Vec::new(), String::new())
        }
        Exchange::Lost { reason } => {
            let ruling = Ruling::of(Outcome::InDoubt, format!("no whole answer came: {reason}"));
            (ruling, None, Vec::new(), String::new())
        }
        Exchange::Answered { status, retry_after, body } => {
            let answer = match dialect {
                Dialect::Authority => Answer::read(body),
                Dialect::Query => Answer::read(body).of_a_query(),
                Dialect::Relay => Answer::read_relay(body),
            };
            let ruling = rule(*status, *retry_after, &answer, sent, dialect);
            (ruling, Some(*status), mask.codes(&answer.errors), mask.excerpt(body))
        }
    };
    let outcome = match ruling.outcome {
        Outcome::HoldsOther { qr, difference } => {
            Outcome::HoldsOther { qr, difference: mask.line(&difference) }
        }
        Outcome::Cleared { qr, already, note, signed } => {
            Outcome::Cleared { qr, already, note: note.map(|note| mask.line(&note)), signed }
        }
        other => other,
    };
    let message = mask.line(&ruling.message);
    let evidence = Evidence { http_status, duration_ms: 0, codes, message, excerpt };
    Verdict { outcome, evidence, signed: ruling.signed, held: ruling.held }
}

impl Verdict {
    /// Of a document that did not go out.
    pub(crate) fn unsent(outcome: Outcome, evidence: Evidence) -> Self {
        Self { outcome, evidence, signed: None, held: None }
    }
}

fn rule(
    status: u16,
    retry_after: Option<Duration>,
    answer: &Answer,
    sent: &Sent<'_>,
    dialect: Dialect,
) -> Ruling {
    match &answer.status {
        Some(Status::Submitted) => acceptance::submitted(answer, sent),
        Some(Status::AlreadySubmitted) => acceptance::already(answer, sent),
        Some(Status::NotSubmitted) => refused(retry_after, answer),
        Some(Status::Unknown(told)) => {
            let mut ruling = by_http(status, retry_after, answer, dialect);
            ruling.message = format!("EINV_STATUS {told:?} is not known; {}", ruling.message);
            ruling
        }
        None => by_http(status, retry_after, answer, dialect),
    }
}

/// A refusal, unless all that it reports is the department's own failure.
fn refused(retry_after: Option<Duration>, answer: &Answer) -> Ruling {
    let reason = reason(answer);
    let mut inner = answer.errors.iter().map(|entry| catalogue::inner_failure(&entry.message));
    match inner.next() {
        Some(Some(first)) if inner.all(|other| other.is_some()) => {
            let outcome = if first == 500 { Outcome::Suspect } else { Outcome::NotNow { retry_after } };
            Ruling::of(
                outcome,
                format!("the authority's own inner service failed: {}", reason.unwrap_or_default()),
            )
        }
        // The gateway's own licence is no document's fault; the authority speaks of no licence.
        _ if answer.form == Form::Relay && answer.errors.iter().any(of_licence) => {
            Ruling::of(Outcome::Credentials, reason.unwrap_or_default())
        }
        _ => Ruling::of(Outcome::Refused, reason.unwrap_or_else(|| "refused without a reason".to_owned())),
    }
}

fn by_http(status: u16, retry_after: Option<Duration>, answer: &Answer, dialect: Dialect) -> Ruling {
    let not_now = Outcome::NotNow { retry_after };
    let shaped = matches!(answer.form, Form::Upper | Form::Camel | Form::Relay);
    let (outcome, remark) = match status {
        400 | 422 if shaped && !answer.errors.is_empty() => return refused(retry_after, answer),
        400 | 422 | 500 if answer.inner_status.is_some_and(|inner| (501..600).contains(&inner)) => {
            (not_now, "an inner service is down")
        }
        422 if answer.message.is_some() && answer.inner_status != Some(500) => (Outcome::Refused, ""),
        400 | 413 | 422 => (Outcome::Suspect, "no reason in the authority's shape"),
        401 => (Outcome::Credentials, "client id or secret key is not accepted"),
        403 if answer.form == Form::Unintelligible => (
            Outcome::Credentials,
            "client id or secret key is not accepted, or a firewall stands between: this is not the authority's JSON",
        ),
        403 => (Outcome::Credentials, "client id or secret key is not accepted"),
        404 | 405 | 410 => (not_now, "is the address right?"),
        409 => (Outcome::InDoubt, "whether the document is there cannot be told"),
        500 => (Outcome::Suspect, "often the tax number, the income source or a rate is wrong"),
        504 if dialect == Dialect::Relay => {
            (Outcome::InDoubt, "the gateway waited in vain, perhaps after passing the document on")
        }
        504 => (not_now, "the way to the authority timed out"),
        408 | 425 | 429 | 501..600 => (not_now, "down or busy"),
        402..500 => (not_now, "the form of the request was not liked"),
        300..400 => (Outcome::InDoubt, "a redirect, which is not followed"),
        _ => (Outcome::InDoubt, "no intelligible answer"),
    };
    let mut message = format!("HTTP {status}");
    if !remark.is_empty() {
        message.push_str(&format!(", {remark}"));
    }
    if let Some(reason) = reason(answer) {
        message.push_str(&format!(": {reason}"));
    }
    Ruling::of(outcome, message)
}

/// Whether a gateway's reason is its licence or the pair. Its code alone tells: the message may repeat what stands in the
/// document, such as a licence that is sold, and a whole income source must not stand still for that.
pub(crate) fn of_licence(entry: &Entry) -> bool {
    let explained = catalogue::explain(None, std::slice::from_ref(&entry.code), "");
    explained.iter().any(|entry| entry.class == catalogue::Class::Credentials)
}

/// The reasons in one line, if any are given.
fn reason(answer: &Answer) -> Option<String> {
    let told = |entry: &Entry| match (entry.code.as_str(), entry.message.as_str()) {
        (code, "") => code.to_owned(),
        (_, message) => message.to_owned(),
    };
    let reasons: Vec<String> = answer.errors.iter().take(evidence::MAX_CODES).map(told).collect();
    if reasons.is_empty() { answer.message.clone() } else { Some(reasons.join("; ")) }
}
