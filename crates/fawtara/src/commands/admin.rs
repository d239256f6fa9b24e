//! The admin port beside a long-running command: bound before anything works, ended after everything has.

use std::time::Duration;

use telemetry::{Admin, Probe, Telemetry};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::settings::Settings;

/// A scraper that begins a request and never ends it must not keep the process.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bound, but not yet serving; or nothing, when none is wanted.
pub(super) struct AdminPort(Option<Admin>);

impl AdminPort {
    /// Binds `admin.listen`.
    ///
    /// # Errors
    /// An address without the key that it needs, or one that cannot be had.
    pub(super) async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self(match settings.admin.listen {
            Some(address) => Some(Admin::bind(address, settings.admin.keys.clone()).await?),
            None => None,
        }))
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
