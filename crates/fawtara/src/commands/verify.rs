//! `fawtara verify`: recomputes every chain of the ledger and says what does not hold.

use std::io::Write;

use console::text::clean;
use ledger::{Ledger, Verification};

use super::Outcome;
use super::answer::Answer;
use crate::settings::Settings;
use crate::wiring;

/// Arguments of `fawtara verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `fawtara verify`.
///
/// # Errors
/// A ledger that is away, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let ledger = wiring::ledger(&settings).await?;
    run(&args, ledger.as_ref(), &mut std::io::stdout()).await
}

/// Runs it; the outcome is no when something does not hold.
///
/// # Errors
/// The ledger's, and what `out` refuses.
pub async fn run(args: &Args, ledger: &dyn Ledger, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let verification = ledger.verify().await?;
    Answer::new(out, args.json).either(&verification, render)?;
    Ok(judge(&verification))
}

fn judge(verification: &Verification) -> Outcome {
    if verification.violations.is_empty() { Outcome::Done } else { Outcome::No }
}

fn render(verification: &Verification) -> String {
    let Verification { streams, events, checkpoints, detached, violations } = verification;
    let mut text = format!("read {streams} invoices with {events} events, and {checkpoints} checkpoints\n");
    for violation in violations {
        let key = violation.key.map(|key| format!("{key}")).unwrap_or_else(|| "the ledger".to_owned());
        let version = violation.version.map(|version| format!(", event {version}")).unwrap_or_default();
        text.push_str(&format!("VIOLATION in {key}{version}: {}\n", clean(&violation.message)));
    }
    for gone in detached {
        let (month, count) = (gone.month.format("%Y-%m"), gone.invoices);
        text.push_str(&format!(
            "{}: of its {count} invoices only identity and state were examined; ",
            clean(&gone.to_string())
        ));
        text.push_str(&format!("to prove them, attach it: fawtara retention attach --month {month}\n"));
    }
    text.push_str(&match violations.len() {
        0 => "everything holds\n".to_owned(),
        count => format!(
            "{count} violation(s): somebody or something changed what is written, or it was damaged. Keep the database \
             as it is and compare it with its backups.\n"
        ),
    });
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use invoice::{Environment, InvoiceKey, Timestamp};
    use ledger::{MemoryLedger, Schedule, Violation};
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn an_honest_ledger_holds() {
        let ledger = MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default());
        let mut out = Vec::new();
        let outcome = run(&Args { json: false }, &ledger, &mut out).await.unwrap();
        assert_eq!(outcome, Outcome::Done);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "read 0 invoices with 0 events, and 0 checkpoints\neverything holds\n");
    }

    #[test]
    fn every_violation_is_told_with_its_place() {
        let key = InvoiceKey { environment: Environment::Production, uuid: Uuid::from_u128(7) };
        let there = Violation { key: Some(key), version: Some(3), message: "the chain breaks".to_owned() };
        let somewhere = Violation { key: None, version: None, message: "checkpoint 2 is gone".to_owned() };
        let found = Verification {
            streams: 2,
            events: 9,
            checkpoints: 1,
            detached: Vec::new(),
            violations: vec![there, somewhere],
        };
        let text = render(&found);
        for told in [
            "read 2 invoices with 9 events, and 1 checkpoints",
            "VIOLATION in production/00000000-0000-0000-0000-000000000007, event 3: the chain breaks",
            "VIOLATION in the ledger: checkpoint 2 is gone",
            "2 violation(s)",
        ] {
            assert!(text.contains(told), "{told} is missing in:\n{text}");
        }
        assert_eq!(judge(&found), Outcome::No);
    }
}
