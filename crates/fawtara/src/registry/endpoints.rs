//! From registered income sources to places to send to: secrets are opened here and nowhere else, and every address passes
//! the production gate.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use invoice::Environment;
use jofotara::{Credentials, Endpoint, PRODUCTION_URL, Route};
use ledger::vault::Vault;
use ledger::{Ledger, Live, RegisteredSource, Registry};
use submitter::Endpoints;
use tokio::sync::watch;
use tracing::error;

use super::{Name, changed, wake};
use crate::failure::Misconfigured;
use crate::settings::{Settings, SimulatorSettings};
use crate::vault::place;

/// The places to send to, made from settings and registry. It keeps what has not changed, so that an endpoint stays the same
/// one for as long as nobody touches its income source.
pub struct AddressBook {
    settings: Settings,
    vault: Vault,
    /// The income sources of the settings; they never change.
    of_settings: Endpoints,
    /// By the revision that each was made from; none where it could not be made.
    made: BTreeMap<Name, (u64, Option<Endpoint>)>,
}

impl AddressBook {
    /// A book for these settings; nothing of the ledger is in it yet.
    ///
    /// # Errors
    /// An income source of the settings without credentials, or one that the gate refuses.
    pub fn new(settings: &Settings, vault: Vault) -> anyhow::Result<Self> {
        let of_settings = crate::wiring::endpoints(settings)?;
        Ok(Self { settings: settings.clone(), vault, of_settings, made: BTreeMap::new() })
    }

    /// All places to send to. An income source whose secret cannot be opened or whose address is refused is left out with a
    /// line in the log: its documents wait, the others go on.
    pub fn update(&mut self, registry: &Registry) -> Endpoints {
        let mut made = BTreeMap::new();
        for source in &registry.sources {
            let name = (source.environment, source.source.clone());
            let kept = self.made.remove(&name).filter(|(revision, _)| *revision == source.revision);
            let entry = kept.unwrap_or_else(|| (source.revision, self.make(source)));
            made.insert(name, entry);
        }
        self.made = made;
        let mut endpoints = self.of_settings.clone();
        for (name, (_, endpoint)) in &self.made {
            match endpoint {
                Some(endpoint) => endpoints.insert(name.clone(), endpoint.clone()),
                None => endpoints.remove(name),
            };
        }
        endpoints
    }

    /// [`AddressBook::update`], and again whenever the registry changes; invoices of what has changed are woken.
    #[must_use]
    pub fn follow(mut self, registry: &Live<Registry>, ledger: Arc<dyn Ledger>) -> Live<Endpoints> {
        let mut registry = registry.clone();
        let first = self.update(&registry.borrow_and_update().clone());
        let (sender, receiver) = watch::channel(Arc::new(first));
        tokio::spawn(async move {
            while changed(&mut registry, &sender).await {
                let latest = registry.borrow_and_update().clone();
                let now = Arc::new(self.update(&latest));
                let before = sender.send_replace(Arc::clone(&now));
                let is_new = |(name, endpoint): &(&Name, &Endpoint)| {
                    before.get(name).is_none_or(|before| !before.is_same(endpoint))
                };
                let names = now.iter().filter(is_new).map(|(name, _)| name.clone());
                wake(&*ledger, names.collect()).await;
            }
        });
        receiver
    }

    fn make(&self, source: &RegisteredSource) -> Option<Endpoint> {
        if !source.active {
            return None;
        }
        match endpoint(&self.settings, &self.vault, source) {
            Ok(endpoint) => Some(endpoint),
            Err(reason) => {
                let reason = format!("{reason:#}");
                error!(source = %source.source, environment = %source.environment, reason, "nothing can be sent for this income source; its invoices wait");
                None
            }
        }
    }
}

/// The place to send to of one registered income source, active or not.
///
/// # Errors
/// Its secret is missing or cannot be opened, its route cannot be read, or the gate refuses it.
pub fn endpoint(settings: &Settings, vault: &Vault, source: &RegisteredSource) -> anyhow::Result<Endpoint> {
    let name = &source.source;
    let route: Route = serde_json::from_value(source.route.clone())
        .with_context(|| format!("income source {name}: its route cannot be read"))?;
    let sealed = source.secret.as_ref().ok_or_else(|| {
        Misconfigured::because(format!(
            "income source {name} has no secret key yet: enter it with `fawtara taxpayers rotate-secret`"
        ))
    })?;
    let secret_key = vault
        .open(&place(source.environment, name), sealed)
        .with_context(|| format!("the secret key of income source {name}"))?;
    let credentials = Credentials { client_id: source.client_id.clone(), secret_key };
    gated(settings, source.environment, source.url.as_deref(), &route, credentials)
        .with_context(|| format!("income source {name}"))
}

/// An endpoint with the address that its environment has when none is given.
pub(crate) fn gated(
    settings: &Settings,
    environment: Environment,
    url: Option<&str>,
    route: &Route,
    credentials: Credentials,
) -> anyhow::Result<Endpoint> {
    let url = match (url, environment) {
        (Some(url), _) => url.to_owned(),
        (None, Environment::Production) => PRODUCTION_URL.to_owned(),
        (None, Environment::Simulation) => simulated_url(&settings.simulator),
        (None, Environment::Sandbox) if *route == Route::Direct => {
            return Err(Misconfigured::because(
                "no official sandbox exists; set the url of the one that you use",
            ));
        }
        // The route brings its own.
        (None, Environment::Sandbox) => simulated_url(&settings.simulator),
    };
    let timeout = Duration::from_millis(settings.authority.timeout_ms);
    Ok(Endpoint::routed(environment, &url, route, credentials, timeout)?)
}

/// Where the simulator of these settings answers. One that listens everywhere is asked on this machine.
fn simulated_url(simulator: &SimulatorSettings) -> String {
    let mut listen = simulator.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let scheme = if simulator.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{listen}/core/invoices/")
}

#[cfg(test)]
mod tests {
    use telemetry::listen::TlsFiles;

    use super::*;

    #[test]
    fn a_simulator_that_listens_everywhere_is_asked_here() {
        for (listen, url) in [
            ("127.0.0.1:8090", "http://127.0.0.1:8090/core/invoices/"),
            ("0.0.0.0:8091", "http://127.0.0.1:8091/core/invoices/"),
            ("[::]:8092", "http://[::1]:8092/core/invoices/"),
            ("10.1.2.3:80", "http://10.1.2.3:80/core/invoices/"),
        ] {
            let mut simulator = SimulatorSettings { listen: listen.parse().unwrap(), ..Default::default() };
            assert_eq!(simulated_url(&simulator), url);
            simulator.tls = Some(TlsFiles { cert: "cert".into(), key: "key".into(), client_ca: None });
            assert_eq!(simulated_url(&simulator), url.replace("http:", "https:"));
        }
    }
}
