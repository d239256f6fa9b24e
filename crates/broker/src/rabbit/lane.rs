//! A channel that publishes, with pipelined confirms. It knows addresses and bytes, neither hints nor events.
//!
//! A lane sends a window of messages, waits for all of its confirms, and only then answers and sends the next. The pause
//! costs one round trip a window; without it a confirm cannot be trusted, since lapin hangs a returned message on whichever
//! confirm completes next, be it its own or not. Message ids tell whose it is, and at the end of a window all have come.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{MaybeDone, maybe_done};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::RabbitConfig;
use super::alarm::Alarm;
use crate::queue::{CLOUD_EVENT, CONTENT_TYPE, EVENTS_EXCHANGE};
use crate::{PublishError, is_traceparent};

/// The delivery mode of a message that survives a restart.
const PERSISTENT: u8 = 2;

/// After so many windows in a row that were not confirmed in time the link is given up.
const LATE_WINDOWS: u32 = 2;

/// A message on its way out.
pub(super) struct Wire {
    pub(super) to: Address,
    pub(super) payload: Bytes,
    pub(super) traceparent: Option<String>,
}

/// Where a message goes.
pub(super) enum Address {
    /// Into this queue, which must be there.
    Queue(String),
    /// To whoever listens on the exchange of events, under this routing key and message id.
    Events { key: String, id: String },
}

/// A batch, and where to tell what became of it. A dropped answer means that it is not known.
pub(super) struct Job {
    pub(super) wires: Vec<Wire>,
    pub(super) reply: oneshot::Sender<Vec<Outcome>>,
}

type Outcome = Result<(), PublishError>;

pub(super) struct Lane {
    connection: Arc<Connection>,
    /// None before the first message, and after a window was late: its confirms may still come, and must not be taken
    /// for those of the next.
    channel: Option<Channel>,
    alarm: Alarm,
    blocked: watch::Receiver<Option<String>>,
    window: usize,
    patience: Duration,
    late_windows: u32,
    last_id: u64,
}

/// What became of a window, and why the link is to be given up, if it is.
struct Window {
    outcomes: Vec<Outcome>,
    trouble: Option<String>,
}

impl Window {
    fn failed(count: usize, error: &PublishError, trouble: Option<String>) -> Self {
        Self { outcomes: vec![Err(error.clone()); count], trouble }
    }
}

