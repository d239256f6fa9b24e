//! `fawtara recover`: after the ledger came back older than the authority and the queues. Knows how to ask and print.

use std::io::Write;

use broker::Queue;
use clap::Subcommand;
use console::text::{clean, time};
use console::{Advancing, Console, Counters, Lost, Skipped};
use invoice::{Environment, IncomeSource, InvoiceKey};
use serde::Serialize;
use uuid::Uuid;

use super::Outcome;
use super::answer::{Answer, changing_desk, environments, reading_desk};
use super::dead_letters::Signature;
use super::taxpayers::income_source;
use crate::settings::Settings;

const HELP: &str = "The whole way, step by step: docs/runbooks/restore-postgres.md.";

const ADVANCE_HELP: &str = "\
The margin is how many invoices of one income source can have been encoded between the backup and the loss, and more: numbers cost
nothing, and one that is drawn twice cannot be taken back. A counter from which nothing was drawn since is not advanced a second time,
so that the command may be repeated; --again does it all the same.

Example:
  fawtara recover advance-counters --all --margin 100000 --dry-run --by Layla --reason \"restored from the 2 o'clock backup\"";

/// Arguments of `fawtara recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what was skipped, what the authority holds beside it, what the queues knew, and whether intake is open.
    Status(StatusArgs),
    /// Skip numbers of counters, so that none is drawn that the authority may have seen; they are recorded as void.
    AdvanceCounters(AdvanceArgs),
    /// List the invoices that hints named and the ledger does not know: they must be published again.
    Unknown(UnknownArgs),
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ADVANCE_HELP)]
struct AdvanceArgs {
    /// Only this income source.
    #[arg(long, value_name = "TAX:SEQUENCE", value_parser = income_source, required_unless_present = "all")]
    source: Option<IncomeSource>,
    /// All income sources that are registered or have a counter.
    #[arg(long, conflicts_with = "source")]
    all: bool,
    /// Only this environment.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// How many numbers are skipped in each.
    #[arg(long, value_name = "COUNT")]
    margin: u64,
    /// Also where nothing has been drawn since the counter was advanced last.
    #[arg(long)]
    again: bool,
    /// Change nothing; say what would be skipped.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct UnknownArgs {
    /// At most so many, 1 to 10000.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Also those that were published again.
    #[arg(long)]
    known: bool,
    /// Go on after this UUID.
    #[arg(long, value_name = "UUID", requires = "environment")]
    after: Option<Uuid>,
    /// The environment of that UUID.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `fawtara recover`.
///
/// # Errors
/// A ledger that is away, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let desk = match &args.command {
        // It looks at the intake queue, if there is one to be seen.
        Command::Status(_) => changing_desk(&settings).await?,
        Command::AdvanceCounters(_) | Command::Unknown(_) => reading_desk(&settings).await?,
    };
    let outcome = run(&args, &desk, &mut std::io::stdout()).await;
    desk.broker.close().await;
    outcome
}

/// Runs it; the outcome is no when something is left to be done.
///
/// # Errors
/// The ledger's, and what `out` refuses.
pub async fn run(args: &Args, desk: &Console, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let json = match &args.command {
        Command::Status(args) => args.json,
        Command::AdvanceCounters(args) => args.json,
        Command::Unknown(args) => args.json,
    };
    let mut answer = Answer::new(out, json);
    let result = match &args.command {
        Command::Status(_) => status(desk, &mut answer).await,
        Command::AdvanceCounters(args) => advance(args, desk, &mut answer).await,
        Command::Unknown(args) => unknown(args, desk, &mut answer).await,
    };
    match result {
        Ok(outcome) => Ok(outcome),
        Err(error) => answer.error(error),
    }
}

/// All that a person must know before intake is opened again.
#[derive(Debug, Serialize)]
struct Standing {
    intake_closed: bool,
    /// Events that wait in the intake queue; none when the broker cannot be asked.
    intake_queue: Option<u64>,
    lost: Lost,
    #[serde(flatten)]
    counters: Counters,
}

