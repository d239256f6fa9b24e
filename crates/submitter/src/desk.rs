//! What the tasks of one submitter share. Knows neither claims nor outcomes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::{Outgoing, RungWindows};
use chrono::TimeDelta;
use invoice::{Environment, IncomeSource, Timestamp};
use jofotara::Endpoint;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::alone::Ration;
use crate::breaker::Admission;
use crate::config::{Endpoints, Submitter};
use crate::credentials::Credentials;
use crate::lane::Flow;
use crate::lanes::Lanes;

/// What the tasks of one submitter share.
pub(crate) struct Desk {
    pub(crate) role: Submitter,
    /// One permit for each request that may be under way; it comes back when its outcome is recorded.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) lanes: Lanes,
    /// How many hints wait on each rung of the ladder.
    pub(crate) rungs: RungWindows,
    credentials: Mutex<Credentials>,
    alone: Mutex<Ration>,
    /// The longest time-out of a call that this process has sent, milliseconds.
    longest_call_ms: AtomicU64,
}

impl Desk {
    pub(crate) fn new(role: Submitter) -> Self {
        Self {
            room: Arc::new(Semaphore::new(usize::from(role.config.max_in_flight))),
            lanes: Lanes::new(role.config.clone()),
            rungs: RungWindows::new(
                &role.broker,
                role.ladder.rungs_ms.len(),
                u64::from(role.config.window / 4),
            ),
            credentials: Mutex::default(),
            alone: Mutex::default(),
            longest_call_ms: AtomicU64::new(0),
            role,
        }
    }

    pub(crate) fn credentials(&self) -> MutexGuard<'_, Credentials> {
        // Poisoned or not, its fields are plain values.
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the time is for those who go alone.
    pub(crate) fn alone(&self) -> MutexGuard<'_, Ration> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to send, as of now.
    pub(crate) fn endpoints(&self) -> Arc<Endpoints> {
        Arc::clone(&self.role.endpoints.borrow())
    }

    /// Whether work may be taken at all.
    pub(crate) fn admission(&self) -> Admission {
        self.lanes.admission(&self.endpoints(), Instant::now())
    }

    /// Whether this process may send anything by its share of what the fleet may.
    pub(crate) fn has_share(&self) -> bool {
        self.lanes.have_share(&self.endpoints(), Instant::now())
    }

    /// Whether hints for this income source's invoices make sense now. Where nothing is known of it they do: its invoices
    /// are parked for longer then.
    pub(crate) fn flow(&self, environment: Environment, source: &IncomeSource) -> Flow {
        let (endpoints, now) = (self.endpoints(), Instant::now());
        match endpoints.get(&(environment, source.clone())) {
            Some(endpoint) if self.credentials().are_stopped(source, endpoint, now) => Flow::Closed,
            Some(endpoint) => self.lanes.of(endpoint).flow(now),
            None => Flow::Open,
        }
    }

    /// A call that may take so long is under way.
    pub(crate) fn note_call(&self, time_out: Duration) {
        let timeout_ms = u64::try_from(time_out.as_millis()).unwrap_or(u64::MAX);
        self.longest_call_ms.fetch_max(timeout_ms, Ordering::Relaxed);
    }

    /// The longest that any call may take, as things stand.
    pub(crate) fn longest_call(&self) -> Duration {
        let known = self.endpoints().values().map(Endpoint::timeout).max().unwrap_or_default();
        // Not of the endpoints of now alone: what is in flight may have been sent by one that is gone.
        known.max(Duration::from_millis(self.longest_call_ms.load(Ordering::Relaxed)))
    }

    /// How long what is in flight may take to end: the longest call and a margin.
    pub(crate) fn drain_patience(&self) -> Duration {
        let longest_call = Duration::from_millis(self.longest_call_ms.load(Ordering::Relaxed));
        longest_call + Duration::from_millis(self.role.config.drain_margin_ms)
    }

    /// Resolves when the role was asked to stop and all patience is used up, whatever it is waiting for.
    pub(crate) async fn overdue(self: &Arc<Self>, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        sleep(self.drain_patience()).await;
    }
}

/// Publishes hints; one that does not arrive is made up for, and one that finds no room on its rung comes from the ledger.
pub(crate) async fn publish(desk: &Desk, hints: Vec<Outgoing>) {
    let hints = desk.rungs.admitted(hints).await;
    for result in desk.role.broker.publish(hints).await {
        if let Err(error) = result {
            warn!(%error, "a hint was not published; the next sweep will make up for it");
        }
    }
}

/// `now` and then some; `now` itself where the calendar ends.
pub(crate) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now)
}
