//! A period as files that stand by themselves, and the proof that nobody has touched them since. Reads the ledger, writes
//! nothing but the folder that it is told; knows no command line.
//!
//! One folder for each invoice with everything that is kept of it, and a manifest with the digest of every file. An archive
//! is proved offline: without the ledger, and (docs/archive.md) without this program.

mod error;
mod export;
mod layout;
mod manifest;
mod verify;

pub use error::ArchiveError;
pub use export::{Exported, Order, Progress};
pub use manifest::{Header, Money, Period};
pub use verify::{Difference, SealCount, Verified, verify};
