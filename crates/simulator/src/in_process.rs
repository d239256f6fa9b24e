//! The authority reached without a network: a transport for the client that calls the core. It must not decide anything.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use jofotara::{Exchange, HttpRequest, Method, Transport};

use crate::exchange::{Call, Delivery, Door, Reply, Request};
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
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        if request.environment().as_str() == "production" {
            return not_sent("the simulator takes nothing that is meant for production");
        }
        // A real road always lets others run; so does this one, or a quick authority would starve them.
        tokio::task::yield_now().await;
        let reply = self.handle.answer(&call(&request), self.now());
        deliver(&self.handle, reply, request.timeout()).await
    }
}

/// What a request asks for, by its path. Every address that is none of the three others is the guide's one call.
fn call(request: &HttpRequest) -> Call {
    let header = |name: &str| request.header(name).map(str::to_owned);
    let (path, content_type) = (request.path().trim_end_matches('/'), header("content-type"));
    if request.method() == Method::Get {
        let uuid = path.rsplit('/').next().unwrap_or_default().to_owned();
        return Call::Query { authorization: header("authorization"), uuid };
    }
    if path.ends_with("/api/get_token") {
        return Call::Token { content_type, body: request.body().clone() };
    }
    let door = match path {
        path if path.ends_with("/api/invoice") => Door::Token,
        path if path.ends_with("/api/Invoice") => Door::Relay,
        _ => Door::Direct,
    };
    Call::Submit(Request {
        door,
        client_id: header("client-id"),
        secret_key: header("secret-key"),
        authorization: header("authorization"),
        license_key: header("license-key"),
        content_type,
        body: request.body().clone(),
    })
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
