//! The ledger while it grows: the same work on an empty one and on one with millions of events, and a long backlog drained.
//!
//! Run by `make growth`, which sets `FAWTARA_GROWTH` to the folder that table and curves are written into: growth.md between its
//! marks, and growth.svg. `FAWTARA_GROWTH_EVENTS` sets how far it grows (10,000,000), `FAWTARA_GROWTH_BACKLOG` how long the
//! backlog is (100,000).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measurement may stop when something is wrong, and prints its figures"
)]

mod figures;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use invoice::InvoiceKey;
use invoice::life::{Event, Evidence, Invoice, State};
use ledger::conformance::{Numbering, arrival};
use ledger::testing::{EVENTS, Sizes, TestDatabase};
use ledger::{
    Appended, Change, DocumentKind, EncodeOutcome, Filter, Ledger, PostgresConfig, PostgresLedger, Schedule,
    Sweep,
};
use tests::curves;
use tests::processes::memory_mb;

/// Invoices in a batch, as the roles take them.
const BATCH: usize = 256;
/// Batches of each measure; the median counts.
const TIMES: usize = 15;
/// Months that the old invoices are spread over.
const MONTHS: u32 = 24;

/// What was measured at one size.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Events in the ledger.
    pub(crate) events: u64,
    /// By the order of [`MEASURES`], milliseconds.
    pub(crate) ms: Vec<f64>,
}

/// What is measured, and of how many invoices at once.
pub(crate) const MEASURES: [&str; 12] = [
    "accept (256 invoices)",
    "encode (256 invoices)",
    "claim (256 invoices)",
    "clear (256 invoices)",
    "read documents (256)",
    "checkpoint (all that is new)",
    "counts for metrics",
    "sweep (100)",
    "show one old invoice",
    "find by number",
    "list what waits (100)",
    "list one seller's cleared (100)",
];

/// The backlog while it drains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drained {
    /// How many invoices were still open.
    pub(crate) left: u64,
    /// Invoices cleared in each second since the point before.
    pub(crate) per_second: f64,
    /// This process's memory, MB.
    pub(crate) rss_mb: f64,
}

