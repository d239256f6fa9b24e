//! The authority's one real call, and what its answers mean. All of its HTTP stands in this room.
//!
//! * [`Endpoint`] is a checked place to send to; it can only be had through the production gate (promise 12).
//! * [`Client`] sends one document over a [`Transport`] and says what came of it, as a [`Verdict`].
//! * [`HttpTransport`] is the transport that really goes out.
//! * [`interpret`] is the pure part: an exchange and what was sent, turned into one typed outcome.
//!
//! Knows nothing of ledgers, queues or when to send again.

pub mod answer;
mod client;
mod credentials;
mod http;
mod transport;
mod verdict;

pub use client::Client;
pub use credentials::{Credentials, DEFAULT_TIMEOUT, Endpoint, EndpointError, PRODUCTION_URL};
pub use http::{ExtraCa, HttpConfig, HttpSetupError, HttpTransport, MAX_ANSWER_BYTES};
pub use transport::{Exchange, Transport, TransportRequest};
pub use verdict::{Sent, Verdict, interpret};
