//! The ledger: the event-sourced truth about every invoice. All SQL of the project stands in this room.
//!
//! One trait, [`Ledger`], and two adapters: Postgres for production, memory for the demo and the simulation tests.
//! One conformance suite runs against both. The rules of the life cycle are not here: they are `invoice::life`.

mod archive;
mod chain;
mod fleet;
mod migrate;
mod originals;
mod outbox;
mod patience;
mod postgres;
mod record;
mod recovery;
mod registrations;
mod schedule;
mod sweep;
mod taxpayers;
mod traits;

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod keys;
pub mod memory;
#[cfg(feature = "conformance")]
pub mod testing;
pub mod vault;

pub use archive::{Archive, Detachment, Dossier, Issued, IssuedPage, KeptDocument, KeptEvent};
pub use chain::{GENESIS, Head, Link, link, seal};
pub use fleet::{Fleet, Granted, ShareRequest, SubmitterShare};
pub use keys::{KeyRing, Keys};
pub use memory::MemoryLedger;
pub use migrate::{Migration, MigrationStanding};
pub use originals::{Completed, Description, Encoding, OriginalName, OriginalStanding, Told, Unencoded};
pub use outbox::{Attempted, Delivery, NewDelivery, Notice, Outbox, OutboxStanding, WebhookStanding, Which};
pub use patience::patiently;
pub use postgres::{
    APP_ROLE, Examination, MonthStanding, Part, PostgresConfig, PostgresLedger, SERVER_VERSION_MIN, Setting,
};
pub use record::{
    Amendable, Appended, Arrival, AttemptRecord, Change, Checkpoint, Document, DocumentKind, Draft,
    EncodeOutcome, Filter, Listed, Loaded, NewDocument, Page, Reception, RecordedEvent, RefusedIntake,
    Standing, StandingCount, Summary, Verification, Violation,
};
pub use recovery::{
    Advance, Advanced, CounterStanding, HeldNoted, IntakeSwitch, Recovery, UNKNOWN_MAX, UnknownHint,
    VoidRange, note_strangers,
};
pub use registrations::{Live, Registrations, unchanging};
pub use schedule::Schedule;
pub use sweep::{Parked, Sources, Sweep, Swept};
pub use taxpayers::{
    Entry, Registered, RegisteredSource, Registry, RegistryAction, RegistryChange, RegistryRecord, Taxpayer,
    Taxpayers,
};
pub use traits::{Encode, Ledger, LedgerError};

use invoice::Timestamp;

/// Where the memory adapter takes the time from; Postgres has its own clock.
pub type Clock = std::sync::Arc<dyn Fn() -> Timestamp + Send + Sync>;
