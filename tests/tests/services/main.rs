//! The fleet of real processes on real services, end to end: from publishing to the QR, and what the commands say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod ca;
mod clearing;
mod commands;
mod contracts;
mod encrypted;
mod fairness;
mod secrets;
mod senders;
mod taxpayers;
mod tls;
