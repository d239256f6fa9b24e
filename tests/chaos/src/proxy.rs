//! A TCP proxy that misbehaves on request. It stands between one process and one service. Must not know what passes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// What happens to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Every piece takes this long, and pieces are small.
    Slow(Duration),
    /// What the client says does not arrive; what the server says does.
    DeafServer,
    /// What the server says does not arrive; what the client says does.
    DeafClient,
    /// Nothing arrives, and nobody is told. What was said meanwhile arrives when it ends, as TCP sends again what got lost.
    Blackhole,
    /// The connections there are fall silent for ever, in both directions, and nobody is told: a firewall forgot them. New ones
    /// wait until it ends, and work.
    Swallow,
    /// Nobody listens, and all connections are reset.
    Refuse,
}

/// Bytes that pass at once on a slow way.
const SMALL: usize = 1_024;
const USUAL: usize = 64 * 1024;
/// After so long the server's keepalive finds out that nobody is there any more. The client's own patience must be shorter.
const KEEPALIVE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Mode {
    fn lets(self, direction: Direction) -> bool {
        match self {
            Self::Pass | Self::Slow(_) => true,
            Self::DeafServer => direction == Direction::Down,
            Self::DeafClient => direction == Direction::Up,
            Self::Blackhole | Self::Swallow | Self::Refuse => false,
        }
    }
}

/// One proxy; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    upstream: SocketAddr,
    mode: watch::Sender<Mode>,
    /// Cancelled and replaced by each cut.
    wire: watch::Sender<CancellationToken>,
    /// Cancelled and replaced when the connections there are fall silent for ever.
    lost: watch::Sender<CancellationToken>,
    over: CancellationToken,
}

