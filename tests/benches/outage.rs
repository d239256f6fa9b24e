//! The authority is down for the whole of a run, on the real services: what that costs, and how it ends.
//!
//! Run by `make outage`; the result stands in docs/outage.md. `FAWTARA_OUTAGE_INVOICES` sets the number (5,000),
//! `FAWTARA_OUTAGE_SECONDS` how long the outage goes on after the last one was published (60).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "an experiment may stop when something is wrong, and prints its figures"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::testing::TestVhost;
use broker::{Queue, RabbitBroker};
use invoice::life::State;
use jofotara::{HttpConfig, HttpTransport};
use ledger::testing::TestDatabase;
use ledger::{PostgresConfig, PostgresLedger};
use simulator::{Fault, FaultRule, Handle, Verdict};
use tests::events::event;
use tests::fleet::{self, Fleet, Numbers, Seams};
use tokio_util::sync::CancellationToken;

const BATCH: u64 = 250;
const SAMPLE: Duration = Duration::from_secs(5);

/// How the authority is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Down {
    /// Nobody listens: connections are refused.
    Refusing,
    /// It answers 503 to everything.
    Unavailable,
}

impl Down {
    fn title(self) -> &'static str {
        match self {
            Self::Refusing => "connections refused",
            Self::Unavailable => "503 for everything",
        }
    }
}

fn from_env(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() {
    if std::env::var_os("FAWTARA_OUTAGE").is_none() {
        println!("outage: run by `make outage`");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for down in [Down::Refusing, Down::Unavailable] {
            experiment(down).await;
        }
    });
}

/// Serves the authority's HTTP until the token ends.
async fn serve(address: SocketAddr, authority: &Handle) -> CancellationToken {
    let listener = tokio::net::TcpListener::bind(address).await.expect("the authority's address is free");
    let stop = CancellationToken::new();
    #[allow(clippy::disallowed_methods, reason = "an experiment runs in real time")]
    let clock = Arc::new(chrono::Utc::now);
    tokio::spawn(simulator::serve(listener, None, authority.clone(), clock, stop.clone().cancelled_owned()));
    stop
}

