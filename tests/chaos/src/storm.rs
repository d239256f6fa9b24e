//! Carries out a plan: each lane makes its faults in order, and measures how long the fleet takes to be over them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use invoice::life::State;
use invoice::{Environment, InvoiceKey};
use ledger::{Ledger, PostgresLedger};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::load::Load;
use crate::plan::{Fault, Kind, Lane};
use crate::retailers::Front;
use crate::strike::{Injector, Misbehaved};

/// How long a fresh invoice may take to be cleared, after whatever happened.
const PATIENCE: Duration = Duration::from_secs(120);

/// What lanes work with.
#[derive(Clone)]
pub struct Scene {
    /// Makes and mends faults.
    pub injector: Arc<Injector>,
    /// What retailers publish.
    pub load: Arc<Load>,
    /// A look of the harness's own into the ledger.
    pub ledger: Arc<PostgresLedger>,
    /// When the first event was published.
    pub begun: Instant,
    /// When the last fault may be made.
    pub end: Instant,
}

/// What became of a fault.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What.
    pub kind: Kind,
    /// Whom or what it hit.
    pub whom: String,
    /// When, after the first event.
    pub at: Duration,
    /// How long it lasted until it was mended.
    pub lasted: Duration,
    /// From the fault until an invoice published then was cleared. None: it was not, in time.
    pub through: Option<Duration>,
    /// From the mending until what was struck was back and an invoice published after that was cleared. None: not in time.
    pub over: Option<Duration>,
}

/// Everything that became of a plan.
#[derive(Debug, Clone, Default)]
pub struct Storm {
    /// In the order of their times.
    pub outcomes: Vec<Outcome>,
    /// Faults that could not be made, with the reason.
    pub failed: Vec<String>,
    /// Processes that did not take a fault as they must.
    pub misbehaved: Vec<String>,
}

/// Carries out all lanes until the end.
pub async fn rage(scene: &Scene, plan: BTreeMap<Lane, Vec<Fault>>) -> Storm {
    let mut lanes = JoinSet::new();
    for faults in plan.into_values() {
        let scene = scene.clone();
        lanes.spawn(async move { carry_out(&scene, faults).await });
    }
    let mut storm = Storm::default();
    while let Some(lane) = lanes.join_next().await {
        match lane {
            Ok(lane) => {
                storm.outcomes.extend(lane.outcomes);
                storm.failed.extend(lane.failed);
                storm.misbehaved.extend(lane.misbehaved);
            }
            Err(error) => storm.failed.push(format!("a lane broke off: {error}")),
        }
    }
    storm.outcomes.sort_by_key(|outcome| outcome.at);
    storm
}

async fn carry_out(scene: &Scene, faults: Vec<Fault>) -> Storm {
    let mut storm = Storm::default();
    for fault in faults {
        sleep_until(scene.begun + fault.at).await;
        if Instant::now() >= scene.end {
            break;
        }
        match one(scene, &fault).await {
            Ok(outcome) => {
                crate::report::fault(&outcome);
                storm.outcomes.push(outcome);
            }
            Err(error) => {
                let text = format!("{}: {error:#}", fault.kind);
                crate::report::failed(scene.begun.elapsed(), &text);
                if error.downcast_ref::<Misbehaved>().is_some() {
                    storm.misbehaved.push(text);
                } else {
                    storm.failed.push(text);
                }
            }
        }
    }
    storm
}

async fn one(scene: &Scene, fault: &Fault) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let struck = scene.injector.strike(fault).await?;
    let whom = struck.whom.clone();
    let through = tokio::spawn(canary(scene.clone(), begun));
    sleep(fault.hold).await;
    let lasted = begun.elapsed();
    let mending = Instant::now();
    let mended = scene.injector.mend(struck).await;
    let over = canary(scene.clone(), mending).await;
    let through = through.await.unwrap_or_default();
    // Only now, so that what a failed mending does to the fleet is seen as well.
    mended.map_err(|error| error.context(Misbehaved))?;
    let at = begun.duration_since(scene.begun);
    Ok(Outcome { kind: fault.kind, whom, at, lasted, through, over })
}

/// Publishes an invoice and waits until it is cleared; how long after `since` that was.
async fn canary(scene: Scene, since: Instant) -> Option<Duration> {
    let end = Instant::now() + PATIENCE;
    let event = scene.load.canary();
    let mut front = Front::new(scene.injector.fleet.producers.clone(), 0);
    if !front.insist(&scene.load, &event, end).await {
        return None;
    }
    let key = InvoiceKey { environment: Environment::Simulation, uuid: event.uuid };
    while Instant::now() < end {
        let loaded = scene.ledger.load(&[key]).await;
        let invoice = loaded.ok().and_then(|loaded| loaded.invoices.into_iter().next().flatten());
        if invoice.is_some_and(|invoice| invoice.state == State::Cleared) {
            return Some(since.elapsed());
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}
