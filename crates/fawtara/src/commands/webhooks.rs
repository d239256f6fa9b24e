//! `fawtara webhooks`: who is told of settled invoices over HTTP, what was not heard, and what a person does about it. Knows
//! how to ask and print; what is kept stands in the ledger.

#[cfg(test)]
mod tests;
mod view;

use std::io::Write;

use anyhow::bail;
use clap::Subcommand;
use invoice::life::Actor;
use ledger::{Ledger, Outbox, Which};
use notices::{Answer as Heard, test_event};
use uuid::Uuid;

use super::Outcome;
use super::answer::Answer;
use crate::settings::{Settings, WebhookSettings};
use crate::{telling, wiring};

/// Arguments of `fawtara webhooks`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the webhooks: whether they are on, how many messages wait, how many were given up.
    List(ListArgs),
    /// List the messages that were given up, oldest first.
    Failed(FailedArgs),
    /// Send messages again: one by its id, or all that were given up.
    Resend(ResendArgs),
    /// Send to a webhook again that is off; what came meanwhile goes out as well.
    Enable(SwitchArgs),
    /// Send nothing to a webhook for now; what comes waits.
    Disable(SwitchArgs),
    /// Send a test event to a webhook now, and say what it answers. Nothing is kept of it.
    Test(TestArgs),
}

/// Who does it, and why; kept with the change.
#[derive(Debug, clap::Args)]
struct Signature {
    /// Your name.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why you do this.
    #[arg(long)]
    reason: String,
}

impl Signature {
    fn actor(&self) -> anyhow::Result<Actor> {
        let actor = Actor { name: self.by.trim().to_owned(), reason: self.reason.trim().to_owned() };
        if actor.name.is_empty() || actor.reason.is_empty() {
            bail!("--by and --reason must not be empty: who does it, and why, is kept with the change");
        }
        Ok(actor)
    }
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct FailedArgs {
    /// Only those for this webhook.
    #[arg(long, value_name = "NAME")]
    webhook: Option<String>,
    /// At most so many, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ResendArgs {
    /// The id of the message (`webhook-id`), as `failed` tells it.
    #[arg(required_unless_present = "all_failed", conflicts_with = "all_failed")]
    id: Option<Uuid>,
    /// All that were given up.
    #[arg(long)]
    all_failed: bool,
    /// Only those for this webhook.
    #[arg(long, value_name = "NAME")]
    webhook: Option<String>,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct SwitchArgs {
    /// The webhook's name in the configuration.
    name: String,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct TestArgs {
    /// The webhook's name in the configuration.
    name: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `fawtara webhooks`.
///
/// # Errors
/// A ledger that is away, a setting that is wrong, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let ledger = wiring::ledger(&settings).await?;
    run(&args, &settings, &*ledger, &mut std::io::stdout()).await
}

/// Runs it; the outcome is no when something that was asked for was not so.
///
/// # Errors
/// As for [`command`].
pub async fn run(
    args: &Args,
    settings: &Settings,
    ledger: &dyn Ledger,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let outbox = ledger.outbox();
    match &args.command {
        Command::List(args) => {
            let webhooks = view::webhooks(settings, outbox.outbox_standing().await?);
            Answer::new(out, args.json).either(&webhooks, |webhooks| view::list(webhooks))?;
            Ok(Outcome::Done)
        }
        Command::Failed(args) => {
            let which = Which { webhook: args.webhook.clone(), failed: true, ..Which::default() };
            let failed = view::messages(outbox.deliveries(&which, args.limit).await?);
            Answer::new(out, args.json).either(&failed, |failed| view::failed(failed))?;
            Ok(Outcome::Done)
        }
        Command::Resend(args) => resend(args, outbox, &mut Answer::new(out, args.json)).await,
        Command::Enable(args) => {
            switch(args, false, settings, outbox, &mut Answer::new(out, args.json)).await
        }
        Command::Disable(args) => {
            switch(args, true, settings, outbox, &mut Answer::new(out, args.json)).await
        }
        Command::Test(args) => test(args, settings, ledger, &mut Answer::new(out, args.json)).await,
    }
}

async fn resend(args: &ResendArgs, outbox: &dyn Outbox, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let by = args.signature.actor()?;
    let which = Which { webhook: args.webhook.clone(), id: args.id, failed: args.all_failed };
    let count = outbox.resend(&which, by).await?;
    let value = serde_json::json!({ "resent": count });
    answer.either(&value, |_| match count {
        0 => "no such message is kept: it was heard, or never sent\n".to_owned(),
        count => format!("to be sent again: {count}\n"),
    })?;
    Ok(if count == 0 && args.id.is_some() { Outcome::No } else { Outcome::Done })
}

async fn switch(
    args: &SwitchArgs,
    off: bool,
    settings: &Settings,
    outbox: &dyn Outbox,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let by = args.signature.actor()?;
    let name = configured(settings, &args.name)?.name.as_str();
    let changed = outbox.switch_webhook(name, off, Some(&by.name), &by.reason).await?;
    let state = if off { "off" } else { "on" };
    let value = serde_json::json!({ "webhook": name, "state": state, "changed": changed });
    answer.either(&value, |_| {
        if changed { format!("{name} is {state} now\n") } else { format!("{name} was {state} already\n") }
    })?;
    Ok(Outcome::Done)
}

async fn test(
    args: &TestArgs,
    settings: &Settings,
    ledger: &dyn Ledger,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let webhook = configured(settings, &args.name)?;
    let (id, now) = (Uuid::new_v4(), ledger.now().await?);
    let event = test_event(&webhook.name, id, now);
    let heard = telling::client(settings)?.send(&webhook.webhook()?, id, now, &event).await;
    let (status, told) = match &heard {
        Heard::Heard { status } => (Some(*status), "heard".to_owned()),
        Heard::Gone => (Some(410), "gone: real messages would switch this webhook off".to_owned()),
        Heard::Refused { status, excerpt } => (Some(*status), format!("refused: {excerpt}")),
        Heard::Silent { reason } => (None, format!("no answer: {reason}")),
    };
    let value = serde_json::json!({ "webhook": webhook.name, "id": id, "status": status, "answer": told });
    answer.either(&value, |_| {
        let status = status.map(|status| format!("HTTP {status}, ")).unwrap_or_default();
        format!("{}: {status}{}\n", webhook.name, console::text::clean(&told))
    })?;
    Ok(if matches!(heard, Heard::Heard { .. }) { Outcome::Done } else { Outcome::No })
}

fn configured<'a>(settings: &'a Settings, name: &str) -> anyhow::Result<&'a WebhookSettings> {
    match settings.webhooks.iter().find(|webhook| webhook.name == name) {
        Some(webhook) => Ok(webhook),
        None => bail!("no webhook {name:?} is configured; `fawtara webhooks list` names those that are"),
    }
}
