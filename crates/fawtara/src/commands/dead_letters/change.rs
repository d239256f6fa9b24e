//! Changing what waits for a person: `requeue`, `amend`, `abandon`, `adopt`, `resolve`. Each carries a name and a reason.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use console::text::clean;
use console::{Action, Amendment, Bulk, Console, ConsoleError, Done, Held, Hinted, Report};
use invoice::Environment;
use invoice::life::{Actor, Cause, RequeueMode};
use serde_json::{Value, json};

use super::{AbandonArgs, AdoptArgs, AmendArgs, RequeueArgs, ResolveArgs, Several};
use crate::commands::Outcome;
use crate::commands::answer::{Answer, of_ledger, refusal};

/// No event is longer; one byte more is read, so that a longer one is refused and not cut.
const EVENT_BYTES: u64 = invoice::limits::EVENT_BYTES as u64;

pub(super) async fn requeue(
    args: &RequeueArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let mode = if args.reencode { RequeueMode::Reencode } else { RequeueMode::SameBytes };
    several(&args.several, Action::Requeue(mode), &args.signature.actor(), desk, answer).await
}

pub(super) async fn adopt(
    args: &AdoptArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let action = if args.counter_only { Action::AdoptCounter } else { Action::Adopt };
    several(&args.several, action, &args.signature.actor(), desk, answer).await
}

pub(super) async fn abandon(
    args: &AbandonArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let by = args.signature.actor();
    each(&args.names, args.environment, Action::Abandon, &by, desk, answer).await
}

pub(super) async fn amend(
    args: &AmendArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let json = input(&args.event)?;
    let key = desk.find(&args.one.name, args.one.environment).await?;
    let amendment = desk.amendment(key, &json, &args.signature.actor()).await?;
    if args.dry_run {
        answer.either(&amendment, |amendment| planned(amendment) + "nothing was changed (--dry-run)\n")?;
        return Ok(Outcome::Done);
    }
    let plan = planned(&amendment);
    let differences = amendment.differences.clone();
    let done = desk.make(amendment).await?;
    let value = json!({ "done": done, "differences": differences });
    answer.either(&value, |_| format!("{plan}{}", said(&done)))?;
    Ok(Outcome::Done)
}

pub(super) async fn resolve(
    args: &ResolveArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    desk.resolve_intake(args.id, &args.signature.actor()).await?;
    answer
        .either(&json!({ "resolved": args.id }), |_| format!("refused intake {} is dealt with\n", args.id))?;
    Ok(Outcome::Done)
}

async fn several(
    several: &Several,
    action: Action,
    by: &Actor,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    several.check()?;
    if !several.all_matching {
        return each(&several.names, several.filter.environment, action, by, desk, answer).await;
    }
    let mut filter = several.filter.filter();
    if matches!(action, Action::Adopt | Action::AdoptCounter) {
        filter.cause.get_or_insert(Cause::AuthorityHoldsOther);
    }
    let bulk = Bulk { dry_run: several.dry_run, at_most: several.at_most, after: several.after };
    let report = desk.act_on_matching(&filter, action, by, bulk).await?;
    answer.either(&report, told)?;
    let whole = report.refused == 0 && report.interrupted.is_none();
    Ok(if whole { Outcome::Done } else { Outcome::No })
}

/// One after the other; one that is refused does not keep the others back.
async fn each(
    names: &[String],
    environment: Option<Environment>,
    action: Action,
    by: &Actor,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::Done;
    let mut results = Vec::with_capacity(names.len());
    for name in names {
        let result = match desk.find(name, environment).await {
            Ok(key) => desk.act(key, action, by).await,
            Err(error) => Err(error),
        };
        let text = match &result {
            Ok(done) => said(done),
            Err(error) => {
                format!("{}: {}\n  {}\n", clean(name), clean(&error.to_string()), error.what_to_do())
            }
        };
        if let Err(error @ ConsoleError::Ledger(_)) = result {
            print_so_far(&results, answer)?;
            return Err(of_ledger(error));
        }
        if result.is_err() {
            outcome = Outcome::No;
        }
        if answer.is_json() {
            results.push(value(name, &result));
        } else {
            answer.text(&text)?;
        }
    }
    print_so_far(&results, answer)?;
    Ok(outcome)
}

fn print_so_far(results: &[Value], answer: &mut Answer<'_>) -> anyhow::Result<()> {
    if answer.is_json() { answer.either(&results, |_| String::new()) } else { Ok(()) }
}

fn value(name: &str, result: &Result<Done, ConsoleError>) -> Value {
    match result {
        Ok(done) => json!({ "name": name, "done": done }),
        Err(error) => json!({ "name": name, "refused": refusal(error) }),
    }
}

fn said(done: &Done) -> String {
    let Done { invoice, hinted, held } = done;
    let simulated = match invoice.key.environment {
        Environment::Simulation => " (SIMULATION)",
        Environment::Sandbox => " (SANDBOX)",
        Environment::Production => "",
    };
    let hint = match hinted {
        Hinted::NotNeeded | Hinted::Sent => "",
        Hinted::LeftToSweeper => "; it goes on at the next sweep",
    };
    let number = clean(&invoice.number);
    let mut text = format!("{number} {}{simulated} is {} now{hint}\n", invoice.key.uuid, invoice.state);
    if let Some(Held { icv, noted }) = held {
        let ours = invoice.icv.map(|icv| icv.to_string()).unwrap_or_default();
        text.push_str(&format!("  the authority holds it under counter {icv}; ours, {ours}, is void\n"));
        if !noted.is_void || noted.advanced.is_some() {
            text.push_str(TOO_SMALL);
        }
    }
    text
}

/// After a restore, when the authority has seen numbers beyond those that were skipped.
const TOO_SMALL: &str = "\
  WARNING: the authority holds counters beyond those that were skipped, so the margin was too small: run\n  \
  `fawtara recover advance-counters` once more with --again and a larger one, then `fawtara recover status`\n";

fn planned(amendment: &Amendment) -> String {
    let mut text =
        format!("amending document version {}; ours is what stands, theirs what is new:\n", amendment.amends);
    for difference in &amendment.differences {
        text.push_str(&format!("  {}\n", clean(difference)));
    }
    text
}

fn told(report: &Report) -> String {
    let verb = if report.dry_run { "would be done" } else { "done" };
    let mut text = format!(
        "looked at {}: {} {verb} (worth {}), {} refused\n",
        report.count, report.done, report.amounts, report.refused
    );
    if report.held.count > 0 {
        let highest = report.held.highest.map(|icv| icv.to_string()).unwrap_or_default();
        text.push_str(&format!(
            "  the authority holds {} of them under another counter, the highest is {highest}; ours are void\n",
            report.held.count
        ));
    }
    if report.held.beyond > 0 {
        text.push_str(TOO_SMALL);
    }
    for refused in &report.refusals {
        text.push_str(&format!(
            "  {} {}: {}\n",
            refused.uuid,
            clean(&refused.number),
            clean(&refused.reason)
        ));
    }
    if let Some(reason) = &report.interrupted {
        text.push_str(&format!(
            "INTERRUPTED: {}; what was done is done, run it again to go on\n",
            clean(reason)
        ));
    }
    if let Some(next) = report.next {
        text.push_str(&format!("more: --after {next}\n"));
    }
    text
}

fn input(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(EVENT_BYTES + 1).read_to_end(&mut bytes).context("standard input")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        file.take(EVENT_BYTES + 1).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    }
    Ok(bytes)
}
