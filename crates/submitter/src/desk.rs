//! What the tasks of one submitter share. Knows neither claims nor outcomes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use broker::Outgoing;
use chrono::TimeDelta;
use invoice::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::breaker::Breaker;
use crate::config::{Endpoints, Submitter};
use crate::credentials::Credentials;

/// What the tasks of one submitter share.
pub(crate) struct Desk {
    pub(crate) role: Submitter,
    /// One permit for each request that may be under way; it comes back when its outcome is recorded.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) credentials: Mutex<Credentials>,
    pub(crate) breaker: Mutex<Breaker>,
    /// The longest time-out of a call that this process has sent, milliseconds.
    pub(crate) longest_call_ms: AtomicU64,
}

impl Desk {
    pub(crate) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // A poisoned breaker is still a breaker: its fields are plain values.
        self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Where to send, as of now.
    pub(crate) fn endpoints(&self) -> Arc<Endpoints> {
        Arc::clone(&self.role.endpoints.borrow())
    }

    /// How long an invoice is left alone whose credentials were refused.
    pub(crate) fn credentials_pause(&self) -> Duration {
        Duration::from_millis(self.role.policy.credentials_ms)
    }

    /// How long what is in flight may take to end: the longest call and a margin.
    pub(crate) fn drain_patience(&self) -> Duration {
        // Not of the endpoints of now: what is in flight may have been sent by one that is gone.
        let longest_call = Duration::from_millis(self.longest_call_ms.load(Ordering::Relaxed));
        longest_call + Duration::from_millis(self.role.config.drain_margin_ms)
    }

    /// Resolves when the role was asked to stop and all patience is used up, whatever it is waiting for.
    pub(crate) async fn overdue(self: &Arc<Self>, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        sleep(self.drain_patience()).await;
    }
}

/// Publishes hints; one that does not arrive is made up for.
pub(crate) async fn publish(desk: &Desk, hints: Vec<Outgoing>) {
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
