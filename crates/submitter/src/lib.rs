//! The submitter: sends what is due to the authority, and records what it answers.
//!
//! Claim in a batch (intent before effect), many posts in flight, outcomes recorded in batches, hints after commits.
//! It also keeps house: sweeper, checkpoints, partitions, the dead-letter queue's agreement with the ledger.

mod append;
mod breaker;
mod claim;
mod config;
mod credentials;
mod dead_letter;
mod desk;
mod housekeeping;
mod outcome;
mod release;
mod role;
mod send;
mod telling;

pub use breaker::{Admission, Breaker, BreakerConfig};
pub use config::{Config, Endpoints, Submitter};
pub use telling::{EventsConfig, Listener, Telling};
