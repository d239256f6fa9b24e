//! `fawtara status`: what the authority says about one invoice, by whichever route it goes. Knows how to ask and print;
//! whether it may ask is the console's to say. Records nothing.

use std::io::Write;

use anyhow::Context;
use console::standing::{Ask, beside, may_ask};
use console::text::{Table, clean};
use console::{Advice, Console, ConsoleError, advise};
use invoice::life::{Invoice, Outcome as Answered, State};
use invoice::{Environment, InvoiceKey};
use jofotara::catalogue::{Explanation, explain};
use jofotara::{Asked, Client, Endpoint, Standing};
use ledger::DocumentKind;
use serde::Serialize;

use super::Outcome;
use super::answer::{Answer, environments, reading_desk};
use super::catalogue::Lang;
use crate::failure::Misconfigured;
use crate::settings::Settings;
use crate::{registry, vault, wiring};

/// Arguments of `fawtara status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its UUID, or the seller's number.
    #[arg(value_name = "UUID|NUMBER")]
    invoice: String,
    /// Where it goes, when the same UUID or number exists in several environments.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// In which language the authority's words are explained.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is said of an invoice.
#[derive(Debug, Serialize)]
struct Report {
    /// Nothing of this is real.
    simulation: bool,
    uuid: uuid::Uuid,
    number: String,
    environment: Environment,
    /// As the ledger has it; nothing of this command changes it.
    state: State,
    /// By which kind of route its documents go.
    route: &'static str,
    /// How the authority was asked; none when it was not.
    asked: Option<Asked>,
    /// What it says: a [`Standing`], or `never_sent`, or `not_asked`.
    standing: &'static str,
    /// Whether the authority has it.
    accepted: bool,
    message: String,
    http_status: Option<u16>,
    codes: Vec<String>,
    qr: Option<String>,
    /// What is odd about the answer.
    note: Option<String>,
    explanations: Vec<Explanation>,
    what_to_do: String,
}

/// `fawtara status`; the outcome is no unless the authority has the invoice.
///
/// # Errors
/// A ledger that is away, an income source that cannot be reached, a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let desk = reading_desk(&settings).await?;
    let client = Client::new(wiring::http_transport(&settings)?);
    let out = &mut std::io::stdout();
    run(&args, &desk, &client, async |invoice: &Invoice| endpoint(&settings, &desk, invoice).await, out).await
}

/// Runs it; `endpoint` says where an invoice goes.
async fn run(
    args: &Args,
    desk: &Console,
    client: &Client,
    endpoint: impl AsyncFn(&Invoice) -> anyhow::Result<Endpoint>,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.json);
    match look(args, desk, client, endpoint).await {
        Ok(report) => {
            answer.either(&report, |report| text(report, args.lang))?;
            Ok(if report.accepted { Outcome::Done } else { Outcome::No })
        }
        Err(error) => answer.error(error),
    }
}

async fn look(
    args: &Args,
    desk: &Console,
    client: &Client,
    endpoint: impl AsyncFn(&Invoice) -> anyhow::Result<Endpoint>,
) -> anyhow::Result<Report> {
    let key = desk.find(&args.invoice, args.environment).await?;
    let loaded = desk.ledger.load(&[key]).await.map_err(ConsoleError::from)?;
    let invoice = loaded.invoices.into_iter().next().flatten();
    let Some(invoice) = invoice else {
        return Err(ConsoleError::Unknown { text: key.uuid.to_string() }.into());
    };
    let endpoint = endpoint(&invoice).await?;
    let attempts = desk.ledger.attempts(key).await.map_err(ConsoleError::from)?;
    match may_ask(&invoice, &attempts, endpoint.asks_by()) {
        Ask::Yes { document } => ask(desk, client, &endpoint, invoice, document).await,
        Ask::NeverSent => Ok(never_sent(&invoice, &endpoint)),
        Ask::No { reason } => {
            let what_to_do = "See `fawtara show` for all that was heard.";
            Ok(unasked(&invoice, &endpoint, "not_asked", reason, what_to_do))
        }
    }
}

async fn ask(
    desk: &Console,
    client: &Client,
    endpoint: &Endpoint,
    invoice: Invoice,
    document: u32,
) -> anyhow::Result<Report> {
    let InvoiceKey { uuid, .. } = invoice.key;
    let wanted = [(invoice.key, document, DocumentKind::Sent)];
    let kept = desk.ledger.documents(&wanted).await.map_err(ConsoleError::from)?;
    let kept = kept.into_iter().flatten().next();
    let kept = kept.with_context(|| {
        format!("the bytes of document version {document} of {uuid} are not kept; `fawtara verify` says more")
    })?;
    let heard = client.status(endpoint, &invoice.number, &uuid, kept.bytes.into()).await;
    let (qr, note) = match heard.verdict.outcome {
        Answered::Cleared { qr, note, .. } => (Some(qr), note),
        Answered::HoldsOther { qr, difference } => (qr, Some(difference)),
        _ => (None, None),
    };
    let evidence = heard.verdict.evidence;
    let accepted = matches!(heard.standing, Standing::Cleared | Standing::AcceptedWithoutQr);
    let explanations = if accepted {
        Vec::new()
    } else {
        let found = explain(evidence.http_status, &evidence.codes, &evidence.message);
        let refused = heard.standing == Standing::Refused;
        found.into_iter().map(Explanation::from).filter(|it| refused || it.is_known()).collect()
    };
    // It may have been recorded while we asked: then nothing is left to be said about it.
    let now = desk.ledger.load(&[invoice.key]).await.map_err(ConsoleError::from)?;
    let invoice = now.invoices.into_iter().next().flatten().unwrap_or(invoice);
    Ok(Report {
        asked: Some(heard.asked),
        standing: word(heard.standing),
        accepted,
        message: evidence.message,
        http_status: evidence.http_status,
        codes: evidence.codes,
        what_to_do: beside(&invoice, heard.standing, qr.as_deref()).to_owned(),
        qr,
        note,
        explanations,
        ..unasked(&invoice, endpoint, "", "", "")
    })
}

