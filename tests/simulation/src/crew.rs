//! Several threads that run seeds side by side, each run by itself.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::scene::{Report, Scene, run};

/// What came of a range of seeds.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many invoices there were.
    pub invoices: u64,
    /// What does not hold.
    pub failures: Vec<Box<Report>>,
}

/// Runs these seeds on so many threads; `tell` hears of each failure as it comes.
pub fn run_all(seeds: Range<u64>, threads: usize, mut tell: impl FnMut(&Report)) -> Outcome {
    let next = AtomicU64::new(seeds.start);
    let mut outcome = Outcome::default();
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for _ in 0..threads.max(1) {
            let (send, next, end) = (send.clone(), &next, seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || send.send(run(Scene::storm(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for result in receive {
            match result {
                Ok(kept) => outcome.invoices += kept.invoices,
                Err(report) => {
                    tell(&report);
                    outcome.failures.push(report);
                }
            }
        }
    });
    outcome
}
