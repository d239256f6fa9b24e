//! `fawtara simulator`: the stand-in for the authority, over HTTP, with a device for each simulated income source.

use std::sync::Arc;

use anyhow::Context;
use invoice::Environment;
use invoice::event::Family;
use secrecy::ExposeSecret;
use simulator::{Authority, Device, Handle};
use telemetry::listen::Tls;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Outcome;
use super::admin::AdminPort;
use super::roles::stop_signal;
use crate::failure::{BlameSettings, Misconfigured};
use crate::settings::Settings;
use crate::wiring;

/// A simulator that is bound but not yet serving.
pub struct Simulator {
    listener: TcpListener,
    tls: Option<Tls>,
    handle: Handle,
}

/// `fawtara simulator`.
///
/// # Errors
/// A setting or an address that is not as it must be.
pub async fn run(settings: Settings) -> anyhow::Result<Outcome> {
    let telemetry = telemetry::init(&settings.telemetry, "simulator")?;
    let stop = stop_signal()?;
    let admin = AdminPort::bind(&settings).await?.guarded_by(None)?;
    let simulator = bind(&settings).await?;
    let admin = admin.serve(&telemetry, Arc::new(|| Ok(())), &stop);
    let served = simulator.serve(stop).await;
    admin.end().await;
    let _ = tokio::task::spawn_blocking(move || telemetry.shutdown()).await;
    served.map(|()| Outcome::Done)
}

/// Binds the simulator's port.
///
/// # Errors
/// A setting or an address that is not as it must be.
pub async fn bind(settings: &Settings) -> anyhow::Result<Simulator> {
    let address = settings.simulator.listen;
    if !address.ip().is_loopback() && !settings.simulator.exposed {
        return Err(Misconfigured::because(format!(
            "simulator.listen is {address}, which others can reach: set simulator.exposed = true if that is meant"
        )));
    }
    let tls =
        settings.simulator.tls.as_ref().map(Tls::load).transpose().context("simulator").blame_settings()?;
    let listener = TcpListener::bind(address).await.with_context(|| format!("simulator.listen {address}"))?;
    Ok(Simulator { listener, tls, handle: handle(settings)? })
}

/// The authority as the settings want it.
///
/// # Errors
/// A tolerance that is no number, or a secret that is nowhere.
pub fn handle(settings: &Settings) -> anyhow::Result<Handle> {
    let tolerance = settings.simulator.tolerance.parse().map_err(|error| {
        Misconfigured::because(format!("simulator.tolerance {:?}: {error}", settings.simulator.tolerance))
    })?;
    let rules = simulator::Settings { tolerance, ..simulator::Settings::default() };
    let mut authority = Authority::new(rules, settings.simulator.seed);
    for source in
        settings.income_sources.iter().filter(|source| source.environment == Environment::Simulation)
    {
        authority.register(Device {
            client_id: source.client_id.clone(),
            secret_key: source.secret()?.expose_secret().to_owned(),
            tax_number: source.tax_number.clone(),
            income_source: source.sequence.clone(),
            family: match source.family {
                Some(Family::Income) => simulator::Family::Income,
                Some(Family::GeneralSales) | None => simulator::Family::General,
                Some(Family::SpecialSales) => simulator::Family::Special,
            },
            consumer_price: true,
        });
    }
    Ok(Handle::new(authority))
}

impl Simulator {
    /// Serves until `stop`.
    ///
    /// # Errors
    /// The listener's own failure.
    pub async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        info!(address = ?self.listener.local_addr().ok(), "the simulated authority is at work; nothing that it clears is real");
        let clock = wiring::wall_clock();
        simulator::serve(self.listener, self.tls, self.handle, clock, stop.cancelled_owned()).await?;
        Ok(())
    }
}
