//! `fawtara show`: all that is known of one invoice. Knows how to ask and print, nothing else.

use std::io::Write;

use chrono::{Datelike as _, NaiveDate};
use clap::ValueEnum;
use console::text::clean;
use console::{Console, ConsoleError, Story};
use invoice::life::Invoice;
use invoice::{Environment, InvoiceKey};
use ledger::{Detachment, DocumentKind};

use super::Outcome;
use super::answer::{Answer, environments, reading_desk};
use super::catalogue::Lang;
use crate::settings::Settings;

/// Arguments of `fawtara show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its UUID, or the seller's number.
    #[arg(value_name = "UUID|NUMBER")]
    pub invoice: String,
    /// Where it goes, when the same UUID or number exists in several environments.
    #[arg(long, value_parser = environments())]
    pub environment: Option<Environment>,
    /// In which language the authority's words are explained.
    #[arg(long, value_enum, default_value_t)]
    pub lang: Lang,
    /// Print JSON.
    #[arg(long, conflicts_with_all = ["content", "document"])]
    pub json: bool,
    /// Print its content alone, as an event to be corrected for `dead-letters amend`.
    #[arg(long, conflicts_with = "document")]
    pub content: bool,
    /// Print one of its documents alone, byte for byte.
    #[arg(long, value_enum)]
    pub document: Option<WhichDocument>,
    /// The document of this version instead of the current one.
    #[arg(long, requires = "document", value_name = "VERSION")]
    pub document_version: Option<u32>,
}

/// A document that may be kept of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhichDocument {
    /// The XML that every attempt sends.
    Sent,
    /// The signed document that the authority returned.
    Signed,
    /// What the authority holds instead of ours.
    Held,
}

/// `fawtara show`.
///
/// # Errors
/// A ledger that is away, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let desk = reading_desk(&settings).await?;
    run(&args, &desk, &mut std::io::stdout()).await
}

/// Runs it; the outcome is no when there is nothing to show.
///
/// # Errors
/// The ledger's, and what `out` refuses.
pub async fn run(args: &Args, console: &Console, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.json);
    match show(args, console, &mut answer).await {
        Ok(code) => Ok(code),
        Err(error) => answer.error(error),
    }
}

async fn show(args: &Args, console: &Console, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let key = console.find(&args.invoice, args.environment).await?;
    if args.content {
        answer.text(&(console.editable(key).await? + "\n"))?;
    } else if let Some(which) = args.document {
        return document(key, which, args.document_version, console, answer).await;
    } else {
        let story = console.show(key).await?;
        match detached(&story.invoice, console).await? {
            None => answer.either(&story, |story: &Story| story.render_in(args.lang.into()))?,
            Some(gone) => {
                let mut value = serde_json::to_value(&story)?;
                if let Some(members) = value.as_object_mut() {
                    members.insert("detached".to_owned(), serde_json::to_value(&gone)?);
                }
                let text = format!("{}\n{}\n", story.render_in(args.lang.into()), clean(&told(&gone)));
                answer.either(&value, |_| text)?;
            }
        }
    }
    Ok(Outcome::Done)
}

/// The month of the invoice, when that was set aside.
async fn detached(invoice: &Invoice, console: &Console) -> anyhow::Result<Option<Detachment>> {
    let gone = console.ledger.archive().detachments().await.map_err(ConsoleError::from)?;
    let month = |day: NaiveDate| (day.year(), day.month());
    Ok(gone.into_iter().find(|gone| month(gone.month) == month(invoice.accepted_at.date_naive())))
}

fn told(gone: &Detachment) -> String {
    let month = gone.month.format("%Y-%m");
    format!(
        "Its events, contents, documents and attempts are not here: {gone}. To see them: fawtara retention attach --month {month}"
    )
}

async fn document(
    key: InvoiceKey,
    which: WhichDocument,
    version: Option<u32>,
    console: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let kind = match which {
        WhichDocument::Sent => DocumentKind::Sent,
        WhichDocument::Signed => DocumentKind::Signed,
        WhichDocument::Held => DocumentKind::Held,
    };
    let loaded = console.ledger.load(&[key]).await.map_err(ConsoleError::from)?;
    let invoice = loaded.invoices.into_iter().flatten().next();
    let version = version.unwrap_or_else(|| invoice.as_ref().map_or(1, |invoice| invoice.document));
    let kept = console.ledger.documents(&[(key, version, kind)]).await.map_err(ConsoleError::from)?;
    match kept.into_iter().flatten().next() {
        Some(document) => {
            answer.bytes(&document.bytes)?;
            Ok(Outcome::Done)
        }
        None => {
            if let Some(invoice) = invoice
                && let Some(gone) = detached(&invoice, console).await?
            {
                anyhow::bail!("{}", clean(&told(&gone)));
            }
            anyhow::bail!(
                "no {} document of version {version} is kept; `show` without --document lists those that are",
                kind.as_str()
            )
        }
    }
}
