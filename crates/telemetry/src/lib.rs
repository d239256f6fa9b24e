//! Logs, traces, metrics and the admin port of every role. Knows nothing of invoices beyond the names of its metrics.

mod admin;
mod key;
mod metrics;
mod setup;
mod trace;

pub use admin::{Admin, AdminError, Probe};
pub use key::{KeyHash, NotAKeyHash};
pub use metrics::{Label, Metrics, label, metrics, owned_label};
pub use setup::{LogFormat, Settings, SetupError, Telemetry, init};
pub use trace::{adopt_parent, current_traceparent};
