//! One life of the connection to RabbitMQ: two connections, the topology, the publishing lanes. It ends at the first
//! error, and is then built anew as a whole; it knows nothing of subscriptions.
//!
//! Two connections, since RabbitMQ stops reading from one that publishes while it has an alarm: acknowledgements would
//! wait as well.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event, ExchangeKind};
use tokio::sync::{mpsc, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use super::alarm::Alarm;
use super::lane::{Job, Lane};
use super::{Shared, fault, greeting, tls};
use crate::topology::{Argument, Declaration, declarations};
use crate::{BrokerError, EVENTS_EXCHANGE};

/// How long one attempt to connect may take, and so a peer that accepts and says nothing.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long one of several nodes may take to greet before the next one is tried.
const GREETING: Duration = Duration::from_secs(2);

/// How long a connection may take to close before it is simply dropped.
const FAREWELL: Duration = Duration::from_secs(2);

/// How many channels publish beside each other. Each waits for its whole window before it goes on (see [`Lane`]).
const LANES: usize = 4;

/// How many batches wait for a lane; more wait with their publishers.
const WAITING_JOBS: usize = 4;

/// A connection that stands.
pub(super) struct Link {
    publishing: Arc<Connection>,
    pub(super) consuming: Connection,
    pub(super) lanes: Vec<mpsc::Sender<Job>>,
    pub(super) alarm: Alarm,
    /// Why the broker blocks publishers, if it does.
    pub(super) blocked: watch::Sender<Option<String>>,
    pub(super) since: Instant,
}

impl Link {
    /// One attempt with each node, until one is good. The turn goes on with every attempt, so that a node which breaks link
    /// after link does not get the next one too.
    pub(super) async fn build(shared: &Shared, deadline: Instant) -> Result<Arc<Self>, BrokerError> {
        let mut worst = None;
        for _ in &shared.nodes {
            let turn = shared.next_node.fetch_add(1, Ordering::Relaxed) % shared.nodes.len().max(1);
            let Some(node) = shared.nodes.get(turn) else { break };
            let deadline = deadline.min(Instant::now() + ATTEMPT);
            let built = timeout_at(deadline, Self::build_unbounded(shared, node)).await;
            let error = match built {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error)) => error,
                Err(_) => fault::too_late(&format!("the connection to {}", shared.config.url)),
            };
            if shared.nodes.len() > 1 {
                let (host, port) = (&node.authority.host, node.authority.port);
                tracing::debug!(%error, host, port, "one node of RabbitMQ cannot be used");
            }
            // Waiting may help as long as it helps with one of them.
            if !matches!((&worst, &error), (Some(_), BrokerError::Unfit(_))) {
                worst = Some(error);
            }
        }
        Err(worst.unwrap_or_else(BrokerError::closed))
    }

    async fn build_unbounded(shared: &Shared, node: &AMQPUri) -> Result<Arc<Self>, BrokerError> {
        // Also because lapin leaves a thread behind for each attempt whose peer never greets.
        let patience = if shared.nodes.len() > 1 { GREETING } else { ATTEMPT };
        timeout(patience, greeting::read(node, shared.config.extra_ca.as_deref()))
            .await
            .map_err(|_| greeting::not_heard())??
            .check()?;
        let (publishing, consuming) =
            tokio::try_join!(connect(shared, node, "publishing"), connect(shared, node, "consuming"))?;
        let link = Self {
            publishing: Arc::new(publishing),
            consuming,
            lanes: Vec::new(),
            alarm: Alarm::default(),
            blocked: watch::Sender::new(None),
            since: Instant::now(),
        };
        if let Err(error) = declare_all(&link.consuming, &declarations(&shared.config.ladder)).await {
            link.close("the topology cannot be declared").await;
            return Err(error);
        }
        Ok(Arc::new(link.with_lanes(shared)))
    }

    fn with_lanes(mut self, shared: &Shared) -> Self {
        let no_alarm = watch::Sender::new(None);
        tokio::spawn(watch_events(self.consuming.events_listener(), self.alarm.clone(), no_alarm));
        tokio::spawn(watch_events(
            self.publishing.events_listener(),
            self.alarm.clone(),
            self.blocked.clone(),
        ));
        for _ in 0..LANES {
            let (jobs, waiting) = mpsc::channel(WAITING_JOBS);
            let lane = Lane::new(
                self.publishing.clone(),
                &shared.config,
                self.alarm.clone(),
                self.blocked.subscribe(),
            );
            tokio::spawn(lane.run(waiting));
            self.lanes.push(jobs);
        }
        self
    }

    /// What is wrong with the connections, though nobody has said so yet.
    pub(super) fn ailment(&self) -> Option<String> {
        let ailing = |name: &str, connection: &Connection| {
            (!connection.status().connected()).then(|| format!("the {name} connection is not open any more"))
        };
        ailing("publishing", &self.publishing).or_else(|| ailing("consuming", &self.consuming))
    }

    /// The end: everything that hangs on the link stops, and RabbitMQ is told as far as it listens.
    pub(super) async fn close(&self, why: &str) {
        self.alarm.ring(why);
        let (publishing, consuming) = tokio::join!(farewell(&self.publishing), farewell(&self.consuming));
        tracing::debug!(?publishing, ?consuming, "the connections to RabbitMQ are closed");
    }
}

