//! A request and its reply as the core sees them, with no word of sockets.

use std::time::Duration;

use bytes::Bytes;

/// By which of the three ways a document comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// The guide's one call, with the pair in headers.
    #[default]
    Direct,
    /// The same body with a bearer token.
    Token,
    /// Figures for the gateway Post2Tax, with the pair and a licence key in headers.
    Relay,
}

/// One POST of a document.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Where it came in.
    pub door: Door,
    /// The header `Client-Id`.
    pub client_id: Option<String>,
    /// The header `Secret-Key`.
    pub secret_key: Option<String>,
    /// The header `Authorization`, which only the door with tokens looks at.
    pub authorization: Option<String>,
    /// The header `License-Key`, which only the relay looks at.
    pub license_key: Option<String>,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Whatever can be asked of the authority.
#[derive(Clone, Debug)]
pub enum Call {
    /// A document.
    Submit(Request),
    /// A token, by a form with the client-credentials grant.
    Token {
        /// The header `Content-Type`.
        content_type: Option<String>,
        /// The form.
        body: Bytes,
    },
    /// What became of a document.
    Query {
        /// The header `Authorization`.
        authorization: Option<String>,
        /// The document's UUID.
        uuid: String,
    },
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
    /// The position of the request in the record, none where it was turned away unseen or is not recorded.
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