impl Proxy {
    /// Listens on a port of this machine.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16, upstream: SocketAddr) -> anyhow::Result<Self> {
        let listener = listen(port).await.with_context(|| format!("the proxy's port {port}"))?;
        let shared = Arc::new(Shared {
            port: listener.local_addr()?.port(),
            upstream,
            mode: watch::Sender::new(Mode::Pass),
            wire: watch::Sender::new(CancellationToken::new()),
            lost: watch::Sender::new(CancellationToken::new()),
            over: CancellationToken::new(),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { port: shared.port, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what happens to what passes.
    pub fn set(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
        match mode {
            Mode::Refuse => self.cut(),
            Mode::Swallow => end(&self.shared.lost),
            _ => {}
        }
    }

    /// Resets all connections there are; new ones are welcome.
    pub fn cut(&self) {
        end(&self.shared.wire);
    }
}

fn end(all: &watch::Sender<CancellationToken>) {
    all.send_modify(|token| {
        token.cancel();
        *token = CancellationToken::new();
    });
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.cancel();
        self.cut();
    }
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

async fn accept(mut listener: TcpListener, shared: Arc<Shared>) {
    let mut modes = shared.mode.subscribe();
    loop {
        if *modes.borrow_and_update() == Mode::Refuse {
            drop(listener);
            listener = tokio::select! {
                () = shared.over.cancelled() => return,
                listener = listen_again(&shared, &mut modes) => listener,
            };
        }
        tokio::select! {
            () = shared.over.cancelled() => return,
            Ok(()) = modes.changed() => {}
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(tokio::spawn(serve(client, shared.clone()))),
                // Too many open files, or the client is gone already.
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

async fn listen_again(shared: &Shared, modes: &mut watch::Receiver<Mode>) -> TcpListener {
    loop {
        // The sender lives as long as the proxy does.
        let _ = modes.wait_for(|mode| *mode != Mode::Refuse).await;
        match listen(shared.port).await {
            Ok(listener) => return listener,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let wire = shared.wire.borrow().clone();
    let lost = shared.lost.borrow().clone();
    let mut modes = shared.mode.subscribe();
    let mut server = None;
    let carried = async {
        let _ = modes.wait_for(|mode| mode.lets(Direction::Up)).await;
        let server = server.insert(TcpStream::connect(shared.upstream).await?);
        // Small messages must not wait for each other: the delays are to be ours.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            carry(from_client, to_server, modes.clone(), Direction::Up),
            carry(from_server, to_client, modes.clone(), Direction::Down)
        )
    };
    let ended = tokio::select! {
        () = wire.cancelled() => false,
        () = lost.cancelled() => {
            tokio::select! {
                () = wire.cancelled() => {}
                ((), ()) = async { tokio::join!(swallow(&mut client), forget(server.take())) } => {}
            }
            false
        }
        carried = carried => carried.is_ok(),
    };
    if !ended {
        // A reset, not a polite end.
        let _ = client.set_zero_linger();
        if let Some(server) = server {
            let _ = server.set_zero_linger();
        }
    }
}

/// Takes whatever is said, and answers nothing, until nobody says anything any more.
async fn swallow(stream: &mut TcpStream) {
    let mut buffer = [0; SMALL];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// The server holds on to a client that is lost until it finds out.
async fn forget(server: Option<TcpStream>) {
    let Some(mut server) = server else { return };
    let _ = tokio::time::timeout(KEEPALIVE, swallow(&mut server)).await;
    let _ = server.set_zero_linger();
}

async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut modes: watch::Receiver<Mode>,
    direction: Direction,
) -> std::io::Result<()> {
    let mut buffer = vec![0; USUAL];
    loop {
        let size = if matches!(*modes.borrow(), Mode::Slow(_)) { SMALL } else { USUAL };
        let count = from.read(buffer.get_mut(..size).unwrap_or_default()).await?;
        let mode = modes.wait_for(|mode| mode.lets(direction)).await.map(|mode| *mode);
        if let Ok(Mode::Slow(delay)) = mode {
            sleep(delay).await;
        }
        match buffer.get(..count) {
            Some(bytes) if count > 0 => to.write_all(bytes).await?,
            _ => return to.shutdown().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::time::{Instant, timeout};

    use super::*;

    const SOON: Duration = Duration::from_millis(200);
    const LATE: Duration = Duration::from_secs(10);

    /// A server that says everything again, behind a proxy, and a client of both.
    async fn scene() -> (Proxy, TcpStream) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = server.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let proxy = Proxy::start(0, upstream).await.unwrap();
        let client = connect(&proxy).await.unwrap();
        (proxy, client)
    }

    async fn connect(proxy: &Proxy) -> std::io::Result<TcpStream> {
        TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await
    }

    async fn say(client: &mut TcpStream, text: &str) {
        client.write_all(text.as_bytes()).await.unwrap();
    }

    async fn hear(client: &mut TcpStream, text: &str) {
        let mut heard = vec![0; text.len()];
        timeout(LATE, client.read_exact(&mut heard)).await.expect("it is heard").unwrap();
        assert_eq!(heard, text.as_bytes());
    }

    async fn hear_nothing(client: &mut TcpStream) {
        let mut heard = [0; 1];
        assert!(timeout(SOON, client.read_exact(&mut heard)).await.is_err(), "something was heard");
    }

    #[tokio::test]
    async fn passes_and_cuts() {
        let (proxy, mut client) = scene().await;
        say(&mut client, "مرحبا").await;
        hear(&mut client, "مرحبا").await;
        proxy.cut();
        let mut heard = [0; 1];
        let error = timeout(LATE, client.read_exact(&mut heard)).await.expect("it ends").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let mut client = connect(&proxy).await.unwrap();
        say(&mut client, "again").await;
        hear(&mut client, "again").await;
    }

    #[tokio::test]
    async fn a_black_hole_gives_back_what_was_said() {
        let (proxy, mut client) = scene().await;
        proxy.set(Mode::Blackhole);
        say(&mut client, "lost").await;
        hear_nothing(&mut client).await;
        let mut later = connect(&proxy).await.expect("it is accepted");
        say(&mut later, "too").await;
        hear_nothing(&mut later).await;
        proxy.set(Mode::Pass);
        hear(&mut client, "lost").await;
        hear(&mut later, "too").await;
    }

    #[tokio::test]
    async fn what_is_swallowed_stays_silent_for_ever_and_new_connections_work() {
        let (proxy, mut client) = scene().await;
        say(&mut client, "x").await;
        hear(&mut client, "x").await;
        proxy.set(Mode::Swallow);
        say(&mut client, "lost").await;
        let mut later = connect(&proxy).await.expect("it is accepted");
        say(&mut later, "late").await;
        hear_nothing(&mut later).await;
        proxy.set(Mode::Pass);
        hear(&mut later, "late").await;
        say(&mut client, "lost too").await;
        hear_nothing(&mut client).await;
    }

    #[tokio::test]
    async fn half_open_works_in_one_direction() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(0, server.local_addr().unwrap()).await.unwrap();
        let mut client = connect(&proxy).await.unwrap();
        let (mut served, _) = timeout(LATE, server.accept()).await.unwrap().unwrap();
        proxy.set(Mode::DeafServer);
        say(&mut client, "up").await;
        hear_nothing(&mut served).await;
        say(&mut served, "down").await;
        hear(&mut client, "down").await;
        proxy.set(Mode::DeafClient);
        hear(&mut served, "up").await;
        say(&mut served, "down").await;
        hear_nothing(&mut client).await;
    }

    #[tokio::test]
    async fn a_slow_way_takes_time() {
        let (proxy, mut client) = scene().await;
        proxy.set(Mode::Slow(SOON));
        let begun = Instant::now();
        say(&mut client, "slow").await;
        hear(&mut client, "slow").await;
        assert!(begun.elapsed() >= SOON * 2, "once in each direction: {:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn refusing_ends_what_there_is_and_lets_nobody_in() {
        let (proxy, mut client) = scene().await;
        say(&mut client, "x").await;
        hear(&mut client, "x").await;
        proxy.set(Mode::Refuse);
        let mut heard = [0; 1];
        assert!(timeout(LATE, client.read_exact(&mut heard)).await.expect("it ends").is_err());
        let end = Instant::now() + LATE;
        while connect(&proxy).await.is_ok() {
            assert!(Instant::now() < end, "somebody still listens");
            sleep(Duration::from_millis(5)).await;
        }
        proxy.set(Mode::Pass);
        let mut client = loop {
            match connect(&proxy).await {
                Ok(client) => break client,
                Err(_) => assert!(Instant::now() < end, "nobody listens again"),
            }
            sleep(Duration::from_millis(5)).await;
        };
        say(&mut client, "back").await;
        hear(&mut client, "back").await;
    }
}
