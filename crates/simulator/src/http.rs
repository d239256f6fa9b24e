//! The authority behind HTTP: the one real call, and a control interface of our own; it must not decide anything.

mod connection;
mod control;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exchange::{Delivery, Reply, Request};
use crate::handle::Handle;
use connection::{Connections, Cut};

/// Where the server takes the time from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What every handler needs.
#[derive(Clone)]
struct Desk {
    handle: Handle,
    clock: Clock,
    /// The server is about to stop: nobody waits for late answers any more.
    stopping: CancellationToken,
}

/// Serves an authority until `shutdown` is done, on `POST /core/invoices/` with the control interface under
/// `/_simulator/`.
///
/// On shutdown no new connection is taken, requests in flight are answered, late answers are cut, and what is still
/// open after [`crate::Settings::stop_grace_ms`] is cut too.
///
/// # Errors
///
/// When the listener has no local address.
pub async fn serve(
    listener: TcpListener,
    handle: Handle,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.local_addr()?;
    let stopping = CancellationToken::new();
    let cut_all = CancellationToken::new();
    let grace = Duration::from_millis(handle.settings().stop_grace_ms);
    let connections = Connections::new(listener, handle.settings().max_connections, cut_all.clone());
    let desk = Desk { handle, clock, stopping: stopping.clone() };
    let router = Router::new()
        .route("/core/invoices/", post(submit))
        .route("/core/invoices", post(submit))
        .nest("/_simulator", control::router())
        .with_state(desk);
    let service = router.into_make_service_with_connect_info::<Cut>();
    let signal = stopping.clone();
    let server = axum::serve(connections, service).with_graceful_shutdown(async move {
        shutdown.await;
        signal.cancel();
    });
    let last_call = async move {
        stopping.cancelled().await;
        tokio::time::sleep(grace).await;
        cut_all.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        result = server => result,
        () = last_call => Ok(()),
    }
}

/// The one call of the real interface.
async fn submit(
    State(desk): State<Desk>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // An authority that is down reads nothing.
    if desk.handle.refuse_if_down().is_some() {
        return cut.now();
    }
    // What is longer, or ends too early, is no request that the core could judge; it is not in the record either.
    let body = match to_bytes(body, desk.handle.settings().max_body_bytes).await {
        Ok(body) => body,
        Err(error) => {
            tracing::debug!(%error, "a request body was not read to its end");
            return response(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", Body::empty());
        }
    };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Request {
        client_id: text("client-id"),
        secret_key: text("secret-key"),
        content_type: text("content-type"),
        body,
    };
    let reply = desk.handle.handle(&request, (desk.clock)());
    deliver(&desk, &cut, reply).await
}

/// Gives a reply in the way that it asks for.
async fn deliver(desk: &Desk, cut: &Cut, reply: Reply) -> Response {
    let mut watch = Watch { handle: &desk.handle, sequence: reply.sequence };
    match reply.delivery {
        Delivery::Refuse => cut.now(),
        Delivery::Drop { after } => {
            wait(desk, after).await;
            cut.now()
        }
        Delivery::Answer { after } => {
            if !wait(desk, after).await {
                return cut.now();
            }
            watch.sequence = None;
            let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = response(status, reply.content_type, Body::from(reply.body));
            if let Some(seconds) = reply.retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

/// Waits; false when the server is stopping and nobody should wait any longer.
async fn wait(desk: &Desk, time: Duration) -> bool {
    if time.is_zero() {
        return true;
    }
    tokio::select! {
        biased;
        () = desk.stopping.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// Notes an answer as undelivered when it is dropped with the number still in it: the server drops the handler of a
/// client that did not wait.
struct Watch<'a> {
    handle: &'a Handle,
    sequence: Option<u64>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(sequence) = self.sequence {
            self.handle.with(|authority| authority.mark_undelivered(sequence));
        }
    }
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
