//! The authority reached without a network: a transport for the client that calls the core. It must not decide anything.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use jofotara::{Exchange, Transport, TransportRequest};
use secrecy::ExposeSecret as _;

use crate::exchange::{Delivery, Reply, Request};
use crate::handle::Handle;
use crate::http::Clock;

/// A road to a simulated authority inside the process. Waiting is tokio's, so that paused time passes at once; the
/// time of day comes from the clock that is given.
///
/// Like the real road it gives up at the endpoint's time-out. An authority that is down refuses the connection. What is
/// meant for production is never taken: a simulated clearance must not pass for a real one.
#[derive(Clone)]
pub struct InProcess {
    handle: Handle,
    clock: Clock,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl InProcess {
    /// A road to this authority.
    pub fn new(handle: Handle, clock: Clock) -> Self {
        Self { handle, clock }
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn post(&self, request: TransportRequest) -> Exchange {
        let TransportRequest { endpoint, body } = request;
        if endpoint.environment().as_str() == "production" {
            return not_sent("the simulator takes nothing that is meant for production");
        }
        // A real road always lets others run; so does this one, or a quick authority would starve them.
        tokio::task::yield_now().await;
        let credentials = endpoint.credentials();
        let request = Request {
            client_id: Some(credentials.client_id.clone()),
            secret_key: Some(credentials.secret_key.expose_secret().to_owned()),
            content_type: Some("application/json".to_owned()),
            body,
        };
        let reply = self.handle.handle(&request, self.now());
        deliver(&self.handle, reply, endpoint.timeout()).await
    }
}

async fn deliver(handle: &Handle, reply: Reply, timeout: Duration) -> Exchange {
    let mut undelivered = Undelivered { handle, sequence: reply.sequence };
    match reply.delivery {
        Delivery::Refuse => not_sent("the simulated authority is down"),
        Delivery::Answer { after } if after < timeout => {
            wait(after).await;
            undelivered.sequence = None;
            let retry_after = reply.retry_after_s.map(Duration::from_secs);
            Exchange::Answered { status: reply.status, retry_after, body: reply.body }
        }
        Delivery::Drop { after } if after < timeout => {
            wait(after).await;
            Exchange::Lost { reason: "the simulated authority cut the connection".to_owned() }
        }
        Delivery::Answer { .. } | Delivery::Drop { .. } => {
            wait(timeout).await;
            Exchange::Lost { reason: format!("no answer within {} ms", timeout.as_millis()) }
        }
    }
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn not_sent(reason: &str) -> Exchange {
    Exchange::NotSent { reason: reason.to_owned() }
}

/// Notes in the record that nobody heard the answer, also when the caller gives up waiting.
struct Undelivered<'a> {
    handle: &'a Handle,
    sequence: Option<u64>,
}

impl Drop for Undelivered<'_> {
    fn drop(&mut self) {
        if let Some(sequence) = self.sequence {
            self.handle.with(|authority| authority.mark_undelivered(sequence));
        }
    }
}

#[cfg(test)]
mod tests;
