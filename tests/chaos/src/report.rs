//! What people and programs read of a run.
#![allow(clippy::print_stdout, reason = "this is what the harness is run for")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Tally;
use crate::plan::Kind;
use crate::storm::{Outcome, Storm};
use crate::verdict::Verdict;

/// Findings of one sort that are shown; the machine-readable result has more.
const SHOWN: usize = 10;
const KEPT: usize = 1_000;

/// The figures of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// From which the faults were drawn.
    pub seed: u64,
    /// For how long faults were made and events published.
    pub duration: Duration,
    /// Events a second.
    pub rate: u64,
    /// From the end of the last fault until everything was settled. None: it never was.
    pub calm: Option<Duration>,
    /// What retailers did.
    pub tally: Tally,
    /// Invoices in the ledger.
    pub invoices: u64,
    /// Of them cleared.
    pub cleared: u64,
    /// What went wrong on purpose.
    pub storm: Storm,
    /// Processes that ended by themselves, and were started again by the host.
    pub exits: Vec<String>,
}

/// Faults of one kind, in numbers.
struct Line {
    count: usize,
    lasted: Figures,
    through: Figures,
    over: Figures,
}

/// Median and worst; none where one never came.
struct Figures(Option<(Duration, Duration)>);

impl Figures {
    fn of(times: impl Iterator<Item = Option<Duration>>) -> Self {
        let times: Option<Vec<_>> = times.collect();
        Self(times.and_then(|mut times| {
            times.sort_unstable();
            Some((*times.get(times.len() / 2)?, *times.last()?))
        }))
    }

    fn show(&self) -> String {
        match self.0 {
            Some((median, worst)) => format!("{:>6.1} {:>6.1}", median.as_secs_f64(), worst.as_secs_f64()),
            None => format!("{:>13}", "NEVER"),
        }
    }

    fn json(&self) -> Value {
        self.0.map_or(
            Value::Null,
            |(median, worst)| json!({ "median_s": seconds(median), "worst_s": seconds(worst) }),
        )
    }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn by_kind(outcomes: &[Outcome]) -> BTreeMap<Kind, Line> {
    let mut kinds: BTreeMap<Kind, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        kinds.entry(outcome.kind).or_default().push(outcome);
    }
    let line = |all: Vec<&Outcome>| Line {
        count: all.len(),
        lasted: Figures::of(all.iter().map(|it| Some(it.lasted))),
        through: Figures::of(all.iter().map(|it| it.through)),
        over: Figures::of(all.iter().map(|it| it.over)),
    };
    kinds.into_iter().map(|(kind, all)| (kind, line(all))).collect()
}

/// One fault, as it is over.
pub fn fault(outcome: &Outcome) {
    let show = |time: Option<Duration>| {
        time.map_or("NEVER".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
    };
    println!(
        "{:>6.1} s  {:<28} {:<44} lasted {:.1} s, an invoice of then was cleared after {}, all over after {}",
        outcome.at.as_secs_f64(),
        outcome.kind.to_string(),
        outcome.whom,
        outcome.lasted.as_secs_f64(),
        show(outcome.through),
        show(outcome.over),
    );
}

/// One fault that could not be made.
pub fn failed(at: Duration, why: &str) {
    println!("{:>6.1} s  NOT MADE: {why}", at.as_secs_f64());
}

/// A line of progress.
pub fn say(text: &str) {
    println!("chaos: {text}");
}

/// The result, to whoever runs it.
pub fn print(text: &str) {
    print!("{text}");
}

/// The whole result, for people.
#[must_use]
pub fn text(run: &Run, verdict: &Verdict) -> String {
    let mut text = String::new();
    let kinds = by_kind(&run.storm.outcomes);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n{:<28} {:>5}  {:>13}  {:>13}  {:>13}\n{:<28} {:>5}  {:>13}  {:>13}  {:>13}",
        "fault",
        "count",
        "lasted, s",
        "through, s",
        "over, s",
        "",
        "",
        "median  worst",
        "median  worst",
        "median  worst"
    );
    for (kind, line) in &kinds {
        let (lasted, through, over) = (line.lasted.show(), line.through.show(), line.over.show());
        let _ = writeln!(text, "{:<28} {:>5}  {lasted}  {through}  {over}", kind.to_string(), line.count);
    }
    let _ = writeln!(
        text,
        "through: from the fault until an invoice published at that moment was cleared\n\
         over: from its end until what was struck was back and an invoice published after it was cleared; other faults went on\n"
    );
    let Tally { events, returns, refused, repeats, unanswered } = run.tally;
    let _ = writeln!(
        text,
        "{events} invoices published in {} s ({returns} returns, {refused} that the authority refuses), {repeats} of them \
         again on purpose,\n{unanswered} sendings without an answer; {} in the ledger, {} cleared; {} processes ended by \
         themselves",
        run.duration.as_secs(),
        run.invoices,
        run.cleared,
        run.exits.len(),
    );
    let _ = match run.calm {
        Some(calm) => writeln!(text, "settled {:.1} s after the last fault was over", calm.as_secs_f64()),
        None => writeln!(text, "NOT SETTLED in the calm after the last fault"),
    };
    for exit in run.exits.iter().take(SHOWN) {
        let _ = writeln!(text, "  {exit}");
    }
    for failed in run.storm.failed.iter().take(SHOWN) {
        let _ = writeln!(text, "  not made: {failed}");
    }
    for (name, found) in verdict.findings() {
        for finding in found.iter().take(SHOWN) {
            let _ = writeln!(text, "  {name}: {finding}");
        }
        if found.len() > SHOWN {
            let _ = writeln!(text, "  {name}: and {} more", found.len() - SHOWN);
        }
    }
    let count = run.storm.outcomes.len();
    let _ = writeln!(text, "\nseed {}: {count} faults of {} kinds", run.seed, kinds.len());
    let counts: Vec<_> =
        verdict.findings().iter().map(|(name, found)| format!("{name} {}", found.len())).collect();
    let _ = writeln!(text, "verdict: {}", counts.join(", "));
    text
}

/// The whole result, for programs.
#[must_use]
pub fn json(run: &Run, verdict: &Verdict) -> Value {
    let kinds: Vec<_> = by_kind(&run.storm.outcomes)
        .into_iter()
        .map(|(kind, line)| {
            json!({
                "kind": kind.to_string(),
                "count": line.count,
                "lasted": line.lasted.json(),
                "through": line.through.json(),
                "over": line.over.json(),
            })
        })
        .collect();
    let faults: Vec<_> = run
        .storm
        .outcomes
        .iter()
        .map(|it| {
            json!({
                "at_s": seconds(it.at),
                "kind": it.kind.to_string(),
                "whom": it.whom,
                "lasted_s": seconds(it.lasted),
                "through_s": it.through.map(seconds),
                "over_s": it.over.map(seconds),
            })
        })
        .collect();
    let findings: serde_json::Map<_, _> = verdict
        .findings()
        .iter()
        .map(|(name, found)| {
            let first: Vec<_> = found.iter().take(KEPT).collect();
            ((*name).to_owned(), json!({ "count": found.len(), "first": first }))
        })
        .collect();
    json!({
        "seed": run.seed,
        "duration_s": seconds(run.duration),
        "rate": run.rate,
        "clean": verdict.is_clean(),
        "verdict": findings,
        "published": run.tally,
        "invoices": run.invoices,
        "cleared": run.cleared,
        "settled_after_s": run.calm.map(seconds),
        "kinds": kinds,
        "faults": faults,
        "not_made": run.storm.failed,
        "exits": run.exits,
    })
}
