//! One document sent over a transport, and what came of it. Knows neither HTTP nor when to send again.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::credentials::Endpoint;
use crate::transport::{Transport, TransportRequest};
use crate::verdict::{Sent, Verdict, interpret};

/// Sends documents. Cheap to clone; clones share the transport and its connections.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// A client over a transport.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Sends the bytes of one document, whose number and UUID they name, and says what came of it. There is one POST
    /// and never a second; it takes no longer than the endpoint's time-out. Dropping the future gives the request
    /// up, and whether it arrived is then unknown.
    pub async fn submit(&self, endpoint: &Endpoint, number: &str, uuid: &Uuid, xml: Bytes) -> Verdict {
        let span = tracing::info_span!(
            "authority_call",
            otel.kind = "client",
            environment = %endpoint.environment(),
            invoice.uuid = %uuid,
            invoice.number = number,
            http.response.status_code = tracing::field::Empty,
            outcome = tracing::field::Empty,
        );
        self.send(endpoint, number, uuid, &xml).instrument(span).await
    }

    async fn send(&self, endpoint: &Endpoint, number: &str, uuid: &Uuid, xml: &Bytes) -> Verdict {
        let started = Instant::now();
        let request = TransportRequest { endpoint: endpoint.clone(), body: body(xml) };
        let exchange = self.transport.post(request).await;
        let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let sent = Sent { number, uuid, xml, credentials: endpoint.credentials() };
        let mut verdict = interpret(&exchange, &sent);
        verdict.evidence.duration_ms = duration_ms;
        let span = tracing::Span::current();
        if let Some(status) = verdict.evidence.http_status {
            span.record("http.response.status_code", status);
        }
        span.record("outcome", verdict.outcome.kind().as_str());
        tracing::debug!(duration_ms, message = verdict.evidence.message, "the authority has been called");
        verdict
    }
}

/// `{"invoice": "<Base64>"}`, in one allocation (specification 1.1).
fn body(xml: &[u8]) -> Bytes {
    const HEAD: &str = "{\"invoice\":\"";
    const TAIL: &str = "\"}";
    let encoded = xml.len().div_ceil(3).saturating_mul(4);
    let mut body = String::with_capacity(HEAD.len() + encoded + TAIL.len());
    body.push_str(HEAD);
    STANDARD.encode_string(xml, &mut body);
    body.push_str(TAIL);
    Bytes::from(body)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use async_trait::async_trait;
    use invoice::Environment;
    use invoice::life::Outcome;
    use secrecy::SecretString;

    use super::*;
    use crate::{Credentials, Exchange};

    /// Answers after a while with what it was given, and keeps what it was sent.
    struct Canned {
        after: Duration,
        exchange: Exchange,
        seen: Mutex<Vec<TransportRequest>>,
    }

    #[async_trait]
    impl Transport for Canned {
        async fn post(&self, request: TransportRequest) -> Exchange {
            self.seen.lock().unwrap().push(request);
            tokio::time::sleep(self.after).await;
            self.exchange.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sends_one_body_and_measures_the_time() {
        let after = Duration::from_millis(1_234);
        let exchange = Exchange::Lost { reason: "reset".to_owned() };
        let transport = Arc::new(Canned { after, exchange, seen: Mutex::default() });
        let credentials =
            Credentials { client_id: "user-7".to_owned(), secret_key: SecretString::from("key-7") };
        let endpoint =
            Endpoint::new(Environment::Simulation, "http://[::1]/", credentials, crate::DEFAULT_TIMEOUT)
                .unwrap();
        let xml = Bytes::from("<Invoice>فاتورة</Invoice>");
        let client = Client::new(transport.clone());
        let verdict = client.submit(&endpoint, "INV-1", &Uuid::from_u128(7), xml.clone()).await;
        assert_eq!(verdict.outcome, Outcome::InDoubt);
        assert_eq!(verdict.evidence.duration_ms, 1_234);
        let seen = transport.seen.lock().unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&seen.first().unwrap().body).unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(STANDARD.decode(sent["invoice"].as_str().unwrap()).unwrap(), xml);
        assert_eq!(sent.as_object().unwrap().len(), 1);
    }

    #[test]
    fn the_body_is_made_in_one_allocation() {
        for length in 0..10 {
            let xml = vec![b'x'; length];
            let expected = format!("{{\"invoice\":\"{}\"}}", STANDARD.encode(&xml));
            assert_eq!(body(&xml), expected);
        }
    }
}
