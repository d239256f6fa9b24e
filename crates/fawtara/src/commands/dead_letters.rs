//! `fawtara dead-letters`: what waits for a person, and what a person does about it. Knows how to ask and print; what is
//! allowed is decided elsewhere.

mod change;
mod view;

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use console::{Console, Cursor};
use invoice::life::{Actor, Cause, State};
use invoice::{Environment, Timestamp};
use ledger::Filter;

use super::Outcome;
use super::answer::{Answer, causes, changing_desk, environments, reading_desk, states};
use super::catalogue::Lang;
use crate::settings::Settings;

/// Arguments of `fawtara dead-letters`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List rejected and dead-lettered invoices and refused intake, the longest standing first.
    List(ListArgs),
    /// Show one invoice, or one record of refused intake by its id.
    Show(ShowArgs),
    /// Send invoices again: those named, or all that match.
    Requeue(RequeueArgs),
    /// Correct an invoice: replace its content, keeping its identity.
    Amend(AmendArgs),
    /// Give invoices up for good; their counters become void.
    Abandon(AbandonArgs),
    /// Take over the documents that the authority holds under these UUIDs.
    Adopt(AdoptArgs),
    /// Mark a record of refused intake as dealt with.
    Resolve(ResolveArgs),
}

/// Which invoices.
#[derive(Debug, clap::Args)]
struct FilterArgs {
    /// Only invoices of this environment.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// Only this state; both when left out.
    #[arg(long, value_parser = states())]
    state: Option<State>,
    /// Only what waits for this cause.
    #[arg(long, value_parser = causes())]
    cause: Option<Cause>,
    /// Only the seller with this tax number.
    #[arg(long)]
    tax_number: Option<String>,
    /// Only the income source with this sequence.
    #[arg(long)]
    income_source: Option<String>,
    /// Only what has this text in UUID, number or message.
    #[arg(long)]
    search: Option<String>,
    /// Only what is in doubt.
    #[arg(long)]
    in_doubt: bool,
    /// Only what has stood so since this time or later, such as 2026-11-22T10:00:00+03:00.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what has stood so since before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

/// A time with its offset: nobody's zone is guessed.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .map_err(|error| format!("{error}: say it as 2026-11-22T10:00:00+03:00"))
}

impl FilterArgs {
    fn filter(&self) -> Filter {
        Filter {
            environment: self.environment,
            states: self.state.into_iter().collect(),
            cause: self.cause,
            tax_number: self.tax_number.clone(),
            income_source: self.income_source.clone(),
            search: self.search.clone(),
            in_doubt: self.in_doubt,
            since: self.since,
            until: self.until,
        }
    }
}

impl Several {
    /// A filter beside names would be silently without effect.
    fn check(&self) -> anyhow::Result<()> {
        let Filter { environment, .. } = self.filter.filter();
        if self.all_matching || self.filter.filter() == (Filter { environment, ..Filter::default() }) {
            return Ok(());
        }
        anyhow::bail!(
            "filters other than --environment choose among all: leave the names out and say --all-matching"
        )
    }
}

/// Who does it, and why; kept with the change for ever.
#[derive(Debug, clap::Args)]
pub(super) struct Signature {
    /// Your name.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why you do this.
    #[arg(long)]
    reason: String,
}

impl Signature {
    pub(super) fn actor(&self) -> Actor {
        Actor { name: self.by.trim().to_owned(), reason: self.reason.trim().to_owned() }
    }
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Group by cause: how many, how much money, since when.
    #[arg(long, conflicts_with_all = ["after", "limit"])]
    groups: bool,
    /// At most so many rows, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// UUID or number of an invoice, or the id of refused intake.
    #[arg(value_name = "UUID|NUMBER")]
    name: String,
    /// Where it goes, when the same UUID or number exists in several environments.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    one: OneArgs,
    /// In which language the authority's words are explained.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
}

const ADOPT_HELP: &str = "\
Example, after the ledger was restored from a backup (docs/runbooks/restore-postgres.md):
  fawtara dead-letters adopt --all-matching --counter-only --dry-run --by Layla --reason \"restored from the 2 o'clock backup\"";

