//! Admission, and the publishing of one event.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use telemetry::KeyHash;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::problem::Problem;
use crate::batcher::{Answer, Batcher};
use crate::config::Config;
use crate::intake::{Intake, Taken};

/// What the handlers share.
pub(crate) struct Api {
    pub(crate) intake: Intake,
    pub(crate) batcher: Batcher,
    pub(crate) batch: usize,
    keys: Vec<KeyHash>,
    room: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(intake: Intake, batcher: Batcher, config: &Config) -> Self {
        Self {
            intake,
            batcher,
            batch: config.batch.max(1),
            keys: config.keys.clone(),
            room: Arc::new(Semaphore::new(config.max_requests.max(1))),
        }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        self.keys.is_empty() || KeyHash::any_admits(&self.keys, authorization)
    }
}

/// Nobody walks in, and no more than there is room for (promises 11 and 12).
pub(crate) async fn admit(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if !api.admits(request.headers()) {
        return Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "send a configured key as \"Authorization: Bearer KEY\"",
        )
        .into_response();
    }
    let Ok(_room) = Arc::clone(&api.room).try_acquire_owned() else {
        return Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "overloaded",
            "too many requests at once; nothing was taken: publish the same event again in a moment",
        )
        .into_response();
    };
    next.run(request).await
}

/// The trace that an event belongs to: our span's, when one is recorded, else the publisher's as it came.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    telemetry::current_traceparent().or_else(|| {
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok())?;
        (given.len() <= 128).then(|| given.to_owned())
    })
}

/// `POST /v1/invoices`: 202 for a new draft, 200 for a repeat.
pub(crate) async fn publish(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            return Problem::new(rejection.status(), "unreadable_body", rejection.body_text())
                .into_response();
        }
    };
    let span = tracing::info_span!("publish", otel.kind = "producer");
    // The parent must be known before the span is entered.
    telemetry::adopt_parent(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    async {
        let answer = match api.intake.check(&body, traceparent(&headers)) {
            Ok(arrival) => api.batcher.offer(arrival).await,
            Err(refused) => Err(refused),
        };
        count(&answer);
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

pub(crate) fn count(answer: &Answer) {
    let result = match answer {
        Ok(taken) if taken.new => "taken",
        Ok(_) => "repeat",
        Err(refused) => refused.code(),
    };
    telemetry::metrics()
        .intake
        .add(1, &[telemetry::label("via", "http"), telemetry::label("result", result)]);
}
