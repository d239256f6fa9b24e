//! Documents as a whole: what the writer writes, and what the comparison makes of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod buyer;
mod compare;
mod examined;
mod foreign;
mod generate;
mod golden;
mod guide;
mod hostile;
mod properties;
mod readings;
mod refused;
mod sample;
mod schema;
mod surroundings;
mod unreadable;
