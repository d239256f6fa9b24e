//! Putting the rooms together: from settings to seams, and from seams to roles.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use broker::{Broker, BrokerUrl, MemoryBroker, RabbitBroker, RabbitConfig};
use encoder::{DocumentEncoder, Encoder};
use invoice::Environment;
use jofotara::{
    Client, Credentials, Endpoint, ExtraCa, HttpConfig, HttpTransport, PRODUCTION_URL, Transport,
};
use ledger::{Clock, Ledger, MemoryLedger, PostgresConfig, PostgresLedger};
use producer::{Intake, Registration};
use submitter::{Endpoints, Submitter};
use uuid::Uuid;

use crate::failure::Misconfigured;
use crate::settings::Settings;

/// The two seams that every role shares.
#[derive(Clone)]
pub struct Seams {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
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
    Ok(Seams { ledger: ledger(settings).await?, broker: broker(settings, name).await? })
}

/// The ledger alone.
///
/// # Errors
/// Where it was looked for, and why it is not there.
pub async fn ledger(settings: &Settings) -> anyhow::Result<Arc<dyn Ledger>> {
    if settings.ledger.url.is_memory() {
        return Ok(Arc::new(MemoryLedger::new(wall_clock(), settings.schedule.clone())));
    }
    let url = settings.ledger.url.masked();
    let ledger = PostgresLedger::connect(postgres(settings)).await.with_context(|| {
        format!("the ledger at {url} (setting ledger.url) cannot be used; `fawtara doctor` says more")
    })?;
    Ok(Arc::new(ledger))
}

/// The Postgres adapter's settings.
#[must_use]
pub fn postgres(settings: &Settings) -> PostgresConfig {
    let mut config = PostgresConfig::new(settings.ledger.url.expose());
    config.max_connections = settings.ledger.max_connections;
    config.schedule = settings.schedule.clone();
    config.role.clone_from(&settings.ledger.role);
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
    let sources = settings
        .income_sources
        .iter()
        .map(|source| {
            (source.source(), Registration { environment: source.environment, family: source.family })
        })
        .collect();
    Intake {
        ledger: Arc::clone(&seams.ledger),
        broker: Arc::clone(&seams.broker),
        sources: Arc::new(sources),
    }
}

/// The encoder over the seams.
#[must_use]
pub fn encoder(settings: &Settings, seams: &Seams) -> Encoder {
    let starts = settings.income_sources.iter().map(|source| (source.source(), source.icv_start)).collect();
    Encoder {
        ledger: Arc::clone(&seams.ledger),
        broker: Arc::clone(&seams.broker),
        documents: Arc::new(DocumentEncoder::new(starts)),
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
    Ok(Submitter {
        ledger: Arc::clone(&seams.ledger),
        broker: Arc::clone(&seams.broker),
        client: Client::new(transport),
        endpoints: endpoints(settings)?,
        policy: settings.policy.clone(),
        ladder: settings.broker.ladder_ms.clone(),
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
    let timeout = Duration::from_millis(settings.authority.timeout_ms);
    let mut endpoints = BTreeMap::new();
    for source in &settings.income_sources {
        let name = source.source();
        let url = match (&source.url, source.environment) {
            (Some(url), _) => url.clone(),
            (None, Environment::Production) => PRODUCTION_URL.to_owned(),
            (None, Environment::Simulation) => simulated_url(settings.simulator.listen),
            (None, Environment::Sandbox) => {
                return Err(Misconfigured::because(format!(
                    "income source {name}: no official sandbox exists; set the url of the one that you use"
                )));
            }
        };
        let credentials = Credentials { client_id: source.client_id.clone(), secret_key: source.secret()? };
        let endpoint = Endpoint::new(source.environment, &url, credentials, timeout)
            .with_context(|| format!("income source {name}"))?;
        endpoints.insert((source.environment, name), endpoint);
    }
    Ok(endpoints)
}

/// Where the simulator of these settings answers. One that listens everywhere is asked on this machine.
fn simulated_url(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{listen}/core/invoices/")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulator_that_listens_everywhere_is_asked_here() {
        for (listen, url) in [
            ("127.0.0.1:8090", "http://127.0.0.1:8090/core/invoices/"),
            ("0.0.0.0:8091", "http://127.0.0.1:8091/core/invoices/"),
            ("[::]:8092", "http://[::1]:8092/core/invoices/"),
            ("10.1.2.3:80", "http://10.1.2.3:80/core/invoices/"),
        ] {
            assert_eq!(simulated_url(listen.parse().unwrap()), url);
        }
    }
}
