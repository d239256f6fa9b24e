//! A subscription: what outlives the channels that it consumes on. Its buffer holds at most a prefetch of deliveries.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::Shared;
use super::supervisor::Request;
use super::tap::Tap;
use crate::gather::{Sight, gather};
use crate::{BrokerError, Delivery, Subscription};

pub(super) struct Slot {
    pub(super) id: u64,
    pub(super) queue: String,
    pub(super) prefetch: u16,
    wake: Notify,
    /// None until the first attempt to consume has ended.
    begun: watch::Sender<Option<Result<(), BrokerError>>>,
    state: Mutex<State>,
}

struct State {
    ended: bool,
    tap: Option<Arc<Tap>>,
    buffer: VecDeque<Delivery>,
    /// When something was delivered last, or consuming began.
    fed: Instant,
}

impl Slot {
    pub(super) fn new(id: u64, queue: String, prefetch: u16) -> Self {
        let state = State { ended: false, tap: None, buffer: VecDeque::new(), fed: Instant::now() };
        let (begun, state) = (watch::Sender::new(None), Mutex::new(state));
        Self { id, queue, prefetch, wake: Notify::new(), begun, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the consumer runs, or cannot.
    pub(super) async fn attached(&self) -> Result<(), BrokerError> {
        let mut begun = self.begun.subscribe();
        match begun.wait_for(Option::is_some).await {
            Ok(begun) => begun.clone().unwrap_or(Ok(())),
            Err(_) => Err(BrokerError::closed()),
        }
    }

    /// Puts a tap in; false when the subscription has ended meanwhile.
    pub(super) fn attach(&self, tap: &Arc<Tap>) -> bool {
        let mut state = self.state();
        if !state.ended {
            state.tap = Some(tap.clone());
            state.fed = Instant::now();
            self.begun.send_replace(Some(Ok(())));
        }
        !state.ended
    }

    /// It cannot consume, and waiting would not help; false when it has done so before.
    pub(super) fn refuse(&self, error: &BrokerError) -> bool {
        self.begun.send_if_modified(|begun| {
            let first = begun.is_none();
            if first {
                *begun = Some(Err(error.clone()));
            }
            first
        })
    }

    /// Takes the tap out and forgets what it delivered: all of that will come again.
    pub(super) fn detach(&self) -> Option<Arc<Tap>> {
        let mut state = self.state();
        state.buffer.clear();
        let tap = state.tap.take();
        if let Some(tap) = &tap {
            tap.die();
        }
        self.wake.notify_one();
        tap
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) -> Option<Arc<Tap>> {
        self.state().ended = true;
        self.detach()
    }

    pub(super) fn tap(&self) -> Option<Arc<Tap>> {
        self.state().tap.clone()
    }

    /// Takes a delivery in, unless it comes from a tap of the past.
    pub(super) fn push(&self, tap: &Tap, delivery: Delivery) {
        let mut state = self.state();
        if state.tap.as_ref().is_some_and(|current| current.generation == tap.generation) {
            state.buffer.push_back(delivery);
            state.fed = Instant::now();
            self.wake.notify_one();
        }
    }

    /// For how long nothing has come, although there was room for it; none when there was no room, or nobody consumes.
    pub(super) fn starves(&self) -> Option<Duration> {
        let state = self.state();
        let unsettled = state.tap.as_ref()?.unsettled();
        (!state.ended && unsettled < usize::from(self.prefetch)).then(|| state.fed.elapsed())
    }

    fn sight(&self) -> Option<Sight> {
        let state = self.state();
        let unsettled = state.tap.as_ref().map_or(0, |tap| tap.unsettled());
        let full = unsettled >= usize::from(self.prefetch);
        (!state.ended).then(|| Sight { buffered: state.buffer.len(), full, next_due: None })
    }

    fn hand_out(&self, max: usize) -> Vec<Delivery> {
        let mut state = self.state();
        let count = max.min(state.buffer.len());
        state.buffer.drain(..count).collect()
    }
}

/// The consumer's end of a slot.
pub(super) struct RabbitSubscription {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
}

impl RabbitSubscription {
    /// Gives the slot to the supervisor.
    pub(super) fn register(shared: Arc<Shared>, slot: Arc<Slot>) -> Self {
        shared.slots().insert(slot.id, slot.clone());
        // A supervisor that is gone has closed the broker, which shows at once.
        let _ = shared.requests.send(Request::Attach(slot.id));
        Self { shared, slot }
    }

    /// Ends the slot; its channel is closed by the supervisor, since nobody can wait in a drop.
    fn leave(&self, done: Option<oneshot::Sender<()>>) {
        if self.shared.slots().remove(&self.slot.id).is_none() {
            return;
        }
        if let Some(tap) = self.slot.end() {
            let _ = self.shared.requests.send(Request::Detach { tap, done });
        }
    }
}

#[async_trait]
impl Subscription for RabbitSubscription {
    async fn next_batch(&mut self, max: usize, linger: Duration) -> Vec<Delivery> {
        let max = max.max(1);
        loop {
            if !gather(&self.slot.wake, max, linger, || self.slot.sight()).await {
                return Vec::new();
            }
            let batch = self.slot.hand_out(max);
            // Empty when the connection went between the two.
            if !batch.is_empty() {
                return batch;
            }
        }
    }

    async fn close(self: Box<Self>) {
        let (done, closed) = oneshot::channel();
        self.leave(Some(done));
        let _ = timeout(self.shared.config.confirm_timeout, closed).await;
    }
}

impl Drop for RabbitSubscription {
    fn drop(&mut self) {
        self.leave(None);
    }
}
