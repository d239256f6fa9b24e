//! The way to a simulated authority inside this process: the same bytes as over HTTP, no socket. It must not know what they mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jofotara::{Exchange, Transport, TransportRequest};
use ledger::Clock;
use secrecy::ExposeSecret;
use simulator::{Delivery, Handle, Request};
use tokio::time::{sleep, timeout};

/// A transport that ends in a simulator.
pub struct SimulatedTransport {
    authority: Handle,
    clock: Clock,
    calls: Arc<AtomicU64>,
}

impl SimulatedTransport {
    /// The way to `authority`, which is told the time by `clock`; `calls` counts what is sent.
    #[must_use]
    pub fn new(authority: Handle, clock: Clock, calls: Arc<AtomicU64>) -> Self {
        Self { authority, clock, calls }
    }
}

#[async_trait]
impl Transport for SimulatedTransport {
    async fn post(&self, request: TransportRequest) -> Exchange {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let credentials = request.endpoint.credentials();
        let sent = Request {
            client_id: Some(credentials.client_id.clone()),
            secret_key: Some(credentials.secret_key.expose_secret().to_owned()),
            content_type: Some("application/json".to_owned()),
            body: request.body,
        };
        let reply = self.authority.handle(&sent, (self.clock)());
        let patience = request.endpoint.timeout();
        match reply.delivery {
            Delivery::Refuse => Exchange::NotSent { reason: "the connection was refused".to_owned() },
            Delivery::Drop { after } => match timeout(patience, sleep(after)).await {
                Ok(()) => {
                    Exchange::Lost { reason: "the connection was cut before an answer came".to_owned() }
                }
                Err(_) => timed_out(patience),
            },
            Delivery::Answer { after } => match timeout(patience, sleep(after)).await {
                Ok(()) => Exchange::Answered {
                    status: reply.status,
                    retry_after: reply.retry_after_s.map(std::time::Duration::from_secs),
                    body: reply.body,
                },
                Err(_) => {
                    if let Some(sequence) = reply.sequence {
                        self.authority.with(|authority| authority.mark_undelivered(sequence));
                    }
                    timed_out(patience)
                }
            },
        }
    }
}

fn timed_out(patience: std::time::Duration) -> Exchange {
    Exchange::Lost { reason: format!("no answer within {} ms", patience.as_millis()) }
}
