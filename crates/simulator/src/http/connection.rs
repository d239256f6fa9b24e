//! Connections that can be cut from inside a handler, and no more of them than allowed; it knows nothing of what they carry.

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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long to wait after a failed accept, which mostly means that there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener that holds back connections beyond a number, and whose connections all end with one token.
pub(super) struct Connections {
    listener: TcpListener,
    places: Arc<Semaphore>,
    cut_all: CancellationToken,
}

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    cut: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

/// Cuts the connection that a request came on.
#[derive(Clone)]
pub(super) struct Cut(CancellationToken);

impl Connections {
    pub(super) fn new(listener: TcpListener, most: usize, cut_all: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, places, cut_all }
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
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                // The semaphore is never closed.
                return std::future::pending().await;
            };
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY was not set");
                    }
                    let cut = self.cut_all.child_token();
                    let cancelled = Box::pin(cut.clone().cancelled_owned());
                    return (Connection { stream, cut, cancelled, _place: place }, address);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
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
