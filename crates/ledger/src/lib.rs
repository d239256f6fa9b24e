//! The ledger: the event-sourced truth about every invoice. All SQL of the project stands in this room.
//!
//! One trait, [`Ledger`], and two adapters: Postgres for production, memory for the demo and the simulation tests.
//! One conformance suite runs against both. The rules of the life cycle are not here: they are `invoice::life`.

mod chain;
mod migrate;
mod patience;
mod postgres;
mod record;
mod schedule;
mod traits;

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod memory;
#[cfg(feature = "conformance")]
pub mod testing;

pub use chain::{GENESIS, Head, Link, link, seal};
pub use memory::MemoryLedger;
pub use migrate::{Migration, MigrationStanding};
pub use patience::patiently;
pub use postgres::{APP_ROLE, Examination, PostgresConfig, PostgresLedger, SERVER_VERSION_MIN, Setting};
pub use record::{
    Amendable, Appended, Arrival, AttemptRecord, Change, Checkpoint, Document, DocumentKind, Draft,
    EncodeOutcome, Filter, Listed, Loaded, NewDocument, Page, Reception, RecordedEvent, RefusedIntake,
    Standing, StandingCount, Summary, Sweep, Swept, Unfit, Verification, Violation,
};
pub use schedule::Schedule;
pub use traits::{Encode, Ledger, LedgerError};

use invoice::Timestamp;

/// Where the memory adapter takes the time from; Postgres has its own clock.
pub type Clock = std::sync::Arc<dyn Fn() -> Timestamp + Send + Sync>;
