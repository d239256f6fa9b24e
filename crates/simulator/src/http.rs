//! The authority behind HTTP: its three doors, and a control interface of our own; it must not decide anything.

mod connection;
mod control;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use telemetry::listen::Tls;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exchange::{Call, Delivery, Door, Reply, Request};
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

/// Serves an authority until `shutdown` is done, over TLS where there is one, with the control interface under `/_simulator/`. Documents are taken on
///
/// * `POST /core/invoices/`, the guide's one call,
/// * `POST /api/invoice` with a bearer token from `POST /api/get_token`; `GET /api/invoice/{uuid}` says what became of one,
/// * `POST /api/Invoice`, the gateway Post2Tax.
///
/// On shutdown no new connection is taken, requests in flight are answered, late answers are cut, and what is still
/// open after [`crate::Settings::stop_grace_ms`] is cut too.
///
/// # Errors
///
/// When the listener has no local address.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    handle: Handle,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.local_addr()?;
    let stopping = CancellationToken::new();
    let cut_all = CancellationToken::new();
    let grace = Duration::from_millis(handle.settings().stop_grace_ms);
    let connections = Connections::new(listener, tls, handle.settings().max_connections, cut_all.clone());
    let desk = Desk { handle, clock, stopping: stopping.clone() };
    let router = Router::new()
        .route("/core/invoices/", post(submit_directly))
        .route("/core/invoices", post(submit_directly))
        .route("/api/get_token", post(grant))
        .route("/api/invoice", post(submit_with_token))
        .route("/api/invoice/{uuid}", get(look_up))
        .route("/api/Invoice", post(submit_figures))
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
async fn submit_directly(
    desk: State<Desk>,
    cut: ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    submit(desk, cut, headers, body, Door::Direct).await
}

/// The same with a bearer token.
async fn submit_with_token(
    desk: State<Desk>,
    cut: ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    submit(desk, cut, headers, body, Door::Token).await
}

/// The figures of a document.
async fn submit_figures(
    desk: State<Desk>,
    cut: ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    submit(desk, cut, headers, body, Door::Relay).await
}

async fn submit(
    State(desk): State<Desk>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Body,
    door: Door,
) -> Response {
    let body = match whole(&desk, &cut, body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let request = Request {
        door,
        client_id: text(&headers, "client-id"),
        secret_key: text(&headers, "secret-key"),
        authorization: text(&headers, "authorization"),
        license_key: text(&headers, "license-key"),
        content_type: text(&headers, "content-type"),
        body,
    };
    answer(&desk, &cut, &Call::Submit(request)).await
}

/// A token for a pair.
async fn grant(
    State(desk): State<Desk>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match whole(&desk, &cut, body).await {
        Ok(body) => {
            answer(&desk, &cut, &Call::Token { content_type: text(&headers, "content-type"), body }).await
        }
        Err(response) => response,
    }
}

/// What became of a document.
async fn look_up(
    State(desk): State<Desk>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(uuid): Path<String>,
    headers: HeaderMap,
) -> Response {
    answer(&desk, &cut, &Call::Query { authorization: text(&headers, "authorization"), uuid }).await
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The whole body, or the response that turns the request away.
async fn whole(desk: &Desk, cut: &Cut, body: Body) -> Result<Bytes, Response> {
    // An authority that is down reads nothing.
    if desk.handle.refuse_if_down().is_some() {
        return Err(cut.now());
    }
    // What is longer, or ends too early, is no request that the core could judge; it is not in the record either.
    to_bytes(body, desk.handle.settings().max_body_bytes).await.map_err(|error| {
        tracing::debug!(%error, "a request body was not read to its end");
        response(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", Body::empty())
    })
}

async fn answer(desk: &Desk, cut: &Cut, call: &Call) -> Response {
    let reply = desk.handle.answer(call, (desk.clock)());
    deliver(desk, cut, reply).await
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
