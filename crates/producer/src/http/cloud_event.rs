//! CloudEvents over HTTP: attributes in headers, several events in one body, and the key that makes a request repeatable.
//! What an envelope must say is `envelope`'s business.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::api::{Api, traceparent};
use super::ndjson;
use super::problem::Problem;
use crate::caller::Caller;
use crate::envelope::{BATCH, Message, STRUCTURED, WORDS, media_type};
use crate::intake::count;

/// The prefix of the attributes' headers.
const PREFIX: &str = "ce-";
/// The most events of one batch; a stream of lines has no such limit.
const EVENTS_MAX: usize = 256;

/// The attributes in the headers, their names without the prefix.
pub(super) fn attributes(headers: &HeaderMap) -> BTreeMap<String, String> {
    let attribute = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        let name = name.as_str().strip_prefix(PREFIX)?;
        Some((name.to_owned(), decoded(value.as_bytes())))
    };
    headers.iter().filter_map(attribute).collect()
}

/// A header's text: what is not plain ASCII comes percent-encoded.
fn decoded(value: &[u8]) -> String {
    let hex = |digit: Option<&u8>| char::from(*digit?).to_digit(16);
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| Some(hex(after.first())? * 16 + hex(after.get(1))?)).flatten();
        match escaped.and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The UUID in the header `Idempotency-Key`, with or without the quotation marks of a structured field.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Option<Uuid> {
    headers.get("idempotency-key")?.to_str().ok()?.trim().trim_matches('"').parse().ok()
}

/// Whether the body is a batch of events.
pub(super) fn is_batch(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| media_type(content_type) == BATCH)
}

/// Takes every event of a JSON array for itself; one result each, in order.
pub(super) async fn publish_batch(api: &Api, caller: &Caller, headers: &HeaderMap, body: &[u8]) -> Response {
    let events: Vec<&RawValue> = match serde_json::from_slice(body) {
        Ok(events) => events,
        Err(error) => {
            // It repeats what stands there instead.
            let error = invoice::excerpt(&error.to_string(), WORDS);
            let detail = format!("the body is not a JSON array of CloudEvents: {error}; nothing was taken");
            return Problem::new(StatusCode::BAD_REQUEST, "envelope", detail).into_response();
        }
    };
    if events.len() > EVENTS_MAX {
        let detail = format!(
            "{} events are too many for one batch; send {EVENTS_MAX} at most, or stream lines to /v1/invoices:batch; \
             nothing was taken",
            events.len()
        );
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).into_response();
    }
    let trace = traceparent(headers);
    let attributes = BTreeMap::new();
    let answers = events.into_iter().map(async |event| {
        let body = event.get().as_bytes();
        let message = Message { content_type: Some(STRUCTURED), attributes: &attributes, body };
        let answer = match caller.judge(api.intake.check_message(&message, trace.clone())) {
            Ok(arrival) => api.batcher.offer(arrival).await,
            Err(refused) => Err(refused),
        };
        count("http", &answer);
        ndjson::result(&answer)
    });
    let results: Vec<Value> = join_all(answers).await;
    (StatusCode::OK, Json(results)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn attributes_are_headers_with_a_prefix() {
        let headers = headers(&[
            ("ce-id", "a%20b"),
            ("ce-source", "/%D9%85%D8%AA%D8%AC%D8%B1"),
            ("ce-odd", "100% %zz %4"),
            ("content-type", "application/json"),
        ]);
        let attributes = attributes(&headers);
        let told: Vec<_> = attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(told, [("id", "a b"), ("odd", "100% %zz %4"), ("source", "/متجر")]);
    }

    #[test]
    fn only_a_uuid_is_a_key() {
        let key = |text: &'static str| idempotency_key(&headers(&[("idempotency-key", text)]));
        let uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);
        assert_eq!(key("11111111-1111-4111-8111-111111111111"), Some(uuid));
        assert_eq!(key("\"11111111-1111-4111-8111-111111111111\""), Some(uuid));
        assert_eq!(key("order-7"), None);
        assert_eq!(idempotency_key(&HeaderMap::new()), None);
    }
}
