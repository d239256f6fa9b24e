//! The admin port of a role: `/livez`, `/readyz`, `/metrics`. For probes and scrapers, never for the public.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers whether the role can do its work right now: `Err` says why not.
pub type Probe = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The admin listener, bound but not yet serving.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
}

/// Why the admin port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("admin port {address}: {source}")]
pub struct AdminError {
    /// Where it was to listen.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

impl Admin {
    /// Binds the port.
    ///
    /// # Errors
    /// [`AdminError`] when the address is taken or not ours.
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let listener = TcpListener::bind(address).await.map_err(|source| AdminError { address, source })?;
        Ok(Self { listener })
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
        let router = Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(readiness))
            .route("/metrics", get(move || async move { exposition(&registry) }));
        let served = axum::serve(self.listener, router).with_graceful_shutdown(done.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::warn!(%error, "the admin port stopped");
        }
    }
}

fn exposition(registry: &Registry) -> impl IntoResponse + use<> {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
        }
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            error.to_string(),
        ),
    }
}
