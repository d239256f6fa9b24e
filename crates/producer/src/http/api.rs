//! Admission, and the publishing of one event.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ledger::{Arrival, KeyRing};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::cloud_event;
use super::door::{Door, presented};
use super::problem::Problem;
use crate::batcher::Batcher;
use crate::caller::Caller;
use crate::config::Config;
use crate::envelope::Message;
use crate::intake::{Intake, Refused, Taken, count};

/// How long the body of one event may take to arrive.
const BODY: Duration = Duration::from_secs(15);
/// Imports at work at once: each may fill a thread and some memory.
pub(super) const IMPORTS: usize = 4;

/// What the handlers share.
pub(crate) struct Api {
    pub(crate) intake: Intake,
    pub(crate) batcher: Batcher,
    pub(crate) batch: usize,
    pub(crate) stopping: CancellationToken,
    /// The choices that other systems' formats leave.
    pub(crate) formats: formats::Settings,
    /// How long a till waits for the clearance.
    pub(super) wait: Duration,
    /// Tills that wait.
    pub(super) waiting: Semaphore,
    pub(super) door: Door,
    /// Whether clients come over TLS.
    pub(super) encrypted: bool,
    room: Arc<Semaphore>,
    imports: Arc<Semaphore>,
}

/// The room that a request takes up, until the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Room {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Arc::new(permit) }
    }
}

impl Api {
    pub(crate) fn new(
        intake: Intake,
        batcher: Batcher,
        config: &Config,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            intake,
            batcher,
            batch: config.batch.max(1),
            stopping,
            formats: config.formats.clone(),
            wait: Duration::from_millis(config.post2tax_wait_ms),
            waiting: Semaphore::new(config.post2tax_waiting.min(Semaphore::MAX_PERMITS)),
            door: Door::new(config.keys.clone(), ledger::unchanging(KeyRing::default()), config.listen),
            encrypted: config.tls.is_some(),
            room: Arc::new(Semaphore::new(config.max_requests.max(1))),
            imports: Arc::new(Semaphore::new(IMPORTS)),
        }
    }

    /// With the ledger's keys besides those of the settings.
    pub(crate) fn guarded_by(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// Room for one more request, if there is any.
    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// A place for one more import, if there is any.
    pub(super) fn begin_import(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.imports).try_acquire_owned().ok()
    }
}

/// Nobody walks in, and no more than there is room for (promises 11 and 12).
pub(crate) async fn admit(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let caller = match api.door.admit(presented(request.headers()), request.headers()) {
        Ok(caller) => caller,
        Err(turned_away) => return turned_away.problem().into_response(),
    };
    let Some(permit) = api.enter() else {
        return Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "overloaded",
            "too many requests at once; nothing was taken: publish the same event again in a moment",
        )
        .into_response();
    };
    let room = Room::new(permit);
    request.extensions_mut().insert(room.clone());
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    drop(room);
    response
}

/// The trace that an event belongs to: our span's, when one is recorded, else the publisher's as it came.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    telemetry::current_traceparent().or_else(|| {
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok())?;
        broker::is_traceparent(given).then(|| given.to_owned())
    })
}

/// The whole body of one event, if it comes in time and is not too large.
pub(super) async fn body(request: Request) -> Result<Bytes, Problem> {
    body_up_to(request, invoice::limits::EVENT_BYTES).await
}

/// The whole body, if it comes in time and is not too large.
pub(super) async fn body_up_to(request: Request, most: usize) -> Result<Bytes, Problem> {
    // Whoever says that it will be too large need not send it first.
    if request.body().size_hint().lower() > most as u64 {
        let detail = format!("the body may have {most} bytes at most; nothing was taken");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    match timeout(BODY, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) => {
            let status = rejection.status();
            let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "too_large" } else { "unreadable_body" };
            Err(Problem::new(status, code, rejection.body_text()))
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} s; nothing was taken", BODY.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail))
        }
    }
}

/// `POST /v1/invoices`: 202 for a new draft, 200 for a repeat.
pub(crate) async fn publish(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = match body(request).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    if cloud_event::is_batch(&headers) {
        return cloud_event::publish_batch(&api, &caller, &headers, &body).await;
    }
    let span = tracing::info_span!("publish", otel.kind = "producer");
    // The parent must be known before the span is entered.
    telemetry::adopt_parent(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    async {
        let answer = match caller.judge(checked(&api, &headers, &body)) {
            Ok(arrival) => api.batcher.offer(arrival).await,
            Err(refused) => Err(refused),
        };
        count("http", &answer);
        match answer {
            Ok(taken) => {
                let status = if taken.new { StatusCode::ACCEPTED } else { StatusCode::OK };
                let place = format!("/v1/invoices/{}", taken.invoice.key.uuid);
                (status, [(header::LOCATION, place)], Json(receipt(&taken))).into_response()
            }
            Err(refused) => Problem::from(&refused).into_response(),
        }
    }
    .instrument(span)
    .await
}

#[allow(clippy::result_large_err, reason = "as in Intake::check")]
fn checked(api: &Api, headers: &HeaderMap, body: &[u8]) -> Result<Arrival, Refused> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let attributes = cloud_event::attributes(headers);
    let message = Message { content_type, attributes: &attributes, body };
    let arrival = api.intake.check_message(&message, traceparent(headers))?;
    // Never another identity in silence: a key that is a UUID must be the invoice's own, any other key says nothing here.
    match cloud_event::idempotency_key(headers) {
        Some(given) if given != arrival.key.uuid => Err(Refused::OtherKey { given, uuid: arrival.key.uuid }),
        _ => Ok(arrival),
    }
}

/// What a publisher is told of an event that is durable.
pub(crate) fn receipt(taken: &Taken) -> Value {
    let invoice = &taken.invoice;
    json!({
        "uuid": invoice.key.uuid,
        "environment": invoice.key.environment,
        "number": invoice.number,
        "state": invoice.state,
        "document": invoice.document,
        "repeat": !taken.new,
    })
}
