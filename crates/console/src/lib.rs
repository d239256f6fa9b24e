//! The console: what finance ops do with what stands still. It shows, amends, requeues, abandons and adopts.
//!
//! Every change is decided by `invoice::life` and carries a person's name and reason. It knows no command line, no SQL
//! and no other role: it meets them in the ledger and on the queues.

mod action;
mod amend;
pub mod archive;
mod bulk;
mod desk;
mod error;
mod intake;
mod listing;
mod money;
mod rebuild;
mod recover;
mod relocate;
mod remedy;
pub mod standing;
mod story;
pub mod text;

pub use action::{Action, Done, Held, Hinted};
pub use amend::Amendment;
pub use bulk::{Bulk, HeldCounters, RefusedRow, Report};
pub use desk::Console;
pub use error::{Candidate, ConsoleError};
pub use intake::IntakeRow;
pub use listing::{Cursor, Group, IntakeGroup, Listing, NotACursor, Overview, Paging, Row};
pub use money::Sums;
pub use rebuild::{Rebuilding, Rebuilt};
pub use recover::{Advancing, Counters, Lost, Skipped, SkippedRow};
pub use relocate::Relocated;
pub use remedy::{Advice, advise, advise_heard};
pub use story::{DocumentDigest, QrReading, Story};

#[cfg(test)]
mod tests;