impl Lane {
    pub(super) fn new(
        connection: Arc<Connection>,
        config: &RabbitConfig,
        alarm: Alarm,
        blocked: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            connection,
            channel: None,
            alarm,
            blocked,
            window: config.publish_window.max(1),
            patience: config.confirm_timeout,
            late_windows: 0,
            last_id: 0,
        }
    }

    /// Works until the link ends; what is under way then is dropped, and so not known.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let alarm = self.alarm.clone();
        loop {
            tokio::select! {
                biased;
                () = alarm.rung() => return,
                job = jobs.recv() => match job {
                    None => return,
                    Some(job) => tokio::select! {
                        biased;
                        () = alarm.rung() => return,
                        () = self.work(job) => {}
                    },
                },
            }
        }
    }

    async fn work(&mut self, job: Job) {
        let mut outcomes = Vec::with_capacity(job.wires.len());
        let mut trouble = None;
        for wires in job.wires.chunks(self.window) {
            let window = self.send_window(wires).await;
            let failed = window.outcomes.iter().find_map(|outcome| match outcome {
                Err(error @ (PublishError::Unconfirmed(_) | PublishError::Nacked)) => Some(error.clone()),
                Ok(()) | Err(_) => None,
            });
            outcomes.extend(window.outcomes);
            trouble = trouble.or(window.trouble);
            if let Some(error) = failed {
                // What follows would wait as long again, for nothing.
                outcomes.resize(job.wires.len(), Err(error));
                break;
            }
        }
        // Nobody may be waiting any more.
        let _ = job.reply.send(outcomes);
        if let Some(why) = trouble {
            self.alarm.ring(why);
        }
    }

    async fn send_window(&mut self, wires: &[Wire]) -> Window {
        let taken = self.blocked.wait_for(Option::is_none);
        if !matches!(timeout(self.patience, taken).await, Ok(Ok(_))) {
            return Window::failed(wires.len(), &PublishError::Nacked, None);
        }
        let channel = match timeout(self.patience, self.open()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => {
                let why = format!("no channel to publish on: {error}");
                return Window::failed(wires.len(), &PublishError::Unconfirmed(why.clone()), Some(why));
            }
            Err(_) => return self.late(wires.len()),
        };
        let (outcomes, returned) = self.pipeline(&channel, wires).await;
        let broken = outcomes.iter().any(|outcome| matches!(outcome, Err(PublishError::Unconfirmed(_))));
        let trouble = if broken {
            self.channel = None;
            let late = self.late(0).trouble;
            if channel.status().connected() { late } else { Some("a publishing channel failed".to_owned()) }
        } else {
            self.late_windows = 0;
            returned.then(|| "a queue is gone: declaring all of them again".to_owned())
        };
        Window { outcomes, trouble }
    }

    /// A window that was not confirmed in time. While the broker blocks publishers that says nothing about the link.
    fn late(&mut self, count: usize) -> Window {
        let blocked = self.blocked.borrow().is_some() || self.connection.status().blocked();
        self.late_windows = if blocked { 0 } else { self.late_windows + 1 };
        let trouble = (self.late_windows >= LATE_WINDOWS).then(|| "confirms stay away".to_owned());
        Window::failed(count, &PublishError::Unconfirmed("no confirm in time".to_owned()), trouble)
    }

    async fn open(&mut self) -> lapin::Result<Channel> {
        if let Some(channel) = &self.channel {
            return Ok(channel.clone());
        }
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(self.channel.insert(channel).clone())
    }

    /// Sends all, then waits for all; whether any came back besides.
    async fn pipeline(&mut self, channel: &Channel, wires: &[Wire]) -> (Vec<Outcome>, bool) {
        let first_id = self.last_id + 1;
        self.last_id += wires.len() as u64;
        let ids = first_id..=self.last_id;
        let mut flights: Vec<_> = wires
            .iter()
            .zip(ids.clone())
            .map(|(wire, id)| maybe_done(Box::pin(fly(channel, wire, id))))
            .collect();
        // The first poll hands the frames over: all of them, in this order, before waiting for any.
        poll_fn(|cx| {
            for flight in &mut flights {
                let _ = Pin::new(flight).poll(cx);
            }
            Poll::Ready(())
        })
        .await;
        let deadline = Instant::now() + self.patience;
        let mut outcomes = Vec::with_capacity(wires.len());
        let mut returned = BTreeMap::new();
        for flight in &mut flights {
            outcomes.push(match land(flight, deadline).await {
                None => Err(PublishError::Unconfirmed("no confirm in time".to_owned())),
                Some(Err(error)) => Err(PublishError::Unconfirmed(error.to_string())),
                Some(Ok(confirmation)) => {
                    let nacked = confirmation.is_nack();
                    returned.extend(confirmation.take_message().and_then(|message| {
                        let id = message.properties.message_id().as_ref()?.as_str().parse::<u64>().ok()?;
                        Some((id, format!("{}: {}", message.routing_key, message.reply_text)))
                    }));
                    if nacked { Err(PublishError::Nacked) } else { Ok(()) }
                }
            });
        }
        for (outcome, id) in outcomes.iter_mut().zip(ids) {
            if let Some(why) = returned.get(&id) {
                *outcome = Err(PublishError::Unroutable(why.clone()));
            }
        }
        (outcomes, !returned.is_empty())
    }
}

async fn fly(channel: &Channel, wire: &Wire, id: u64) -> lapin::Result<Confirmation> {
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let (exchange, key, mandatory) = match &wire.to {
        Address::Queue(queue) => {
            properties =
                properties.with_content_type(CONTENT_TYPE.into()).with_message_id(id.to_string().into());
            ("", queue, true)
        }
        // Nobody need listen, so nothing is returned, and the id need not tell whose it was.
        Address::Events { key, id } => {
            properties = properties.with_content_type(CLOUD_EVENT.into()).with_message_id(id.as_str().into());
            (EVENTS_EXCHANGE, key, false)
        }
    };
    if let Some(traceparent) = wire.traceparent.as_ref().filter(|it| is_traceparent(it)) {
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString(traceparent.as_str().into()));
        properties = properties.with_headers(headers);
    }
    let options = BasicPublishOptions { mandatory, immediate: false };
    channel
        .basic_publish(exchange.into(), key.as_str().into(), options, &wire.payload, properties)
        .await?
        .await
}

/// None when it was too late.
async fn land<F>(
    flight: &mut MaybeDone<Pin<Box<F>>>,
    deadline: Instant,
) -> Option<lapin::Result<Confirmation>>
where
    F: Future<Output = lapin::Result<Confirmation>>,
{
    timeout_at(deadline, &mut *flight).await.ok()?;
    Pin::new(flight).take_output()
}
