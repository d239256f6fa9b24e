//! The ways to the authority, and what its answers mean. All of its HTTP stands in this room.
//!
//! * [`Endpoint`] is a checked place to send to; it can only be had through the production gate (promise 12).
//! * [`Route`] is the way that its documents take: the guide's one call, a token first, or a gateway.
//! * [`Client`] sends one document by that route and says what came of it, as a [`Verdict`]; or asks after it.
//! * [`Transport`] is the seam below: one bounded HTTP exchange. [`HttpTransport`] is the one that really goes out.
//! * [`interpret`] is the pure part: an exchange and what was sent, turned into one typed outcome.
//! * [`catalogue`] says what the authority's codes and messages mean, in English and Arabic.
//!
//! Knows nothing of ledgers, queues or when to send again.

pub mod answer;
pub mod catalogue;
mod client;
mod credentials;
mod form;
mod http;
mod lenient;
pub mod qr;
mod route;
pub mod seal;
mod transport;
mod verdict;

pub use client::{Acceptance, Asked, Client, CredentialCheck, Standing, StatusReport};
pub use credentials::{Credentials, DEFAULT_TIMEOUT, Endpoint, EndpointError, PRODUCTION_URL};
pub use http::{ExtraCa, HttpConfig, HttpSetupError, HttpTransport, MAX_ANSWER_BYTES};
pub use route::{POST2TAX_URL, RelayRoute, Route, TokenRoute};
pub use transport::{Exchange, HttpRequest, Method, Transport};
pub use verdict::{Sent, Verdict, interpret};
