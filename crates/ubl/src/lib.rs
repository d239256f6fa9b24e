//! Jordan-profile UBL 2.1: writes documents into a caller's buffer, reads and explains them, and compares them as trees.
//!
//! Pure: no I/O, no clock, no randomness. It knows the invoice event and its totals, and nothing of queues,
//! ledgers or the authority's interface.
//!
//! * [`write()`] writes one document, or nothing.
//! * [`read()`] reads a document of any program, and gives the event behind it.
//! * [`examine()`] says what is wrong with a document, by the profile, the rules and the arithmetic.
//! * [`same_document`] compares what we sent with what the authority returned (promise 7).
//! * [`identity`] reads number, UUID and counter out of a document.

#![warn(clippy::as_conversions, clippy::float_arithmetic)]

pub mod compare;
pub mod examine;
pub mod finding;
pub mod identity;
pub mod read;
pub mod write;

mod namespace;
mod walk;

pub use compare::{Difference, same_but_counter, same_document};
pub use examine::{examine, xpath};
pub use finding::{Finding, FindingCode, Severity};
pub use identity::{Identity, IdentityError, identity};
pub use read::{Printed, PrintedLine, ReadError, Reading, read};
pub use walk::{MAX_BYTES, MAX_DEPTH, Unreadable};
pub use write::{Document, WriteError, write};