async fn farewell(connection: &Connection) -> Result<lapin::Result<()>, Elapsed> {
    timeout(FAREWELL, connection.close(lapin::protocol::constants::REPLY_SUCCESS, "bye".into())).await
}

async fn connect(shared: &Shared, node: &AMQPUri, purpose: &str) -> Result<Connection, BrokerError> {
    let name = format!("{} ({purpose})", shared.config.name);
    let properties = ConnectionProperties::default()
        .with_client_property("product".into(), "Fawtara".into())
        .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into())
        .with_connection_name(name.into());
    tls::connect(node, properties, shared.config.extra_ca.as_deref()).await
}

/// Declares the exchange of events and every queue, on one channel.
async fn declare_all(connection: &Connection, queues: &[Declaration]) -> Result<(), BrokerError> {
    let channel = connection.create_channel().await.map_err(|error| fault::broker_error(&error))?;
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let exchange = EVENTS_EXCHANGE.into();
    let declared =
        channel.exchange_declare(exchange, ExchangeKind::Topic, options, FieldTable::default()).await;
    declared.map_err(|error| fault::exchange_error(EVENTS_EXCHANGE, &error))?;
    for queue in queues {
        let mut arguments = FieldTable::default();
        for (key, value) in &queue.arguments {
            let value = match value {
                Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
                Argument::Number(number) => AMQPValue::LongLongInt(*number),
            };
            arguments.insert((*key).into(), value);
        }
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let declared = channel.queue_declare(queue.name.as_str().into(), options, arguments).await;
        declared.map_err(|error| fault::declare_error(&queue.name, &error))?;
    }
    super::tap::close_channel(&channel).await;
    Ok(())
}

async fn watch_events(
    events: impl Stream<Item = Event>,
    alarm: Alarm,
    blocked: watch::Sender<Option<String>>,
) {
    let mut events = std::pin::pin!(events);
    loop {
        let event = tokio::select! {
            biased;
            () = alarm.rung() => return,
            event = events.next() => event,
        };
        match event {
            Some(Event::ConnectionBlocked(why)) => {
                tracing::warn!(why, "RabbitMQ blocks publishers");
                blocked.send_replace(Some(why));
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("RabbitMQ takes messages again");
                blocked.send_replace(None);
            }
            Some(Event::Error(error)) => alarm.ring(format!("the connection failed: {error}")),
            Some(_) => {}
            None => alarm.ring("the connection is gone"),
        }
    }
}
