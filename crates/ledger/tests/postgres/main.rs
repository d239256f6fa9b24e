//! What only the Postgres adapter can promise: rights and guards, proof against whoever can write to the tables,
//! sessions that are left clean, partitions, and errors that say what helps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; the lints spare only functions that are tests themselves"
)]

mod keeping;
mod months;
mod plans;
mod proof;
mod rights;
mod roles;
mod room;
mod sessions;
mod silence;
mod unreadable;
