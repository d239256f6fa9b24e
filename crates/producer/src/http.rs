//! The HTTP intake: routes, admission and the shape of answers. What the events mean is `intake`'s business.

mod api;
mod cloud_event;
mod corrections;
mod docs;
mod import;
mod ndjson;
mod post2tax;
mod problem;
mod server;
mod show;
mod stall;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use api::Api;
pub(crate) use server::{Patience, serve};

use problem::Problem;

/// The longest that one event may take from head to answer.
const ANSWER: Duration = Duration::from_secs(60);

/// All routes. Batches have their own limits, since they stream.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let single = Router::new()
        .route("/v1/invoices", post(api::publish))
        .route("/v1/invoices/{uuid}", get(show::show))
        .route("/v1/corrections", post(corrections::publish))
        .layer(DefaultBodyLimit::max(invoice::limits::EVENT_BYTES + 1))
        .layer(from_fn(in_time));
    let batch =
        Router::new().route("/v1/invoices:batch", post(ndjson::publish)).layer(DefaultBodyLimit::disable());
    let foreign = Router::new()
        .route("/v1/import/{format}", post(import::publish))
        .layer(DefaultBodyLimit::max(import::BYTES + 1));
    single
        .merge(batch)
        .merge(foreign)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), api::admit))
        .merge(post2tax::routes(&api))
        .merge(docs::routes())
        .layer(CatchPanicLayer::new())
        .with_state(api)
}

/// Nobody waits for ever, and whoever waited in vain is told so.
async fn in_time(request: Request, next: Next) -> Response {
    timeout(ANSWER, next.run(request)).await.unwrap_or_else(|_| {
        let detail =
            "no answer in time; it is not known whether anything was taken: publish the same event again";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overdue", detail).into_response()
    })
}

#[cfg(test)]
mod tests;