async fn status(desk: &Console, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let switch = desk.ledger.recovery().intake_switch().await?;
    let standing = Standing {
        intake_closed: switch.is_some_and(|switch| switch.closed),
        intake_queue: desk.broker.depth(Queue::Intake).await.ok(),
        lost: desk.lost().await?,
        counters: desk.counters().await?,
    };
    answer.either(&standing, told)?;
    let wrong = |counter: &ledger::CounterStanding| counter.held_outside > 0 || counter.clashes > 0;
    let open = standing.lost.unknown > 0 || standing.counters.counters.iter().any(wrong);
    Ok(if open { Outcome::No } else { Outcome::Done })
}

fn told(standing: &Standing) -> String {
    let mut text = format!("intake is {}", if standing.intake_closed { "closed" } else { "open" });
    match standing.intake_queue {
        Some(depth) => text.push_str(&format!("; {depth} events wait in the intake queue\n")),
        None => text.push_str("; the intake queue cannot be looked at\n"),
    }
    let Lost { met, unknown } = standing.lost;
    text.push_str(&format!(
        "invoices that the queues knew and the ledger did not: {met}; still unknown, to be published again: {unknown}\n"
    ));
    for counter in &standing.counters.counters {
        text.push_str(&format!("{} ({}): next {}\n", counter.source, counter.environment, counter.next_icv));
        for range in &counter.voids {
            text.push_str(&format!(
                "  {} to {} are void since {}, by {}: {}\n",
                range.first,
                range.last,
                time(range.at),
                clean(&range.by.name),
                clean(&range.by.reason)
            ));
        }
        if let Some(highest) = counter.highest_held {
            text.push_str(&format!(
                "  the authority holds {} invoices under other counters than ours; the highest is {highest}\n",
                counter.held
            ));
        }
        if counter.held_outside > 0 {
            text.push_str(&format!(
                "  WARNING: {} of these were not skipped, so the margin was too small: advance the counter once more (--again)\n",
                counter.held_outside
            ));
        }
        if counter.clashes > 0 {
            text.push_str(&format!(
                "  WARNING: {} of these numbers were drawn by other invoices here: two documents have one counter\n",
                counter.clashes
            ));
        }
    }
    text
}

async fn advance(args: &AdvanceArgs, desk: &Console, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let wanted = Advancing {
        source: args.source.clone(),
        environment: args.environment,
        margin: args.margin,
        again: args.again,
        dry_run: args.dry_run,
    };
    let skipped = desk.advance_counters(&wanted, &args.signature.actor()).await?;
    answer.either(&skipped, told_skipped)?;
    Ok(Outcome::Done)
}

fn told_skipped(skipped: &Skipped) -> String {
    let mut text = String::new();
    for row in &skipped.counters {
        let numbers = format!("{} ({}): {} to {}", row.source, row.environment, row.first, row.last);
        let verb = match (row.already, skipped.dry_run) {
            (true, _) => "were void before, and none was drawn since: nothing was done (--again skips more)",
            (false, true) => "would be void",
            (false, false) => "are void now",
        };
        text.push_str(&format!("{numbers} {verb}\n"));
    }
    if skipped.counters.is_empty() {
        text.push_str("there is no income source, and no counter\n");
    }
    text
}

async fn unknown(args: &UnknownArgs, desk: &Console, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let after = args.after.zip(args.environment).map(|(uuid, environment)| InvoiceKey { environment, uuid });
    let mut hints = desk.unknown(after, args.limit).await?;
    let more = u32::try_from(hints.len()).is_ok_and(|count| count == args.limit);
    let last = hints.last().map(|hint| (hint.uuid, hint.environment)).filter(|_| more);
    hints.retain(|hint| args.known || !hint.known);
    answer.either(&hints, |hints| {
        let mut text = String::new();
        for hint in hints {
            let known = if hint.known { ", published again" } else { "" };
            text.push_str(&format!(
                "{} ({}) at version {}, met first {}{known}\n",
                hint.uuid,
                hint.environment,
                hint.version,
                time(hint.first_seen)
            ));
        }
        if let Some((uuid, environment)) = last {
            text.push_str(&format!("more: --after {uuid} --environment {environment}\n"));
        }
        text
    })?;
    Ok(if hints.iter().any(|hint| !hint.known) { Outcome::No } else { Outcome::Done })
}
