//! Logs, traces, metrics, and what every listener has in common: the admin port, keys, TLS, patience. Knows nothing of invoices
//! beyond the names of its metrics.

mod admin;
mod key;
pub mod listen;
mod metrics;
mod otlp;
mod setup;
mod trace;

pub use admin::{Admin, AdminError, OtherKeys, Probe};
pub use key::{KeyHash, NotAKeyHash, bearer};
pub use metrics::{Label, Metrics, label, metrics, owned_label};
pub use setup::{LogFormat, Settings, SetupError, Telemetry, init};
pub use trace::{adopt_parent, current_traceparent};
