//! The RabbitMQ adapter: one supervisor owns connections, channels and consumers, and rebuilds all of them on any error.
//! No lapin type leaves this module, and lapin's own recovery stays off.

mod alarm;
mod examine;
mod fault;
mod greeting;
mod lane;
mod link;
mod slot;
mod starve;
mod supervisor;
mod tap;
mod tls;
mod url;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

pub use self::examine::{Examination, examine};
use self::lane::{Address, Job, Wire};
use self::link::Link;
use self::slot::{RabbitSubscription, Slot};
use self::supervisor::{Request, Supervisor};
pub use self::url::BrokerUrl;
use crate::{Announcement, Broker, BrokerError, Health, Ladder, Outgoing, PublishError, Queue, Subscription};

/// How to reach the broker, and how patient to be with it.
#[derive(Debug, Clone)]
pub struct RabbitConfig {
    /// `amqp://user:password@host:port/vhost`, or `amqps`; several `host:port` with commas between them for a cluster.
    pub url: BrokerUrl,
    /// A PEM file of certificate authorities to trust besides the system's, for `amqps`.
    pub extra_ca: Option<PathBuf>,
    /// The waits that have a queue each.
    pub ladder: Ladder,
    /// The name of the connections, as RabbitMQ shows it.
    pub name: String,
    /// How long the first connection may take, all attempts together.
    pub connect_timeout: Duration,
    /// How long a confirm, an acknowledgement or any other answer may take.
    pub confirm_timeout: Duration,
    /// The heartbeat to be negotiated, in whole seconds; a peer that is silent for twice as long is gone.
    pub heartbeat: Duration,
    /// How many messages a publishing channel may have unconfirmed.
    pub publish_window: usize,
}

impl RabbitConfig {
    /// The usual patience: 10 s to connect, 10 s for an answer, a heartbeat of 10 s, a window of 200.
    #[must_use]
    pub fn new(url: BrokerUrl) -> Self {
        Self {
            url,
            extra_ca: None,
            ladder: Ladder::default(),
            name: "fawtara".to_owned(),
            connect_timeout: Duration::from_secs(10),
            confirm_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
            publish_window: 200,
        }
    }
}

/// What the broker's handle, its supervisor and its subscriptions have in common.
struct Shared {
    config: RabbitConfig,
    /// The nodes of the cluster; at least one.
    nodes: Vec<AMQPUri>,
    /// Whose turn it is to be tried.
    next_node: AtomicUsize,
    /// None while there is no connection.
    link: watch::Sender<Option<Arc<Link>>>,
    slots: Mutex<BTreeMap<u64, Arc<Slot>>>,
    /// Unbounded, since a drop cannot wait; it holds at most two requests for each subscription.
    requests: mpsc::UnboundedSender<Request>,
    closing: CancellationToken,
    closed: CancellationToken,
    rebuilt: AtomicU64,
    last_number: AtomicU64,
    last_lane: AtomicUsize,
}

impl Shared {
    fn number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The link that stands, waiting for it as long as for any other answer.
    async fn link(&self) -> Result<Arc<Link>, BrokerError> {
        let mut links = self.link.subscribe();
        let standing = links.wait_for(Option::is_some);
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(BrokerError::closed()),
            link = timeout(self.config.confirm_timeout, standing) => match link {
                Ok(Ok(link)) => link.clone().ok_or_else(BrokerError::closed),
                Ok(Err(_)) => Err(BrokerError::closed()),
                Err(_) => Err(BrokerError::Unavailable("there is no connection".to_owned())),
            },
        }
    }

    fn name_of(&self, queue: Queue) -> Result<String, BrokerError> {
        self.config.ladder.name(queue).ok_or_else(|| BrokerError::no_such_queue(queue))
    }
}

/// A RabbitMQ. Dropping it closes it in the background.
pub struct RabbitBroker {
    shared: Arc<Shared>,
}