fn main() {
    let Some(docs) = std::env::var_os("FAWTARA_GROWTH") else {
        println!("growth: run by `make growth`");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(grow(docs.as_ref()));
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn grow(docs: &Path) {
    let events = number("FAWTARA_GROWTH_EVENTS", 10_000_000);
    let backlog = number("FAWTARA_GROWTH_BACKLOG", 100_000);
    let began = Instant::now();
    let database = TestDatabase::create().await.expect("a database");
    let ledger = open(&database).await;
    let mut fresh = 10_000_000_u64;
    // The first round warms up, and is not told.
    measure(&ledger, &mut fresh, None).await;
    let mut rows = vec![Row { events: 0, ms: measure(&ledger, &mut fresh, None).await }];
    let mut filled = 0;
    for size in [events / 20, events / 4, events / 2, events] {
        let invoices = size / EVENTS;
        database.fill(filled..invoices, MONTHS).await.expect("filled");
        filled = invoices;
        let old = format!("OLD-{}", invoices / 2 + 7);
        let row = Row { events: size, ms: measure(&ledger, &mut fresh, Some(&old)).await };
        println!("{:>6.0} s  {row:?}", began.elapsed().as_secs_f64());
        rows.push(row);
    }
    let standing = old_standing(&database).await;
    let sizes = sizes(&database).await;
    let drained = drain(&ledger, &mut fresh, backlog).await;
    let pruned = with_indexes_of_before(&database, &ledger, &mut fresh).await;
    ledger.close().await;
    database.remove().await.expect("the database goes");
    let notes = vec![
        format!(
            "Counting every invoice for the metrics, as it was done before, takes {standing:.0} ms at the largest size."
        ),
        format!(
            "One batch through accept, encode, claim and clear takes {:.2} times as long with the indexes that were dropped \
             (medians of the same run, at the largest size).",
            pruned
        ),
        sizes,
    ];
    let text = figures::table(&rows, &drained, &notes);
    println!("{text}");
    println!("took {:.0} s", began.elapsed().as_secs_f64());
    curves::write(docs, "growth", &text, &figures::panels(&rows, &drained)).expect("written");
}

async fn open(database: &TestDatabase) -> PostgresLedger {
    let schedule = Schedule { grace_ms: 0, ..Schedule::default() };
    let config = PostgresConfig { schedule, max_connections: 8, ..PostgresConfig::new(database.url()) };
    PostgresLedger::connect(config).await.expect("the ledger")
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

async fn timed<T>(times: &mut Vec<f64>, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    times.push(start.elapsed().as_secs_f64() * 1_000.0);
    result
}

/// Every measure, milliseconds. What it adds is cleared at its end.
async fn measure(ledger: &PostgresLedger, fresh: &mut u64, old: Option<&str>) -> Vec<f64> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); MEASURES.len()];
    for _ in 0..TIMES {
        let keys = accept(ledger, fresh, BATCH as u64, &mut times[0]).await;
        let encoded = encode(ledger, &keys, &mut times[1]).await;
        let wanted: Vec<_> = keys.iter().map(|key| (*key, 1, DocumentKind::Sent)).collect();
        timed(&mut times[4], ledger.documents(&wanted)).await.expect("documents");
        let claimed = append(ledger, encoded.iter().map(started).collect(), &mut times[2]).await;
        timed(&mut times[7], ledger.sweep(Sweep::ALL, 100)).await.expect("swept");
        append(ledger, claimed.iter().map(cleared).collect(), &mut times[3]).await;
        timed(&mut times[5], ledger.checkpoint(10_000)).await.expect("sealed");
        timed(&mut times[6], ledger.standing()).await.expect("counted");
        let key = match old {
            Some(old) => timed(&mut times[9], ledger.find(old)).await.expect("found")[0],
            None => {
                timed(&mut times[9], ledger.find(&encoded[0].number)).await.expect("found");
                keys[0]
            }
        };
        timed(&mut times[8], show(ledger, key)).await;
        let waiting = Filter { states: vec![State::Rejected, State::DeadLettered], ..Filter::default() };
        timed(&mut times[10], ledger.list(&waiting, None, 100)).await.expect("listed");
        let tax_number =
            Some(if old.is_some() { "20000500".to_owned() } else { encoded[0].source.tax_number.clone() });
        let of_one = Filter { states: vec![State::Cleared], tax_number, ..Filter::default() };
        timed(&mut times[11], ledger.list(&of_one, None, 100)).await.expect("listed");
    }
    times.into_iter().map(median).collect()
}

async fn accept(
    ledger: &PostgresLedger,
    fresh: &mut u64,
    count: u64,
    times: &mut Vec<f64>,
) -> Vec<InvoiceKey> {
    let batch: Vec<_> = (*fresh..*fresh + count).map(arrival).collect();
    *fresh += count;
    let keys = batch.iter().map(|arrival| arrival.key).collect();
    timed(times, ledger.accept(batch)).await.expect("accepted");
    keys
}

async fn encode(ledger: &PostgresLedger, keys: &[InvoiceKey], times: &mut Vec<f64>) -> Vec<Invoice> {
    let encoder = Arc::new(Numbering::default());
    let outcomes = timed(times, ledger.encode(keys.to_vec(), encoder)).await.expect("encoded");
    let encoded = outcomes.into_iter().map(|outcome| match outcome {
        EncodeOutcome::Encoded(invoice) => invoice,
        other => panic!("{other:?}"),
    });
    encoded.collect()
}

async fn append(ledger: &PostgresLedger, changes: Vec<Change>, times: &mut Vec<f64>) -> Vec<Invoice> {
    let appended = timed(times, ledger.append(changes)).await.expect("appended");
    let moved = appended.into_iter().map(|appended| match appended {
        Appended::Done(invoice) => invoice,
        Appended::Outdated => panic!("outdated"),
    });
    moved.collect()
}

async fn show(ledger: &PostgresLedger, key: InvoiceKey) {
    ledger.content(key).await.expect("its content");
    assert!(!ledger.history(key).await.expect("its events").is_empty());
    ledger.attempts(key).await.expect("its attempts");
    ledger.documents(&[(key, 1, DocumentKind::Sent)]).await.expect("its document");
}

