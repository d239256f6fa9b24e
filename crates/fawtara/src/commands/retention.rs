//! `fawtara retention`: months that are old enough are set aside, and brought back. Knows arguments and printing; what may be
//! set aside and how stands in the ledger.

use std::io::Write;

use anyhow::Context as _;
use chrono::{Datelike as _, Months, NaiveDate};
use clap::Subcommand;
use console::text::clean;
use invoice::life::Actor;
use ledger::{Archive as _, Detachment, Ledger as _, LedgerError, MonthStanding, Part, PostgresLedger};
use serde::Serialize;

use super::Outcome;
use super::answer::Answer;
use super::dead_letters::Signature;
use crate::settings::Settings;
use crate::wiring;

/// Arguments of `fawtara retention`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the months of the ledger: what each takes, and which may be set aside.
    Plan(PlanArgs),
    /// Set old months aside: their events, contents, documents and attempts leave the tables that are searched. Nothing is
    /// deleted. Needs the rights of the database's owner.
    #[command(
        after_help = "Examples: fawtara retention detach --before 2021-12 --by Lina --reason 'kept for five years'\n          \
                      fawtara retention detach --due --by timer --reason 'archive.retention_years are over'"
    )]
    Detach(DetachArgs),
    /// Bring a month back. Needs the rights of the database's owner.
    #[command(
        after_help = "Example: fawtara retention attach --month 2020-03 --by Lina --reason 'an audit of that year'"
    )]
    Attach(AttachArgs),
}

#[derive(Debug, clap::Args)]
struct PlanArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct DetachArgs {
    /// The month that stays; those before it are set aside, as far as they are old enough and all their invoices are
    /// cleared or abandoned.
    #[arg(long, value_name = "YYYY-MM", value_parser = month, required_unless_present = "due")]
    before: Option<NaiveDate>,
    /// All months whose time is over, for a timer that runs once a month. One that is old enough and has open invoices
    /// fails the run, so that somebody looks.
    #[arg(long, conflicts_with = "before")]
    due: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct AttachArgs {
    /// The month.
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    month: NaiveDate,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl DetachArgs {
    fn means(&self, line: &Line) -> bool {
        match self.before {
            Some(before) => line.day < before,
            None => !matches!(line.verdict, Verdict::Young { .. }),
        }
    }
}

fn month(text: &str) -> Result<NaiveDate, String> {
    let day = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
    day.ok()
        .filter(|day| text.len() == 7 && (1..=9999).contains(&day.year()))
        .ok_or_else(|| format!("{text:?} is no month, such as 2021-12"))
}

/// What can be done with a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Verdict {
    /// It may be set aside.
    Old,
    /// It has to be kept at hand until that day.
    Young { until: NaiveDate },
    /// Invoices of it are open or wait for a person.
    Unfinished { invoices: u64 },
    /// It was set aside already.
    Detached { on: NaiveDate, by: String, reason: String },
}

/// A month, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    month: String,
    #[serde(skip)]
    day: NaiveDate,
    bytes: u64,
    #[serde(flatten)]
    verdict: Verdict,
}

/// `fawtara retention`.
///
/// # Errors
/// A ledger that is away, a login that is not the owner, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let mut out = std::io::stdout();
    match args.command {
        Command::Plan(args) => {
            let lines = plan(&settings).await?;
            Answer::new(&mut out, args.json).either(&lines, |lines| listed(lines))?;
            Ok(Outcome::Done)
        }
        Command::Detach(args) => detach(&args, &settings, &mut out).await,
        Command::Attach(args) => attach(&args, &settings, &mut out).await,
    }
}

/// All months, judged by the ledger's own clock.
async fn plan(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ledger =
        PostgresLedger::connect(wiring::postgres(settings, Part::Operator)).await.with_context(|| {
            let url = settings.ledger.url.masked();
            format!("the ledger at {url} (setting ledger.url) cannot be used; `fawtara doctor` says more")
        })?;
    let today = ledger.now().await?.date_naive();
    let lines =
        judge(&ledger.months().await?, &ledger.detachments().await?, today, settings.archive.retention_years);
    ledger.close().await;
    Ok(lines)
}

