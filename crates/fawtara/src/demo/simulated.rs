//! The way to a simulated authority inside this process, counted. It must not know what is sent on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jofotara::{Exchange, HttpRequest, Transport};
use ledger::Clock;
use simulator::{Handle, InProcess};

/// A transport that ends in a simulator.
pub struct SimulatedTransport {
    road: InProcess,
    calls: Arc<AtomicU64>,
}

impl SimulatedTransport {
    /// The way to `authority`, which is told the time by `clock`; `calls` counts what is sent.
    #[must_use]
    pub fn new(authority: Handle, clock: Clock, calls: Arc<AtomicU64>) -> Self {
        Self { road: InProcess::new(authority, clock), calls }
    }
}

#[async_trait]
impl Transport for SimulatedTransport {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.road.exchange(request).await
    }
}
