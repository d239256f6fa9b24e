//! Connections that can be cut from inside a handler, with TLS or without, and no more of them than allowed; it knows nothing of
//! what they carry.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use telemetry::listen::Tls;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long to wait after a failed accept, which mostly means that there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A listener that holds back connections beyond a number, and whose connections all end with one token.
pub(super) struct Connections {
    listener: TcpListener,
    tls: Option<Tls>,
    places: Arc<Semaphore>,
    cut_all: CancellationToken,
    /// Those who have yet to shake hands: a slow one holds up nobody else.
    shaking: JoinSet<Option<(Connection, SocketAddr)>>,
}

/// What a connection runs over.
trait Road: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Road for S {}

/// One connection.
pub(super) struct Connection {
    stream: Box<dyn Road>,
    cut: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

/// Cuts the connection that a request came on.
#[derive(Clone)]
pub(super) struct Cut(CancellationToken);

impl Connections {
    pub(super) fn new(
        listener: TcpListener,
        tls: Option<Tls>,
        most: usize,
        cut_all: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, tls, places, cut_all, shaking: JoinSet::new() }
    }
}

/// The next client, once there is a place for it. Cancel-safe.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let Ok(place) = Arc::clone(places).acquire_owned().await else {
        // The semaphore is never closed.
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was not set");
                }
                return (stream, address, place);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Cut {
    /// Cuts it before another byte is written, and gives the response that nobody will see.
    pub(super) fn now(&self) -> Response {
        self.0.cancel();
        Response::default()
    }
}

impl Connected<IncomingStream<'_, Connections>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self(stream.io().cut.clone())
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address, place) = tokio::select! {
                Some(shaken) = self.shaking.join_next() => match shaken {
                    Ok(Some(ready)) => return ready,
                    Ok(None) | Err(_) => continue,
                },
                next = next(&self.listener, &self.places) => next,
            };
            let cut = self.cut_all.child_token();
            let Some(tls) = self.tls.clone() else {
                return (Connection::new(Box::new(stream), cut, place), address);
            };
            self.shaking.spawn(async move {
                match tls.accept(stream, HANDSHAKE).await {
                    Ok(stream) => Some((Connection::new(Box::new(stream), cut, place), address)),
                    Err(error) => {
                        tracing::debug!(%error, "a TLS handshake failed");
                        None
                    }
                }
            });
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
    fn new(stream: Box<dyn Road>, cut: CancellationToken, place: OwnedSemaphorePermit) -> Self {
        let cancelled = Box::pin(cut.clone().cancelled_owned());
        Self { stream, cut, cancelled, _place: place }
    }

    /// An error once the connection is cut; otherwise the task is woken when that happens.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.cut.is_cancelled() || self.cancelled.as_mut().poll(context).is_ready() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut on purpose"));
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
