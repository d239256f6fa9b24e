//! The simulation as a program: `make simulate` and `make soak`. What to do comes from the environment, as make gives it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use simulation::bugs::{self, Found};
use simulation::crew::{Outcome, run_all};
use simulation::record::{Line, Record};
use simulation::{CODE, Harm, Sabotage, every_step};

/// A bug that no seed of so many shows was not found.
const MOST: u64 = 20_000;
/// So many seeds are recorded at once.
const CHUNK: u64 = 1_000;
/// With more failures than this a soak ends: somebody must look first.
const FAILURES: usize = 20;
/// The worlds of the systematic part.
const WORLDS: u64 = 12;

fn main() -> ExitCode {
    if let Some(filter) = variable("LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).without_time().with_writer(std::io::stderr).init();
    }
    let task = std::env::args().nth(1).unwrap_or_default();
    let done = match task.as_str() {
        "simulate" => simulate(),
        "soak" => soak(),
        _ => Err("usage: soak simulate|soak (see `make simulate` and `make soak`)".to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(wrong) => {
            eprintln!("simulation: {wrong}");
            ExitCode::from(64)
        }
    }
}

/// Seeds, one harm at every step, and the bugs put in on purpose.
fn simulate() -> Result<bool, String> {
    let threads = threads()?;
    if let Some(name) = variable("BUG") {
        let bug = Sabotage::ALL.iter().find(|bug| format!("{bug:?}") == name);
        let bug = bug.ok_or_else(|| format!("BUG={name:?} is none of {:?}", Sabotage::ALL))?;
        return Ok(planted(&[*bug]));
    }
    if let Some(seeds) = variable("SEEDS") {
        let seeds = range(&seeds)?;
        return Ok(storms(seeds, threads));
    }
    Ok(storms(0..4_000, threads) & strikes() & planted(Sabotage::ALL))
}

fn storms(seeds: Range<u64>, threads: usize) -> bool {
    let begun = Instant::now();
    let count = seeds.end.saturating_sub(seeds.start);
    let Outcome { invoices, failures } = run_all(seeds.clone(), threads, |report| println!("{report}"));
    println!(
        "storms: seeds {seeds:?}, {invoices} invoices: {} clean, {} broke a promise, {:.1} s",
        count - failures.len() as u64,
        failures.len(),
        begun.elapsed().as_secs_f64()
    );
    failures.is_empty()
}

fn strikes() -> bool {
    let mut clean = true;
    for harm in Harm::ALL {
        let (begun, mut runs) = (Instant::now(), 0);
        for seed in 0..WORLDS {
            match every_step(seed, *harm, 1) {
                Ok(more) => runs += more,
                Err(report) => {
                    println!("{report}");
                    clean = false;
                }
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("{harm:?} at every step of {WORLDS} small worlds: {runs} runs, {seconds:.1} s");
    }
    clean
}

fn planted(bugs: &[Sabotage]) -> bool {
    println!("\n| bug put in | its sign | seeds until found | seconds |\n|---|---|--:|--:|");
    let mut missed = Vec::new();
    for bug in bugs {
        let sign = bugs::sign(*bug);
        match bugs::find(*bug, MOST) {
            Some(Found { seeds, took, .. }) => {
                println!("| {bug:?} | {sign} | {seeds} | {:.2} |", took.as_secs_f64());
            }
            None => {
                println!("| {bug:?} | {sign} | not in {MOST} | |");
                missed.push(bug);
            }
        }
    }
    println!("\n{} of {} bugs found", bugs.len() - missed.len(), bugs.len());
    missed.is_empty()
}

/// Goes on where the record ends, for a range or for a time.
fn soak() -> Result<bool, String> {
    let path = PathBuf::from(variable("RECORD").unwrap_or_else(|| "docs/evidence/soak.tsv".to_owned()));
    let threads = threads()?;
    let mut record = Record::open(&path).map_err(|error| error.to_string())?;
    let limit = match (variable("SEEDS"), variable("FOR")) {
        (Some(_), Some(_)) => return Err("give SEEDS or FOR, not both".to_owned()),
        (Some(seeds), None) => Limit::Seeds(range(&seeds)?),
        (None, time) => Limit::Time(duration(time.as_deref().unwrap_or("10m"))?),
    };
    let stop = interrupted();
    let begun = Instant::now();
    let mut next = match &limit {
        Limit::Seeds(seeds) => seeds.start,
        Limit::Time(_) => record.next(),
    };
    println!(
        "soak: code {CODE}, from seed {next}, {threads} threads; Ctrl-C ends it after the current {CHUNK} seeds"
    );
    let mut failures = 0;
    while !stop.load(Ordering::Relaxed) && failures <= FAILURES {
        let end = match &limit {
            Limit::Seeds(seeds) => seeds.end.min(next + CHUNK),
            Limit::Time(time) if begun.elapsed() < *time => next + CHUNK,
            Limit::Time(_) => break,
        };
        if end <= next {
            break;
        }
        let started = Instant::now();
        let outcome = run_all(next..end, threads, |report| println!("{report}"));
        failures += outcome.failures.len();
        let line = Line {
            code: CODE.to_owned(),
            seeds: next..end,
            invoices: outcome.invoices,
            failures: outcome.failures.len() as u64,
            seconds: started.elapsed().as_secs() * threads as u64,
        };
        record.add(line).map_err(|error| format!("{}: {error}", path.display()))?;
        next = end;
        if (next / CHUNK).is_multiple_of(20) {
            tell(&record, begun);
        }
    }
    tell(&record, begun);
    Ok(failures == 0)
}

enum Limit {
    Seeds(Range<u64>),
    Time(Duration),
}

fn tell(record: &Record, begun: Instant) {
    let (seeds, invoices, failures) = record.total(None);
    let (here, _, failed) = record.total(Some(CODE));
    println!(
        "soak: {seeds} seeds in all, {invoices} invoices, {failures} seeds broke a promise; of these on this code {here} \
         seeds, {failed} broken; {} s",
        begun.elapsed().as_secs()
    );
}

/// Set once somebody wants it to end.
fn interrupted() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if runtime.is_ok_and(|runtime| runtime.block_on(tokio::signal::ctrl_c()).is_ok()) {
            told.store(true, Ordering::Relaxed);
        }
    });
    stop
}

/// An environment variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn threads() -> Result<usize, String> {
    let Some(text) = variable("THREADS") else {
        return Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    };
    text.parse().ok().filter(|threads| *threads > 0).ok_or(format!("THREADS={text:?} is no number from 1 on"))
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.filter(|range| !range.is_empty()).ok_or(format!("SEEDS={text:?} is no range like 0..4000"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("FOR={text:?} is no time like 90s, 30m or 2h");
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}
