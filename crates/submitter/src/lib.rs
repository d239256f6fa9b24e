//! The submitter: sends what is due to the authority, and records what it answers.
//!
//! Claim in a batch (intent before effect), many posts in flight, outcomes recorded in batches, hints after commits. Each
//! endpoint of the authority has a lane of its own: a breaker, a pace, and a share of what the whole fleet may send.
//! It also keeps house: dispatcher, checkpoints, partitions, the dead-letter queue's agreement with the ledger.

mod alone;
mod append;
mod breaker;
mod claim;
mod config;
mod credentials;
mod dead_letter;
mod desk;
mod dispatch;
mod housekeeping;
mod lane;
mod lanes;
mod outcome;
mod pace;
mod release;
mod rest;
mod role;
mod send;
mod share;
mod telling;

pub use breaker::{Admission, Breaker, BreakerConfig};
pub use config::{Config, Endpoints, Submitter};
pub use pace::{Call, Pace, PaceConfig};
pub use telling::{EventsConfig, Listener, Telling};
