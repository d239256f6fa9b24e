//! A server of raw bytes that does what a test says and counts what it sees. Knows just enough HTTP to find a request's end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the server does once it has a whole request.
#[derive(Clone)]
pub(super) enum Act {
    /// Sends these bytes and goes on listening.
    Say(Vec<u8>),
    /// Sends these bytes and closes.
    SayAndClose(Vec<u8>),
    /// Closes in good order.
    Close,
    /// Closes with a reset.
    Reset,
}

impl Act {
    pub(super) fn then_close(self) -> Self {
        match self {
            Self::Say(bytes) => Self::SayAndClose(bytes),
            other => other,
        }
    }
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// Runs until it is dropped.
pub(super) struct Server {
    url: String,
    seen: Arc<Seen>,
    _accepting: JoinSet<()>,
}

impl Server {
    /// A server that reacts to each request, given its text and how many came before it.
    pub(super) async fn start(react: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::run(Some(Arc::new(react))).await
    }

    /// A server that takes connections and neither reads nor says anything.
    pub(super) async fn silent() -> Self {
        Self::run(None).await
    }

    async fn run(react: Option<Arc<React>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let mut accepting = JoinSet::new();
        let counted = Arc::clone(&seen);
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            let mut held = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.connections.fetch_add(1, Ordering::SeqCst);
                match &react {
                    Some(react) => {
                        connections.spawn(converse(stream, Arc::clone(react), Arc::clone(&counted)));
                    }
                    None => held.push(stream),
                }
            }
        });
        Self { url, seen, _accepting: accepting }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }
}

type React = dyn Fn(usize, &str) -> Act + Send + Sync;

async fn converse(mut stream: TcpStream, react: Arc<React>, seen: Arc<Seen>) {
    while let Some(request) = whole_request(&mut stream).await {
        let before = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let (bytes, goes_on) = match react(before, &request) {
            Act::Say(bytes) => (bytes, true),
            Act::SayAndClose(bytes) => (bytes, false),
            Act::Close => return,
            Act::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
        };
        // A client that has heard enough may be gone already.
        if stream.write_all(&bytes).await.is_err() || !goes_on {
            return;
        }
    }
}

/// The next request with its body; none at the end of the connection, or when it is no HTTP.
async fn whole_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { return None };
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text.to_owned());
        }
    }
}
