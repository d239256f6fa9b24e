//! The seam below the client: bytes out, bytes back, or what went wrong on the road.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::credentials::Endpoint;

/// One POST.
#[derive(Debug, Clone)]
pub struct TransportRequest {
    /// Where to, as whom, how long at most.
    pub endpoint: Endpoint,
    /// The JSON body.
    pub body: Bytes,
}

/// What came of a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// An answer with a whole body (bounded in size).
    Answered {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, in seconds or as a date, turned into a wait.
        retry_after: Option<Duration>,
        /// The body.
        body: Bytes,
    },
    /// Surely nothing was sent: name not found, connection refused, TLS failed, connecting timed out.
    NotSent {
        /// For people.
        reason: String,
    },
    /// Something may have been sent, and no whole answer came: time-out, reset, body cut or too large.
    Lost {
        /// For people.
        reason: String,
    },
}

/// Sends one request. Errors are outcomes here.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends it and waits for the answer, at most the endpoint's time-out.
    async fn post(&self, request: TransportRequest) -> Exchange;
}
