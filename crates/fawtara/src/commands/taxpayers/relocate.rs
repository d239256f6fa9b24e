//! `move`: an invoice to another income source of the same taxpayer. It stands here and not among the dead letters, since what
//! is wrong is which income source was named, and the registry must be asked about the right one.

use std::sync::Arc;

use console::text::clean;
use console::{Console, ConsoleError, Hinted, Relocated};

use super::{MoveArgs, Office, Refusal};
use crate::commands::Outcome;
use crate::commands::answer::{Answer, of_ledger};
use crate::registry::merged;

pub(super) async fn relocate(
    args: &MoveArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let registrations = Arc::new(merged(&office.settings, &office.ledger.taxpayers().registry().await?));
    let desk = Console {
        ledger: office.ledger.clone(),
        broker: office.broker.clone(),
        policy: office.settings.policy.clone(),
        registrations: Arc::clone(&registrations),
    };
    let key = desk.find(&args.name, args.environment).await.map_err(told)?;
    let Some(registration) = registrations.of(key.environment, &args.to) else {
        let message = format!(
            "{} is not registered in {}: `fawtara taxpayers list` shows all",
            args.to, key.environment
        );
        return Err(Refusal::new("unknown_income_source", message).into());
    };
    let moved = desk.relocate(key, &args.to, registration, &args.signature.actor()).await.map_err(told)?;
    answer.either(&moved, said)?;
    Ok(Outcome::Done)
}

/// The console's no is ours; what the ledger cannot do is an error of the command.
fn told(error: ConsoleError) -> anyhow::Error {
    if matches!(error, ConsoleError::Ledger(_)) {
        return of_ledger(error);
    }
    // A refusal is printed on one line, and no error ends with a full stop by itself.
    let message = format!("{}. {}", clean(&error.to_string()), error.what_to_do());
    Refusal::new(error.code(), message).into()
}

fn said(moved: &Relocated) -> String {
    let void = match moved.from.icv {
        Some(icv) => format!("its counter {icv} of {} is void", moved.from.source),
        None => format!("it had no counter of {} yet", moved.from.source),
    };
    let hint = if moved.hinted == Hinted::LeftToSweeper { "; it goes on at the next sweep" } else { "" };
    format!(
        "{} is a draft of {} now, as {}{hint}\n{} is abandoned; {void}\n",
        clean(&moved.to.number),
        moved.to.source,
        moved.to.key.uuid,
        moved.from.key.uuid,
    )
}
