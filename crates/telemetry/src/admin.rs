//! The admin port of a role: `/livez`, `/readyz`, `/metrics`. For probes and scrapers, never for the public.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::key::{KeyHash, bearer};
use crate::listen::{self, Patience, Tls, is_local};

/// Answers whether the role can do its work right now: `Err` says why not.
pub type Probe = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Whether a bearer key that is none of the settings' may read the metrics; none when there are no other keys at all.
pub type OtherKeys = Arc<dyn Fn(&str) -> Option<bool> + Send + Sync>;

/// Probes and scrapers are few, and quick.
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// The admin listener, bound but not yet serving.
pub struct Admin {
    address: SocketAddr,
    listener: TcpListener,
    keys: Vec<KeyHash>,
    others: OtherKeys,
    tls: Option<Tls>,
}

/// Why the admin port cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Anybody could read the metrics.
    #[error(
        "admin.listen is {0}, which others can reach: configure at least one admin.keys, make a key with `fawtara keys create --may metrics`, or listen on \
         127.0.0.1"
    )]
    Unguarded(SocketAddr),
    /// The address is taken, or not ours.
    #[error("admin.listen {address} cannot be had")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Admin {
    /// Binds the port. Whoever has one of `keys` may read the metrics; the probes are open. On loopback without any key only this
    /// machine's own programs may, and no page in a browser.
    ///
    /// # Errors
    /// [`AdminError`] when the address is taken or not ours.
    pub async fn bind(address: SocketAddr, keys: Vec<KeyHash>, tls: Option<Tls>) -> Result<Self, AdminError> {
        let others: OtherKeys = Arc::new(|_| None);
        let listener =
            TcpListener::bind(address).await.map_err(|source| AdminError::Listen { address, source })?;
        Ok(Self { address, listener, keys, others, tls })
    }

    /// With other keys besides.
    ///
    /// # Errors
    /// [`AdminError::Unguarded`] when others can reach the port and there is no key at all.
    pub fn guarded_by(self, others: OtherKeys) -> Result<Self, AdminError> {
        if !self.address.ip().is_loopback() && self.keys.is_empty() && others("").is_none() {
            return Err(AdminError::Unguarded(self.address));
        }
        Ok(Self { others, ..self })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until `done`; readiness turns false as soon as `stopping` begins, so that traffic goes elsewhere while the
    /// role drains.
    pub async fn serve(
        self,
        registry: Registry,
        ready: Probe,
        stopping: CancellationToken,
        done: CancellationToken,
    ) {
        let readiness = move || {
            let answer = if stopping.is_cancelled() { Err("stopping".to_owned()) } else { ready() };
            async move {
                match answer {
                    Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                    Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
                }
            }
        };
        let Self { address, listener, keys, others, tls } = self;
        let keys = Arc::new(Guard { on_loopback: address.ip().is_loopback(), keys, others });
        let router = Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(readiness))
            .route(
                "/metrics",
                get(move |headers: HeaderMap| async move { exposition(&registry, &keys, &headers) }),
            )
            .layer(from_fn(with_headers));
        let patience = Patience {
            connections: CONNECTIONS,
            head: PATIENCE,
            stall: PATIENCE,
            drain: Duration::from_secs(2),
        };
        listen::serve(listener, router, patience, tls, &done).await;
    }
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Who may read the metrics.
#[derive(Clone)]
struct Guard {
    on_loopback: bool,
    keys: Vec<KeyHash>,
    others: OtherKeys,
}

impl Guard {
    /// None: they may.
    fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let by_other = (self.others)(authorization.and_then(bearer).unwrap_or_default());
        if self.on_loopback && self.keys.is_empty() && by_other.is_none() {
            let reason = is_local(headers).err()?;
            return Some((StatusCode::FORBIDDEN, format!("{reason}\n")).into_response());
        }
        if KeyHash::any_admits(&self.keys, authorization) || by_other == Some(true) {
            return None;
        }
        Some((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response())
    }
}

fn exposition(registry: &Registry, guard: &Guard, headers: &HeaderMap) -> Response {
    if let Some(refusal) = guard.refusal(headers) {
        return refusal;
    }
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
