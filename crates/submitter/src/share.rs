//! This process's share of what the whole fleet may have under way at each endpoint: renewed well before it runs out, given
//! back at the end. A process that cannot renew stops sending by itself, long before its share is given to others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Granted, ShareRequest};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::desk::Desk;
use crate::lane::{Lane, Share};

/// Who has less than its part asks again after this part of the usual pause.
const HUNGRY: u32 = 5;
/// What is measured is measured so often.
const MEASURED: Duration = Duration::from_secs(1);

/// What is known of this process's renewals for one endpoint.
#[derive(Default)]
struct Renewals {
    /// An equal part, as of the last answer.
    fair: Option<u32>,
    /// When to ask again.
    due: Option<Instant>,
    failing: bool,
}

/// Renews the shares of all lanes until `shutdown`.
pub(crate) async fn run(desk: Arc<Desk>, shutdown: CancellationToken) {
    let mut renewals: BTreeMap<Arc<str>, Renewals> = BTreeMap::new();
    // One for all endpoints: the ledger remembers those of one that is gone for a moment.
    let mut turn = 0;
    while !shutdown.is_cancelled() {
        let endpoints = desk.endpoints();
        let lanes = desk.lanes.all(&endpoints);
        renewals.retain(|name, _| lanes.iter().any(|lane| lane.name() == name));
        let mut next = Instant::now() + MEASURED;
        for lane in &*lanes {
            let renewals = renewals.entry(Arc::clone(lane.name())).or_default();
            if renewals.due.is_none_or(|due| due <= Instant::now()) {
                turn += 1;
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return,
                    () = renew(&desk, lane, renewals, turn) => {}
                }
            }
            next = renewals.due.map_or(next, |due| due.min(next));
            lane.measure(Instant::now());
        }
        let stopped = {
            let mut credentials = desk.credentials();
            credentials.keep(&endpoints);
            credentials.stopped()
        };
        telemetry::metrics().credentials_stopped.record(stopped, &[]);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = sleep_until(next) => {}
        }
    }
}

async fn renew(desk: &Desk, lane: &Lane, renewals: &mut Renewals, turn: u64) {
    let config = &desk.role.config;
    let pause = Duration::from_millis(config.fleet_renew_ms.max(1));
    let margin = Duration::from_millis(config.fleet_margin_ms);
    let asked = Instant::now();
    // Whatever becomes of this call, the ledger will count at least what is kept; so no more is begun until it answers.
    let keeps = lane.pledge(renewals.fair.unwrap_or(u32::MAX));
    let request = ShareRequest {
        endpoint: lane.name().to_string(),
        worker: desk.role.worker.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        turn,
        cap: config.fleet_max_in_flight,
        wanted: config.max_in_flight.into(),
        keeps,
        in_flight: lane.load().0,
        // Nothing is begun after the margin, and nothing takes longer than the longest call.
        lasts: margin + desk.longest_call(),
    };
    let answer = timeout(margin, desk.role.ledger.fleet().renew(&request)).await;
    let heard = match answer {
        Ok(Ok(heard)) => Ok(heard),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the ledger does not answer".to_owned()),
    };
    let hungry = match heard {
        Ok(Some(Granted { granted, fair })) => {
            renewals.failing = false;
            renewals.fair = Some(fair);
            lane.grant(Share { granted, until: Some(asked + margin) });
            granted < fair.min(request.wanted) || granted > fair
        }
        // An earlier one of ours was late; the next one is heard.
        Ok(None) => true,
        Err(reason) => {
            if !std::mem::replace(&mut renewals.failing, true) {
                warn!(endpoint = %lane.name(), reason, "the share of this process could not be renewed; nothing is sent once it runs out");
            }
            true
        }
    };
    renewals.due = Some(Instant::now() + if hungry { pause / HUNGRY } else { pause });
}

/// Gives all shares back, when nothing is under way any more; else they run out by themselves.
pub(crate) async fn leave(desk: &Desk, patience: Duration) {
    let lanes = desk.lanes.all(&desk.endpoints());
    if lanes.iter().any(|lane| lane.load().0 > 0) {
        info!("something is still under way: this process's shares run out by themselves");
        return;
    }
    let left = timeout(patience, desk.role.ledger.fleet().leave(&desk.role.worker)).await;
    if !matches!(left, Ok(Ok(()))) {
        warn!("this process's shares could not be given back; they run out by themselves");
    }
}
