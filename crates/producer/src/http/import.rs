//! `POST /v1/import/{format}`: documents in the formats of other systems, one result a line out. Larger files go by `fawtara import`.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use formats::Format;
use futures_util::{future, stream};
use invoice::limits;
use ledger::Arrival;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

use super::api::{Api, Room, body_up_to, traceparent};
use super::ndjson::{problem, shown, text};
use super::problem::Problem;
use crate::caller::Caller;
use crate::intake::{Refused, count};

/// Bytes of one body.
pub(super) const BYTES: usize = 4 << 20;
/// Documents of one body. Two bytes can be a document with nine faults: without a bound a body costs a thousand times its size.
pub(super) const DOCUMENTS: usize = 10_000;

type Checked = (u64, Result<Arrival, Refused>);

/// What an import takes up until its work has ended, even if nobody waits for the answers any more.
type Held = (Room, Arc<OwnedSemaphorePermit>);

pub(crate) async fn publish(
    State(api): State<Arc<Api>>,
    Extension(room): Extension<Room>,
    Extension(caller): Extension<Caller>,
    format: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let name = format.map_or_else(|_| "?".to_owned(), |Path(name)| name);
    let format: Format = match name.parse() {
        Ok(format) => format,
        Err(unknown) => {
            return Problem::new(StatusCode::NOT_FOUND, "unknown_format", unknown.to_string())
                .into_response();
        }
    };
    let body = match body_up_to(request, BYTES).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let Some(place) = api.begin_import() else {
        let detail = "too many imports at once; nothing was taken: send the same body again in a moment";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "overloaded", detail).into_response();
    };
    let held = (room, Arc::new(place));
    if let Err(problem) = bounded(format, body.clone(), held.clone()).await {
        return problem.into_response();
    }
    let (checked, results) = mpsc::channel(1);
    let trace = traceparent(&headers);
    let work = Work { api: Arc::clone(&api), caller, format, body, trace, _held: held.clone() };
    let work = spawn_blocking(move || work.check(&checked));
    let answers = Answers { api, results, work: Some(work), last: 0, _held: held };
    let answers = stream::unfold(answers, |mut answers| async move {
        let text = answers.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), answers))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(answers)).into_response()
}

/// Refuses more documents than one body may have, before any of them is looked into.
async fn bounded(format: Format, body: Bytes, held: Held) -> Result<(), Problem> {
    let counting = move || {
        let _held = held;
        formats::count(format, &body, DOCUMENTS + 1)
    };
    match spawn_blocking(counting).await {
        Ok(count) if count <= DOCUMENTS => Ok(()),
        Ok(_) => {
            let detail = format!(
                "the body has more than {DOCUMENTS} documents; nothing was taken: split the file and send its parts one after the \
                 other, or use fawtara import"
            );
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail))
        }
        Err(_) => {
            let detail = "the body could not be read; nothing was taken";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable_body", detail))
        }
    }
}

/// The checking of a body, on a thread of its own: a large table takes its time, and other requests do not wait for it.
struct Work {
    api: Arc<Api>,
    caller: Caller,
    format: Format,
    body: Bytes,
    trace: Option<String>,
    /// Whoever disconnects frees nothing that is still in use.
    _held: Held,
}

impl Work {
    /// Sends batch after batch, none before there is room for it; ends when nobody takes them.
    fn check(self, checked: &mpsc::Sender<Vec<Checked>>) {
        self.api.intake.with_context(&self.api.formats, |context| {
            let (mut batch, mut faults) = (Vec::new(), 0);
            for document in formats::documents(self.format, &self.body, context) {
                let mapped = document.result.map_err(Refused::Invalid);
                let result =
                    mapped.and_then(|mapped| self.api.intake.check_mapped(mapped, self.trace.clone()));
                let result = self.caller.judge(result);
                if let Err(Refused::Invalid(found)) = &result {
                    faults += found.len();
                }
                batch.push((document.place, result));
                // Faults need more memory than what they are of.
                if batch.len() >= self.api.batch || faults >= limits::FAULTS {
                    faults = 0;
                    if checked.blocking_send(std::mem::take(&mut batch)).is_err() {
                        return;
                    }
                }
            }
            if !batch.is_empty() {
                // Nobody there to take the last batch is the same end.
                let _ = checked.blocking_send(batch);
            }
        });
    }
}

/// The answers to a body, batch after batch.
struct Answers {
    api: Arc<Api>,
    results: mpsc::Receiver<Vec<Checked>>,
    work: Option<JoinHandle<()>>,
    /// Where the last document stood that was answered.
    last: u64,
    _held: Held,
}

impl Answers {
    async fn next(&mut self) -> Option<Vec<u8>> {
        let Some(batch) = self.results.recv().await else {
            // An end that is none is said, so that nobody takes what was answered for the whole.
            self.work.take()?.await.err()?;
            let detail = "the body could not be read further; documents from here on were not taken";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Some(text(vec![problem(self.last + 1, status, "unreadable_body", detail)]));
        };
        self.last = batch.last().map_or(self.last, |(place, _)| *place);
        let api = &self.api;
        let answers = batch.into_iter().map(|(place, checked)| async move {
            let answer = match checked {
                Ok(arrival) => api.batcher.offer(arrival).await,
                Err(refused) => Err(refused),
            };
            count("import", &answer);
            shown(place, &answer)
        });
        Some(text(future::join_all(answers).await))
    }
}

#[cfg(test)]
mod tests;