async fn experiment(down: Down) {
    let count = from_env("FAWTARA_OUTAGE_INVOICES", 5_000);
    let outage = Duration::from_secs(from_env("FAWTARA_OUTAGE_SECONDS", 60));
    println!("\n### {}\n", down.title());
    let vhost = TestVhost::create().await;
    let database = TestDatabase::create().await.expect("a database");
    let config = PostgresConfig { max_connections: 24, ..PostgresConfig::new(database.url()) };
    let ledger = PostgresLedger::connect(config).await.expect("the ledger");
    let broker = RabbitBroker::connect(vhost.config()).await.expect("the broker");
    let authority = fleet::authority(1);
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let mut numbers = Numbers::real();
    numbers.timeout = Duration::from_secs(10);
    let seams = Seams {
        ledger: Arc::new(ledger),
        broker: Arc::new(broker),
        transport: Arc::new(HttpTransport::new(HttpConfig::default()).expect("a transport")),
        authority: authority.clone(),
    };
    let mut stop = None;
    if down == Down::Unavailable {
        authority.with(|it| {
            it.add_fault(FaultRule::always(Fault::Status {
                code: 503,
                retry_after_s: None,
                processed: false,
            }));
        });
        stop = Some(serve(address, &authority).await);
    }

    let endpoints = fleet::endpoints(&format!("http://{address}/core/invoices/"), numbers.timeout);
    let mut fleets = Vec::new();
    for worker in ["submitter-1", "submitter-2"] {
        let mut submitter = seams.submitter(&numbers, worker);
        submitter.endpoints = ledger::unchanging(endpoints.clone());
        fleets.push(Fleet::start_with(seams.encoder(&numbers), submitter));
    }
    let start = Instant::now();
    let mut deepest: BTreeMap<String, u64> = BTreeMap::new();
    for first in (0..count).step_by(BATCH as usize) {
        seams.publish((first..(first + BATCH).min(count)).map(event)).await;
        look(&seams, &numbers, &mut deepest).await;
    }
    println!("{count} invoices published in {:.0} s, two submitters at work.", start.elapsed().as_secs_f64());
    let end = Instant::now() + outage;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        look(&seams, &numbers, &mut deepest).await;
    }
    let before = fleet::invoices(&*seams.ledger).await;
    assert_eq!(before.len() as u64, count);
    assert!(before.values().all(|it| !it.state.is_settled()), "nothing can have settled");
    assert!(before.values().all(|it| it.charged == 0 && it.crashes == 0), "an attempt was charged");
    assert_eq!(seams.broker.depth(Queue::DeadLetter).await.unwrap(), 0);
    let encoded = before.values().filter(|it| it.xml.is_some()).count();
    let tried: u32 = before.values().map(|it| it.attempt).sum();
    let deepest: Vec<String> = deepest.iter().map(|(name, depth)| format!("{name} {depth}")).collect();
    println!(
        "After {:.0} s of outage: {encoded} encoded, {tried} attempts in all, none charged, dead-letter queue empty; hints at most: {}.\n",
        start.elapsed().as_secs_f64(),
        deepest.join(", ")
    );

    // It returns.
    match down {
        Down::Refusing => stop = Some(serve(address, &authority).await),
        Down::Unavailable => authority.with(simulator::Authority::clear_faults),
    }
    let back = Instant::now();
    let mut samples = vec![fleet::cleared(&*seams.ledger).await];
    while samples.last() != Some(&count) {
        assert!(
            back.elapsed() < Duration::from_secs(900),
            "not all cleared after {:?}: {samples:?}",
            back.elapsed()
        );
        let next = SAMPLE * u32::try_from(samples.len()).unwrap();
        tokio::time::sleep_until((back + next).into()).await;
        samples.push(fleet::cleared(&*seams.ledger).await);
    }
    println!("| seconds after the return | cleared | a second |\n|---|---|---|");
    for (index, pair) in samples.windows(2).enumerate() {
        let from = index as u64 * SAMPLE.as_secs();
        let rate = (pair[1] - pair[0]) as f64 / SAMPLE.as_secs_f64();
        println!("| {from}–{} | {} | {rate:.0} |", from + SAMPLE.as_secs(), pair[1]);
    }
    let all = fleet::settled(&*seams.ledger, count as usize, Duration::from_secs(60)).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    let mut attempts: BTreeMap<u32, usize> = BTreeMap::new();
    for invoice in all.values() {
        *attempts.entry(invoice.attempt).or_default() += 1;
    }
    let attempts: Vec<String> =
        attempts.iter().map(|(number, invoices)| format!("{invoices} with {number}")).collect();
    let refused = authority.with(|it| {
        it.record().filter(|it| !matches!(it.verdict, Verdict::Submitted | Verdict::AlreadySubmitted)).count()
    });
    println!(
        "\nAttempts: {}; requests that the authority answered otherwise: {refused}.",
        attempts.join(", ")
    );
    fleet::hold_promises(&seams, &all).await;
    println!("Lost 0, cleared twice 0, charged 0, gaps in the counters 0.");
    for fleet in fleets {
        fleet.stop().await;
    }
    if let Some(stop) = stop {
        stop.cancel();
    }
    seams.broker.close().await;
    database.remove().await.expect("the database goes");
}

async fn look(seams: &Seams, numbers: &Numbers, deepest: &mut BTreeMap<String, u64>) {
    for queue in numbers.ladder.queues() {
        if let (Ok(depth), Some(name)) = (seams.broker.depth(queue).await, numbers.ladder.name(queue)) {
            let most = deepest.entry(name).or_default();
            *most = depth.max(*most);
        }
    }
    deepest.retain(|_, depth| *depth > 0);
}
