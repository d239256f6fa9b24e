//! Everything that parses bytes from outside, as plain functions of bytes, each with the laws that must hold whatever the bytes are.
//!
//! `make fuzz` drives them by a coverage-guided engine; `cargo nextest run -p fuzz` replays what was kept, with some thousand
//! mutations of it. A broken law is a panic, here and only here.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: a broken law is a panic"
)]

pub mod corpus;
mod laws;
pub mod mutate;
mod targets;

use std::time::{Duration, Instant};

/// The longest that an input of at most [`Target::longest`] bytes may take, optimised. Work in proportion to its input stays far below.
const PATIENCE: Duration = Duration::from_millis(200);

/// One way in.
pub struct Target {
    /// Its name in commands and folders.
    pub name: &'static str,
    /// What it attacks.
    pub about: &'static str,
    /// Bytes of an input, at most.
    pub longest: usize,
    /// Words that open doors: names of members and elements, numbers at limits.
    pub words: &'static [&'static [&'static str]],
    attack: fn(&[u8]),
}

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Attacks with one input.
    ///
    /// # Panics
    /// When a law does not hold: that is the finding.
    pub fn attack(&self, bytes: &[u8]) {
        let bytes = bytes.get(..self.longest).unwrap_or(bytes);
        let started = Instant::now();
        (self.attack)(bytes);
        if started.elapsed() > PATIENCE {
            self.blame_the_input(bytes);
        }
    }

    /// Attacks with one input of any size, in its own time: whoever asks bounds both.
    ///
    /// # Panics
    /// As [`Target::attack`].
    pub fn attack_whole(&self, bytes: &[u8]) {
        (self.attack)(bytes);
    }

    /// A machine that is busy makes any input slow once; a slow input is slow every time.
    fn blame_the_input(&self, bytes: &[u8]) {
        // Without optimisation everything takes twenty times as long.
        let patience = if cfg!(feature = "engine") { PATIENCE } else { PATIENCE * 50 };
        let quickest = (0..5).map(|_| {
            let started = Instant::now();
            (self.attack)(bytes);
            started.elapsed()
        });
        let quickest = quickest.min().unwrap_or_default();
        assert!(quickest <= patience, "{} bytes take {quickest:?}, five times out of five", bytes.len());
    }
}

/// All ways in.
pub const TARGETS: &[Target] = targets::ALL;