impl RabbitBroker {
    /// Connects and declares the queues.
    ///
    /// # Errors
    /// [`BrokerError::Unfit`] at once when waiting will not help: wrong password, no such virtual host, no permission, a
    /// queue that exists with other arguments, a version before 3.10. [`BrokerError::Unavailable`] after `connect_timeout`.
    pub async fn connect(config: RabbitConfig) -> Result<Self, BrokerError> {
        let nodes = config.url.parse(&config)?;
        // Each process begins elsewhere, so that the nodes share the load.
        let first = usize::try_from(uuid::Uuid::new_v4().as_u128() % 1_000).unwrap_or_default();
        let (requests, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            config,
            nodes,
            next_node: AtomicUsize::new(first),
            link: watch::Sender::new(None),
            slots: Mutex::default(),
            requests,
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            rebuilt: AtomicU64::new(0),
            last_number: AtomicU64::new(0),
            last_lane: AtomicUsize::new(0),
        });
        let deadline = Instant::now() + shared.config.connect_timeout;
        let mut delays = supervisor::delays();
        let mut before = None;
        let link = loop {
            let attempt = Link::build(&shared, deadline).await;
            let error = match attempt {
                Ok(link) => break link,
                Err(unfit @ BrokerError::Unfit(_)) => return Err(unfit),
                // What our own deadline has cut off says less than the attempt before it.
                Err(error) => before.take().filter(|_| Instant::now() >= deadline).unwrap_or(error),
            };
            let delay = delays.next().unwrap_or(supervisor::LONGEST_DELAY);
            if Instant::now() + delay >= deadline {
                return Err(error);
            }
            before = Some(error);
            tokio::time::sleep(delay).await;
        };
        shared.link.send_replace(Some(link.clone()));
        tokio::spawn(Supervisor::new(shared.clone(), received).run(link));
        Ok(Self { shared })
    }

    /// Hands messages over and waits for what became of them.
    async fn publish_wires(&self, wires: Vec<Wire>) -> Vec<Result<(), PublishError>> {
        let count = wires.len();
        let lost = |why: String| vec![Err(PublishError::Unconfirmed(why)); count];
        let link = match self.shared.link().await {
            Ok(link) => link,
            Err(error) => return lost(error.to_string()),
        };
        let turn = self.shared.last_lane.fetch_add(1, Ordering::Relaxed);
        let Some(lane) = link.lanes.get(turn % link.lanes.len().max(1)) else {
            return lost("there is no channel to publish on".to_owned());
        };
        let (reply, replied) = oneshot::channel();
        if lane.send(Job { wires, reply }).await.is_err() {
            return lost(link.alarm.why());
        }
        replied.await.unwrap_or_else(|_| lost(link.alarm.why()))
    }

    /// Runs a question to the broker on a channel of its own, since a wrong one costs the channel.
    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&lapin::Channel) -> lapin::Result<T>,
    ) -> Result<T, BrokerError> {
        let link = self.shared.link().await?;
        let asked = async {
            let channel = link.consuming.create_channel().await?;
            let answer = question(&channel).await;
            if answer.is_ok() {
                tap::close_channel(&channel).await;
            }
            answer
        };
        match timeout(self.shared.config.confirm_timeout, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let fault = fault::broker_error(&error);
                if matches!(fault, BrokerError::Unavailable(_)) {
                    // A queue that is gone comes back with the next topology.
                    link.alarm.ring(format!("a question failed: {error}"));
                }
                Err(fault)
            }
            Err(_) => Err(fault::too_late("an answer")),
        }
    }
}

#[async_trait]
impl Broker for RabbitBroker {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let mut results: Vec<_> = batch.iter().map(|_| Ok(())).collect();
        let mut places = Vec::with_capacity(batch.len());
        let mut wires = Vec::with_capacity(batch.len());
        for (place, (outgoing, result)) in batch.into_iter().zip(&mut results).enumerate() {
            match (self.shared.config.ladder.name(outgoing.queue), outgoing.queue) {
                (Some(queue), _) => {
                    places.push(place);
                    let Outgoing { payload, traceparent, .. } = outgoing;
                    wires.push(Wire { to: Address::Queue(queue), payload, traceparent });
                }
                (None, Queue::Retry(rung)) => *result = Err(PublishError::no_such_rung(rung)),
                (None, queue) => *result = Err(PublishError::Unroutable(format!("{queue:?}"))),
            }
        }
        if wires.is_empty() {
            return results;
        }
        for (place, outcome) in places.into_iter().zip(self.publish_wires(wires).await) {
            if let Some(result) = results.get_mut(place) {
                *result = outcome;
            }
        }
        results
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        if batch.is_empty() {
            return Vec::new();
        }
        let wire = |it: Announcement| Wire {
            to: Address::Events { key: it.event_type, id: it.id },
            payload: it.payload,
            traceparent: it.traceparent,
        };
        self.publish_wires(batch.into_iter().map(wire).collect()).await
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        if matches!(queue, Queue::Retry(_)) {
            return Err(BrokerError::not_consumable(queue));
        }
        let name = self.shared.name_of(queue)?;
        let slot = Arc::new(Slot::new(self.shared.number(), name, prefetch.max(1)));
        // From here on its drop takes it back.
        let subscription = RabbitSubscription::register(self.shared.clone(), slot.clone());
        tokio::select! {
            biased;
            () = self.shared.closing.cancelled() => return Err(BrokerError::closed()),
            attached = timeout(self.shared.config.confirm_timeout, slot.attached()) => match attached {
                Ok(attached) => attached?,
                Err(_) => return Err(fault::too_late("a consumer")),
            },
        }
        Ok(Box::new(subscription))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        let name = self.shared.name_of(queue)?;
        let passive = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
        let depth = self
            .ask(async move |channel| {
                channel.queue_declare(name.into(), passive, FieldTable::default()).await
            })
            .await?;
        Ok(u64::from(depth.message_count()))
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        let name = self.shared.name_of(queue)?;
        let options = QueuePurgeOptions::default();
        let purged = self.ask(async move |channel| channel.queue_purge(name.into(), options).await).await?;
        Ok(u64::from(purged))
    }

    fn health(&self) -> Health {
        let link = self.shared.link.borrow();
        Health {
            connected: link.is_some(),
            blocked: link.as_ref().and_then(|link| link.blocked.borrow().clone()),
            rebuilt: self.shared.rebuilt.load(Ordering::Relaxed),
            unsettled: self
                .shared
                .all_slots()
                .iter()
                .filter_map(|slot| slot.tap())
                .map(|tap| tap.unsettled() as u64)
                .sum(),
        }
    }

    async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.closed.cancelled().await;
    }
}

impl Drop for RabbitBroker {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

impl fmt::Debug for RabbitBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitBroker")
            .field("url", &self.shared.config.url)
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}
