//! The HTTP intake: routes, admission and the shape of answers. What the events mean is `intake`'s business.

mod api;
mod ndjson;
mod problem;
mod show;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

pub(crate) use api::Api;

/// All routes. Batches have their own limits, since they stream.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let single = Router::new()
        .route("/v1/invoices", post(api::publish))
        .route("/v1/invoices/{uuid}", get(show::show))
        .layer(DefaultBodyLimit::max(invoice::limits::EVENT_BYTES + 1))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(60)));
    let batch =
        Router::new().route("/v1/invoices:batch", post(ndjson::publish)).layer(DefaultBodyLimit::disable());
    single
        .merge(batch)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), api::admit))
        .layer(CatchPanicLayer::new())
        .with_state(api)
}

/// Serves until `shutdown` and then until every request is answered, at most `drain` longer: a client that begins a request and
/// never ends it must not keep the producer from stopping.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<(), std::io::Error> {
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        biased;
        served = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned()) => served,
        () = overdue => {
            tracing::warn!("clients have not ended their requests in time; they are cut off");
            Ok(())
        }
    }
}
