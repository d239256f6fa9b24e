//! `POST /v1/import/{format}`: documents in the formats of other systems, one result a line out. Larger files go by `fawtara import`.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use formats::Format;
use futures_util::{future, stream};
use ledger::Arrival;

use super::api::{Api, Room, body_up_to, traceparent};
use super::ndjson::{shown, text};
use super::problem::Problem;
use crate::intake::{Refused, count};

/// Bytes of one body.
pub(super) const BYTES: usize = 4 << 20;

type Checked = (u64, Result<Arrival, Refused>);

pub(crate) async fn publish(
    State(api): State<Arc<Api>>,
    Extension(room): Extension<Room>,
    Path(format): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let format: Format = match format.parse() {
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
    let trace = traceparent(&headers);
    let (work, with) = (Arc::clone(&api), trace);
    // A large table takes its time: other requests do not wait for it.
    let checked = tokio::task::spawn_blocking(move || check(&work, format, &body, with.as_ref())).await;
    let Ok(checked) = checked else {
        let detail = "the body could not be read; nothing was taken";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable_body", detail).into_response();
    };
    let state = (checked.into_iter(), api, room);
    let results = stream::unfold(state, |(mut checked, api, room)| async move {
        let batch: Vec<Checked> = checked.by_ref().take(api.batch).collect();
        if batch.is_empty() {
            return None;
        }
        let answers = batch.into_iter().map(|(place, checked)| {
            let api = &api;
            async move {
                let answer = match checked {
                    Ok(arrival) => api.batcher.offer(arrival).await,
                    Err(refused) => Err(refused),
                };
                count("import", &answer);
                shown(place, &answer)
            }
        });
        let text = text(future::join_all(answers).await);
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), (checked, api, room)))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(results)).into_response()
}

fn check(api: &Api, format: Format, body: &[u8], trace: Option<&String>) -> Vec<Checked> {
    api.intake.with_context(&api.formats, |context| {
        let documents = formats::documents(format, body, context);
        let check = |document: formats::Document| {
            let mapped = document.result.map_err(Refused::Invalid);
            (document.place, mapped.and_then(|mapped| api.intake.check_mapped(mapped, trace.cloned())))
        };
        documents.map(check).collect()
    })
}
