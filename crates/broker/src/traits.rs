//! The seam: what the roles ask of a broker.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::queue::Queue;

/// A message to be published. Persistent and mandatory, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub queue: Queue,
    /// What.
    pub payload: Bytes,
    /// W3C trace context for the header `traceparent`; what is none is not sent.
    pub traceparent: Option<String>,
}

/// A message for whoever has bound a queue to the exchange of events. Persistent; nobody need be there to hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// What kind of message: the routing key, such as `jo.fawtara.invoice.cleared.v1`.
    pub event_type: String,
    /// The message's own name, the same when it is announced again: the property `message_id`.
    pub id: String,
    /// A CloudEvent as JSON, with its attributes in it.
    pub payload: Bytes,
    /// W3C trace context for the header `traceparent`; what is none is not sent.
    pub traceparent: Option<String>,
}

/// Why a message is not (known to be) in its queue. Publishing it again is always safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Confirmed, but returned: there is no such queue.
    #[error("no queue takes it: {0}")]
    Unroutable(String),
    /// The broker refused it (queue full, alarm).
    #[error("the broker refused it")]
    Nacked,
    /// No confirm in time, or the connection went: it may be there or not.
    #[error("not confirmed: {0}")]
    Unconfirmed(String),
}

impl PublishError {
    pub(crate) fn closed() -> Self {
        Self::Unconfirmed("this broker was closed".to_owned())
    }

    pub(crate) fn no_such_rung(rung: usize) -> Self {
        Self::Unroutable(format!("the ladder has no rung {rung}"))
    }
}

/// What can go wrong with the broker itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// It cannot be reached for now.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
    /// It answers, but not as this house needs it (wrong queue arguments, no permission): waiting will not help.
    #[error("the broker is not as it must be: {0}")]
    Unfit(String),
}

impl BrokerError {
    pub(crate) fn closed() -> Self {
        Self::Unavailable("this broker was closed".to_owned())
    }

    pub(crate) fn no_such_queue(queue: Queue) -> Self {
        Self::Unfit(format!("the ladder has no queue {queue:?}"))
    }

    pub(crate) fn not_consumable(queue: Queue) -> Self {
        Self::Unfit(format!("{queue:?} is not for consuming"))
    }
}

/// The delivery's channel is gone; the broker will deliver the message again to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delivery is stale: its channel is gone and the message will come again")]
pub struct Stale;

/// How the adapters settle a delivery.
#[async_trait]
pub trait Settle: Send + Sync {
    /// Done with it.
    async fn ack(&self) -> Result<(), Stale>;
    /// Give it back to its queue, unworked.
    async fn requeue(&self) -> Result<(), Stale>;
    /// Acknowledge this and every earlier delivery of the same channel (see [`settle_all`]).
    async fn ack_through(&self) -> Result<(), Stale>;
    /// The channel's generation and the delivery's place in it: equal generations and rising places make ranges.
    fn place(&self) -> (u64, u64);
}

/// A message that was delivered. Dropping it unsettled leaves it to the end of its channel.
pub struct Delivery {
    /// What.
    pub payload: Bytes,
    /// W3C trace context, if the publisher gave one.
    pub traceparent: Option<String>,
    /// Headers with the attributes of a CloudEvent in binary mode, without their prefix (`cloudEvents:` or `cloudEvents_`).
    pub cloud_event: BTreeMap<String, String>,
    /// The message's `content_type` property, if the publisher gave one.
    pub content_type: Option<String>,
    /// The message's `user_id` property, if the publisher gave one: the broker takes no message that names another user than its
    /// connection's (but for users with the tag `impersonator`).
    pub user_id: Option<String>,
    /// It was delivered before.
    pub redelivered: bool,
    /// Settles it.
    pub settle: Box<dyn Settle>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("bytes", &self.payload.len())
            .field("place", &self.settle.place())
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

/// Acknowledges a whole batch as [`Subscription::next_batch`] gave it, with as few frames as its contiguous ranges allow.
/// Only for batches that hold everything delivered and unsettled so far on their channel (encoder, intake).
/// Stale deliveries are passed over: they will come again.
pub async fn settle_all(batch: &[Delivery]) -> usize {
    let mut stale = 0;
    let mut start = 0;
    while let Some(first) = batch.get(start) {
        let (generation, mut place) = first.settle.place();
        let mut end = start;
        while let Some(next) = batch.get(end + 1) {
            if next.settle.place() != (generation, place + 1) {
                break;
            }
            place += 1;
            end += 1;
        }
        if let Some(last) = batch.get(end) {
            let settled = if end > start { last.settle.ack_through().await } else { last.settle.ack().await };
            if settled.is_err() {
                stale += end - start + 1;
            }
        }
        start = end + 1;
    }
    stale
}

/// A consumer of one queue. It survives every failure of the broker: the adapter's supervisor rebuilds it.
/// Dropping it, or closing it, gives what is unsettled back to the queue.
#[async_trait]
pub trait Subscription: Send {
    /// Waits for a first delivery, then gathers more until there are `max` or `linger` has passed since the first.
    /// Cancel-safe: a delivery that was gathered is never lost with the future. An empty batch means that the broker was closed.
    async fn next_batch(&mut self, max: usize, linger: Duration) -> Vec<Delivery>;

    /// Stops consuming and gives back what was not settled.
    async fn close(self: Box<Self>);
}

/// How the broker does, for readiness and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Connected, topology in place, consumers running.
    pub connected: bool,
    /// The broker blocks publishers (memory or disk alarm), and why.
    pub blocked: Option<String>,
    /// How often the connection was rebuilt.
    pub rebuilt: u64,
    /// How many deliveries its subscriptions hold, by this side's count; the broker's may differ.
    pub unsettled: u64,
}

/// Queues as hints.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Publishes all with pipelined confirms; one result each, in order. Bounded in flight; never waits for ever.
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>>;

    /// Tells whoever has bound a queue to the exchange of events, with pipelined confirms; one result each, in order.
    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>>;

    /// Begins to consume; at most `prefetch` deliveries are unsettled at any time.
    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError>;

    /// How many messages are ready in a queue (delivered and unsettled ones do not count).
    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError>;

    /// Empties a queue; how many messages that were.
    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError>;

    /// How it does.
    fn health(&self) -> Health;

    /// Ends everything: consumers return their batches empty, publishers are refused.
    async fn close(&self);
}
