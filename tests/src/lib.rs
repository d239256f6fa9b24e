//! Support for the tests of the whole fleet. Test code: it may panic, and it says what it expected when it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "this crate is only linked into tests"
)]

pub mod curves;
pub mod events;
pub mod faulty;
pub mod fleet;
pub mod life;
pub mod processes;
pub mod random;
pub mod services;
pub mod wait;
