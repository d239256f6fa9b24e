//! The invoice: what a retailer publishes, what the authority's rules make of it, and how it lives.
//!
//! Pure: no I/O, no clock, no randomness, no async. Everything above may rely on that.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

pub mod amount;
#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
pub mod digest;
pub mod event;
pub mod key;
pub mod life;
pub mod limits;
pub mod normal;
pub mod schema;
pub mod totals;
pub mod validate;

pub use amount::Amount;
pub use digest::Digest;
pub use event::InvoiceEvent;
pub use key::{Environment, IncomeSource, InvoiceKey};
pub use totals::{LineTotals, Totals, TotalsError};
pub use validate::{Checked, Fault, FaultCode, check, parse, read, validate};

/// A moment in UTC, with the microseconds that the ledger keeps.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
