//! The producer: takes invoice events by HTTP, AMQP and file, checks them, and makes them durable.
//!
//! A publisher hears yes only after the ledger has committed (promise 1).

mod amqp;
mod announcer;
mod batcher;
mod config;
mod http;
mod import;
mod intake;
mod role;
#[cfg(test)]
mod testing;

pub use config::{Config, Registration, Sources};
pub use import::{ImportError, ImportReport, Line, import};
pub use intake::{Intake, Refused, Taken};
pub use role::{Producer, ProducerError};
