//! The first simulation: the real roles on memory adapters and the simulator's core, in a storm of crashes, duplicates,
//! reordering and loss that one seed decides, with paused time; the promises are checked from outside.
//!
//! `FAWTARA_SIM_SEEDS=17..18` repeats seed 17; any range may be given.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "simulation/checks.rs"]
mod checks;
#[path = "simulation/people.rs"]
mod people;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/weather.rs"]
mod weather;
#[path = "simulation/world.rs"]
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use invoice::Digest;
use tests::faulty::Sabotage;

use crate::checks::Findings;
use crate::world::World;

/// Runs one seed from storm to calm; the digest of all that happened, or what does not hold.
fn run(seed: u64, sabotage: Option<Sabotage>) -> Result<Digest, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed, sabotage);
        world.run().await;
        let Findings { violations, digest } = checks::check(&world).await;
        if violations.is_empty() {
            return Ok(digest);
        }
        let mut report = String::new();
        for violation in &violations {
            let whose = violation.key.map(|key| format!("{key}: ")).unwrap_or_default();
            report.push_str(&format!("- {whose}{}\n", violation.message));
        }
        if let Some(key) = violations.iter().find_map(|violation| violation.key) {
            report.push_str(&world.story(key).await);
        }
        Err(report)
    })
}

/// The seeds to run: a hundred, unless told otherwise.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("FAWTARA_SIM_SEEDS") else { return 0..100 };
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.unwrap_or_else(|| panic!("FAWTARA_SIM_SEEDS={text:?} is not a range like 0..100"))
}

/// How the seeds are shared out, so that tests run side by side.
const PARTS: u64 = 4;

fn hold_promises(part: u64) {
    for seed in seeds().filter(|seed| seed % PARTS == part) {
        match catch_unwind(AssertUnwindSafe(|| run(seed, None))) {
            Ok(Ok(_)) => {}
            Ok(Err(report)) => panic!("seed {seed} breaks promises; {}\n{report}", repeat(seed)),
            Err(_) => panic!("seed {seed} panicked (see above); {}", repeat(seed)),
        }
    }
}

fn repeat(seed: u64) -> String {
    let to = seed + 1;
    format!(
        "repeat it with FAWTARA_SIM_SEEDS={seed}..{to} cargo nextest run -p tests --test simulation promises"
    )
}

#[test]
fn promises_hold_in_any_storm_1() {
    hold_promises(0);
}

#[test]
fn promises_hold_in_any_storm_2() {
    hold_promises(1);
}

#[test]
fn promises_hold_in_any_storm_3() {
    hold_promises(2);
}

#[test]
fn promises_hold_in_any_storm_4() {
    hold_promises(3);
}

#[test]
fn one_seed_replays_one_run() {
    for seed in [1, 2, 3] {
        assert_eq!(run(seed, None).ok(), run(seed, None).ok(), "seed {seed} runs differently each time");
    }
    assert_ne!(run(1, None).ok(), run(2, None).ok(), "other seeds are other runs");
}

/// A simulation that finds nothing proves nothing: each of these bugs, put in at a seam, must be found by some seed.
fn is_found(bug: Sabotage, sign: &str) {
    let shows = |seed: &u64| run(*seed, Some(bug)).is_err_and(|report| report.contains(sign));
    let seed = (0..300).find(shows).unwrap_or_else(|| panic!("{bug:?} is never found"));
    println!("{bug:?} is found by seed {seed}");
}

#[test]
fn finds_an_encoder_that_acknowledges_before_it_commits() {
    is_found(Sabotage::AckBeforeCommit, "ends as (Draft");
}

#[test]
fn finds_that_lost_hints_are_not_made_up_for() {
    is_found(Sabotage::NoSweeper, "ends as (Draft");
}

#[test]
fn finds_a_late_refusal_that_undoes_a_clearance() {
    is_found(Sabotage::LateRefusalWins, "refused after it was cleared");
}

#[test]
fn finds_counters_drawn_outside_the_transaction() {
    is_found(Sabotage::CounterOutside, "the counters of");
}

#[test]
fn finds_a_yes_before_the_commit() {
    is_found(Sabotage::YesBeforeDurable, "was published and never taken");
}

#[test]
fn finds_a_request_that_is_sent_twice() {
    is_found(Sabotage::SentTwice, "requests, and only");
}

#[test]
fn finds_an_effect_before_its_intent() {
    is_found(Sabotage::EffectBeforeIntent, "requests, and only");
}
