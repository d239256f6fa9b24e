//! The fleet on the real services, measured against what its raw parts reach alone in the same run.
//!
//! Absolute figures mean little on a shared machine; the ratio does. `FAWTARA_BENCH_INVOICES` sets the number (5,000).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark may stop when something is wrong, and prints its figures"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::testing::TestVhost;
use broker::{Hint, Outgoing, Queue, RabbitBroker, settle_all};
use bytes::Bytes;
use encoder::DocumentEncoder;
use invoice::life::{Command, Context, Evidence, Outcome, Policy, State, decide};
use invoice::{Environment, InvoiceKey};
use jofotara::{Client, HttpConfig, HttpTransport};
use ledger::testing::TestDatabase;
use ledger::{
    Appended, Arrival, Change, DocumentKind, EncodeOutcome, Filter, PostgresConfig, PostgresLedger,
};
use serde_json::{Value, json};
use tests::fleet::{self, Fleet, Numbers, Seams};
use tests::{events, wait};
use tokio_util::sync::CancellationToken;

const BATCH: usize = 256;
const IN_FLIGHT: usize = 64;

/// An event of ten lines, as a shop's receipt has them.
fn ten_lines(n: u64) -> Value {
    let mut event = events::event(n);
    let line = event["lines"][0].clone();
    let lines = (0..10).map(|index| {
        let mut line = line.clone();
        line["name"] = json!(format!("{} {index}", line["name"].as_str().unwrap()));
        line
    });
    event["lines"] = lines.collect();
    event
}

struct Bench {
    seams: Seams,
    numbers: Numbers,
    url: String,
    stop: CancellationToken,
    _vhost: TestVhost,
    database: TestDatabase,
}

impl Bench {
    async fn new() -> Self {
        let vhost = TestVhost::create().await;
        let database = TestDatabase::create().await.expect("a database");
        let mut numbers = Numbers::real();
        numbers.submitter.max_in_flight = IN_FLIGHT as u16;
        let config = PostgresConfig { max_connections: 16, ..PostgresConfig::new(database.url()) };
        let ledger = PostgresLedger::connect(config).await.expect("the ledger");
        let broker = RabbitBroker::connect(vhost.config()).await.expect("the broker");
        let authority = fleet::authority(1);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/core/invoices/", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        #[allow(clippy::disallowed_methods, reason = "a benchmark runs in real time")]
        let clock = Arc::new(chrono::Utc::now);
        tokio::spawn(simulator::serve(
            listener,
            None,
            authority.clone(),
            clock,
            stop.clone().cancelled_owned(),
        ));
        let transport = HttpTransport::new(HttpConfig::default()).expect("a transport");
        let seams = Seams {
            ledger: Arc::new(ledger),
            broker: Arc::new(broker),
            transport: Arc::new(transport),
            authority,
        };
        Self { seams, numbers, url, stop, _vhost: vhost, database }
    }

    fn arrivals(&self, range: std::ops::Range<u64>) -> Vec<Arrival> {
        let intake = self.seams.intake();
        range.map(|n| intake.check(ten_lines(n).to_string().as_bytes(), None).expect("valid")).collect()
    }
}

/// Seconds for each unit when `count` of them took `elapsed`.
fn each(elapsed: Duration, count: usize) -> f64 {
    elapsed.as_secs_f64() / count as f64
}

/// One hop: published with confirm, consumed, acknowledged.
async fn hops(bench: &Bench, count: usize) -> f64 {
    let broker = &bench.seams.broker;
    let hint = |n: usize| Outgoing {
        queue: Queue::DeadLetter,
        payload: Hint::new(
            InvoiceKey { environment: Environment::Simulation, uuid: events::uuid(n as u64) },
            1,
        )
        .to_bytes(),
        traceparent: None,
    };
    let mut subscription = broker.subscribe(Queue::DeadLetter, 512).await.expect("a consumer");
    let start = Instant::now();
    let publishing = async {
        for chunk in (0..count).collect::<Vec<_>>().chunks(BATCH) {
            let results = broker.publish(chunk.iter().copied().map(hint).collect()).await;
            assert!(results.iter().all(Result::is_ok));
        }
    };
    let consuming = async {
        let mut seen = 0;
        while seen < count {
            let batch = subscription.next_batch(BATCH, Duration::from_millis(5)).await;
            seen += batch.len();
            settle_all(&batch).await;
        }
    };
    tokio::join!(publishing, consuming);
    each(start.elapsed(), count)
}

