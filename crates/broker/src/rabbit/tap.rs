//! A channel that consumes from one queue, and how its deliveries are settled. It lives as long as its link, or shorter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::time::timeout;

use super::alarm::Alarm;
use super::link::Link;
use super::slot::Slot;
use crate::{Delivery, Settle, Stale, is_traceparent};

pub(super) struct Tap {
    /// Of all channels of this broker, so that equal ones mean the same channel.
    pub(super) generation: u64,
    channel: Channel,
    consumer_tag: String,
    queue: String,
    alarm: Alarm,
    patience: Duration,
    /// The tags that were delivered and not settled. None when the tap is closed: whatever comes then is stale.
    unsettled: Mutex<Option<BTreeSet<u64>>>,
}

impl Tap {
    /// Opens a fresh channel and begins to consume, without handing anything on yet.
    pub(super) async fn open(
        link: &Link,
        slot: &Slot,
        generation: u64,
        patience: Duration,
    ) -> lapin::Result<(Arc<Self>, Consumer)> {
        let channel = link.consuming.create_channel().await?;
        // For each consumer: a global limit costs the whole connection on a quorum queue.
        channel.basic_qos(slot.prefetch, BasicQosOptions { global: false }).await?;
        let consumer_tag = format!("fawtara-{generation}");
        let (queue, tag) = (slot.queue.as_str().into(), consumer_tag.as_str().into());
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue, tag, options, FieldTable::default()).await?;
        let tap = Self {
            generation,
            channel,
            consumer_tag,
            queue: slot.queue.clone(),
            alarm: link.alarm.clone(),
            patience,
            unsettled: Mutex::new(Some(BTreeSet::new())),
        };
        Ok((Arc::new(tap), consumer))
    }

    /// Carries deliveries into the slot's buffer until the channel or the link ends.
    pub(super) async fn pump(self: Arc<Self>, mut consumer: Consumer, slot: Arc<Slot>) {
        loop {
            let item = tokio::select! {
                biased;
                () = self.alarm.rung() => return,
                item = consumer.next() => item,
            };
            match item {
                Some(Ok(message)) => {
                    if !self.note(message.delivery_tag) {
                        return;
                    }
                    slot.push(&self, self.clone().delivery(message));
                }
                Some(Err(error)) => return self.fail(&format!("failed: {error}")),
                None => return self.fail("was cancelled by the broker"),
            }
        }
    }

    fn delivery(self: Arc<Self>, message: lapin::message::Delivery) -> Delivery {
        let properties = &message.properties;
        let headers = properties.headers().as_ref();
        Delivery {
            cloud_event: cloud_event(headers),
            traceparent: traceparent(headers),
            content_type: properties.content_type().as_ref().map(|it| it.as_str().to_owned()),
            user_id: properties.user_id().as_ref().map(|it| it.as_str().to_owned()),
            payload: message.data.into(),
            redelivered: message.redelivered,
            settle: Box::new(RabbitSettle { tag: message.delivery_tag, tap: self }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeSet<u64>>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a delivery; false when the tap is closed.
    fn note(&self, tag: u64) -> bool {
        self.lock().as_mut().map(|tags| tags.insert(tag)).is_some()
    }

    /// Takes a tag out of the unsettled ones, or all up to it; false when it is not among them. RabbitMQ closes the channel
    /// at a tag that it does not know, so none is sent twice.
    fn claim(&self, tag: u64, through: bool) -> bool {
        let mut unsettled = self.lock();
        let Some(tags) = unsettled.as_mut().filter(|tags| tags.contains(&tag)) else { return false };
        if through {
            *tags = tags.split_off(&(tag + 1));
        } else {
            tags.remove(&tag);
        }
        true
    }

    pub(super) fn unsettled(&self) -> usize {
        self.lock().as_ref().map_or(0, BTreeSet::len)
    }

    /// From now on all its deliveries are stale. Whether it was open.
    pub(super) fn die(&self) -> bool {
        self.lock().take().is_some()
    }

    /// What is wrong with it, though nobody has said so yet.
    pub(super) fn ailment(&self) -> Option<String> {
        (!self.channel.status().connected())
            .then(|| format!("the channel of {} is not open any more", self.queue))
    }

    fn fail(&self, why: &str) {
        // One that is closed on purpose ends as well, and that is no trouble.
        if self.die() {
            self.alarm.ring(format!("the consumer of {} {why}", self.queue));
        }
    }

    /// Stops consuming and closes the channel, upon which RabbitMQ takes back what was not settled.
    pub(super) async fn close(&self) {
        self.die();
        let cancelled =
            self.channel.basic_cancel(self.consumer_tag.as_str().into(), BasicCancelOptions::default());
        if timeout(self.patience, cancelled).await.is_ok() {
            close_channel(&self.channel).await;
        }
    }
}

/// The attributes of a CloudEvent in binary mode: bounded, since whoever may publish may write anything there.
fn cloud_event(headers: Option<&FieldTable>) -> BTreeMap<String, String> {
    const MOST: usize = 64;
    const LONGEST: usize = 2_048;
    let attribute = |(name, value): (&ShortString, &AMQPValue)| {
        let name = name.as_str();
        let name = name.strip_prefix("cloudEvents:").or_else(|| name.strip_prefix("cloudEvents_"))?;
        let text = text(value).filter(|text| text.len() <= LONGEST)?;
        Some((name.to_ascii_lowercase(), text))
    };
    let headers = headers.into_iter().flat_map(FieldTable::inner);
    headers.filter_map(attribute).take(MOST).collect()
}

fn traceparent(headers: Option<&FieldTable>) -> Option<String> {
    text(headers?.inner().get("traceparent")?).filter(|it| is_traceparent(it))
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// Closes a channel that has done its work; what goes wrong with that is of no interest to anybody.
pub(super) async fn close_channel(channel: &Channel) {
    const FAREWELL: Duration = Duration::from_secs(2);
    let closing = channel.close(lapin::protocol::constants::REPLY_SUCCESS, "done".into());
    match timeout(FAREWELL, closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a channel did not close well"),
        Err(_) => tracing::debug!("a channel did not close in time"),
    }
}

struct RabbitSettle {
    tag: u64,
    tap: Arc<Tap>,
}

impl RabbitSettle {
    async fn send(&self, frame: impl Future<Output = lapin::Result<()>>) -> Result<(), Stale> {
        match timeout(self.tap.patience, frame).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.tap.fail(&format!("cannot settle: {error}"));
                Err(Stale)
            }
            Err(_) => {
                self.tap.fail("cannot settle in time");
                Err(Stale)
            }
        }
    }

    async fn acknowledge(&self, multiple: bool) -> Result<(), Stale> {
        if !self.tap.claim(self.tag, multiple) {
            return Err(Stale);
        }
        self.send(self.tap.channel.basic_ack(self.tag, BasicAckOptions { multiple })).await
    }
}

#[async_trait]
impl Settle for RabbitSettle {
    async fn ack(&self) -> Result<(), Stale> {
        self.acknowledge(false).await
    }

    async fn requeue(&self) -> Result<(), Stale> {
        if !self.tap.claim(self.tag, false) {
            return Err(Stale);
        }
        let options = BasicNackOptions { multiple: false, requeue: true };
        self.send(self.tap.channel.basic_nack(self.tag, options)).await
    }

    async fn ack_through(&self) -> Result<(), Stale> {
        self.acknowledge(true).await
    }

    fn place(&self) -> (u64, u64) {
        (self.tap.generation, self.tag)
    }
}
