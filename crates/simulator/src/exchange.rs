//! A request and its reply as the core sees them, with no word of sockets.

use std::time::Duration;

use bytes::Bytes;

/// One POST to the authority.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The header `Client-Id`.
    pub client_id: Option<String>,
    /// The header `Secret-Key`.
    pub secret_key: Option<String>,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// What comes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
    /// What happens to all this on its way.
    pub delivery: Delivery,
    /// The position of the request in the record, none where it was turned away unseen.
    pub sequence: Option<u64>,
}

/// What happens to a reply on its way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is given after this long; zero is at once.
    Answer {
        /// How long the client has to wait.
        after: Duration,
    },
    /// The connection is cut after this long, before the first byte of the answer.
    Drop {
        /// How long the client waits before it sees the cut.
        after: Duration,
    },
    /// Nobody listens: as good as a refused connection, nothing was read.
    Refuse,
}
