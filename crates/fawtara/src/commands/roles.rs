//! The long-running commands: one role, or all of them, until a signal asks to stop.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use producer::{Producer, Pulse};
use telemetry::Probe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Outcome;
use super::admin::AdminPort;
use crate::settings::{SecretUrl, Settings};
use crate::telling;
use crate::wiring::{self, Seams};

/// Arguments of `fawtara all`.
#[derive(Debug, clap::Args)]
pub struct AllArgs {
    /// Keep ledger and queues in memory: nothing to install, but nothing survives the process.
    #[arg(long)]
    memory: bool,
    /// Run the simulated authority in this process too.
    #[arg(long)]
    simulator: bool,
}

/// `fawtara producer`.
///
/// # Errors
/// A service or setting that is not as it must be.
pub async fn producer(settings: Settings) -> anyhow::Result<Outcome> {
    run("producer", settings, &[Role::Producer]).await
}

/// `fawtara encoder`.
///
/// # Errors
/// As for the producer.
pub async fn encoder(settings: Settings) -> anyhow::Result<Outcome> {
    run("encoder", settings, &[Role::Encoder]).await
}

/// `fawtara submitter`.
///
/// # Errors
/// As for the producer.
pub async fn submitter(settings: Settings) -> anyhow::Result<Outcome> {
    run("submitter", settings, &[Role::Submitter]).await
}

/// `fawtara all`.
///
/// # Errors
/// As for the producer.
pub async fn all(args: AllArgs, mut settings: Settings) -> anyhow::Result<Outcome> {
    if args.memory {
        settings.ledger.url = SecretUrl::new("memory");
        settings.broker.url = SecretUrl::new("memory");
    }
    let roles: &[Role] = if args.simulator {
        &[Role::Simulator, Role::Producer, Role::Encoder, Role::Submitter]
    } else {
        &[Role::Producer, Role::Encoder, Role::Submitter]
    };
    run("all", settings, roles).await
}

/// A token that the first SIGTERM or SIGINT cancels; the second one ends the process at once.
///
/// # Errors
/// When the signals cannot be had.
pub fn stop_signal() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        info!("asked to stop: finishing what is in flight; ask again to stop at once");
        token.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        eprintln!("fawtara: stopped at once; leases and the ledger cover what was in flight");
        #[allow(clippy::exit, reason = "the second signal asks for exactly this")]
        std::process::exit(130);
    });
    Ok(stop)
}

async fn run(name: &'static str, settings: Settings, roles: &[Role]) -> anyhow::Result<Outcome> {
    let telemetry = telemetry::init(&settings.telemetry, name)?;
    info!(version = env!("CARGO_PKG_VERSION"), role = name, "fawtara starts");
    let stop = stop_signal()?;
    if roles.contains(&Role::Submitter) {
        // Asked before any service is: what is wrong here must not look like an outage there.
        wiring::endpoints(&settings)?;
        telling::of(&settings)?;
    }
    let admin = AdminPort::bind(&settings).await?;
    let seams = wiring::connect(&settings, name).await?;
    let admin = admin.guarded_by(Some(seams.keys.clone()))?;
    // Everything is bound and wired before anything works: what fails here has nothing in flight to abort.
    let mut ready = Vec::new();
    let mut pulse = None;
    for role in roles {
        ready.push(role.prepare(&settings, &seams, &mut pulse, &stop).await?);
    }
    let admin = admin.serve(&telemetry, probe(&seams, pulse, &stop), &stop);
    let mut tasks = JoinSet::new();
    for work in ready {
        tasks.spawn(work);
    }
    let mut outcome = Ok(Outcome::Done);
    while let Some(ended) = tasks.join_next().await {
        let result = ended.context("a role panicked").and_then(|result| result);
        if let Err(reason) = result {
            error!(error = format!("{reason:#}"), "a role failed; the others stop too");
            outcome = outcome.and(Err(reason));
        }
        // No role ends before the others by itself.
        stop.cancel();
    }
    seams.broker.close().await;
    admin.end().await;
    info!(clean = outcome.is_ok(), "fawtara has stopped");
    let _ = tokio::task::spawn_blocking(move || telemetry.shutdown()).await;
    outcome
}

/// A role that is bound and wired, and works when it is polled.
type Work = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Simulator,
    Producer,
    Encoder,
    Submitter,
}

impl Role {
    async fn prepare(
        self,
        settings: &Settings,
        seams: &Seams,
        pulse: &mut Option<Pulse>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Work> {
        let stop = stop.clone();
        Ok(match self {
            Self::Simulator => Box::pin(super::simulator::bind(settings).await?.serve(stop)),
            Self::Producer => {
                let intake = wiring::intake(settings, seams);
                let producer =
                    Producer::bind_with(intake, settings.producer.clone(), seams.keys.clone()).await?;
                *pulse = Some(producer.pulse());
                Box::pin(async move { Ok(producer.run(stop).await?) })
            }
            Self::Encoder => {
                let encoder = wiring::encoder(settings, seams);
                Box::pin(async move { Ok(encoder.run(stop).await?) })
            }
            Self::Submitter => {
                let submitter = wiring::submitter(settings, seams, wiring::http_transport(settings)?)?;
                Box::pin(async move { Ok(submitter.run(stop).await?) })
            }
        })
    }
}

/// Ready when the broker is connected and unblocked, the ledger answered of late, and a producer's commits come to an end.
fn probe(seams: &Seams, pulse: Option<Pulse>, stop: &CancellationToken) -> Probe {
    let answers = Arc::new(AtomicBool::new(true));
    let (ledger, heard, stop) = (Arc::clone(&seams.ledger), Arc::clone(&answers), stop.clone());
    let broker = Arc::clone(&seams.broker);
    tokio::spawn(async move {
        while !stop.is_cancelled() {
            telemetry::metrics().deliveries_held.record(broker.health().unsettled, &[]);
            let answer = tokio::time::timeout(Duration::from_secs(5), ledger.now()).await;
            heard.store(matches!(answer, Ok(Ok(_))), Ordering::Relaxed);
            tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(Duration::from_secs(5)) => {} }
        }
    });
    let broker = Arc::clone(&seams.broker);
    Arc::new(move || {
        let health = broker.health();
        if let Some(reason) = health.blocked {
            return Err(format!("the broker blocks publishers: {reason}"));
        }
        if !health.connected {
            return Err("no connection to the broker".to_owned());
        }
        if !answers.load(Ordering::Relaxed) {
            return Err("the ledger does not answer".to_owned());
        }
        // It asks on another connection than the intake does.
        pulse.as_ref().map_or(Ok(()), Pulse::check)
    })
}
