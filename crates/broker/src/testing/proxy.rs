//! A TCP proxy that misbehaves on request: it cuts connections, freezes them, swallows deliveries, or says things of its own to
//! the client.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Stands between a client and a server until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    frozen: watch::Sender<bool>,
    swallows: watch::Sender<bool>,
    /// Cancelled and replaced by each cut.
    wire: watch::Sender<CancellationToken>,
    said: broadcast::Sender<Vec<u8>>,
    over: CancellationToken,
}

impl Proxy {
    /// Listens on a free port of this machine, for a server at `host:port`.
    ///
    /// # Panics
    /// When there is no port to be had.
    pub async fn start(upstream: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            upstream: upstream.into(),
            frozen: watch::Sender::new(false),
            swallows: watch::Sender::new(false),
            wire: watch::Sender::new(CancellationToken::new()),
            said: broadcast::Sender::new(16),
            over: CancellationToken::new(),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared }
    }

    /// `host:port` for the client.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections there are; new ones are welcome.
    pub fn cut(&self) {
        self.shared.wire.send_modify(|wire| {
            wire.cancel();
            *wire = CancellationToken::new();
        });
    }

    /// From now on nothing passes, in neither direction, while all connections seem fine; new ones are accepted and
    /// hear nothing.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Ends a freeze: what was said meanwhile arrives now.
    pub fn resume(&self) {
        self.shared.frozen.send_replace(false);
    }

    /// Whether deliveries get lost from now on, while everything else passes.
    pub fn swallow_deliveries(&self, swallow: bool) {
        self.shared.swallows.send_replace(swallow);
    }

    /// Says something to all clients as if it came from the server. Only between two frames, so: while all is quiet.
    pub fn say(&self, bytes: &[u8]) {
        // Nobody may be listening.
        let _ = self.shared.said.send(bytes.to_vec());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.cancel();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.over.cancelled() => return,
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(serve(client, shared.clone()));
                }
            }
        }
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let wire = shared.wire.borrow().clone();
    let mut said = shared.said.subscribe();
    let carried = async {
        let mut frozen = shared.frozen.subscribe();
        thaw(&mut frozen).await;
        let mut server = TcpStream::connect(&shared.upstream).await?;
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let up = async {
            let (mut frozen, mut buffer) = (frozen.clone(), vec![0; 64 * 1024]);
            loop {
                let count = from_client.read(&mut buffer).await?;
                thaw(&mut frozen).await;
                match buffer.get(..count) {
                    Some(bytes) if count > 0 => to_server.write_all(bytes).await?,
                    _ => return to_server.shutdown().await,
                }
            }
        };
        let down = async {
            let (mut frozen, mut buffer) = (frozen.clone(), vec![0; 64 * 1024]);
            let mut frames = Frames::default();
            loop {
                let count = tokio::select! {
                    read = from_server.read(&mut buffer) => read?,
                    Ok(bytes) = said.recv() => {
                        to_client.write_all(&bytes).await?;
                        continue;
                    }
                };
                thaw(&mut frozen).await;
                match buffer.get(..count) {
                    Some(bytes) if count > 0 => {
                        let bytes = frames.pass(bytes, *shared.swallows.borrow());
                        to_client.write_all(&bytes).await?;
                    }
                    _ => return to_client.shutdown().await,
                }
            }
        };
        tokio::try_join!(up, down)
    };
    tokio::select! {
        () = wire.cancelled() => {}
        // How it ended is the business of the two ends.
        _ = carried => return,
    }
    // A cut is a reset, not a polite end.
    let _ = client.set_zero_linger();
}

/// What the server says, frame by frame.
#[derive(Default)]
struct Frames {
    /// The beginning of a frame.
    pending: Vec<u8>,
    /// Channels on which the rest of a delivery is still to come.
    swallowing: BTreeSet<[u8; 2]>,
}

impl Frames {
    /// The frames that are whole by now, without deliveries when they are to be swallowed.
    fn pass(&mut self, bytes: &[u8], swallow: bool) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let mut passed = Vec::new();
        // A frame: its kind, its channel, its size, so many bytes, and an end mark.
        while let Some(&[kind, high, low, a, b, c, d]) = self.pending.first_chunk::<7>() {
            let size = 7 + u32::from_be_bytes([a, b, c, d]) as usize + 1;
            if self.pending.len() < size {
                break;
            }
            let frame: Vec<u8> = self.pending.drain(..size).collect();
            let channel = [high, low];
            if kind == 1 {
                let delivers = frame.get(7..11) == Some(&[0, 60, 0, 60]);
                if swallow && delivers {
                    self.swallowing.insert(channel);
                } else {
                    self.swallowing.remove(&channel);
                }
            }
            // Heartbeats are on a channel that nothing is delivered on.
            if !self.swallowing.contains(&channel) {
                passed.extend(frame);
            }
        }
        passed
    }
}

async fn thaw(frozen: &mut watch::Receiver<bool>) {
    // The sender lives as long as the proxy does.
    let _ = frozen.wait_for(|frozen| !frozen).await;
}
