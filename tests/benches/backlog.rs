//! A long backlog through the whole fleet, each role a process of its own: it comes about while the authority is down, and
//! drains once it is back. Rate and memory of every role, from the first invoice to the last.
//!
//! Run by `make backlog`, which sets `FAWTARA_BACKLOG` to the folder that table and curves are written into: backlog.md between
//! its marks, and backlog.svg. `FAWTARA_BACKLOG_INVOICES` sets the number (100,000).
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
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use broker::{Broker, Queue, RabbitBroker};
use simulator::{Fault, FaultRule};
use tests::curves::{self, Panel};
use tests::events;
use tests::fleet;
use tests::processes::{Fate, FleetProcesses, Plan, hold_promises};
use tests::services::Ground;

/// So many points on each curve.
const POINTS: u64 = 20;
/// The processes whose memory is shown.
const ROLES: [&str; 4] = ["producer-1", "encoder-1", "submitter-1", "submitter-2"];
/// How long the fleet may go without clearing a single invoice, a breaker's longest wait included.
const PATIENCE: Duration = Duration::from_secs(180);

/// One point of the curves.
struct Point {
    /// Invoices published, or cleared, so far.
    done: u64,
    /// In each second since the point before.
    per_second: f64,
    /// Of each of [`ROLES`], MB.
    memory: [f64; 4],
    /// Hints for submitters in the queue.
    hints: u64,
}

struct Backlog {
    fleet: FleetProcesses,
    queues: RabbitBroker,
    count: u64,
}

