//! `POST /v1/invoices:batch`: one event a line in, one result a line out, as a stream in both directions.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::api::{Api, count, receipt, traceparent};
use super::problem::Problem;
use crate::batcher::Answer;
use crate::intake::Refused;

/// A client that sends nothing for so long is cut.
const PATIENCE: Duration = Duration::from_secs(60);

/// The stream of lines, with what is left of the last chunk.
struct Lines {
    body: axum::body::BodyDataStream,
    buffer: Vec<u8>,
    /// The rest of a line that was too long is being passed over.
    skipping: bool,
    line: u64,
    ended: bool,
}

/// A line of the input, or why there is none.
enum Input {
    Event(u64, Vec<u8>),
    TooLong(u64),
    Broken(u64, String),
}

pub(crate) async fn publish(State(api): State<Arc<Api>>, headers: HeaderMap, body: Body) -> Response {
    let trace = traceparent(&headers);
    let lines =
        Lines { body: body.into_data_stream(), buffer: Vec::new(), skipping: false, line: 0, ended: false };
    let results = stream::unfold((api, lines, trace), |(api, mut lines, trace)| async move {
        let batch = lines.next_batch(api.batch).await;
        if batch.is_empty() {
            return None;
        }
        let text = answer(&api, batch, trace.as_ref()).await;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), (api, lines, trace)))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(results)).into_response()
}

/// One line of JSON for each line of the batch, in order.
async fn answer(api: &Arc<Api>, batch: Vec<Input>, trace: Option<&String>) -> Vec<u8> {
    let answers = batch.into_iter().map(|input| async move {
        match input {
            Input::Event(line, bytes) => {
                let answer = match api.intake.check(&bytes, trace.cloned()) {
                    Ok(arrival) => api.batcher.offer(arrival).await,
                    Err(refused) => Err(refused),
                };
                count(&answer);
                shown(line, &answer)
            }
            Input::TooLong(line) => {
                let limit = invoice::limits::EVENT_BYTES;
                let detail = format!("the line has more than {limit} bytes; it was passed over");
                numbered(
                    line,
                    Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).into_body(),
                )
            }
            Input::Broken(line, reason) => {
                let detail = format!("the body broke off: {reason}; lines from here on were not taken");
                numbered(
                    line,
                    Problem::new(axum::http::StatusCode::BAD_REQUEST, "broken_body", detail).into_body(),
                )
            }
        }
    });
    let answers = futures_util::future::join_all(answers).await;
    let mut text = Vec::with_capacity(answers.len() * 160);
    for value in answers {
        // A JSON value always has a text.
        text.extend_from_slice(value.to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

fn shown(line: u64, answer: &Answer) -> Value {
    match answer {
        Ok(taken) => {
            let mut value = numbered(line, receipt(taken));
            if let Some(value) = value.as_object_mut() {
                value.insert("status".to_owned(), json!(if taken.new { 202 } else { 200 }));
            }
            value
        }
        Err(refused) => refusal(line, refused),
    }
}

fn refusal(line: u64, refused: &Refused) -> Value {
    numbered(line, Problem::from(refused).into_body())
}

fn numbered(line: u64, mut value: Value) -> Value {
    if let Some(value) = value.as_object_mut() {
        value.insert("line".to_owned(), json!(line));
    }
    value
}

impl Lines {
    /// The lines that are there already, at most `limit`; waits only while there is none. Empty at the end.
    async fn next_batch(&mut self, limit: usize) -> Vec<Input> {
        loop {
            let mut batch = Vec::new();
            while batch.len() < limit {
                let Some(input) = self.line() else { break };
                batch.extend(input);
            }
            if !batch.is_empty() || self.ended {
                return batch;
            }
            match timeout(PATIENCE, self.body.next()).await {
                Ok(Some(Ok(chunk))) => self.buffer.extend_from_slice(&chunk),
                Ok(Some(Err(error))) => return self.broken(error.to_string()),
                Ok(None) => {
                    self.ended = true;
                    // The last line may lack its end.
                    if !self.buffer.is_empty() {
                        self.buffer.push(b'\n');
                    }
                }
                Err(_) => return self.broken(format!("nothing came for {} s", PATIENCE.as_secs())),
            }
        }
    }

    fn broken(&mut self, reason: String) -> Vec<Input> {
        self.ended = true;
        self.buffer.clear();
        vec![Input::Broken(self.line + 1, reason)]
    }

    /// The next whole line in the buffer: `Some(None)` for one without an event, `None` when there is no whole line.
    #[allow(clippy::option_option, reason = "a line without an event is neither an event nor the end")]
    fn line(&mut self) -> Option<Option<Input>> {
        let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
            if self.buffer.len() > invoice::limits::EVENT_BYTES {
                self.buffer.clear();
                if !self.skipping {
                    self.skipping = true;
                    self.line += 1;
                    return Some(Some(Input::TooLong(self.line)));
                }
            }
            return None;
        };
        let rest = self.buffer.split_off(end + 1);
        let line = std::mem::replace(&mut self.buffer, rest);
        if std::mem::take(&mut self.skipping) {
            return Some(None);
        }
        self.line += 1;
        let blank = line.iter().all(u8::is_ascii_whitespace);
        Some((!blank).then_some(Input::Event(self.line, line)))
    }
}
