//! The whole fleet in one process: the real roles on memory adapters and the simulator's core, in a storm of crashes,
//! duplicates, reordering, loss and stepping clocks that one seed decides, with paused time; the promises are checked from
//! outside. Test code: it may panic, and it says what it expected when it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this crate is only linked into tests"
)]

pub mod bugs;
mod case;
mod checks;
pub mod crew;
mod houses;
mod people;
mod plan;
pub mod record;
mod returns;
mod scene;
mod staff;
mod stream;
mod strike;
mod told;
mod weather;
mod world;

pub use scene::{Kept, Report, Scene, run};
pub use strike::{Harm, Strike, every_step};
pub use tests::faulty::Sabotage;

/// A digest of the sources that a run depends on, so that one can tell which seeds ran on which code.
pub const CODE: &str = env!("SIMULATED_CODE");
