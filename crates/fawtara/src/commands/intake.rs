//! `fawtara intake`: the switch that closes intake for all producers. Knows how to ask and print; who obeys it, and how, is the
//! producer's.

use std::io::Write;

use clap::Subcommand;
use console::ConsoleError;
use console::text::{clean, time};
use ledger::{IntakeSwitch, Ledger};
use serde_json::json;

use super::Outcome;
use super::answer::Answer;
use super::dead_letters::Signature;
use crate::settings::Settings;
use crate::wiring;

/// So many turns of the switch are told.
const HISTORY: u32 = 20;

const HELP: &str = "\
Producers obey within seconds, whichever way events come: HTTP answers 503 with Retry-After (code intake_closed), messages stay in
the intake queue, `fawtara import` and `fawtara correct` refuse. What was taken before goes on to be cleared.

Example:
  fawtara intake close --by Layla --reason \"the ledger was restored from a backup\"";

/// Arguments of `fawtara intake`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take nothing more; what publishers send is left to them and to the intake queue.
    Close(TurnArgs),
    /// Take events again.
    Open(TurnArgs),
    /// Say whether intake is open, and who turned the switch.
    Status(StatusArgs),
}

#[derive(Debug, clap::Args)]
struct TurnArgs {
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `fawtara intake`.
///
/// # Errors
/// A ledger that is away, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let ledger = wiring::ledger(&settings).await?;
    run(&args, &*ledger, &mut std::io::stdout()).await
}

/// Runs it. `status` ends with no (exit code 1) while intake is closed.
///
/// # Errors
/// The ledger's, and what `out` refuses.
pub async fn run(args: &Args, ledger: &dyn Ledger, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Close(args) => turn(args, true, ledger, out).await,
        Command::Open(args) => turn(args, false, ledger, out).await,
        Command::Status(args) => status(args, ledger, out).await,
    }
}

async fn turn(
    args: &TurnArgs,
    closed: bool,
    ledger: &dyn Ledger,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.json);
    let by = args.signature.actor();
    if by.name.is_empty() || by.reason.is_empty() {
        return answer.error(ConsoleError::Anonymous(invoice::life::Refusal::Anonymous).into());
    }
    let changed = ledger.recovery().switch_intake(closed, by).await?;
    let state = if closed { "closed" } else { "open" };
    answer.either(&json!({ "intake": state, "changed": changed }), |_| match changed {
        true => format!("intake is {state} now; producers obey within seconds\n"),
        false => format!("intake was {state} already\n"),
    })?;
    Ok(Outcome::Done)
}

async fn status(args: &StatusArgs, ledger: &dyn Ledger, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let history = ledger.recovery().intake_history(HISTORY).await?;
    let closed = history.first().is_some_and(|turn| turn.closed);
    let state = if closed { "closed" } else { "open" };
    let value = json!({ "intake": state, "history": history });
    Answer::new(out, args.json).either(&value, |_| {
        let lines: Vec<_> = history.iter().map(line).collect();
        format!("intake is {state}\n{}", lines.concat())
    })?;
    Ok(if closed { Outcome::No } else { Outcome::Done })
}

fn line(turn: &IntakeSwitch) -> String {
    let verb = if turn.closed { "closed" } else { "opened" };
    format!("  {}  {verb} by {}: {}\n", time(turn.at), clean(&turn.by.name), clean(&turn.by.reason))
}
