//! The life of an invoice: states, commands, events, `decide` and `evolve`. Pure.
//!
//! Every rule about what may follow what stands here and nowhere else. The ledger stores what [`decide`] decides
//! and refuses what arrives late by the stream's version; [`Invoice::evolve`] folds the events back into the state.

#![warn(clippy::wildcard_enum_match_arm)]

mod command;
mod decide;
mod event;
mod evolve;
mod outcome;
mod policies;
mod policy;
mod state;

pub use command::{Actor, Command, RequeueMode};
pub use decide::{Context, Refusal, decide};
pub use event::{DeferReason, Event};
pub use outcome::{Evidence, Outcome, OutcomeKind};
pub use policies::Policies;
pub use policy::Policy;
pub use state::{Cause, Invoice, State, Step, UnknownName, WaitReason, Waiting};

#[cfg(test)]
mod tests;
