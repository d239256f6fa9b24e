//! A broker that loses, doubles, delays and shuffles hints, and says of some that they arrived when they did not, or the
//! other way round. What retailers publish to the intake queue is spared: there is no second copy of that.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use broker::{
    Announcement, Broker, BrokerError, Delivery, Health, Outgoing, PublishError, Queue, Settle, Stale,
    Subscription,
};
use tokio::time::sleep;

use super::{Chaos, Sabotage};
use crate::life::Life;

/// The broker as one process sees it.
pub struct FaultyBroker {
    inner: Arc<dyn Broker>,
    chaos: Arc<Chaos>,
    life: Life,
}

/// What happens to a hint.
enum Fate {
    Arrives,
    Twice,
    Lost,
    Late(Duration),
    Unconfirmed,
    Refused,
}

impl FaultyBroker {
    pub(super) fn new(inner: Arc<dyn Broker>, chaos: Arc<Chaos>, life: Life) -> Self {
        Self { inner, chaos, life }
    }

    fn fate(&self, queue: Queue) -> Fate {
        let spared = queue == Queue::Draft && self.chaos.weather.drafts_arrive;
        if self.chaos.strikes(|weather| weather.hint_twice) {
            Fate::Twice
        } else if self.chaos.strikes(|weather| weather.hint_late) {
            Fate::Late(Duration::from_millis(self.chaos.up_to(|weather| weather.late_ms)))
        } else if self.chaos.strikes(|weather| weather.hint_unconfirmed) {
            Fate::Unconfirmed
        } else if !spared && self.chaos.strikes(|weather| weather.hint_lost) {
            Fate::Lost
        } else if !spared && self.chaos.strikes(|weather| weather.hint_refused) {
            Fate::Refused
        } else {
            Fate::Arrives
        }
    }
}

#[async_trait]
impl Broker for FaultyBroker {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        self.life.step().await;
        let mut results = Vec::with_capacity(batch.len());
        let mut now = Vec::with_capacity(batch.len());
        for hint in batch {
            let mut result = Ok(());
            match self.fate(hint.queue) {
                Fate::Arrives => now.push(hint),
                Fate::Twice => now.extend([hint.clone(), hint]),
                Fate::Lost => {}
                Fate::Late(wait) => {
                    let inner = Arc::clone(&self.inner);
                    tokio::spawn(async move {
                        sleep(wait).await;
                        inner.publish(vec![hint]).await;
                    });
                }
                Fate::Unconfirmed => {
                    now.push(hint);
                    result = Err(PublishError::Unconfirmed("the connection was lost".to_owned()));
                }
                Fate::Refused => result = Err(PublishError::Nacked),
            }
            results.push(result);
        }
        if self.chaos.strikes(|weather| weather.shuffled) {
            self.chaos.draw(|random| random.shuffle(&mut now));
        }
        self.life.live(self.inner.publish(now)).await;
        self.life.step().await;
        results
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        self.life.step().await;
        if self.chaos.strikes(|weather| weather.hint_refused) {
            return batch.iter().map(|_| Err(PublishError::Nacked)).collect();
        }
        let mut results = self.inner.announce(batch).await;
        if self.chaos.strikes(|weather| weather.hint_unconfirmed) {
            results.fill(Err(PublishError::Unconfirmed("the connection was lost".to_owned())));
        }
        results
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        self.life.step().await;
        let inner = self.inner.subscribe(queue, prefetch).await?;
        let careless = queue == Queue::Draft && self.chaos.sabotage() == Some(Sabotage::AckBeforeCommit);
        Ok(Box::new(FaultySubscription { inner, life: self.life.clone(), careless }))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.life.step().await;
        self.inner.depth(queue).await
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.life.step().await;
        self.inner.purge(queue).await
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// A consumer that ends with its process: whoever aborts the process's task drops this, and its deliveries go back.
struct FaultySubscription {
    inner: Box<dyn Subscription>,
    life: Life,
    careless: bool,
}

#[async_trait]
impl Subscription for FaultySubscription {
    async fn next_batch(&mut self, max: usize, linger: Duration) -> Vec<Delivery> {
        self.life.step().await;
        let batch = self.life.live(self.inner.next_batch(max, linger)).await;
        let mut handed = Vec::with_capacity(batch.len());
        for delivery in batch {
            if self.careless {
                let _ = delivery.settle.ack().await;
            }
            let settle =
                MortalSettle { inner: delivery.settle, life: self.life.clone(), careless: self.careless };
            handed.push(Delivery { settle: Box::new(settle), ..delivery });
        }
        self.life.step().await;
        handed
    }

    async fn close(self: Box<Self>) {
        self.life.step().await;
        self.inner.close().await;
    }
}

/// The dead settle nothing.
struct MortalSettle {
    inner: Box<dyn Settle>,
    life: Life,
    /// Settled before.
    careless: bool,
}

#[async_trait]
impl Settle for MortalSettle {
    async fn ack(&self) -> Result<(), Stale> {
        self.life.step().await;
        if self.careless { Ok(()) } else { self.inner.ack().await }
    }

    async fn requeue(&self) -> Result<(), Stale> {
        self.life.step().await;
        if self.careless { Ok(()) } else { self.inner.requeue().await }
    }

    async fn ack_through(&self) -> Result<(), Stale> {
        self.life.step().await;
        if self.careless { Ok(()) } else { self.inner.ack_through().await }
    }

    fn place(&self) -> (u64, u64) {
        self.inner.place()
    }
}
