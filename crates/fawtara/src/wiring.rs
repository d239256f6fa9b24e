//! Putting the rooms together: from settings to seams, and from seams to roles.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use broker::{Broker, BrokerUrl, MemoryBroker, RabbitBroker, RabbitConfig};
use encoder::{DocumentEncoder, Encoder};
use jofotara::{Client, Credentials, ExtraCa, HttpConfig, HttpTransport, Transport};
use ledger::{Clock, KeyRing, Ledger, Live, MemoryLedger, Part, PostgresConfig, PostgresLedger, Registry};
use producer::{Gate, Intake};
use submitter::{Endpoints, Submitter};
use uuid::Uuid;

use crate::keys;
use crate::registry::{self, AddressBook};
use crate::settings::Settings;
use crate::telling;
use crate::vault;

/// How often the intake's switch is read: so soon a producer obeys it.
const GATE_EVERY: Duration = Duration::from_secs(1);

/// The two seams that every role shares.
#[derive(Clone)]
pub struct Seams {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// The income sources of the ledger, as they are now.
    pub registry: Live<Registry>,
    /// Whether events are taken.
    pub gate: Gate,
    /// Who may come in.
    pub keys: Live<KeyRing>,
}

/// The wall clock, for what has no ledger to ask.
#[must_use]
pub fn wall_clock() -> Clock {
    #[allow(clippy::disallowed_methods, reason = "this is the place where the clock is passed in from")]
    Arc::new(chrono::Utc::now)
}

/// Connects to what the settings name.
///
/// # Errors
/// Which service, where, and why not.
pub async fn connect(settings: &Settings, name: &str) -> anyhow::Result<Seams> {
    let ledger = ledger_of(settings, part(name)).await?;
    let refresh = Duration::from_millis(settings.taxpayers.refresh_ms);
    let registry = registry::follow(&ledger, refresh)
        .await
        .context("the registry of taxpayers cannot be read (was `fawtara migrate` run?)")?;
    let gate = Gate::follow(&ledger, GATE_EVERY).await.context("the intake's switch cannot be read")?;
    let keys = keys::follow(&ledger, keys::REFRESH).await.context("the API keys cannot be read")?;
    Ok(Seams { broker: broker(settings, name).await?, ledger, registry, gate, keys })
}

/// The part that a process plays, by its name.
fn part(name: &str) -> Part {
    match name {
        "producer" => Part::Producer,
        "encoder" => Part::Encoder,
        "submitter" => Part::Submitter,
        "all" | "demo" => Part::Whole,
        _ => Part::Operator,
    }
}

/// The ledger alone, for a person's command.
///
/// # Errors
/// Where it was looked for, and why it is not there.
pub async fn ledger(settings: &Settings) -> anyhow::Result<Arc<dyn Ledger>> {
    ledger_of(settings, Part::Operator).await
}

async fn ledger_of(settings: &Settings, part: Part) -> anyhow::Result<Arc<dyn Ledger>> {
    if settings.ledger.url.is_memory() {
        let ledger = MemoryLedger::new(wall_clock(), settings.schedule.clone());
        return Ok(Arc::new(if telling::is_wanted(settings) { ledger.with_notices() } else { ledger }));
    }
    let url = settings.ledger.url.masked();
    let ledger = PostgresLedger::connect(postgres(settings, part)).await.with_context(|| {
        format!("the ledger at {url} (setting ledger.url) cannot be used; `fawtara doctor` says more")
    })?;
    Ok(Arc::new(ledger))
}

/// The Postgres adapter's settings.
#[must_use]
pub fn postgres(settings: &Settings, part: Part) -> PostgresConfig {
    let mut config = PostgresConfig::new(settings.ledger.url.expose());
    config.max_connections = settings.ledger.max_connections;
    config.answer_timeout = Duration::from_millis(settings.ledger.answer_timeout_ms);
    config.schedule = settings.schedule.clone();
    config.roles = match settings.ledger.role.as_str() {
        "auto" => part.roles(),
        "login" => Vec::new(),
        role => vec![role.to_owned()],
    };
    config.notices = telling::is_wanted(settings);
    config
}

