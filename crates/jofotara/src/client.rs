//! One document sent by whichever route its endpoint has, and what came of it. Knows neither sockets nor when to send
//! again.

mod check;
mod direct;
mod relay;
mod status;
mod token;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::credentials::Endpoint;
use crate::route::Road;
use crate::transport::Transport;
use crate::verdict::{Sent, Verdict};
pub use check::{Acceptance, CredentialCheck};
#[cfg(test)]
pub(crate) use direct::request as direct_request;
pub use status::{Asked, Standing, StatusReport};
use tokens::Tokens;

/// Sends documents. Cheap to clone; clones share the transport with its connections, and the tokens.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    tokens: Arc<Tokens>,
    checks_seals: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// One call under way: what is shared by all exchanges that it takes.
struct Call<'a> {
    client: &'a Client,
    endpoint: &'a Endpoint,
    sent: Sent<'a>,
    /// When the whole call must be over, however many exchanges it takes.
    deadline: Instant,
}

impl Call<'_> {
    /// What is left of the time-out.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Client {
    /// A client over a transport.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, tokens: Arc::default(), checks_seals: true }
    }

    /// Whether the signature on a returned document is checked: it costs about 0.2 ms of processor time each. What does
    /// not fit becomes a remark on the clearance, and never more than that.
    #[must_use]
    pub fn checking_seals(self, checks_seals: bool) -> Self {
        Self { checks_seals, ..self }
    }

    /// Sends the bytes of one document, whose number and UUID they name, by the endpoint's route, and says what came of
    /// it. The document goes out once, and a second time only when the first was turned away unread for its token; all
    /// of it takes no longer than the endpoint's time-out. Dropping the future gives the request up, and whether it
    /// arrived is then unknown.
    pub async fn submit(&self, endpoint: &Endpoint, number: &str, uuid: &Uuid, xml: Bytes) -> Verdict {
        let span = tracing::info_span!(
            "authority_call",
            otel.kind = "client",
            environment = %endpoint.environment(),
            route = endpoint.route(),
            invoice.uuid = %uuid,
            invoice.number = number,
            http.response.status_code = tracing::field::Empty,
            outcome = tracing::field::Empty,
        );
        self.send(endpoint, number, uuid, &xml).instrument(span).await
    }

    async fn send(&self, endpoint: &Endpoint, number: &str, uuid: &Uuid, xml: &Bytes) -> Verdict {
        let started = Instant::now();
        let call = self.call(endpoint, number, uuid, xml, started);
        let mut verdict = match endpoint.road() {
            Road::Direct { .. } => direct::submit(&call).await,
            Road::Token(road) => token::submit(&call, road).await,
            Road::Relay(road) => relay::submit(&call, road).await,
        };
        let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        verdict.evidence.duration_ms = duration_ms;
        if self.checks_seals {
            verdict.remark_on_seal();
        }
        let span = tracing::Span::current();
        if let Some(status) = verdict.evidence.http_status {
            span.record("http.response.status_code", status);
        }
        span.record("outcome", verdict.outcome.kind().as_str());
        tracing::debug!(duration_ms, message = verdict.evidence.message, "the authority has been called");
        verdict
    }

    fn call<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        number: &'a str,
        uuid: &'a Uuid,
        xml: &'a [u8],
        started: Instant,
    ) -> Call<'a> {
        let sent = Sent { number, uuid, xml, credentials: endpoint.credentials() };
        Call { client: self, endpoint, sent, deadline: started + endpoint.timeout() }
    }
}

#[cfg(test)]
mod tests;
