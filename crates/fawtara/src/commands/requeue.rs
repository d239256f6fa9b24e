//! `fawtara requeue`: the queues rebuilt from the ledger. Knows the pace and how to print.

use std::io::Write;
use std::time::Duration;

use console::text::clean;
use console::{Console, Cursor, Rebuilding, Rebuilt};
use invoice::Environment;
use invoice::life::State;
use ledger::Filter;
use tokio::time::{Instant, sleep_until};

use super::Outcome;
use super::answer::{Answer, changing_desk, environments, open_states};
use crate::settings::Settings;

const HELP: &str = "\
Changes no invoice, so that it may be run at any time and again: a hint that comes twice finds nothing to do. What the queues hold is
left there. Invoices that are not due yet, or being sent at this moment, are left to the ledger's own times.

Example, after all queues were lost:
  fawtara requeue --all-open --dry-run
  fawtara requeue --all-open --rate 2000";

/// Arguments of `fawtara requeue`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Every invoice that is open, and every case that waits for a person.
    #[arg(long, required = true)]
    all_open: bool,
    /// Only invoices in this state; the dead-letter queue is then left alone.
    #[arg(long, value_parser = open_states())]
    state: Option<State>,
    /// Only invoices of this environment.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// Only the seller with this tax number.
    #[arg(long, value_name = "TAX-NUMBER")]
    taxpayer: Option<String>,
    /// Only the income source with this sequence.
    #[arg(long, value_name = "SEQUENCE")]
    income_source: Option<String>,
    /// At most so many invoices a second.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Go on where an earlier run stopped.
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor>,
    /// Hint nothing; say how many it would be.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `fawtara requeue`.
///
/// # Errors
/// A ledger that is away, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let desk = changing_desk(&settings).await?;
    let outcome = run(&args, &desk, &mut std::io::stdout()).await;
    desk.broker.close().await;
    outcome
}

/// Runs it; the outcome is no when it was interrupted.
///
/// # Errors
/// The ledger's before anything was done, and what `out` refuses.
pub async fn run(args: &Args, desk: &Console, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let filter = Filter {
        environment: args.environment,
        states: args.state.into_iter().collect(),
        tax_number: args.taxpayer.clone(),
        income_source: args.income_source.clone(),
        ..Filter::default()
    };
    let whole = filter == Filter::default() && args.after.is_none();
    let mut answer = Answer::new(out, args.json);
    let mut work = match desk.rebuild(&filter, args.after, args.dry_run).await {
        Ok(work) => work,
        Err(error) => return answer.error(error.into()),
    };
    if let Err(error) = all(desk, &mut work, args.rate, whole).await {
        if work.report.count == 0 {
            return answer.error(error.into());
        }
        work.report.interrupted = Some(error.to_string());
    }
    answer.either(&work.report, told)?;
    Ok(if work.report.interrupted.is_none() { Outcome::Done } else { Outcome::No })
}

async fn all(
    desk: &Console,
    work: &mut Rebuilding,
    rate: u32,
    whole: bool,
) -> Result<(), console::ConsoleError> {
    let (begun, mut told) = (Instant::now(), Instant::now());
    while desk.rebuild_page(work).await? {
        if told.elapsed() >= Duration::from_secs(5) {
            told = Instant::now();
            let place = work.report.next.map(|next| format!(" (--after {next})")).unwrap_or_default();
            eprintln!("fawtara: {} invoices looked at{place}", work.report.count);
        }
        let pace = Duration::from_millis(work.report.count.saturating_mul(1_000) / u64::from(rate.max(1)));
        sleep_until(begun + pace).await;
    }
    if whole { desk.rebuild_dead_letters(work).await } else { Ok(()) }
}

fn told(report: &Rebuilt) -> String {
    let verb = if report.dry_run { "would be hinted" } else { "hinted" };
    let mut text = format!(
        "looked at {} open invoices: {} {verb} for the encoder, {} for the submitter, {} made due in the ledger\n",
        report.count, report.draft, report.to_submit, report.made_due
    );
    text.push_str(&format!(
        "  left to their time: {}; being sent now: {}\n",
        report.not_due, report.in_flight
    ));
    text.push_str(&match report.dead_letter_left {
        true => "  the dead-letter queue has messages: submitters make it equal to the ledger\n".to_owned(),
        false => format!("  {verb} for people: {}\n", report.dead_letter),
    });
    if let Some(reason) = &report.interrupted {
        text.push_str(&format!(
            "INTERRUPTED: {}; run it again, or go on from the place below\n",
            clean(reason)
        ));
    }
    if let Some(next) = report.next {
        text.push_str(&format!("more: --after {next}\n"));
    }
    text
}
