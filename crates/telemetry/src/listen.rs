//! Listening: how many connections there may be, how long each may dawdle, how it is encrypted, and how all of them end. It
//! knows nothing of what they carry.

mod local;
mod stall;
mod tls;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub use self::local::is_local;
use self::stall::Unstalled;
pub use self::tls::{Tls, TlsError, TlsFiles};

/// How long to wait after a failed accept, which mostly means that there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What clients are granted.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Connections held at once, at most; the next ones wait to be accepted.
    pub connections: usize,
    /// For the head of a request, from the end of the one before: so long may a connection be idle.
    pub head: Duration,
    /// For taking anything of an answer.
    pub stall: Duration,
    /// For ending their requests after the shutdown.
    pub drain: Duration,
}

impl Patience {
    /// The usual one: half a minute for the next request, and for taking something of an answer.
    #[must_use]
    pub fn new(connections: usize, drain: Duration) -> Self {
        Self { connections, head: Duration::from_secs(30), stall: Duration::from_secs(30), drain }
    }
}

/// Serves HTTP/1.1, over TLS where there is one, until `shutdown` and then until every request is answered, but not longer than patience lasts: idle
/// connections end at once, and whoever has not ended a request by then is cut. All connections end with this future.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    tls: Option<Tls>,
    shutdown: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(patience.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &places) => {
                let (stream, place) = accepted;
                connections.spawn(attend(stream, place, tls.clone(), router.clone(), patience.clone(), shutdown.clone()));
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(patience.drain, ended).await.is_err() {
        warn!(
            connections = connections.len(),
            "clients have not ended their requests in time; they are cut off"
        );
        connections.shutdown().await;
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let Ok(place) = Arc::clone(places).acquire_owned().await else {
        // The semaphore is never closed.
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                warn!(%error, "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from its handshake to its last request.
async fn attend(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    tls: Option<Tls>,
    router: Router,
    patience: Patience,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY was not set");
    }
    match tls {
        None => converse(stream, router, &patience, &shutdown).await,
        Some(tls) => {
            let shaken = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                shaken = tls.accept(stream, patience.head) => shaken,
            };
            match shaken {
                Ok(stream) => converse(stream, router, &patience, &shutdown).await,
                Err(error) => debug!(%error, "a TLS handshake failed"),
            }
        }
    }
    drop(place);
}

/// From the first request to the last.
async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
    patience: &Patience,
    shutdown: &CancellationToken,
) {
    let io = TokioIo::new(Unstalled::new(stream, patience.stall));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .serve_connection(io, TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        ended = connection.as_mut() => Some(ended),
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended badly");
    }
}

#[cfg(test)]
mod tests;
