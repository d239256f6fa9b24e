//! The encoder: gives a draft its counter and fixes its XML for good. Meets the other roles only in the ledger and on the queues.

mod document;
mod returning;
mod role;

pub use document::DocumentEncoder;
pub use role::{Config, Encoder};
