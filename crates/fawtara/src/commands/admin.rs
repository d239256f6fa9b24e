//! The admin port beside a long-running command: bound before anything works, ended after everything has.

use std::time::Duration;

use anyhow::Context;
use ledger::{KeyRing, Live};
use telemetry::listen::Tls;
use telemetry::{Admin, Probe, Telemetry};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::keys;
use crate::settings::Settings;

/// A scraper that begins a request and never ends it must not keep the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bound, but not yet serving; or nothing, when none is wanted.
pub(super) struct AdminPort(Option<Admin>);

impl AdminPort {
    /// Binds `admin.listen`.
    ///
    /// # Errors
    /// An address that cannot be had, or a certificate that cannot be used.
    pub(super) async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self(match settings.admin.listen {
            Some(address) => {
                let tls = settings.admin.tls.as_ref().map(Tls::load).transpose().context("admin")?;
                Some(Admin::bind(address, settings.admin.keys.clone(), tls).await?)
            }
            None => None,
        }))
    }

    /// With the keys of the ledger, where there is one.
    ///
    /// # Errors
    /// An address without the key that it needs.
    pub(super) fn guarded_by(self, keys: Option<Live<KeyRing>>) -> anyhow::Result<Self> {
        Ok(Self(self.0.map(|admin| admin.guarded_by(keys::for_metrics(keys))).transpose()?))
    }

    /// Serves from now on; not ready any more from `stopping` on.
    pub(super) fn serve(self, telemetry: &Telemetry, ready: Probe, stopping: &CancellationToken) -> Serving {
        let done = CancellationToken::new();
        let task = self.0.map(|admin| {
            info!(address = ?admin.address(), "admin port");
            tokio::spawn(admin.serve(telemetry.registry(), ready, stopping.clone(), done.clone()))
        });
        Serving { done, task }
    }
}

/// The port while it serves.
pub(super) struct Serving {
    done: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Serving {
    /// Ends it, and waits for what is being answered, but not for long.
    pub(super) async fn end(self) {
        self.done.cancel();
        if let Some(task) = self.task {
            let _ = tokio::time::timeout(PATIENCE, task).await;
        }
    }
}
