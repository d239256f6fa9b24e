//! Some storms, one harm at every step of some small worlds, and the bugs put in on purpose. `make simulate` runs thousands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use simulation::{Harm, Sabotage, Scene, bugs, every_step, run};

/// How the seeds are shared out, so that tests run side by side.
const PARTS: u64 = 2;

fn hold_promises(part: u64) {
    for seed in (0..60).filter(|seed| seed % PARTS == part) {
        if let Err(report) = run(Scene::storm(seed)) {
            panic!("{report}");
        }
    }
}

#[test]
fn promises_hold_in_any_storm_1() {
    hold_promises(0);
}

#[test]
fn promises_hold_in_any_storm_2() {
    hold_promises(1);
}

/// They may be other storms by now, and cost little.
#[test]
fn seeds_that_once_broke_a_promise_keep_them() {
    for seed in [699, 9_314, 30_382, 72_326, 74_821, 156_046] {
        run(Scene::storm(seed)).unwrap_or_else(|report| panic!("{report}"));
    }
}

#[test]
fn one_seed_replays_one_run() {
    let digest = |seed| run(Scene::storm(seed)).expect("it keeps all promises").digest;
    for seed in [1, 2, 3] {
        assert_eq!(digest(seed), digest(seed), "seed {seed} runs differently each time");
    }
    assert_ne!(digest(1), digest(2), "other seeds are other runs");
}

/// Every step takes minutes without optimisation: `make simulate` does that.
const STRIDE: u64 = 13;

fn strikes_at_every_step(harm: Harm) {
    let runs = every_step(0, harm, STRIDE).unwrap_or_else(|report| panic!("{report}"));
    assert!(runs > 10, "only {runs} runs: does the harm strike at all?");
}

#[test]
fn a_death_at_any_step_costs_only_time() {
    strikes_at_every_step(Harm::Kill);
}

#[test]
fn a_pause_at_any_step_costs_only_time() {
    strikes_at_every_step(Harm::Freeze);
}

#[test]
fn a_cut_at_any_step_costs_only_time() {
    strikes_at_every_step(Harm::Cut);
}

/// Those that a few seeds show; `make simulate` looks for all of them.
#[test]
fn bugs_put_in_on_purpose_are_found() {
    for bug in [
        Sabotage::NoSweeper,
        Sabotage::CounterOutside,
        Sabotage::EffectBeforeIntent,
        Sabotage::DoubtForgotten,
        Sabotage::BytesNotFixed,
        Sabotage::NothingReserved,
        Sabotage::LeaseTooShort,
    ] {
        assert!(bugs::find(bug, 300).is_some(), "{bug:?} is never found");
    }
}
