//! `fawtara verify`: recomputes every chain of the ledger and says what does not hold.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use console::text::clean;
use ledger::{Ledger, Verification};

use super::answer::{Answer, REFUSED};

/// Check the ledger: every hash chain, every checkpoint, and that each invoice stands where its events say.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs it. Exit code 0 when all holds, 1 when something does not.
///
/// # Errors
/// The ledger's, and what `out` refuses.
pub async fn run(args: &VerifyArgs, ledger: &dyn Ledger, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let verification = ledger.verify().await?;
    Answer::new(out, args.json).either(&verification, render)?;
    Ok(if verification.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn render(verification: &Verification) -> String {
    let Verification { streams, events, checkpoints, violations } = verification;
    let mut text = format!("read {streams} invoices with {events} events, and {checkpoints} checkpoints\n");
    for violation in violations {
        let key = violation.key.map(|key| format!("{key}")).unwrap_or_else(|| "the ledger".to_owned());
        let version = violation.version.map(|version| format!(", event {version}")).unwrap_or_default();
        text.push_str(&format!("VIOLATION in {key}{version}: {}\n", clean(&violation.message)));
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
