//! The admin port of a role: `/livez`, `/readyz`, `/metrics`. For probes and scrapers, never for the public.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::key::KeyHash;

/// Answers whether the role can do its work right now: `Err` says why not.
pub type Probe = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The admin listener, bound but not yet serving.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    keys: Vec<KeyHash>,
}

/// Why the admin port cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Anybody could read the metrics.
    #[error(
        "admin.listen is {0}, which others can reach: configure at least one admin.keys, or listen on 127.0.0.1"
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
    /// Binds the port. Anything but loopback needs at least one key; the probes then stay open, the metrics do not.
    ///
    /// # Errors
    /// [`AdminError`] when there is no key where one is needed, or the address is taken or not ours.
    pub async fn bind(address: SocketAddr, keys: Vec<KeyHash>) -> Result<Self, AdminError> {
        if !address.ip().is_loopback() && keys.is_empty() {
            return Err(AdminError::Unguarded(address));
        }
        let listener =
            TcpListener::bind(address).await.map_err(|source| AdminError::Listen { address, source })?;
        Ok(Self { listener, keys })
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
        let keys = self.keys;
        let router = Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(readiness))
            .route(
                "/metrics",
                get(move |headers: HeaderMap| async move { exposition(&registry, &keys, &headers) }),
            );
        let served = axum::serve(self.listener, router).with_graceful_shutdown(done.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::warn!(%error, "the admin port stopped");
        }
    }
}

fn exposition(registry: &Registry, keys: &[KeyHash], headers: &HeaderMap) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !keys.is_empty() && !KeyHash::any_admits(keys, authorization) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
