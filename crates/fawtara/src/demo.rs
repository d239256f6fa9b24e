//! `fawtara demo`: events travel from published to cleared before the reader's eyes, against a simulated authority. It
//! must not do anything for the roles: it starts them, watches, and compares at the end.

mod audit;
mod book;
mod folder;
mod progress;
mod qr;
mod sample;
mod simulated;
mod source;
mod stage;
mod summary;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use ledger::Ledger;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;
use book::{Answer, Book};
use progress::{Moment, Progress};
use source::{Preview, Source};
use stage::{Stage, Tally};
use summary::{Paint, Summary};

pub use sample::{Authority, Ends, Exception};
pub use simulated::SimulatedTransport;

/// How long the play may last after the last event was published.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often the ledger is asked where everything stands.
const LOOK: Duration = Duration::from_millis(80);

/// What the reader asked for.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Their own events instead of the shipped sample: one JSON object a line, a JSON array, or a single one.
    pub file: Option<PathBuf>,
    /// The ledger and the broker of the settings instead of those in memory; both must be empty and the demo's own.
    pub services: bool,
    /// Where event, XML, answer and QR of each invoice are written.
    pub out: PathBuf,
}

/// Plays the demo, and prints how it ended.
///
/// True when every invoice was settled, the simulated authority's record and the ledger agree, and, for the shipped
/// sample, everything ended as it is meant to.
///
/// # Errors
/// A file that cannot be read or written, a service that is away, a ledger that holds other invoices.
pub async fn run(options: DemoOptions, settings: Settings) -> anyhow::Result<bool> {
    let paint = Paint(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let source = Source::new(options.file);
    let preview = source.preview()?;
    if preview.events == 0 {
        bail!("{} holds no events", source.name());
    }
    let exceptions = source.exceptions()?;
    let authority = source.authority(&preview)?;
    greet(paint, &source, &preview, &authority, options.services);

    let stage = Stage::set(&authority, settings, options.services, exceptions.is_none()).await?;
    let played = play(&stage, &source, preview.events).await;
    stage.strike().await;
    let (answers, took) = played?;

    let ledger = stage.seams.ledger.as_ref();
    let book = Book::read(ledger, answers, preview.numbers, took).await?;
    let audit = audit::compare(&book, &stage.authority.with(|authority| authority.summary(true)));
    let deviations = exceptions.as_deref().map(|plan| audit::against_plan(&book, plan)).unwrap_or_default();
    eprintln!("demo: writing {}/", options.out.display());
    let names = folder::write(&options.out, ledger, &book, &audit).await?;
    let summary = Summary {
        paint,
        book: &book,
        audit: &audit,
        exceptions: exceptions.as_deref(),
        deviations: &deviations,
        out: &options.out,
        names: &names,
        seller: seller(ledger, &book).await?,
    };
    print!("{}", summary.text()?);
    stage.seams.broker.close().await;
    Ok(book.open().is_empty() && audit.differences.is_empty() && deviations.is_empty())
}

fn greet(paint: Paint, source: &Source, preview: &Preview, authority: &Authority, services: bool) {
    let registered = |device: &&simulator::Device| preview.sellers.contains_key(&source::source_of(device));
    let (events, sources) = (preview.events, authority.devices.iter().filter(registered).count());
    let where_ = if services { "on PostgreSQL and RabbitMQ" } else { "in memory" };
    println!(
        "{}",
        paint.bold(
            "Fawtara demo: SIMULATION. Nothing leaves this machine; a simulator plays the tax authority."
        )
    );
    println!("  {events} events of {sources} income sources, {where_}, from {}", source.name());
    println!("  published ─▶ accepted ─▶ encoded ─▶ at the authority ─▶ cleared\n");
}

/// Publishes the events and waits until everything is settled. What the intake said, and how long it all took.
async fn play(
    stage: &Stage,
    source: &Source,
    events: u64,
) -> anyhow::Result<(BTreeMap<u64, Answer>, Duration)> {
    let began = Instant::now();
    let published = CancellationToken::new();
    let watching = tokio::spawn(watch(
        Arc::clone(&stage.seams.ledger),
        Arc::clone(&stage.tally),
        Progress::new(events)?,
        published.clone(),
    ));
    let mut answers = BTreeMap::new();
    let input = source.open()?;
    let imported = producer::import(&stage.intake, input, |line| {
        stage.tally.read.fetch_add(1, Ordering::Relaxed);
        if line.answer.is_err() {
            stage.tally.refused.fetch_add(1, Ordering::Relaxed);
        }
        answers.insert(line.number, Answer::of(line));
    })
    .await;
    published.cancel();
    let settled = async { watching.await.context("the display broke down")? };
    let broken = async {
        while !stage.is_broken() {
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        biased;
        settled = settled => settled?,
        () = broken => bail!("a role ended by itself; its reason is in the log (FAWTARA__TELEMETRY__LOG=warn)"),
    }
    imported?;
    Ok((answers, began.elapsed()))
}

/// Shows where everything stands until nothing is open, or the time is up.
async fn watch(
    ledger: Arc<dyn Ledger>,
    tally: Arc<Tally>,
    mut progress: Progress,
    published: CancellationToken,
) -> anyhow::Result<()> {
    let mut deadline = None;
    loop {
        // Asked before the ledger: what was published by then is in its answer.
        let all_published = published.is_cancelled();
        let moment = Moment::of(&ledger.standing().await?, &tally);
        if all_published && moment.open() == 0 {
            progress.finish(moment);
            return Ok(());
        }
        if all_published && Instant::now() > *deadline.get_or_insert_with(|| Instant::now() + DEADLINE) {
            progress.finish(moment);
            return Ok(());
        }
        progress.show(moment);
        sleep(LOOK).await;
    }
}

/// Who sold what the drawn QR belongs to.
async fn seller(ledger: &dyn Ledger, book: &Book) -> anyhow::Result<Option<String>> {
    let Some(entry) = summary::shown(book) else { return Ok(None) };
    let Some(content) = ledger.content(entry.invoice.key).await? else { return Ok(None) };
    let event = invoice::parse(content.normal_form.as_bytes())
        .map_err(|faults| anyhow::anyhow!("an event cannot be read: {faults:?}"))?;
    Ok(Some(event.seller().name.clone()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("fawtara-demo-{}", uuid::Uuid::new_v4()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    async fn play(file: Option<PathBuf>, out: &Path) -> (bool, Value) {
        let options = DemoOptions { file, services: false, out: out.to_owned() };
        let well = run(options, Settings::default()).await.unwrap();
        let summary = std::fs::read(out.join(folder::SUMMARY)).unwrap();
        (well, serde_json::from_slice(&summary).unwrap())
    }

    /// The main job, as `make demo` shows it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_sample_ends_as_it_is_meant_to() {
        let out = Folder::new();
        let (well, summary) = play(None, &out.0).await;
        assert!(well, "{summary:#}");
        let invoices = summary["invoices"].as_array().unwrap();
        let cleared: Vec<_> = invoices.iter().filter(|invoice| invoice["state"] == "cleared").collect();
        assert!(cleared.len() >= 300, "{}", cleared.len());
        assert_eq!(summary["equal_in_both_records"], cleared.len());
        for invoice in cleared {
            let folder = out.0.join(invoice["folder"].as_str().unwrap());
            let xml = std::fs::read_to_string(folder.join("invoice.xml")).unwrap();
            assert!(xml.contains(invoice["uuid"].as_str().unwrap()), "{folder:?}");
            assert!(std::fs::read_to_string(folder.join("signed.xml")).unwrap().contains("UBLExtensions"));
            assert!(std::fs::read_to_string(folder.join("qr.svg")).unwrap().contains("SIMULATION"));
            let answer: Value =
                serde_json::from_slice(&std::fs::read(folder.join("answer.json")).unwrap()).unwrap();
            assert_eq!(answer["environment"], "simulation");
            assert_eq!(
                answer["attempts"].as_array().unwrap().len(),
                invoice["sends"].as_u64().unwrap() as usize
            );
            let event = std::fs::read(folder.join("event.json")).unwrap();
            assert!(invoice::read(&event).is_ok(), "{folder:?}");
        }
    }

    /// Sellers that nobody has registered are registered with the simulator from their own events.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_file_of_the_readers_own_is_played_too() {
        let out = Folder::new();
        let file = out.0.join("events.json");
        let event = |number: &str, tax: Value| {
            json!({
                "schema_version": 1, "family": "general_sales", "payment": "cash", "number": number,
                "issue_date": "2026-06-07",
                "seller": { "tax_number": "99887766", "name": "مكتبة الأصيل", "income_source": "4455" },
                "lines": [{ "name": "كتاب", "quantity": 2, "unit_price": 3.25, "tax": tax }],
            })
        };
        let right = event("ف/٧", json!({ "category": "S", "percent": 16 }));
        let wrong = event("ف/٨", json!({ "category": "S", "percent": 17 }));
        std::fs::write(&file, serde_json::to_vec(&json!([right, wrong, right])).unwrap()).unwrap();
        let played = out.0.join("played");
        let (well, summary) = play(Some(file), &played).await;
        assert!(well, "{summary:#}");
        assert_eq!((&summary["events"], &summary["repeats"]), (&json!(3), &json!(1)));
        assert_eq!(summary["refused_at_intake"][0]["number"], "ف/٨");
        assert_eq!(summary["invoices"][0]["state"], "cleared");
        assert!(played.join("ف_٧").join("qr.svg").is_file());
    }
}
