//! The HTTP intake: routes, admission and the shape of answers. What the events mean is `intake`'s business.

mod api;
mod cloud_event;
mod corrections;
mod docs;
mod door;
mod encoding;
mod import;
mod ndjson;
mod post2tax;
mod problem;
mod show;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ledger::keys::Permission;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use api::Api;
pub(crate) use door::Door;

pub(crate) use problem::Problem;

/// The longest that one event may take from head to answer.
const ANSWER: Duration = Duration::from_secs(60);

/// All routes. Batches have their own limits, since they stream.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let encrypted = api.encrypted;
    let need = |permission| from_fn_with_state(permission, door::need);
    let single = Router::new()
        .route("/v1/invoices", post(api::publish).layer(need(Permission::Publish)))
        .route("/v1/invoices/{uuid}", get(show::show).layer(need(Permission::Read)))
        .route("/v1/corrections", post(corrections::publish).layer(need(Permission::Correct)))
        .layer(DefaultBodyLimit::max(invoice::limits::EVENT_BYTES + 1))
        .layer(from_fn(in_time));
    let batch =
        Router::new().route("/v1/invoices:batch", post(ndjson::publish).layer(need(Permission::Publish)));
    let batch = batch.layer(DefaultBodyLimit::disable());
    let foreign = Router::new()
        .route("/v1/import/{format}", post(import::publish).layer(need(Permission::Publish)))
        .layer(DefaultBodyLimit::max(import::BYTES + 1));
    single
        .merge(batch)
        .merge(foreign)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), api::admit))
        .merge(post2tax::routes(&api))
        .merge(docs::routes())
        .layer(from_fn(encoding::plain))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(encrypted, with_headers))
        .with_state(api)
}

/// What no browser is to do with an answer: guess its type, keep it, tell its address to others, or come back without TLS. A
/// page says for itself whether it may be kept.
async fn with_headers(State(encrypted): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut usual = |name: HeaderName, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    usual(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    usual(header::CACHE_CONTROL, "no-store");
    usual(header::REFERRER_POLICY, "no-referrer");
    usual(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if encrypted {
        usual(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
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
