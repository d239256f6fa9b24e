//! A broker that loses, doubles, delays and shuffles hints, and says of some that they arrived when they did not, or the
//! other way round. What retailers publish to the intake queue is spared: there is no second copy of that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use broker::{
    Announcement, Broker, BrokerError, Delivery, Health, Outgoing, PublishError, Queue, Settle, Stale,
    Subscription,
};
use tokio::sync::Notify;
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
        let slot = Slot::new(inner);
        slot.end_with(self.life.clone());
        Ok(Box::new(FaultySubscription {
            broker: Arc::clone(&self.inner),
            slot,
            queue,
            prefetch,
            channel: Arc::default(),
            chaos: Arc::clone(&self.chaos),
            life: self.life.clone(),
            careless,
        }))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.life.step().await;
        if queue == Queue::DeadLetter && self.chaos.sabotage() == Some(Sabotage::DeadLettersForgotten) {
            return Err(BrokerError::Unavailable("nobody looks".to_owned()));
        }
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

/// Where a subscription lies while nobody waits for its next batch: the end of the process ends it, whichever of its tasks
/// still hold on to it, and its deliveries go back.
#[derive(Clone)]
struct Slot(Arc<Mutex<Option<Box<dyn Subscription>>>>);

impl Slot {
    fn new(inner: Box<dyn Subscription>) -> Self {
        Self(Arc::new(Mutex::new(Some(inner))))
    }

    fn take(&self) -> Option<Box<dyn Subscription>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whoever gives up waiting leaves it where it was.
    fn lend(&self) -> Option<Lent<'_>> {
        self.take().map(|inner| Lent { slot: self, inner: Some(inner) })
    }

    fn put(&self, inner: Option<Box<dyn Subscription>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = inner;
    }

    fn end_with(&self, life: Life) {
        let slot = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            life.died().await;
            if let Some(slot) = slot.upgrade() {
                Self(slot).put(None);
            }
        });
    }
}

/// A subscription that somebody waits at.
struct Lent<'a> {
    slot: &'a Slot,
    inner: Option<Box<dyn Subscription>>,
}

impl Lent<'_> {
    async fn next_batch(&mut self, max: usize, linger: Duration) -> Vec<Delivery> {
        match &mut self.inner {
            Some(inner) => inner.next_batch(max, linger).await,
            None => Vec::new(),
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.slot.put(self.inner.take());
    }
}

/// A consumer whose channel may end at any step, after which it goes on by a new one, as the broker's supervisor sees to.
struct FaultySubscription {
    broker: Arc<dyn Broker>,
    slot: Slot,
    queue: Queue,
    prefetch: u16,
    channel: Arc<Channel>,
    chaos: Arc<Chaos>,
    life: Life,
    careless: bool,
}

/// The channel of a subscription, seen by what was delivered on it.
#[derive(Default)]
struct Channel {
    /// How many there have been before it.
    number: AtomicU64,
    ends: Notify,
}

impl FaultySubscription {
    /// What retailers publish has no second copy, and the broker's last guard counts how often it comes back.
    fn is_cut(chaos: &Chaos, queue: Queue) -> bool {
        queue != Queue::Intake && chaos.strikes(|weather| weather.channel_cut)
    }

    async fn renew(&mut self) {
        self.channel.number.fetch_add(1, Ordering::Relaxed);
        // Ends the old one: what it had handed out goes back.
        drop(self.slot.take());
        let renewed = self.broker.subscribe(self.queue, self.prefetch).await.ok();
        self.slot.put(renewed);
    }

    /// The next batch of a channel that lasts so long; none when it is cut.
    async fn take(&mut self, max: usize, linger: Duration) -> Option<Vec<Delivery>> {
        if Self::is_cut(&self.chaos, self.queue) {
            return None;
        }
        // Closed for ever.
        let Some(mut lent) = self.slot.lend() else { return Some(Vec::new()) };
        let batch = tokio::select! {
            biased;
            () = self.life.died() => {
                lent.inner = None;
                std::future::pending().await
            }
            () = self.channel.ends.notified() => None,
            batch = lent.next_batch(max, linger) => Some(batch),
        };
        drop(lent);
        batch.filter(|_| !Self::is_cut(&self.chaos, self.queue))
    }
}

#[async_trait]
impl Subscription for FaultySubscription {
    async fn next_batch(&mut self, max: usize, linger: Duration) -> Vec<Delivery> {
        self.life.step().await;
        let batch = loop {
            match self.take(max, linger).await {
                Some(batch) => break batch,
                None => self.renew().await,
            }
        };
        let mut handed = Vec::with_capacity(batch.len());
        for delivery in batch {
            if self.careless {
                let _ = delivery.settle.ack().await;
            }
            let settle = MortalSettle {
                inner: delivery.settle,
                queue: self.queue,
                number: self.channel.number.load(Ordering::Relaxed),
                channel: Arc::clone(&self.channel),
                chaos: Arc::clone(&self.chaos),
                life: self.life.clone(),
                careless: self.careless,
            };
            handed.push(Delivery { settle: Box::new(settle), ..delivery });
        }
        self.life.step().await;
        handed
    }

    async fn close(self: Box<Self>) {
        self.life.step().await;
        if let Some(inner) = self.slot.take() {
            inner.close().await;
        }
    }
}

/// The dead settle nothing, nor does who comes after the end of the channel.
struct MortalSettle {
    inner: Box<dyn Settle>,
    queue: Queue,
    number: u64,
    channel: Arc<Channel>,
    chaos: Arc<Chaos>,
    life: Life,
    /// Settled before.
    careless: bool,
}

impl MortalSettle {
    /// The channel may end just now.
    async fn reach(&self) -> Result<(), Stale> {
        self.life.step().await;
        if self.careless {
            return Ok(());
        }
        if self.number != self.channel.number.load(Ordering::Relaxed) {
            return Err(Stale);
        }
        if FaultySubscription::is_cut(&self.chaos, self.queue) {
            // Kept for whoever waits for the next batch, or will.
            self.channel.ends.notify_one();
            return Err(Stale);
        }
        Ok(())
    }
}

#[async_trait]
impl Settle for MortalSettle {
    async fn ack(&self) -> Result<(), Stale> {
        self.reach().await?;
        if self.careless { Ok(()) } else { self.inner.ack().await }
    }

    async fn requeue(&self) -> Result<(), Stale> {
        self.reach().await?;
        if self.careless { Ok(()) } else { self.inner.requeue().await }
    }

    async fn ack_through(&self) -> Result<(), Stale> {
        self.reach().await?;
        if self.careless { Ok(()) } else { self.inner.ack_through().await }
    }

    fn place(&self) -> (u64, u64) {
        self.inner.place()
    }
}
