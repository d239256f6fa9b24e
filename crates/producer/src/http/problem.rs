//! Refusals as RFC 9457 problem details: what is wrong, where, and how to mend it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::intake::Refused;

/// When to ask again while a person has closed intake, seconds: that takes minutes, not moments.
const CLOSED_RETRY: u16 = 30;

/// A refusal on its way out.
pub(crate) struct Problem {
    status: StatusCode,
    body: Value,
    /// Seconds.
    retry_after: Option<u16>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let body = json!({
            "type": format!("urn:fawtara:problem:{code}"),
            "title": status.canonical_reason().unwrap_or("Refused"),
            "status": status.as_u16(),
            "code": code,
            // Whatever it repeats of a stranger's text is shown, not obeyed.
            "detail": invoice::shown(&detail.into()),
        });
        let waits = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let retry_after = waits.then_some(1);
        Self { status, body, retry_after }
    }

    /// The problem's JSON, for a line of a batch.
    pub(crate) fn into_body(self) -> Value {
        self.body
    }

    /// Status, stable code and detail, for answers of another form.
    pub(crate) fn told(&self) -> (StatusCode, &str, &str) {
        let text = |member: &str| self.body.get(member).and_then(Value::as_str).unwrap_or_default();
        (self.status, text("code"), text("detail"))
    }

    pub(super) fn with(mut self, member: &str, value: Value) -> Self {
        if let Some(body) = self.body.as_object_mut() {
            body.insert(member.to_owned(), value);
        }
        self
    }
}

impl From<&Refused> for Problem {
    fn from(refused: &Refused) -> Self {
        let status = match refused {
            Refused::Invalid(_) if refused.code() == "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::Invalid(_)
            | Refused::UnknownSource { .. }
            | Refused::InactiveSource { .. }
            | Refused::WrongFamily { .. }
            | Refused::Envelope { .. }
            | Refused::OtherKey { .. }
            | Refused::OriginalUnknown { .. }
            | Refused::Unstorable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refused::Conflict { .. }
            | Refused::NumberTaken { .. }
            | Refused::UuidTaken { .. }
            | Refused::OriginalNotCleared { .. }
            | Refused::InvoiceKnown { .. } => StatusCode::CONFLICT,
            Refused::OutOfScope { .. } | Refused::UnknownSender { .. } => StatusCode::FORBIDDEN,
            Refused::Unavailable | Refused::Closed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut problem = Self::new(status, refused.code(), refused.to_string());
        if matches!(refused, Refused::Closed { .. }) {
            problem.retry_after = Some(CLOSED_RETRY);
        }
        match refused {
            Refused::Invalid(faults) => problem.with("faults", json!(faults)),
            Refused::Conflict { uuid, state, document, differences, .. } => problem
                .with("uuid", json!(uuid))
                .with("state", json!(state))
                .with("document", json!(document))
                .with("differences", json!(differences)),
            Refused::NumberTaken { by } => problem.with("uuid", json!(by)),
            Refused::OriginalNotCleared { uuid, state, .. } => {
                problem.with("uuid", json!(uuid)).with("state", json!(state))
            }
            Refused::OtherKey { uuid, .. } | Refused::InvoiceKnown { uuid, .. } => {
                problem.with("uuid", json!(uuid))
            }
            Refused::Envelope { attribute, message } => {
                problem.with("faults", json!([{ "code": "envelope", "path": attribute, "message": message }]))
            }
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_route",
        "publish with POST /v1/invoices or /v1/invoices:batch, look at one with GET /v1/invoices/{uuid}",
    )
}

pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "POST /v1/invoices, POST /v1/invoices:batch, GET /v1/invoices/{uuid}",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_detail_repeats_is_shown_and_not_obeyed() {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "envelope", "المبلغ \u{202e}7\u{1b}[2J");
        assert_eq!(problem.told().2, "المبلغ \\u{202e}7\\u{1b}[2J");
    }
}
