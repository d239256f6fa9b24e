//! Every input that was ever kept, again; then some thousand mutations of them, the same ones in every run.
#![allow(clippy::panic, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fuzz::mutate::{Dice, mutate};
use fuzz::{TARGETS, Target, corpus};

/// How long a target is attacked with mutations.
const TIME: Duration = Duration::from_millis(600);

/// Attacks, and leaves the input behind when a law does not hold.
fn attack(target: &Target, origin: &str, bytes: &[u8]) {
    let Err(broken) = catch_unwind(AssertUnwindSafe(|| target.attack(bytes))) else { return };
    let folder = std::env::var_os("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let file = folder.join(format!("finding-{}", target.name));
    std::fs::write(&file, bytes).unwrap();
    eprintln!(
        "{origin} breaks a law; again with: cargo run -p fuzz --bin corpus -- try {} {}",
        target.name,
        file.display()
    );
    resume_unwind(broken);
}

fn hold(name: &str) {
    let target = Target::named(name).unwrap();
    let kept = corpus::kept(target).unwrap();
    assert!(!kept.is_empty(), "nothing is kept for {name}: where is tests/fuzz/corpus/{name}?");
    for input in &kept {
        attack(target, &input.origin, &input.bytes);
    }
    let kept: Vec<_> = kept.into_iter().map(|input| input.bytes).collect();
    let mut dice = Dice::new(1);
    let begun = Instant::now();
    let mut done = 0_u64;
    while begun.elapsed() < TIME {
        let bytes = mutate(&mut dice, target, &kept);
        attack(target, &format!("mutation {done}"), &bytes);
        done += 1;
    }
    eprintln!("{name}: {} kept inputs and {done} mutations", kept.len());
}

macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];
        $(#[test] fn $name() { hold(stringify!($name)); })+
    };
}

targets!(
    event,
    post2tax,
    eezi,
    csv,
    lines,
    xml,
    seal,
    certificate,
    qr,
    answer,
    returned,
    routes,
    http,
    amqp,
    hint,
    stored,
    settings,
    simulated,
);

#[test]
fn no_target_is_forgotten() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, NAMES);
    for folder in ["corpus", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name();
            assert!(names.iter().any(|target| name == *target), "{} belongs to no target", name.display());
        }
    }
}