/// The broker alone.
///
/// # Errors
/// Where it was looked for, and why it is not there.
pub async fn broker(settings: &Settings, name: &str) -> anyhow::Result<Arc<dyn Broker>> {
    let ladder = settings.broker.ladder_ms.clone();
    if settings.broker.url.is_memory() {
        return Ok(Arc::new(MemoryBroker::new(ladder)));
    }
    let masked = settings.broker.url.masked();
    let mut config = RabbitConfig::new(BrokerUrl::new(settings.broker.url.expose()));
    config.extra_ca.clone_from(&settings.broker.extra_ca);
    config.ladder = ladder;
    config.name = format!("fawtara {name}");
    let broker = RabbitBroker::connect(config).await.with_context(|| {
        format!("the broker at {masked} (setting broker.url) cannot be used; `fawtara doctor` says more")
    })?;
    Ok(Arc::new(broker))
}

/// The intake over the seams.
#[must_use]
pub fn intake(settings: &Settings, seams: &Seams) -> Intake {
    Intake {
        ledger: Arc::clone(&seams.ledger),
        broker: Arc::clone(&seams.broker),
        registrations: registry::registrations(settings, &seams.registry, None),
        gate: seams.gate.clone(),
    }
}

/// The encoder over the seams.
#[must_use]
pub fn encoder(settings: &Settings, seams: &Seams) -> Encoder {
    let wakes = Some(Arc::clone(&seams.ledger));
    let registrations = registry::registrations(settings, &seams.registry, wakes);
    Encoder {
        ledger: Arc::clone(&seams.ledger),
        broker: Arc::clone(&seams.broker),
        documents: Arc::new(DocumentEncoder::new(registrations).with_policies(settings.policies())),
        config: settings.encoder.clone(),
    }
}

/// The submitter over the seams.
///
/// # Errors
/// An income source without credentials, or one that the production gate refuses.
pub fn submitter(
    settings: &Settings,
    seams: &Seams,
    transport: Arc<dyn Transport>,
) -> anyhow::Result<Submitter> {
    let book = AddressBook::new(settings, vault::vault(&settings.taxpayers)?)?;
    Ok(Submitter {
        ledger: Arc::clone(&seams.ledger),
        broker: Arc::clone(&seams.broker),
        client: Client::new(transport).checking_seals(settings.submitter.check_seals),
        endpoints: book.follow(&seams.registry, Arc::clone(&seams.ledger)),
        policies: settings.policies(),
        ladder: settings.broker.ladder_ms.clone(),
        telling: telling::of(settings)?,
        worker: boot_id(),
        config: settings.submitter.clone(),
    })
}

/// A name for this process that no other start of any process has.
#[must_use]
pub fn boot_id() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "host".to_owned());
    let boot = Uuid::new_v4().simple().to_string();
    format!("{host}/{}/{}", std::process::id(), boot.get(..8).unwrap_or(&boot))
}

/// Each income source's place to send to, through the production gate.
///
/// # Errors
/// Which income source, and which condition is not met.
pub fn endpoints(settings: &Settings) -> anyhow::Result<Endpoints> {
    let mut endpoints = BTreeMap::new();
    for source in &settings.income_sources {
        let name = source.source();
        let credentials = Credentials { client_id: source.client_id.clone(), secret_key: source.secret()? };
        let url = source.url.as_deref();
        let endpoint = registry::gated(settings, source.environment, url, &source.route, credentials)
            .with_context(|| format!("income source {name}"))?;
        endpoints.insert((source.environment, name), endpoint);
    }
    Ok(endpoints)
}

/// The way out over HTTP.
///
/// # Errors
/// A private certificate authority that cannot be read.
pub fn http_transport(settings: &Settings) -> anyhow::Result<Arc<dyn Transport>> {
    let extra_ca = settings.authority.extra_ca.clone().map(ExtraCa::File);
    let config = HttpConfig {
        connect_timeout: Duration::from_millis(settings.authority.connect_timeout_ms),
        extra_ca,
        idle_connections: usize::from(settings.submitter.max_in_flight),
        ..HttpConfig::default()
    };
    Ok(Arc::new(HttpTransport::new(config)?))
}
