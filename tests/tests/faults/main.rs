//! The fleet of real processes on real services, and what must not harm it: kills, purges, restarts, repeats, stops.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod confirms;
mod frozen;
mod kills;
mod purges;
mod recovery;
mod repeats;
mod restarts;
mod rolling;
mod stops;
