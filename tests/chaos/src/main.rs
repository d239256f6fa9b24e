//! `make chaos`: starts everything, lets it rage, and says what came of it. Exit code 0: all is well; 1: the verdict is not
//! clean; 70: the run itself could not be carried out; 130: stopped by a signal.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chaos::evidence::{self, Evidence};
use chaos::fleet::Fleet;
use chaos::load::Load;
use chaos::report::{self, Run};
use chaos::sabotage::Sabotage;
use chaos::services::Services;
use chaos::storm::{self, Scene, Storm};
use chaos::strike::Injector;
use chaos::{plan, retailers, verdict};
use clap::Parser;
use invoice::life::State;
use ledger::{PostgresConfig, PostgresLedger};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

/// Attacks the fleet for a while and says what came of it. Start it by `make chaos`, which brings the services.
#[derive(Debug, Parser)]
struct Options {
    /// For how long events are published and faults are made: 60s, 10m.
    #[arg(long, default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// What the faults are drawn from: the same seed makes the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Invoices published each second.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=2_000))]
    rate: u64,
    /// The folder of logs and results.
    #[arg(long, default_value = "target/chaos")]
    out: PathBuf,
    /// Damage the evidence before the verdict, to see it turn red.
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
}

/// How long everything may take to settle when the last fault is mended and the last event taken.
const CALM: Duration = Duration::from_secs(180);
/// How long retailers may take to get rid of their last events.
const FAREWELL: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let ended = tokio::select! {
        ended = run(&options) => ended,
        signal = stop_signal() => {
            report::say(&format!("stopped by {signal}"));
            return ExitCode::from(130);
        }
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            report::say(&format!("the run could not be carried out: {error:#}"));
            ExitCode::from(70)
        }
    }
}

async fn stop_signal() -> &'static str {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

/// Whether the verdict is clean.
async fn run(options: &Options) -> anyhow::Result<bool> {
    let folder = options.out.join(format!("seed-{}", options.seed));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let folder = folder.canonicalize()?;
    let services = Services::from_environment()?;
    let own = std::env::current_exe()?;
    let fleet = Fleet::start(&services, &own.with_file_name("fawtara"), &folder).await?;
    for (queue, members) in services.members().await? {
        anyhow::ensure!(
            members == services.nodes.len(),
            "{queue} has {members} members, not one on each node"
        );
    }
    let mut config = PostgresConfig::new(services.database_url(services.postgres.port()));
    config.max_connections = 4;
    let ledger = Arc::new(PostgresLedger::connect(config).await?);
    let injector = Arc::new(Injector { services, fleet });
    injector.be_honest().await?;

    let plan = plan::plan(options.seed, options.duration);
    let planned: usize = plan.values().map(Vec::len).sum();
    report::say(&format!(
        "the fleet is ready; {planned} faults in {} s from seed {}, {} invoices a second; logs in {}",
        options.duration.as_secs(),
        options.seed,
        options.rate,
        folder.display()
    ));
    let begun = Instant::now();
    let end = begun + options.duration;
    let scene = Scene { injector, load: Arc::new(Load::new(options.seed)), ledger, begun, end };
    let watched = scene.injector.clone();
    let watching = tokio::spawn(async move { watched.fleet.watch().await });
    let publishing = tokio::spawn(retailers::publish(
        scene.load.clone(),
        scene.injector.fleet.producers.clone(),
        scene.injector.fleet.retailers_amqp.clone(),
        options.rate,
        end,
        options.seed,
    ));
    let storm = storm::rage(&scene, plan).await;
    report::say("the last fault is mended; waiting until all is settled");
    let calm_begun = Instant::now();
    let all_sent = timeout(FAREWELL, publishing).await.is_ok();
    if !all_sent {
        report::say("retailers could not get rid of all their events");
    }
    let calm = settled(&scene).await.then(|| calm_begun.elapsed());
    let ready = scene.injector.fleet.all_ready(Duration::from_secs(60)).await;
    watching.abort();

    let mut evidence = collect(&scene, &storm).await?;
    evidence.misbehaved.extend(ready.err().map(|error| format!("{error:#}")));
    if let Some(sabotage) = options.sabotage {
        sabotage.commit(&mut evidence);
    }
    let verdict = verdict::judge(&evidence);
    let run = Run {
        seed: options.seed,
        duration: options.duration,
        rate: options.rate,
        calm,
        tally: scene.load.tally(),
        invoices: evidence.ledger.len() as u64,
        cleared: evidence.ledger.iter().filter(|row| row.state == State::Cleared).count() as u64,
        storm,
        exits: scene.injector.fleet.exits(),
    };
    let text = report::text(&run, &verdict);
    report::print(&text);
    std::fs::write(folder.join("result.txt"), &text)?;
    std::fs::write(folder.join("result.json"), serde_json::to_vec_pretty(&report::json(&run, &verdict))?)?;
    if !verdict.is_clean() {
        keep_service_logs(&scene.injector.services, &folder);
        scene.injector.fleet.keep_metrics().await;
    }
    report::say(&format!("logs and result.json are in {}", folder.display()));
    Ok(verdict.is_clean())
}

/// Waits until everything that was published is settled and the dead-letter queue agrees; false when it never is.
async fn settled(scene: &Scene) -> bool {
    let end = Instant::now() + CALM;
    let mut known = 0;
    while Instant::now() < end {
        if let Ok(rows) = evidence::rows(&*scene.ledger).await {
            let expected = scene.load.tally().events;
            let open = rows.iter().filter(|row| !row.state.is_settled()).count();
            let waiting = rows.iter().filter(|row| verdict::waits_for_a_person(row.state)).count() as u64;
            if open == 0 && rows.len() as u64 == expected {
                if evidence::dead_letters(scene).await.is_ok_and(|hints| hints == waiting) {
                    return true;
                }
            } else if rows.len() + open != known {
                known = rows.len() + open;
                report::say(&format!("{open} of {expected} are open, {} are known", rows.len()));
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
    false
}

async fn collect(scene: &Scene, storm: &Storm) -> anyhow::Result<Evidence> {
    let mut evidence = evidence::collect(scene).await?;
    evidence.misbehaved.extend(storm.misbehaved.iter().cloned());
    evidence.misbehaved.extend(
        storm.outcomes.iter().filter(|it| it.through.is_none() || it.over.is_none()).map(|it| {
            format!(
                "{} at {:.1} s ({}): a fresh invoice was not cleared in time",
                it.kind,
                it.at.as_secs_f64(),
                it.whom
            )
        }),
    );
    Ok(evidence)
}

/// RabbitMQ's and Postgres's logs go with the services; they are needed when something is wrong.
fn keep_service_logs(services: &Services, folder: &std::path::Path) {
    for node in 1..=services.nodes.len() {
        let from = services.folder().join(format!("rabbitmq-{node}/log/node.log"));
        let _ = std::fs::copy(from, folder.join(format!("rabbitmq-{node}.log")));
    }
    let _ = std::fs::copy(services.folder().join("postgres/log"), folder.join("postgres.log"));
}

/// A number with its unit: `90s`, `10m`, `1h`; seconds without one.
fn duration(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number = text.strip_suffix(unit).unwrap_or(text).parse::<u64>();
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(format!("{text}: the unit is s, m or h")),
    };
    let number = number.map_err(|_| format!("{text} is no duration: 90s, 10m or 1h"))?;
    match number.checked_mul(seconds) {
        Some(seconds @ 10..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{text} is not between 10s and 24h")),
    }
}
