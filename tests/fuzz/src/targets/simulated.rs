//! The simulated authority's own readers: whoever tests against it must not be able to bring it down.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use simulator::{Authority, Call, Door, Handle, Request, Settings};

/// What is asked stands in the first byte, the body is the rest; the same as a document in an envelope.
pub(super) fn attack(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let handle = Handle::new(Authority::new(Settings::default(), 1));
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let text = || Some("x".to_owned());
    let envelope = || {
        use base64::Engine as _;
        let document = base64::engine::general_purpose::STANDARD.encode(body);
        Bytes::from(serde_json::json!({ "invoice": document }).to_string())
    };
    let submit = |door, body| {
        Call::Submit(Request {
            door,
            client_id: text(),
            secret_key: text(),
            authorization: Some("Bearer x".to_owned()),
            license_key: text(),
            content_type: Some("application/json".to_owned()),
            body,
        })
    };
    let body_of = || Bytes::copy_from_slice(body);
    let call = match choice % 6 {
        0 => submit(Door::Direct, envelope()),
        1 => submit(Door::Direct, body_of()),
        2 => submit(Door::Token, envelope()),
        3 => submit(Door::Relay, body_of()),
        4 => Call::Token {
            content_type: Some("application/x-www-form-urlencoded".to_owned()),
            body: body_of(),
        },
        _ => Call::Query {
            authorization: Some("Bearer x".to_owned()),
            uuid: String::from_utf8_lossy(body).into_owned(),
        },
    };
    let reply = handle.answer(&call, now);
    assert!((200..600).contains(&reply.status), "status {}", reply.status);
    assert!(reply.body.len() <= 16 * bytes.len() + 64 * 1024, "an answer of {} bytes", reply.body.len());
    simulator::inspect(&envelope(), Some("application/json"), &Settings::default());
}