fn started(invoice: &Invoice) -> Change {
    let event = Event::SubmissionStarted {
        attempt: invoice.attempt + 1,
        document: invoice.document,
        lease_until: invoice.updated_at + TimeDelta::seconds(80),
        worker: "growth".to_owned(),
        xml: invoice.xml.expect("encoded"),
    };
    change(invoice, event)
}

fn cleared(invoice: &Invoice) -> Change {
    let event = Event::Cleared {
        attempt: invoice.attempt,
        document: invoice.document,
        qr: "QR".repeat(100),
        already: false,
        late: false,
        note: None,
        signed: None,
        evidence: Evidence::default(),
    };
    change(invoice, event)
}

fn change(invoice: &Invoice, event: Event) -> Change {
    let at = invoice.updated_at;
    Change { invoice: invoice.clone(), events: vec![event], at, documents: Vec::new(), attempt: None }
}

/// Accepts a backlog, and clears it as the fleet does: found by the sweep, in batches.
async fn drain(ledger: &PostgresLedger, fresh: &mut u64, backlog: u64) -> Vec<Drained> {
    let mut unused = Vec::new();
    let mut left = 0;
    while left < backlog {
        accept(ledger, fresh, BATCH as u64, &mut unused).await;
        left += BATCH as u64;
    }
    let mut points = Vec::new();
    let step = (backlog / 20).max(BATCH as u64);
    let (mut since, mut done) = (Instant::now(), 0);
    loop {
        unused.clear();
        let swept =
            ledger.sweep(Sweep { unencoded: true, ..Sweep::NONE }, BATCH as u32).await.expect("swept");
        let keys: Vec<_> = swept.iter().map(|swept| swept.invoice.key).collect();
        if !keys.is_empty() {
            let encoded = encode(ledger, &keys, &mut unused).await;
            let claimed = append(ledger, encoded.iter().map(started).collect(), &mut unused).await;
            append(ledger, claimed.iter().map(cleared).collect(), &mut unused).await;
            done += keys.len() as u64;
            left -= keys.len() as u64;
        }
        if done >= step || keys.is_empty() || left == 0 {
            ledger.checkpoint(10_000).await.expect("sealed");
            let per_second = done as f64 / since.elapsed().as_secs_f64();
            points.push(Drained { left, per_second, rss_mb: memory_mb(std::process::id()) });
            (since, done) = (Instant::now(), 0);
        }
        if keys.is_empty() || left == 0 {
            return points;
        }
    }
}

/// Counting all invoices, as the metrics once did. Milliseconds.
async fn old_standing(database: &TestDatabase) -> f64 {
    let mut times = Vec::new();
    for _ in 0..3 {
        times.push(database.count_every_invoice().await.expect("counted").as_secs_f64() * 1_000.0);
    }
    median(times)
}

/// How much longer the straight road takes with the indexes that were dropped.
async fn with_indexes_of_before(database: &TestDatabase, ledger: &PostgresLedger, fresh: &mut u64) -> f64 {
    let road = async |ledger: &PostgresLedger, fresh: &mut u64| {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let mut unused = Vec::new();
            let start = Instant::now();
            let keys = accept(ledger, fresh, BATCH as u64, &mut unused).await;
            let encoded = encode(ledger, &keys, &mut unused).await;
            let claimed = append(ledger, encoded.iter().map(started).collect(), &mut unused).await;
            append(ledger, claimed.iter().map(cleared).collect(), &mut unused).await;
            times.push(start.elapsed().as_secs_f64());
        }
        median(times)
    };
    let now = road(ledger, fresh).await;
    database.index_as_before().await.expect("the indexes of before");
    road(ledger, fresh).await / now
}

async fn sizes(database: &TestDatabase) -> String {
    let Sizes { database, random, invoices } = database.sizes().await.expect("sizes");
    format!(
        "The database has {:.1} GB. The indexes that new invoices touch at random places have {:.0} MB, {:.0} bytes for each \
         invoice: they should fit into the server's memory.",
        database as f64 / 1e9,
        random as f64 / 1e6,
        random as f64 / invoices as f64
    )
}