/// All that the ledger does for an invoice on its straight road: accept, encode, claim, clear; in batches.
async fn ledger(bench: &Bench, range: std::ops::Range<u64>) -> (f64, Vec<(String, uuid::Uuid, Bytes)>) {
    let count = (range.end - range.start) as usize;
    let ledger = &bench.seams.ledger;
    let arrivals = bench.arrivals(range);
    let keys: Vec<_> = arrivals.iter().map(|arrival| arrival.key).collect();
    let encoder = Arc::new(DocumentEncoder::new(fleet::registrations()));
    let policy = Policy::default();
    let mut documents = Vec::with_capacity(count);
    let start = Instant::now();
    for chunk in arrivals.chunks(BATCH) {
        ledger.accept(chunk.to_vec()).await.expect("accepted");
    }
    for chunk in keys.chunks(BATCH) {
        let encoded = ledger.encode(chunk.to_vec(), encoder.clone()).await.expect("encoded");
        assert!(encoded.iter().all(|outcome| matches!(outcome, EncodeOutcome::Encoded(_))));
    }
    for chunk in keys.chunks(IN_FLIGHT) {
        let loaded = ledger.load(chunk).await.expect("loaded");
        let wanted: Vec<_> = chunk.iter().map(|key| (*key, 1, DocumentKind::Sent)).collect();
        let bytes = ledger.documents(&wanted).await.expect("documents");
        let invoices: Vec<_> = loaded.invoices.into_iter().flatten().collect();
        for (invoice, document) in invoices.iter().zip(bytes) {
            let bytes = Bytes::from(document.expect("the bytes").bytes);
            documents.push((invoice.number.clone(), invoice.key.uuid, bytes));
        }
        let start = |invoice| {
            let lease_until = loaded.now + chrono::TimeDelta::seconds(80);
            decide(
                invoice,
                Command::Start { lease_until, worker: "bench".into() },
                Context { now: loaded.now, policy: &policy },
            )
        };
        let changes = invoices
            .iter()
            .map(|invoice| change(invoice.clone(), start(invoice).expect("may start"), loaded.now));
        let claimed = ledger.append(changes.collect()).await.expect("claimed");
        let cleared = claimed.into_iter().map(|appended| {
            let Appended::Done(invoice) = appended else { panic!("outdated") };
            let outcome = Outcome::Cleared { qr: "QR".repeat(100), already: false, note: None, signed: None };
            let command = Command::Record { attempt: 1, document: 1, outcome, evidence: Evidence::default() };
            let events =
                decide(&invoice, command, Context { now: loaded.now, policy: &policy }).expect("recorded");
            change(invoice, events, loaded.now)
        });
        ledger.append(cleared.collect()).await.expect("cleared");
    }
    (each(start.elapsed(), count), documents)
}

fn change(
    invoice: invoice::life::Invoice,
    events: Vec<invoice::life::Event>,
    at: invoice::Timestamp,
) -> Change {
    Change { invoice, events, at, documents: Vec::new(), attempt: None }
}

