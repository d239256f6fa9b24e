//! The first simulation: the real roles on memory adapters and the simulator's core, in a storm of crashes, duplicates,
//! reordering and loss that one seed decides, with paused time; the promises are checked from outside.
//!
//! `FAWTARA_SIM_SEEDS=17..18` repeats seed 17; any range may be given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

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

/// A simulation that finds nothing proves nothing: each of these bugs must be found within the first seeds.
#[test]
fn planted_bugs_are_found() {
    let bugs = [
        (Sabotage::AckBeforeCommit, "ends as (Draft"),
        (Sabotage::NoSweeper, "ends as (Draft"),
        (Sabotage::LateRefusalWins, "refused after it was cleared"),
        (Sabotage::CounterOutside, "the counters of"),
        (Sabotage::YesBeforeDurable, "was published and never taken"),
        (Sabotage::SentTwice, "requests, and only"),
        (Sabotage::EffectBeforeIntent, "requests, and only"),
    ];
    for (bug, sign) in bugs {
        let is_found = |seed: &u64| run(*seed, Some(bug)).is_err_and(|report| report.contains(sign));
        let seed = (0..100).find(is_found).unwrap_or_else(|| panic!("{bug:?} is never found"));
        println!("{bug:?} is found by seed {seed}");
    }
}
