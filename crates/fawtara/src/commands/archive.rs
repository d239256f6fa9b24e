//! `fawtara archive`: a period as files, and the proof that nobody has touched them. Knows arguments and printing only.

use std::io::{IsTerminal as _, Write, stderr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Subcommand;
use console::Console;
use console::archive::{ArchiveError, Difference, Exported, Header, Order, Progress, Verified, verify};
use console::text::clean;
use indicatif::{ProgressBar, ProgressStyle};
use invoice::Environment;
use ledger::Issued;

use super::Outcome;
use super::answer::{Answer, environments, reading_desk};
use crate::settings::Settings;

/// Arguments of `fawtara archive`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is done with one.
    #[command(subcommand)]
    pub action: Action,
}

/// What is done with an archive.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Write the invoices of a period into a new folder, with everything that is kept of them.
    Export(ExportArgs),
    /// Prove an archive untouched; needs no services and no configuration.
    Verify(VerifyArgs),
}

/// Arguments of `fawtara archive export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The first date of issue.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: NaiveDate,
    /// The last date of issue, included.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: NaiveDate,
    /// The folder, which must not exist yet.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only this seller.
    #[arg(long)]
    pub tax_number: Option<String>,
    /// Only this environment.
    #[arg(long, value_parser = environments())]
    pub environment: Option<Environment>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `fawtara archive verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The archive.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What `archive export` told as the SHA-256 of the manifest: proves that the archive is that one.
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<invoice::Digest>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `fawtara archive`.
///
/// # Errors
/// A ledger that is away, a folder that cannot be written or read, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let mut out = std::io::stdout();
    match args.action {
        Action::Export(args) => {
            let desk = reading_desk(&settings).await?;
            export(&args, &desk, settings.archive.retention_years, &mut out).await
        }
        Action::Verify(args) => verify_folder(&args, &mut out),
    }
}

/// Exports; a finished archive is the only outcome that is no error.
///
/// # Errors
/// As [`command`].
pub async fn export(
    args: &ExportArgs,
    desk: &Console,
    retention_years: u32,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let order = Order {
        wanted: Issued {
            from: args.from,
            to: args.to,
            environment: args.environment,
            tax_number: args.tax_number.clone(),
        },
        out: args.out.clone(),
        retention_years,
        software: format!("fawtara {}", env!("CARGO_PKG_VERSION")),
    };
    let bar = bar();
    let exported = desk.export(&order, |progress| tell(&bar, "written", progress)).await;
    bar.finish_and_clear();
    let exported = exported.map_err(bared)?;
    Answer::new(out, args.json).either(&exported, told)?;
    Ok(Outcome::Done)
}

/// Verifies; the outcome is no when anything is not as it was written.
///
/// # Errors
/// As [`command`].
pub fn verify_folder(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let bar = bar();
    let verified = verify(&args.folder, |progress| tell(&bar, "verified", progress));
    bar.finish_and_clear();
    let mut verified = verified.map_err(bared)?;
    if let Some(expected) = args.sha256
        && expected != verified.sha256
    {
        let message =
            format!("its SHA-256 is {}, not the one that you name: this is another archive", verified.sha256);
        verified.differences.push(Difference { path: "manifest.jsonl".to_owned(), message });
        verified.difference_count += 1;
    }
    Answer::new(out, args.json).either(&verified, render)?;
    Ok(if verified.holds() { Outcome::Done } else { Outcome::No })
}

/// The ledger's own error stands bare, so that the exit code can tell an absence from a fault.
fn bared(error: ArchiveError) -> anyhow::Error {
    match error {
        ArchiveError::Ledger(inner) => inner.into(),
        other => other.into(),
    }
}

/// A line that moves in a terminal, and nothing elsewhere.
fn bar() -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn tell(bar: &ProgressBar, what: &str, progress: Progress) {
    let Progress { invoices, files, bytes } = progress;
    bar.set_message(format!("{invoices} invoices {what}, {files} files, {} MiB", bytes >> 20));
}

fn told(exported: &Exported) -> String {
    let Exported { folder, sha256, header } = exported;
    format!(
        "{}SHA-256 of the manifest: {sha256}\n\
         Write it down elsewhere: with it you can prove later that nobody wrote the archive anew.\n\
         The archive is in {}\n",
        summary(header),
        folder.display(),
    )
}

fn summary(header: &Header) -> String {
    let Header { period, invoices, files, bytes, states, cleared, checkpoint, keep_until, .. } = header;
    let mut text = format!(
        "{invoices} invoices issued from {} to {}, {files} files, {} MiB; to be kept until {keep_until}\n",
        period.from,
        period.to,
        bytes >> 20
    );
    for (state, count) in states {
        text.push_str(&format!("  {count} {state}\n"));
    }
    for (kind, money) in cleared {
        text.push_str(&format!("  cleared {kind}: {} documents, {}\n", money.count, money.payable));
    }
    if let Some(checkpoint) = checkpoint {
        text.push_str(&format!("the ledger's checkpoint {}: {}\n", checkpoint.number, checkpoint.hash));
    }
    text
}

fn render(verified: &Verified) -> String {
    let Verified { header, sha256, invoices, files, differences, difference_count, seals, remarks } =
        verified;
    let mut text = header.as_ref().map(summary).unwrap_or_default();
    text.push_str(&format!("read {invoices} invoices with {files} files\n"));
    for Difference { path, message } in differences {
        text.push_str(&format!("DIFFERENCE {}: {}\n", clean(path), clean(message)));
    }
    let told = u64::try_from(differences.len()).unwrap_or(u64::MAX);
    if *difference_count > told {
        text.push_str(&format!("... and {} more\n", difference_count - told));
    }
    for Difference { path, message } in remarks {
        text.push_str(&format!("remark {}: {}\n", clean(path), clean(message)));
    }
    text.push_str(&format!(
        "signatures: {} of {} signed documents fit, {} by a certificate that names the department. This check is unproven on \
         live documents and counts for nothing here.\n",
        seals.fitting, seals.signed, seals.by_department
    ));
    text.push_str(&format!("SHA-256 of the manifest: {sha256}\n"));
    text.push_str(&match difference_count {
        0 => "the archive is as it was written\n".to_owned(),
        count => format!("{count} difference(s): it is not as it was written\n"),
    });
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use broker::MemoryBroker;
    use invoice::life::Policy;
    use invoice::{Digest, Timestamp};
    use ledger::{MemoryLedger, Schedule};

    use super::*;

    #[tokio::test]
    async fn an_archive_is_written_once_and_holds_until_somebody_touches_it() {
        let desk = Console {
            ledger: Arc::new(MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default())),
            broker: Arc::new(MemoryBroker::default()),
            policy: Policy::default(),
            registrations: Arc::default(),
        };
        let root = std::env::temp_dir().join(format!("fawtara-archive-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&root).unwrap();
        let folder = root.join("q1");
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let args = ExportArgs {
            from: day("2026-01-01"),
            to: day("2026-03-31"),
            out: folder.clone(),
            tax_number: None,
            environment: None,
            json: false,
        };
        let mut out = Vec::new();
        assert_eq!(export(&args, &desk, 7, &mut out).await.unwrap(), Outcome::Done);
        let told = String::from_utf8(out).unwrap();
        assert!(told.contains("to be kept until 2033-03-31") && told.contains("Write it down"), "{told}");
        let again = export(&args, &desk, 7, &mut Vec::new()).await.unwrap_err();
        assert!(again.to_string().contains("exists already"), "{again}");

        let check = |sha256: Option<Digest>| {
            let mut out = Vec::new();
            let args = VerifyArgs { folder: folder.clone(), sha256, json: false };
            (verify_folder(&args, &mut out).unwrap(), String::from_utf8(out).unwrap())
        };
        let (outcome, text) = check(None);
        assert!(outcome == Outcome::Done && text.contains("as it was written"), "{text}");
        let (outcome, text) = check(Some(Digest([7; 32])));
        assert!(outcome == Outcome::No && text.contains("another archive"), "{text}");
        std::fs::write(folder.join("more"), "").unwrap();
        let (outcome, text) = check(None);
        assert!(
            outcome == Outcome::No && text.contains("DIFFERENCE more: it is not in the manifest"),
            "{text}"
        );
        std::fs::remove_dir_all(root).unwrap();
    }
}
