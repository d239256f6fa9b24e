//! The memory adapter: queues in this process, with the same manners, for the demo and the simulation tests. It starts
//! no task and reads no clock but tokio's, so that one seed replays one run; what is due is released by whoever looks.

mod consumer;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use self::consumer::MemorySubscription;
use self::state::State;
use crate::{Announcement, Broker, BrokerError, Health, Ladder, Outgoing, PublishError, Queue, Subscription};

/// A broker in this process. Clones are the same broker.
#[derive(Clone)]
pub struct MemoryBroker {
    shared: Arc<Shared>,
}

/// What the broker, its subscriptions and its deliveries have in common.
struct Shared(Mutex<State>);

impl Shared {
    /// The state, with everything released that is due. Never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.release_due(Instant::now());
        state
    }
}

impl MemoryBroker {
    /// An empty broker with these waits.
    #[must_use]
    pub fn new(ladder: Ladder) -> Self {
        Self { shared: Arc::new(Shared(Mutex::new(State::new(ladder)))) }
    }

    /// For tests: what a restart of a real broker does. Whatever is delivered and unsettled goes back to its queue and
    /// comes again marked as redelivered, older deliveries are stale, subscriptions go on, waiting rungs keep their time.
    pub fn restart(&self) {
        self.shared.state().restart();
    }

    /// For tests: what somebody else publishes, as a user of the broker whom their messages name.
    pub fn publish_as(&self, user: &str, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        self.shared.state().publish(batch, Some(user), Instant::now())
    }

    /// For tests: what was announced last, at most a thousand, the oldest first.
    #[must_use]
    pub fn announced(&self) -> Vec<Announcement> {
        self.shared.state().announced()
    }

    /// For tests: how many deliveries of a queue are unsettled at present, handed out or about to be.
    #[must_use]
    pub fn unsettled(&self, queue: Queue) -> usize {
        self.shared.state().unsettled(queue)
    }
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self::new(Ladder::default())
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").field("health", &self.health()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        // Nothing here ever waits: give others their turn, or a loop around it would starve them.
        tokio::task::coop::consume_budget().await;
        self.shared.state().publish(batch, None, Instant::now())
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        tokio::task::coop::consume_budget().await;
        self.shared.state().announce(batch)
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        let mut state = self.shared.state();
        state.check_open()?;
        state.check_consumable(queue)?;
        let (id, wake) = state.subscribe(queue, usize::from(prefetch.max(1)));
        Ok(Box::new(MemorySubscription::new(self.shared.clone(), id, wake)))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        tokio::task::coop::consume_budget().await;
        let state = self.shared.state();
        state.check_open()?;
        state.depth(queue)
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        let mut state = self.shared.state();
        state.check_open()?;
        let emptied = state.depth(queue)?;
        state.purge(queue);
        Ok(emptied)
    }

    fn health(&self) -> Health {
        let state = self.shared.state();
        Health {
            connected: state.check_open().is_ok(),
            blocked: None,
            rebuilt: state.restarts(),
            unsettled: state.held() as u64,
        }
    }

    async fn close(&self) {
        self.shared.state().close();
    }
}

#[cfg(test)]
mod tests;
