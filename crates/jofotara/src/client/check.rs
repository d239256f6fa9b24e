//! Whether the authority knows a pair of credentials, found out without sending a document. Must not know where the pair is
//! kept.
//!
//! No official call exists for this. An empty invoice is sent instead: keys are looked at before the document is, so a 403
//! says that they are refused and a 400 that they are accepted (specification 1.8, one source). Nothing can be cleared by it.

use std::time::Duration;

use bytes::Bytes;
use invoice::life::Outcome;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Call, Client, direct, relay};
use crate::answer::{Answer, Form, Status};
use crate::credentials::Endpoint;
use crate::route::Road;
use crate::transport::Exchange;
use crate::verdict::of_licence;

/// What is known of a pair of credentials after asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceptance {
    /// They are accepted. That they belong to this tax number and income source is not said by it.
    Accepted,
    /// They are refused.
    Refused,
    /// The answer does not tell, or there was none.
    Unclear,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialCheck {
    /// The finding.
    pub acceptance: Acceptance,
    /// The HTTP status, when there was an answer.
    pub http_status: Option<u16>,
    /// For people; never holds anything of the credentials.
    pub message: String,
    /// How long it took.
    pub duration: Duration,
}

impl Client {
    /// Asks by the endpoint's route whether its credentials are accepted: an empty invoice on the direct one, an empty
    /// object on the relay, a token on the one with tokens.
    pub async fn check_credentials(&self, endpoint: &Endpoint) -> CredentialCheck {
        let started = Instant::now();
        let (acceptance, http_status, message) = match endpoint.road() {
            Road::Direct { .. } => {
                let request = direct::request(endpoint, direct::body(b""));
                read(&self.transport.exchange(request).await, Answer::read)
            }
            Road::Relay(road) => {
                let request = relay::request(endpoint, road, Bytes::from_static(b"{}"));
                read(&self.transport.exchange(request).await, Answer::read_relay)
            }
            Road::Token(road) => {
                let nobody = Uuid::nil();
                let call: Call<'_> = self.call(endpoint, "", &nobody, b"", started);
                match self.tokens.get(&call, road).await {
                    Ok(_) => (Acceptance::Accepted, None, "a token was granted for this pair".to_owned()),
                    Err(none) => {
                        let refused = none.outcome == Outcome::Credentials;
                        let acceptance = if refused { Acceptance::Refused } else { Acceptance::Unclear };
                        (acceptance, none.evidence.http_status, none.evidence.message)
                    }
                }
            }
        };
        CredentialCheck { acceptance, http_status, message, duration: started.elapsed() }
    }
}

fn read(exchange: &Exchange, dialect: fn(&[u8]) -> Answer) -> (Acceptance, Option<u16>, String) {
    let (status, body) = match exchange {
        Exchange::NotSent { reason } => {
            return (Acceptance::Unclear, None, format!("nobody was reached: {reason}"));
        }
        Exchange::Lost { reason } => {
            return (Acceptance::Unclear, None, format!("no whole answer came: {reason}"));
        }
        Exchange::Answered { status, body, .. } => (*status, body),
    };
    let answer = dialect(body);
    let (acceptance, message) = match status {
        403 if answer.form == Form::Unintelligible => (
            Acceptance::Refused,
            "client id or secret key is refused, or a firewall stands between: this is not the authority's JSON",
        ),
        401 | 403 => (Acceptance::Refused, "client id or secret key is refused"),
        // As the sending of a document judges it.
        400 | 422 if answer.form == Form::Relay && answer.errors.iter().any(of_licence) => {
            (Acceptance::Refused, "the gateway refuses the licence key, the client id or the secret key")
        }
        400 => (Acceptance::Accepted, "the keys are accepted; the empty invoice was refused, as it must be"),
        _ if answer.status == Some(Status::NotSubmitted) => {
            (Acceptance::Accepted, "the keys are accepted; the empty invoice was refused, as it must be")
        }
        404 | 405 | 410 => {
            (Acceptance::Unclear, "nothing that takes invoices is there: is the address right?")
        }
        429 | 500..600 => (Acceptance::Unclear, "the authority is down or busy; ask again later"),
        _ => (Acceptance::Unclear, "an answer that says neither yes nor no"),
    };
    (acceptance, Some(status), format!("HTTP {status}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &'static str) -> Exchange {
        Exchange::Answered { status, retry_after: None, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn only_a_clear_word_is_taken_for_one() {
        let not_submitted = r#"{"EINV_RESULTS":{"status":"ERROR"},"EINV_STATUS":"NOT_SUBMITTED"}"#;
        for (status, body, expected) in [
            (403, "{}", Acceptance::Refused),
            (403, "<html>blocked</html>", Acceptance::Refused),
            (401, "", Acceptance::Refused),
            (400, "{}", Acceptance::Accepted),
            (400, not_submitted, Acceptance::Accepted),
            (200, not_submitted, Acceptance::Accepted),
            (200, "{}", Acceptance::Unclear),
            (302, "", Acceptance::Unclear),
            (404, "", Acceptance::Unclear),
            (429, "", Acceptance::Unclear),
            (500, "{}", Acceptance::Unclear),
            (504, "", Acceptance::Unclear),
        ] {
            let (acceptance, told, message) = read(&answered(status, body), Answer::read);
            assert_eq!((acceptance, told), (expected, Some(status)), "{status} {body}: {message}");
        }
        let lost = Exchange::Lost { reason: "reset".to_owned() };
        let not_sent = Exchange::NotSent { reason: "connection refused".to_owned() };
        for exchange in [lost, not_sent] {
            assert_eq!(read(&exchange, Answer::read).0, Acceptance::Unclear);
        }
    }

    #[test]
    fn a_gateway_that_refuses_the_licence_accepts_nothing() {
        for (status, body, expected) in [
            (400, r#"{"error":true,"result":"LICENSE_EXPIRED","message":"renew"}"#, Acceptance::Refused),
            (422, r#"{"error":true,"result":"invalid_client"}"#, Acceptance::Refused),
            (400, r#"{"error":true,"result":"INVALID_DATA","message":"a license"}"#, Acceptance::Accepted),
            (400, "{}", Acceptance::Accepted),
            (401, "", Acceptance::Refused),
        ] {
            let (acceptance, _, message) = read(&answered(status, body), Answer::read_relay);
            assert_eq!(acceptance, expected, "{status} {body}: {message}");
        }
    }
}
