//! What can happen to a fleet, told one story at a time on the memory adapters: with paused time where the roles wait for
//! hours, in real time where a listener is involved. What happens by chance is `simulation`'s business.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "scenarios/corrections.rs"]
mod corrections;
#[path = "scenarios/doubt.rs"]
mod doubt;
#[path = "scenarios/fairness.rs"]
mod fairness;
#[path = "scenarios/faults.rs"]
mod faults;
#[path = "scenarios/formats.rs"]
mod formats_in;
#[path = "scenarios/harm.rs"]
mod harm;
#[path = "scenarios/http.rs"]
mod http;
#[path = "scenarios/intake.rs"]
mod intake;
#[path = "scenarios/keys.rs"]
mod keys;
#[path = "scenarios/lanes.rs"]
mod lanes;
#[path = "scenarios/outage.rs"]
mod outage;
#[path = "scenarios/post2tax.rs"]
mod post2tax;
#[path = "scenarios/returns.rs"]
mod returns;
#[path = "scenarios/scene.rs"]
mod scene;
#[path = "scenarios/sharing.rs"]
mod sharing;
#[path = "scenarios/stopping.rs"]
mod stopping;
