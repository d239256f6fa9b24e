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
mod phone;
pub mod profile;
pub mod published;
pub mod returns;
pub mod rules;
pub mod schema;
pub mod settle;
mod shown;
pub mod totals;
pub mod validate;

pub use amount::Amount;
pub use digest::Digest;
pub use event::InvoiceEvent;
pub use key::{Environment, IncomeSource, InvoiceKey};
pub use profile::{Profile, Registration};
pub use published::Published;
pub use returns::{OriginalDocument, ReturnEvent};
pub use rules::Language;
pub use settle::{Settled, settle};
pub use shown::{excerpt, shown};
pub use totals::{LineTotals, Totals, TotalsError};
pub use validate::{Checked, Fault, FaultCode, Message, check, parse, read, read_with, validate};

/// A moment in UTC, with the microseconds that the ledger keeps.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