fn judge(months: &[MonthStanding], detached: &[Detachment], today: NaiveDate, years: u32) -> Vec<Line> {
    let here = months.iter().map(|standing| {
        let until = kept_until(standing.month, years);
        let verdict = match until {
            Some(until) if until <= today && standing.unfinished == 0 => Verdict::Old,
            Some(until) if until <= today => Verdict::Unfinished { invoices: standing.unfinished },
            // Beyond the calendar: never.
            until => Verdict::Young { until: until.unwrap_or(NaiveDate::MAX) },
        };
        line(standing.month, standing.bytes, verdict)
    });
    let aside = detached.iter().map(|gone| {
        let Actor { name, reason } = &gone.by;
        let verdict =
            Verdict::Detached { on: gone.at.date_naive(), by: name.clone(), reason: reason.clone() };
        line(gone.month, 0, verdict)
    });
    let mut lines: Vec<Line> = aside.chain(here).collect();
    lines.sort_by_key(|line| line.day);
    lines
}

fn line(day: NaiveDate, bytes: u64, verdict: Verdict) -> Line {
    Line { month: day.format("%Y-%m").to_string(), day, bytes, verdict }
}

/// The first day on which nothing of the month has to be at hand any more.
fn kept_until(month: NaiveDate, years: u32) -> Option<NaiveDate> {
    let months = years.checked_mul(12)?.checked_add(1)?;
    month.checked_add_months(Months::new(months))
}

/// What became of a month that was to be set aside.
#[derive(Debug, Serialize)]
struct Done {
    month: String,
    done: bool,
    message: String,
}

async fn detach(args: &DetachArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let lines = plan(settings).await?;
    let by = signed(&args.signature)?;
    let mut all = Vec::new();
    for line in lines.iter().filter(|line| args.means(line)) {
        let Line { month, day, .. } = line;
        let (done, message) = match &line.verdict {
            Verdict::Detached { .. } => continue,
            Verdict::Old if args.dry_run => {
                (true, format!("{month} would be set aside, {}", size(line.bytes)))
            }
            Verdict::Old => match PostgresLedger::detach(settings.ledger.url.expose(), *day, &by).await {
                Ok(()) => (true, aside(month)),
                Err(LedgerError::Refused(reason)) => (false, format!("{month} stays: {reason}")),
                Err(error) => return Err(needs_owner(error)),
            },
            kept => (false, format!("{month} stays: {}", told(kept))),
        };
        all.push(Done { month: month.clone(), done, message });
    }
    Answer::new(out, args.json).either(&all, |all| {
        if all.is_empty() {
            return match args.before {
                Some(before) => {
                    format!("there is no month before {} to be set aside\n", before.format("%Y-%m"))
                }
                None => "there is no month whose time is over\n".to_owned(),
            };
        }
        all.iter().map(|line| format!("{}\n", clean(&line.message))).collect()
    })?;
    Ok(if all.iter().all(|line| line.done) { Outcome::Done } else { Outcome::No })
}

/// Where a month went, and what to do with it; nothing here deletes it.
fn aside(month: &str) -> String {
    let suffix = month.replace('-', "_");
    format!(
        "{month} is set aside in the schema fawtara_detached. To keep it elsewhere: pg_dump --format=custom --table='fawtara_detached.*_{suffix}' \
         --file=fawtara-{month}.dump DATABASE; drop its tables (events_{suffix}, contents_{suffix}, documents_{suffix}, attempts_{suffix}) by hand, and only \
         once that file was restored somewhere for a trial"
    )
}

async fn attach(args: &AttachArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let month = args.month.format("%Y-%m").to_string();
    let by = signed(&args.signature)?;
    let (done, message) = match PostgresLedger::attach(settings.ledger.url.expose(), args.month, &by).await {
        Ok(()) => (true, format!("{month} is back; `fawtara verify` proves it again")),
        Err(LedgerError::Refused(reason)) => (false, format!("{month} cannot be attached: {reason}")),
        Err(error) => return Err(needs_owner(error)),
    };
    let done = Done { month, done, message };
    Answer::new(out, args.json).either(&done, |done| format!("{}\n", clean(&done.message)))?;
    Ok(if done.done { Outcome::Done } else { Outcome::No })
}

/// What the history keeps for ever must say something.
fn signed(signature: &Signature) -> anyhow::Result<Actor> {
    let by = signature.actor();
    anyhow::ensure!(
        !by.name.is_empty() && !by.reason.is_empty(),
        "--by and --reason must say who does this and why"
    );
    Ok(by)
}