fn main() {
    let Some(docs) = std::env::var_os("FAWTARA_BACKLOG") else {
        println!("backlog: run by `make backlog`");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(experiment(docs.as_ref()));
}

async fn experiment(docs: &Path) {
    let count = std::env::var("FAWTARA_BACKLOG_INVOICES").map_or(100_000, |text| text.parse().unwrap());
    let ground = Ground::shared().await;
    let plan =
        Plan { producers: 1, encoders: 1, production_waits: true, log: "warn".to_owned(), ..Plan::default() };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    let queues = fleet.queues(&ground).await;
    let mut backlog = Backlog { fleet, queues, count };

    let down = Fault::Status { code: 503, retry_after_s: None, processed: false };
    backlog.fleet.misbehave(&[FaultRule::always(down)]).await;
    let start = Instant::now();
    let published = backlog.publish().await;
    let publishing = start.elapsed();
    assert_eq!(
        fleet::cleared(&*backlog.fleet.ledger).await,
        0,
        "nothing can be cleared while the authority is down"
    );
    let dead = backlog.queues.depth(Queue::DeadLetter).await.expect("RabbitMQ answers");
    assert_eq!(dead, 0, "nothing waits for a person because of an outage");
    println!(
        "backlog: {count} invoices published in {:.0} s; the authority returns",
        publishing.as_secs_f64()
    );

    backlog.fleet.misbehave(&[]).await;
    let back = Instant::now();
    let drained = backlog.drain().await;
    let draining = back.elapsed();
    println!(
        "backlog: all cleared {:.0} s after its return; looks at every one of them",
        draining.as_secs_f64()
    );

    let fates: BTreeMap<_, _> = (0..count).map(|n| (events::uuid(n), Fate::Cleared)).collect();
    backlog.fleet.settled(count, Duration::from_secs(60)).await;
    hold_promises(&backlog.fleet, &ground, &fates).await;
    backlog.fleet.all_alive();

    let mut text = format!(
        "{count} invoices, published in {:.0} s while the authority was down, all cleared {:.0} s after its return. Charged 0, lost 0, \
         cleared twice 0, gaps in the counters 0; `fawtara verify` finds nothing.\n\n",
        publishing.as_secs_f64(),
        draining.as_secs_f64()
    );
    table(&mut text, "published", &published);
    text.push('\n');
    table(&mut text, "cleared", &drained);
    println!("\n{text}");
    curves::write(docs, "backlog", &text, &panels(&published, &drained)).expect("docs/backlog.md");
    backlog.queues.close().await;
    drop(backlog.fleet);
    ground.remove().await;
    println!("backlog: docs/backlog.md and docs/backlog.svg have the figures.");
}

impl Backlog {
    async fn publish(&mut self) -> Vec<Point> {
        let mut publisher = self.fleet.publisher();
        let mut points = Vec::new();
        let step = self.count.div_ceil(POINTS);
        for first in (0..self.count).step_by(usize::try_from(step).unwrap()) {
            let end = (first + step).min(self.count);
            let start = Instant::now();
            publisher.publish((first..end).map(events::event), Duration::from_secs(600)).await;
            points.push(self.look(end, (end - first) as f64 / start.elapsed().as_secs_f64()).await);
        }
        points
    }

    /// From the first invoice that clears to the last.
    async fn drain(&mut self) -> Vec<Point> {
        let mut points = Vec::new();
        let step = self.count.div_ceil(POINTS);
        let (mut since, mut before) = (Instant::now(), 0);
        let (mut moved, mut last) = (Instant::now(), 0);
        let mut pause = Duration::ZERO;
        while before < self.count {
            tokio::time::sleep(pause).await;
            let asked = Instant::now();
            let now = fleet::cleared(&*self.fleet.ledger).await;
            // The ledger counts what is open: the looking must not slow down what is looked at.
            pause = Duration::from_millis(200).max(asked.elapsed() * 20);
            if last == 0 {
                // The breakers' wait is told apart from the rate.
                (since, before) = (Instant::now(), now);
            }
            if now > last {
                (moved, last) = (Instant::now(), now);
            }
            assert!(
                moved.elapsed() < PATIENCE,
                "nothing was cleared for {PATIENCE:?}: {now} of {}",
                self.count
            );
            if now >= before + step || (now == self.count && now > before) {
                points.push(self.look(now, (now - before) as f64 / since.elapsed().as_secs_f64()).await);
                (since, before) = (Instant::now(), now);
            }
        }
        points
    }

    async fn look(&mut self, done: u64, per_second: f64) -> Point {
        let memory = ROLES.map(|role| self.fleet.role(role).memory_mb());
        let hints = self.queues.depth(Queue::ToSubmit).await.expect("RabbitMQ answers");
        println!("backlog: {done:>7} at {per_second:.0} a second; {memory:.0?} MB; {hints} hints");
        Point { done, per_second, memory, hints }
    }
}

fn table(text: &mut String, what: &str, points: &[Point]) {
    write!(text, "| {what} | in a second | hints for submitters |").expect("a text takes all");
    for role in ROLES {
        write!(text, " {role}, MB |").expect("a text takes all");
    }
    writeln!(text, "\n|---:|---:|---:|{}", "---:|".repeat(ROLES.len())).expect("a text takes all");
    for Point { done, per_second, memory, hints } in points {
        write!(text, "| {done} | {per_second:.0} | {hints} |").expect("a text takes all");
        for megabytes in memory {
            write!(text, " {megabytes:.0} |").expect("a text takes all");
        }
        text.push('\n');
    }
}

fn panels(published: &[Point], drained: &[Point]) -> Vec<Panel> {
    let rate = |points: &[Point]| {
        points.iter().map(|point| (point.done as f64 / 1e3, point.per_second)).collect::<Vec<_>>()
    };
    let memory = |points: &[Point]| {
        ROLES
            .iter()
            .enumerate()
            .map(|(index, role)| {
                (*role, points.iter().map(|point| (point.done as f64 / 1e3, point.memory[index])).collect())
            })
            .collect()
    };
    vec![
        Panel {
            title: "It comes about (invoices in a second)",
            below: "thousand invoices published",
            lines: vec![("published", rate(published))],
        },
        Panel {
            title: "… with the same memory (MB)",
            below: "thousand invoices published",
            lines: memory(published),
        },
        Panel {
            title: "It drains (invoices in a second)",
            below: "thousand invoices cleared",
            lines: vec![("cleared", rate(drained))],
        },
        Panel {
            title: "… with the same memory (MB)",
            below: "thousand invoices cleared",
            lines: memory(drained),
        },
    ]
}