/// The fleet sends by itself only what waits neither for a person nor for its original.
fn never_sent(invoice: &Invoice, endpoint: &Endpoint) -> Report {
    let unknown = "nothing of it has gone out yet, so the authority cannot know it";
    let by_itself = "Nothing: the fleet sends it when it is due. `fawtara show` says why it waits.";
    let Advice { why, what_to_do, .. } = advise(invoice);
    let (message, what_to_do) = if invoice.state.waits_for_person() {
        let what_to_do = format!(
            "It waits for a person: the fleet does not send it by itself. {what_to_do} `fawtara dead-letters show` tells all."
        );
        (format!("{unknown}. {why}"), what_to_do)
    } else if invoice.waiting.is_some() || invoice.state == State::Abandoned {
        (format!("{unknown}. {why}"), what_to_do)
    } else {
        (unknown.to_owned(), by_itself.to_owned())
    };
    unasked(invoice, endpoint, "never_sent", &message, &what_to_do)
}

fn unasked(
    invoice: &Invoice,
    endpoint: &Endpoint,
    standing: &'static str,
    message: &str,
    what_to_do: &str,
) -> Report {
    Report {
        simulation: invoice.key.environment == Environment::Simulation,
        uuid: invoice.key.uuid,
        number: invoice.number.clone(),
        environment: invoice.key.environment,
        state: invoice.state,
        route: endpoint.route(),
        asked: None,
        standing,
        accepted: false,
        message: message.to_owned(),
        http_status: None,
        codes: Vec::new(),
        qr: None,
        note: None,
        explanations: Vec::new(),
        what_to_do: what_to_do.to_owned(),
    }
}

/// Where an invoice's documents go, be its income source active or not.
async fn endpoint(settings: &Settings, desk: &Console, invoice: &Invoice) -> anyhow::Result<Endpoint> {
    let registry = desk.ledger.taxpayers().registry().await.map_err(ConsoleError::from)?;
    let (environment, source) = (invoice.key.environment, &invoice.source);
    if let Some(registered) = registry.source(environment, source) {
        return registry::endpoint(settings, &vault::vault(&settings.taxpayers)?, registered);
    }
    wiring::endpoints(settings)?.remove(&(environment, source.clone())).ok_or_else(|| {
        Misconfigured::because(format!(
            "income source {source} ({environment}) stands neither in the settings nor in the ledger: register it with \
             `fawtara taxpayers add` to ask the authority about its invoices"
        ))
    })
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Cleared => "cleared",
        Standing::AcceptedWithoutQr => "accepted_without_qr",
        Standing::HoldsOther => "holds_other",
        Standing::Refused => "refused",
        Standing::NotThere => "not_there",
        Standing::CannotTell => "cannot_tell",
    }
}

fn text(report: &Report, lang: Lang) -> String {
    let mut text = String::new();
    if report.simulation {
        text.push_str("*** SIMULATION: nothing of this reached the authority ***\n\n");
    }
    let mut lines = Table::default();
    let mut line = |name: &str, value: String| lines.row([name.to_owned(), value]);
    line("invoice", report.number.clone());
    line("UUID", report.uuid.to_string());
    line("our ledger", format!("{} ({})", report.state, report.environment));
    line("route", report.route.to_owned());
    let asked = match report.asked {
        Some(Asked::Query) => "by its UUID; nothing was sent",
        Some(Asked::Resend) => "by sending the same document again, as the guide asks",
        None => "not at all",
    };
    line("asked", asked.to_owned());
    line("authority", report.standing.replace('_', " "));
    let http = report.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    line("heard", format!("{}{http}", clean(&report.message)));
    if let Some(note) = &report.note {
        line("note", note.clone());
    }
    for explanation in &report.explanations {
        let language = lang.into();
        let (means, remedy) = match lang {
            Lang::En => ("means", "remedy"),
            Lang::Ar => ("المعنى", "ما العمل"),
        };
        line(means, explanation.meaning.of(language).to_owned());
        line(remedy, explanation.remedy.of(language).to_owned());
    }
    if let Some(qr) = &report.qr {
        line("QR", qr.clone());
    }
    line("what to do", report.what_to_do.clone());
    text.push_str(&lines.render());
    text
}

#[cfg(test)]
mod tests;