fn needs_owner(error: LedgerError) -> anyhow::Error {
    anyhow::Error::new(error)
        .context("no month was set aside or brought back by this try (ledger.url must name the owner of the tables, as for `fawtara migrate`)")
}

fn listed(lines: &[Line]) -> String {
    let line =
        |line: &Line| format!("{}  {:>9}  {}\n", line.month, size(line.bytes), clean(&told(&line.verdict)));
    lines.iter().map(line).collect()
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Old => "may be detached".to_owned(),
        Verdict::Young { until } => {
            format!("has to be at hand until {until} (setting archive.retention_years)")
        }
        Verdict::Unfinished { invoices } => {
            format!(
                "{invoices} of its invoices are open or wait for a person: see `fawtara dead-letters list`"
            )
        }
        Verdict::Detached { on, by, reason } => format!("was detached on {on} by {by} ({reason})"),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0 => "-".to_owned(),
        bytes if bytes < 10 << 20 => format!("{} kB", bytes >> 10),
        bytes if bytes < 10 << 30 => format!("{} MB", bytes >> 20),
        bytes => format!("{} GB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_is_old_once_its_last_day_is() {
        assert_eq!(kept_until(day("2021-11-01"), 5), Some(day("2026-12-01")));
        assert_eq!(kept_until(day("2021-11-01"), u32::MAX), None);
        let standing = |month: &str, unfinished| MonthStanding { month: day(month), unfinished, bytes: 1 };
        let months = [standing("2021-10-01", 0), standing("2021-09-01", 2), standing("2021-11-01", 0)];
        let by = Actor { name: "لينا".to_owned(), reason: "قديمة".to_owned() };
        let gone = Detachment {
            month: day("2021-08-01"),
            at: "2026-11-01T10:00:00Z".parse().unwrap(),
            by,
            invoices: 9,
        };
        let judged = judge(&months, &[gone], day("2026-11-30"), 5);
        let verdicts: Vec<(&str, String)> =
            judged.iter().map(|line| (line.month.as_str(), told(&line.verdict))).collect();
        assert_eq!(verdicts[0], ("2021-08", "was detached on 2026-11-01 by لينا (قديمة)".to_owned()));
        assert!(verdicts[1].1.starts_with("2 of its invoices are open"), "{verdicts:?}");
        assert_eq!(verdicts[2], ("2021-10", "may be detached".to_owned()));
        assert!(verdicts[3].1.starts_with("has to be at hand until 2026-12-01"), "{verdicts:?}");
        assert_eq!(judge(&months[2..], &[], day("2026-12-01"), 5)[0].verdict, Verdict::Old);
    }

    #[test]
    fn a_timer_means_all_months_whose_time_is_over() {
        let parse = |words: &[&str]| {
            let signed = ["detach", "--by", "مؤقت", "--reason", "قديمة"];
            let command = DetachArgs::augment_args(clap::Command::new("detach"));
            let matches = command.try_get_matches_from(signed.iter().chain(words))?;
            DetachArgs::from_arg_matches(&matches)
        };
        assert!(parse(&[]).is_err() && parse(&["--due", "--before", "2021-12"]).is_err());
        let lines = [
            line(day("2021-08-01"), 1, Verdict::Unfinished { invoices: 2 }),
            line(day("2021-09-01"), 1, Verdict::Old),
            line(day("2021-11-01"), 1, Verdict::Young { until: day("2026-12-01") }),
        ];
        let meant = |words: &[&str]| {
            let args = parse(words).unwrap();
            lines.iter().filter(|line| args.means(line)).count()
        };
        assert_eq!(meant(&["--due"]), 2, "one that has open invoices is looked at, one that is young is not");
        assert_eq!(meant(&["--before", "2021-09"]), 1);
        assert_eq!(meant(&["--before", "2030-01"]), 3);
    }

    #[test]
    fn months_are_read_as_they_are_written() {
        assert_eq!(month("2021-12"), Ok(day("2021-12-01")));
        for odd in ["2021", "2021-13", "2021-1", "2021-12-01", "", "١٢-٢٠٢١"] {
            assert!(month(odd).is_err(), "{odd:?}");
        }
    }
}
