//! The producer: takes invoice events by HTTP, AMQP and file, checks them, and makes them durable.
//!
//! A publisher hears yes only after the ledger has committed (promise 1).

mod amqp;
mod announcer;
mod batcher;
mod caller;
mod config;
mod correction;
mod envelope;
mod foreign;
mod gate;
#[cfg(feature = "hostile")]
pub mod hostile;
mod http;
mod import;
mod intake;
mod openapi;
mod role;
#[cfg(test)]
mod testing;

pub use batcher::pulse::Pulse;
pub use config::Config;
pub use correction::{Corrected, Correction, CorrectionRefused, Half, Returning};
pub use envelope::EVENT_TYPE;
pub use gate::Gate;
pub use import::{ImportError, ImportReport, Line, each_event, import, import_documents};
pub use intake::{Intake, Refused, Taken};
pub use openapi::openapi;
pub use role::{Producer, ProducerError};
