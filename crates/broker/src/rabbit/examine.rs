//! A look at a RabbitMQ without changing anything in it, for `doctor`: what it is, and what we may do there.

use std::path::Path;
use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::time::timeout;
use uuid::Uuid;

use super::greeting::Greeting;
use super::{BrokerUrl, fault, greeting, tls};
use crate::BrokerError;

/// How long the whole examination may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// `RabbitMQ`, as a rule.
    pub product: String,
    /// Its version: `3.10.8`.
    pub version: String,
    /// The version is 3.10 or newer, as the queues need it.
    pub new_enough: bool,
    /// Whether the user may declare queues named `fawtara.*`, and if not, what the broker says.
    pub declare: Result<(), BrokerError>,
    /// Whether it may publish to them.
    pub publish: Result<(), BrokerError>,
    /// Whether it may consume from them.
    pub consume: Result<(), BrokerError>,
}

impl Examination {
    /// Everything is as it must be.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.new_enough && self.declare.is_ok() && self.publish.is_ok() && self.consume.is_ok()
    }
}

/// Logs in and tries everything out on a queue of its own, which goes with the connection. Of several nodes it takes the
/// first that greets.
///
/// # Errors
/// [`BrokerError::Unavailable`] when nobody answers within ten seconds, [`BrokerError::Unfit`] when the broker lets nobody
/// of that name in, has no such virtual host, or is none.
pub async fn examine(url: &BrokerUrl, extra_ca: Option<&Path>) -> Result<Examination, BrokerError> {
    let (uri, greeting) = first_to_greet(url, extra_ca).await?;
    let attempts = async {
        let properties = ConnectionProperties::default().with_connection_name("fawtara (doctor)".into());
        let connection = tls::connect(&uri, properties, extra_ca).await?;
        let attempts = try_out(&connection).await.map_err(|error| fault::broker_error(&error));
        let farewell = connection.close(lapin::protocol::constants::REPLY_SUCCESS, "bye".into()).await;
        tracing::debug!(?farewell, "examined RabbitMQ");
        attempts
    };
    let attempted = timeout(PATIENCE, attempts).await.map_err(|_| fault::too_late("an answer"))?;
    let [declare, publish, consume] = attempted?;
    let new_enough = greeting.is_fit();
    Ok(Examination {
        product: greeting.product,
        version: greeting.version,
        new_enough,
        declare,
        publish,
        consume,
    })
}

async fn first_to_greet(
    url: &BrokerUrl,
    extra_ca: Option<&Path>,
) -> Result<(AMQPUri, Greeting), BrokerError> {
    let mut last = greeting::not_heard();
    let nodes = url.parse_bare()?;
    let patience = PATIENCE / u32::try_from(nodes.len()).unwrap_or(u32::MAX).max(1);
    for node in nodes {
        match timeout(patience, greeting::read(&node, extra_ca)).await {
            Ok(Ok(greeting)) => return Ok((node, greeting)),
            Ok(Err(error)) => last = error,
            Err(_) => last = greeting::not_heard(),
        }
    }
    Err(last)
}

/// Whether declaring, publishing and consuming work. Each on a channel of its own, since a refusal costs the channel.
async fn try_out(connection: &Connection) -> lapin::Result<[Result<(), BrokerError>; 3]> {
    let name = format!("fawtara.examination.{}", Uuid::new_v4());
    let name = name.as_str();
    let declare = async |channel: Channel| {
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        channel.queue_declare(name.into(), options, FieldTable::default()).await.map(drop)
    };
    let publish = async |channel: Channel| {
        channel.confirm_select(Default::default()).await?;
        let options = BasicPublishOptions::default();
        channel
            .basic_publish("".into(), name.into(), options, b"", BasicProperties::default())
            .await?
            .await?;
        Ok(())
    };
    let consume = async |channel: Channel| {
        channel.basic_get(name.into(), BasicGetOptions { no_ack: true }).await.map(drop)
    };
    let verdict = |outcome: lapin::Result<()>| outcome.map_err(|error| fault::broker_error(&error));
    let declared = verdict(declare(connection.create_channel().await?).await);
    let published = verdict(publish(connection.create_channel().await?).await);
    let consumed = match &declared {
        Ok(()) => verdict(consume(connection.create_channel().await?).await),
        Err(_) => Err(BrokerError::Unfit("not tried, for want of a queue".to_owned())),
    };
    Ok([declared, published, consumed])
}