/// One POST to the simulator and its answer read, many in flight.
async fn posts(bench: &Bench, documents: Vec<(String, uuid::Uuid, Bytes)>) -> f64 {
    let count = documents.len();
    let client = Client::new(Arc::clone(&bench.seams.transport));
    let endpoints = fleet::endpoints(&bench.url, bench.numbers.timeout);
    let endpoints: Vec<_> = endpoints.into_values().collect();
    let room = Arc::new(tokio::sync::Semaphore::new(IN_FLIGHT));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, uuid, xml) in documents {
        let permit = Arc::clone(&room).acquire_owned().await.unwrap();
        // Even numbers are of the first income source.
        let index = usize::from(!number.ends_with(['0', '2', '4', '6', '8']));
        let (client, endpoint) = (client.clone(), endpoints[index].clone());
        tasks.spawn(async move {
            let verdict = client.submit(&endpoint, &number, &uuid, xml).await;
            assert!(matches!(verdict.outcome, Outcome::Cleared { .. }), "{verdict:?}");
            drop(permit);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no post panics");
    }
    each(start.elapsed(), count)
}

/// Publishes a range, at once or at a rate, and waits until all of it is cleared: seconds, and milliseconds from publish to cleared.
async fn run(bench: &Bench, range: std::ops::Range<u64>, rate: Option<f64>) -> (f64, Vec<f64>) {
    let count = (range.end - range.start) as usize;
    let intake = bench.seams.intake();
    let before = fleet::cleared(&*bench.seams.ledger).await;
    let arrivals = bench.arrivals(range.clone());
    let chunk = rate.map_or(BATCH, |rate| ((rate / 50.0) as usize).max(1));
    let start = Instant::now();
    for (index, chunk) in arrivals.chunks(chunk).enumerate() {
        if let Some(rate) = rate {
            let due = Duration::from_secs_f64((index * chunk.len()) as f64 / rate);
            tokio::time::sleep_until((start + due).into()).await;
        }
        let taken = intake.take(chunk.to_vec()).await.expect("taken");
        intake.announce(taken.iter().flatten().map(|taken| (taken, None))).await;
    }
    wait::until("all to be cleared", Duration::from_secs(600), || async {
        (fleet::cleared(&*bench.seams.ledger).await >= before + count as u64).then_some(())
    })
    .await;
    let elapsed = start.elapsed().as_secs_f64();
    (elapsed, latencies(bench, range).await)
}

async fn latencies(bench: &Bench, range: std::ops::Range<u64>) -> Vec<f64> {
    let wanted: std::collections::BTreeSet<_> = range.map(events::uuid).collect();
    let filter = Filter { states: vec![State::Cleared], ..Filter::default() };
    let mut found = Vec::with_capacity(wanted.len());
    let mut after = None;
    loop {
        let page = bench.seams.ledger.list(&filter, after, 1_000).await.expect("a page");
        for row in page.rows.iter().filter(|row| wanted.contains(&row.invoice.key.uuid)) {
            let took = row.invoice.updated_at - row.invoice.accepted_at;
            found.push(took.num_microseconds().unwrap_or_default() as f64 / 1000.0);
        }
        after = page.next;
        if after.is_none() {
            found.sort_by(f64::total_cmp);
            return found;
        }
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted[index]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench());
}

async fn bench() {
    let count: u64 =
        std::env::var("FAWTARA_BENCH_INVOICES").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000);
    println!(
        "fleet: {count} invoices of ten lines; the real services, the simulator over HTTP, everything durable"
    );
    let bench = Bench::new().await;

    let hop = hops(&bench, count as usize).await;
    println!("part: RabbitMQ hop (confirm, consume, ack)            {:>9.0} per second", 1.0 / hop);
    let (ledger, documents) = ledger(&bench, 1_000_000..1_000_000 + count).await;
    println!(
        "part: ledger (accept, encode, claim, clear; batches)  {:>9.0} invoices per second",
        1.0 / ledger
    );
    let post = posts(&bench, documents).await;
    println!(
        "part: POST to the simulator, {IN_FLIGHT} in flight               {:>9.0} per second",
        1.0 / post
    );
    // Two hops (draft, to-submit), the ledger's work, and one post share the same cores.
    let ceiling = 1.0 / (2.0 * hop + ledger + post);

    let mut submitter = bench.seams.submitter(&bench.numbers, "bench");
    submitter.endpoints = ledger::unchanging(fleet::endpoints(&bench.url, bench.numbers.timeout));
    let fleet = Fleet::start_with(bench.seams.encoder(&bench.numbers), submitter);
    let (seconds, _) = run(&bench, 0..count, None).await;
    let reached = count as f64 / seconds;
    println!("fleet: all at once                                    {reached:>9.0} invoices per second");
    println!(
        "fleet: share of the parts' ceiling ({ceiling:.0} per second)      {:>8.0} %",
        100.0 * reached / ceiling
    );
    let rate = reached * 0.3;
    let paced = (count / 5).max(100);
    let (_, latency) = run(&bench, 2_000_000..2_000_000 + paced, Some(rate)).await;
    println!(
        "fleet: publish to cleared at {rate:.0} per second            p50 {:.0} ms, p99 {:.0} ms",
        quantile(&latency, 0.5),
        quantile(&latency, 0.99)
    );
    fleet.stop().await;
    bench.stop.cancel();
    bench.seams.broker.close().await;
    bench.database.remove().await.expect("the database goes");
}