/// Invoices by name, or all that match.
#[derive(Debug, clap::Args)]
struct Several {
    /// UUIDs or numbers.
    #[arg(
        value_name = "UUID|NUMBER",
        required_unless_present = "all_matching",
        conflicts_with = "all_matching"
    )]
    names: Vec<String>,
    /// All that match the filter; without a filter, all that wait for a person.
    #[arg(long)]
    all_matching: bool,
    #[command(flatten)]
    filter: FilterArgs,
    /// Change nothing; say how many and how much money it would be.
    #[arg(long, requires = "all_matching", conflicts_with = "names")]
    dry_run: bool,
    /// Stop after so many.
    #[arg(long, requires = "all_matching", conflicts_with = "names", value_name = "COUNT")]
    at_most: Option<u64>,
    /// Go on where an earlier run stopped.
    #[arg(long, requires = "all_matching", conflicts_with = "names", value_name = "PLACE")]
    after: Option<Cursor>,
}

#[derive(Debug, clap::Args)]
struct RequeueArgs {
    #[command(flatten)]
    several: Several,
    /// Encode anew, after a change of settings; otherwise the same bytes are sent.
    #[arg(long)]
    reencode: bool,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct AmendArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The corrected event; `-` for standard input. `fawtara show --content` gives one to begin with.
    #[arg(value_name = "FILE")]
    event: PathBuf,
    /// Check it and say what would change; change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signature: Signature,
}

#[derive(Debug, clap::Args)]
struct AbandonArgs {
    /// UUIDs or numbers.
    #[arg(value_name = "UUID|NUMBER", required = true)]
    names: Vec<String>,
    /// Where they go, when the same UUID or number exists in several environments.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ADOPT_HELP)]
struct AdoptArgs {
    #[command(flatten)]
    several: Several,
    /// Only documents that differ from ours in their counter alone: what was lost here, published again and encoded anew.
    #[arg(long)]
    counter_only: bool,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ResolveArgs {
    /// The id of the record, as `list` tells it.
    id: uuid::Uuid,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `fawtara dead-letters`.
///
/// # Errors
/// A ledger that is away, an input that cannot be read, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let desk = match &args.command {
        Command::List(_) | Command::Show(_) => reading_desk(&settings).await?,
        Command::Requeue(_)
        | Command::Amend(_)
        | Command::Abandon(_)
        | Command::Adopt(_)
        | Command::Resolve(_) => changing_desk(&settings).await?,
    };
    let outcome = run(&args, &desk, &mut std::io::stdout()).await;
    desk.broker.close().await;
    outcome
}

/// Runs it; the outcome is no when something that was asked for was refused.
///
/// # Errors
/// The ledger's, an input that cannot be read, and what `out` refuses.
pub async fn run(args: &Args, desk: &Console, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.command.is_json());
    let result = match &args.command {
        Command::List(args) => view::list(args, desk, &mut answer).await,
        Command::Show(args) => view::show(args, desk, &mut answer).await,
        Command::Requeue(args) => change::requeue(args, desk, &mut answer).await,
        Command::Amend(args) => change::amend(args, desk, &mut answer).await,
        Command::Abandon(args) => change::abandon(args, desk, &mut answer).await,
        Command::Adopt(args) => change::adopt(args, desk, &mut answer).await,
        Command::Resolve(args) => change::resolve(args, desk, &mut answer).await,
    };
    match result {
        Ok(outcome) => Ok(outcome),
        Err(error) => answer.error(error),
    }
}

impl Command {
    fn is_json(&self) -> bool {
        match self {
            Self::List(args) => args.json,
            Self::Show(args) => args.one.json,
            Self::Requeue(args) => args.json,
            Self::Amend(args) => args.one.json,
            Self::Abandon(args) => args.json,
            Self::Adopt(args) => args.json,
            Self::Resolve(args) => args.json,
        }
    }
}

#[cfg(test)]
mod tests;
