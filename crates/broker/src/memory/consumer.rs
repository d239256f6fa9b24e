//! The consumer's end of a queue in memory: gathering batches and settling deliveries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::Shared;
use super::state::Place;
use crate::gather::gather;
use crate::queue::CONTENT_TYPE;
use crate::{Delivery, Settle, Stale, Subscription};

pub(super) struct MemorySubscription {
    shared: Arc<Shared>,
    id: u64,
    wake: Arc<Notify>,
}

impl MemorySubscription {
    pub(super) fn new(shared: Arc<Shared>, id: u64, wake: Arc<Notify>) -> Self {
        Self { shared, id, wake }
    }

    fn hand_out(&self, max: usize) -> Vec<Delivery> {
        let handed = self.shared.state().hand_out(self.id, max);
        let deliver = |(generation, tag, message): super::state::Handed| Delivery {
            redelivered: message.returned > 0,
            payload: message.payload,
            traceparent: message.traceparent,
            cloud_event: BTreeMap::new(),
            content_type: Some(CONTENT_TYPE.to_owned()),
            user_id: message.user_id,
            settle: Box::new(MemorySettle {
                shared: self.shared.clone(),
                place: Place { consumer: self.id, generation, tag },
            }),
        };
        handed.into_iter().map(deliver).collect()
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next_batch(&mut self, max: usize, linger: Duration) -> Vec<Delivery> {
        let max = max.max(1);
        if !gather(&self.wake, max, linger, || self.shared.state().sight(self.id)).await {
            return Vec::new();
        }
        self.hand_out(max)
    }

    async fn close(self: Box<Self>) {
        // Dropping does it.
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        self.shared.state().unsubscribe(self.id);
    }
}

struct MemorySettle {
    shared: Arc<Shared>,
    place: Place,
}

impl MemorySettle {
    fn settle(&self, through: bool, give_back: bool) -> Result<(), Stale> {
        let mut state = self.shared.state();
        let settled = state.settle(self.place, through).ok_or(Stale)?;
        let given_back = if give_back { settled } else { Vec::new() };
        state.go_on(self.place.consumer, given_back);
        Ok(())
    }
}

#[async_trait]
impl Settle for MemorySettle {
    async fn ack(&self) -> Result<(), Stale> {
        self.settle(false, false)
    }

    async fn requeue(&self) -> Result<(), Stale> {
        self.settle(false, true)
    }

    async fn ack_through(&self) -> Result<(), Stale> {
        self.settle(true, false)
    }

    fn place(&self) -> (u64, u64) {
        (self.place.generation, self.place.tag)
    }
}
