//! Jordan-profile UBL 2.1: writes documents into a caller's buffer and compares them as trees.
//!
//! Pure: no I/O, no clock, no randomness. It knows the invoice event and its totals, and nothing of queues,
//! ledgers or the authority's interface.
//!
//! * [`supports`] says whether the writer can write an event at all (asked at intake).
//! * [`write()`] writes one document, or nothing.
//! * [`same_document`] compares what we sent with what the authority returned (promise 7).
//! * [`identity`] reads number, UUID and counter out of a document.

#![warn(clippy::as_conversions, clippy::float_arithmetic)]

pub mod compare;
pub mod identity;
pub mod supports;
pub mod write;

mod namespace;
mod walk;

pub use compare::{Difference, same_document};
pub use identity::{Identity, IdentityError, identity};
pub use supports::{Unsupported, supports};
pub use walk::{MAX_BYTES, MAX_DEPTH, Unreadable};
pub use write::{WriteError, write};
