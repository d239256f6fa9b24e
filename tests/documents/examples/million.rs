//! `make million`: a million random documents, on all processors. `COUNT` documents, from the case of seed `SEED` on; a run that was broken off goes
//! on with the seed that it showed last.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use documents::{Schema, Tally};

/// Faults are printed up to this many.
const FAULTS: usize = 10;
/// Cases are taken in small heaps, so that a run can be gone on with where it was broken off.
const HEAP: u64 = 64;

/// What all threads share.
struct Run {
    first: u64,
    count: u64,
    threads: u64,
    /// Cases taken so far.
    next: AtomicU64,
    /// Documents checked so far.
    documents: AtomicU64,
    stopped: AtomicBool,
    tally: Mutex<Tally>,
    faults: Mutex<Vec<String>>,
    schemas: PathBuf,
    began: Instant,
}

fn number(name: &str, default: u64) -> Result<u64, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name}={text} is not a whole number")),
        Err(_) => Ok(default),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("million: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let (first, count) = (number("SEED", 1)?, number("COUNT", 1_000_000)?);
    let threads = number("THREADS", processors)?.clamp(1, 256);
    let schemas = std::env::var_os("FAWTARA_UBL_SCHEMAS").map(PathBuf::from);
    let schemas = schemas.ok_or("FAWTARA_UBL_SCHEMAS does not name the directory of the UBL 2.1 schemas")?;
    // Said at once, not by every thread.
    Schema::load(&schemas)?;
    println!("million: {count} documents from seed {first} on, {threads} threads");
    let run = Run {
        first,
        count,
        threads,
        next: AtomicU64::new(0),
        documents: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        tally: Mutex::default(),
        faults: Mutex::default(),
        schemas,
        began: Instant::now(),
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&run))).collect();
        let mut shown = Instant::now();
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::park_timeout(Duration::from_millis(200));
            if shown.elapsed() >= Duration::from_secs(5) {
                progress(&run);
                shown = Instant::now();
            }
        }
    });
    Ok(report(&run))
}

fn work(run: &Run) {
    // A compiled schema cannot be shared among threads.
    let schema = match Schema::load(&run.schemas) {
        Ok(schema) => schema,
        Err(error) => {
            run.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(error);
            return;
        }
    };
    while !run.stopped.load(Ordering::Relaxed) && run.documents.load(Ordering::Relaxed) < run.count {
        let from = run.next.fetch_add(HEAP, Ordering::Relaxed);
        let mut tally = Tally::default();
        for case in from..from + HEAP {
            match documents::check(run.first.wrapping_add(case), Some(&schema)) {
                Ok(done) => tally += done,
                Err(fault) => {
                    let mut faults = run.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    faults.push(fault);
                    if faults.len() >= FAULTS {
                        run.stopped.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        run.documents.fetch_add(tally.documents, Ordering::Relaxed);
        *run.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += tally;
    }
}

fn progress(run: &Run) {
    let taken = run.next.load(Ordering::Relaxed);
    let documents = run.documents.load(Ordering::Relaxed);
    let faults = run.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len();
    let seconds = run.began.elapsed().as_secs().max(1);
    println!(
        "million: {documents} of {} documents in {seconds} s, {} a second, {faults} faults; go on with SEED={}",
        run.count,
        documents / seconds,
        // What the threads hold in hand is not done yet.
        run.first.wrapping_add(taken.saturating_sub(run.threads * HEAP)),
    );
}

fn report(run: &Run) -> bool {
    let tally = *run.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let faults = run.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for fault in faults.iter() {
        println!("\nFAULT: {fault}");
    }
    let taken = run.next.load(Ordering::Relaxed);
    let last = run.first.wrapping_add(taken.saturating_sub(1));
    println!("million: seeds {} to {last} in {} s", run.first, run.began.elapsed().as_secs());
    println!("  documents          {:>12}  ({} bytes of XML)", tally.documents, tally.bytes);
    println!("  of them returns    {:>12}  ({} originals taken back whole)", tally.returns, tally.exhausted);
    println!("  with options       {:>12}  (document discounts, prices with tax)", tally.settled);
    println!("  lines              {:>12}", tally.lines);
    println!("  amounts compared   {:>12}", tally.amounts);
    println!("  seen by simulator  {:>12}", tally.simulated);
    println!("  faults             {:>12}", faults.len());
    faults.is_empty() && tally.documents >= run.count
}
