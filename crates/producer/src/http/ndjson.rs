//! `POST /v1/invoices:batch`: one event a line in, one result a line out, as a stream in both directions.

mod lines;

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::api::{Api, Room, receipt, traceparent};
use super::problem::Problem;
use crate::batcher::Answer;
use crate::caller::Caller;
use crate::intake::count;
use lines::{Input, Lines};

/// What a stream of answers needs until it ends.
struct Batch {
    api: Arc<Api>,
    caller: Caller,
    lines: Lines,
    trace: Option<String>,
    /// A batch takes up its room for as long as it streams.
    _room: Room,
}

pub(crate) async fn publish(
    State(api): State<Arc<Api>>,
    Extension(room): Extension<Room>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let lines = Lines::new(body, api.stopping.clone());
    let batch = Batch { api, caller, lines, trace: traceparent(&headers), _room: room };
    let results = stream::unfold(batch, |mut batch| async move {
        let inputs = batch.lines.next_batch(batch.api.batch).await;
        if inputs.is_empty() {
            batch.lines.farewell().await;
            return None;
        }
        let text = answer(&batch.api, &batch.caller, inputs, batch.trace.as_ref()).await;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), batch))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(results)).into_response()
}

/// One line of JSON for each line of the batch, in order.
async fn answer(api: &Arc<Api>, caller: &Caller, batch: Vec<Input>, trace: Option<&String>) -> Vec<u8> {
    let answers = batch.into_iter().map(|input| async move {
        match input {
            Input::Event(line, bytes) => {
                let answer = match caller.judge(api.intake.check(&bytes, trace.cloned())) {
                    Ok(arrival) => api.batcher.offer(arrival).await,
                    Err(refused) => Err(refused),
                };
                count("http", &answer);
                shown(line, &answer)
            }
            Input::TooLong(line) => {
                let limit = invoice::limits::EVENT_BYTES;
                let detail = format!("the line has more than {limit} bytes; it was passed over");
                problem(line, StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            }
            Input::Broken(line, reason) => {
                let detail = format!("the body broke off: {reason}; lines from here on were not taken");
                problem(line, StatusCode::BAD_REQUEST, "broken_body", detail)
            }
            Input::Stopping(line) => {
                let detail = "the producer stops; lines from here on were not taken: publish them again";
                problem(line, StatusCode::SERVICE_UNAVAILABLE, "stopping", detail)
            }
        }
    });
    text(futures_util::future::join_all(answers).await)
}

/// One line for each value.
pub(super) fn text(answers: Vec<Value>) -> Vec<u8> {
    let mut text = Vec::with_capacity(answers.len() * 160);
    for value in answers {
        // A JSON value always has a text.
        text.extend_from_slice(value.to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

/// What became of the document at `line`.
pub(super) fn shown(line: u64, answer: &Answer) -> Value {
    numbered(line, result(answer))
}

/// A receipt with its status, or a problem.
pub(super) fn result(answer: &Answer) -> Value {
    match answer {
        Ok(taken) => {
            let mut value = receipt(taken);
            if let Some(value) = value.as_object_mut() {
                value.insert("status".to_owned(), json!(if taken.new { 202 } else { 200 }));
            }
            value
        }
        Err(refused) => Problem::from(refused).into_body(),
    }
}

/// A refusal at `line`.
pub(super) fn problem(line: u64, status: StatusCode, code: &str, detail: impl Into<String>) -> Value {
    numbered(line, Problem::new(status, code, detail).into_body())
}

fn numbered(line: u64, mut value: Value) -> Value {
    if let Some(value) = value.as_object_mut() {
        value.insert("line".to_owned(), json!(line));
    }
    value
}
