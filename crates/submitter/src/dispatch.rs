//! The dispatcher: what stands in the ledger alone although its time has come goes to the queues, in turn over taxpayers.
//!
//! That is what found no room on a queue, what is due after a wait that no rung holds, and what was lost on the way. A queue
//! holds no more than about half a second's work of it, or the least that keeps it the dispatcher's: so nobody waits behind
//! another taxpayer's million, and a fresh invoice not behind the retries of an outage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Hint, Outgoing, Queue, Window};
use invoice::life::Step;
use invoice::{Environment, IncomeSource, InvoiceKey};
use ledger::{LedgerError, Sources, Sweep, Swept};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use crate::alone::goes_alone;
use crate::config::Config;
use crate::desk::{Desk, later};
use crate::lane::Flow;

/// How long the dispatcher sleeps while there is work for it.
const BUSY: Duration = Duration::from_millis(200);
/// And when a queue has run dry before it came.
const LATE: Duration = Duration::from_millis(50);
/// What the broker did not take is tried again after that.
const AGAIN: Duration = Duration::from_secs(5);
/// An endpoint that is due for a probe is hinted no more often.
const PROBES: Duration = Duration::from_secs(1);
/// So many in a row of those who leave it to others.
const PROBES_MAX: usize = 16;

/// Income sources, each in its environment.
type Several = Vec<(Environment, IncomeSource)>;

/// Dispatches for ever. Only one submitter does at a time; the others find nothing.
pub(crate) async fn run(desk: &Desk) {
    let config = &desk.role.config;
    let idle = Duration::from_millis(config.sweep_every_ms.max(1));
    let mut dispatcher = Dispatcher {
        desk,
        drafts: Target::new(config),
        unsent: Target::new(config),
        probed: BTreeMap::new(),
    };
    loop {
        let pause = match dispatcher.turn().await {
            Ok(Turn::Idle) => idle,
            Ok(Turn::Busy) => BUSY,
            Ok(Turn::Late) => LATE,
            Err(error) => {
                warn!(%error, "nothing could be dispatched; trying again");
                idle
            }
        };
        sleep(pause.min(idle)).await;
    }
}

struct Dispatcher<'a> {
    desk: &'a Desk,
    drafts: Target,
    unsent: Target,
    /// When the endpoints were last hinted a probe.
    probed: BTreeMap<Arc<str>, Instant>,
}

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Nothing stood in the ledger alone.
    Idle,
    /// Something did.
    Busy,
    /// And its queue had run dry meanwhile.
    Late,
}

impl Dispatcher<'_> {
    async fn turn(&mut self) -> Result<Turn, LedgerError> {
        let drafts = self.encode().await?;
        let unsent = self.submit().await?;
        Ok(drafts.max(unsent))
    }

    async fn encode(&mut self) -> Result<Turn, LedgerError> {
        let Some(depth) = depth(self.desk, Queue::Draft).await else { return Ok(Turn::Idle) };
        let room = self.drafts.room(depth, Instant::now());
        if room == 0 {
            return Ok(self.drafts.pace());
        }
        let found = hint_again(self.desk, Sweep { unencoded: true, ..Sweep::NONE }, room).await?;
        Ok(self.drafts.filled(depth, found, Instant::now()))
    }

    /// Retries have their share of the room and fresh invoices the rest; what one does not need, the other has.
    async fn submit(&mut self) -> Result<Turn, LedgerError> {
        let Some(depth) = depth(self.desk, Queue::ToSubmit).await else { return Ok(Turn::Idle) };
        let (closed, probes) = self.flows();
        for sources in probes {
            self.probe(sources).await?;
        }
        let room = self.unsent.room(depth, Instant::now());
        if room == 0 {
            return Ok(self.unsent.pace());
        }
        let sources = if closed.is_empty() { Sources::All } else { Sources::Except(closed) };
        let retries = Sweep { under_way: true, sources: sources.clone(), ..Sweep::NONE };
        let fresh = Sweep { unsent: true, sources, ..Sweep::NONE };
        let share = share_of(room, self.desk.role.config.retry_percent);
        let mut found = hint_again(self.desk, retries.clone(), share).await?;
        let had_all = found < share;
        found += hint_again(self.desk, fresh, room - found).await?;
        if !had_all && found < room {
            found += hint_again(self.desk, retries, room - found).await?;
        }
        Ok(self.unsent.filled(depth, found, Instant::now()))
    }

    /// One hint for an endpoint that may be probed. Whoever must go alone leaves that to others, and another one is hinted.
    async fn probe(&self, sources: Several) -> Result<(), LedgerError> {
        let one = Sweep { unsent: true, under_way: true, sources: Sources::Only(sources), ..Sweep::NONE };
        for _ in 0..PROBES_MAX {
            let swept = self.desk.role.ledger.sweep(one.clone(), 1).await?;
            let is_left_to_others = swept.iter().any(|swept| goes_alone(&swept.invoice));
            dispatch(self.desk, swept).await?;
            if !is_left_to_others {
                break;
            }
        }
        Ok(())
    }

    /// The income sources for which no hints make sense now; and of each endpoint whose time for a probe has come, those that
    /// may give it.
    fn flows(&mut self) -> (Several, Vec<Several>) {
        let now = Instant::now();
        let mut closed = Vec::new();
        let mut probes: BTreeMap<Arc<str>, Vec<_>> = BTreeMap::new();
        let endpoints = self.desk.endpoints();
        for (name, endpoint) in endpoints.iter() {
            let (environment, source) = name;
            match self.desk.flow(*environment, source) {
                Flow::Open => {}
                Flow::Closed => closed.push(name.clone()),
                Flow::Probe => {
                    closed.push(name.clone());
                    probes.entry(Arc::clone(endpoint.authority())).or_default().push(name.clone());
                }
            }
        }
        (closed, due_for_probe(&mut self.probed, probes, now))
    }
}

/// Of the endpoints that may be probed, those that were not hinted a probe of late.
fn due_for_probe<T>(
    probed: &mut BTreeMap<Arc<str>, Instant>,
    probes: BTreeMap<Arc<str>, T>,
    now: Instant,
) -> Vec<T> {
    probed.retain(|_, at| now.saturating_duration_since(*at) < PROBES);
    let due = |(name, sources)| {
        // Not merely seen again: that would put the next probe off for ever.
        let due = !probed.contains_key(&name);
        due.then(|| {
            probed.insert(name, now);
            sources
        })
    };
    probes.into_iter().filter_map(due).collect()
}

/// So many of `room` are for retries.
fn share_of(room: u32, percent: u8) -> u32 {
    let share = u64::from(room) * u64::from(percent.min(100)) / 100;
    u32::try_from(share).unwrap_or(room).max(1).min(room)
}

async fn depth(desk: &Desk, queue: Queue) -> Option<u64> {
    let health = desk.role.broker.health();
    if !health.connected || health.blocked.is_some() {
        // Hints would be lost, and their invoices left alone for longer each time.
        return None;
    }
    desk.role.broker.depth(queue).await.ok()
}

async fn hint_again(desk: &Desk, wanted: Sweep, limit: u32) -> Result<u32, LedgerError> {
    if limit == 0 {
        return Ok(0);
    }
    let swept = desk.role.ledger.sweep(wanted, limit).await?;
    dispatch(desk, swept).await
}

/// How many hints arrived. Those that did not would be hinted again the more rarely the more often that happens, although
/// nobody has heard of their invoices: these are looked at again soon.
async fn dispatch(desk: &Desk, swept: Vec<Swept>) -> Result<u32, LedgerError> {
    if swept.is_empty() {
        return Ok(0);
    }
    debug!(found = swept.len(), "dispatching what stands in the ledger alone");
    let (keys, hints): (Vec<_>, Vec<_>) = swept.into_iter().filter_map(hint).unzip();
    let published = desk.role.broker.publish(hints).await;
    let arrived = published.iter().filter(|result| result.is_ok()).count();
    if let Some(error) = published.iter().find_map(|result| result.as_ref().err()) {
        let failed: Vec<InvoiceKey> = keys
            .into_iter()
            .zip(&published)
            .filter_map(|(key, result)| result.is_err().then_some(key))
            .collect();
        warn!(%error, count = failed.len(), "hints were not published; trying again soon");
        let ledger = &desk.role.ledger;
        ledger.park(&failed, later(ledger.now().await?, AGAIN)).await?;
    }
    Ok(u32::try_from(arrived).unwrap_or(u32::MAX))
}

fn hint(Swept { invoice, traceparent }: Swept) -> Option<(InvoiceKey, Outgoing)> {
    let queue = match invoice.waits_for()? {
        Step::Encode => Queue::Draft,
        Step::Submit => Queue::ToSubmit,
    };
    let payload = Hint::new(invoice.key, invoice.version).to_bytes();
    Some((invoice.key, Outgoing { queue, payload, traceparent }))
}

/// How many hints a queue should hold: about half a second's work, as far as the last turns tell, but never fewer than let the
/// dispatcher have the queue to itself.
///
/// It knows time only as it is told.
struct Target {
    hints: u64,
    max: u64,
    /// When the queue was left with how many hints, if there was more to come.
    left: Option<(Instant, u64)>,
    /// The queue held less than it was left with, when last looked at.
    drains: bool,
}

/// Half a second's work: turns come several times in it.
const AHEAD: f64 = 0.5;
/// Above what publishers may fill by themselves, so that they never keep the dispatcher from its queue.
const TARGET_MIN: u64 = Window::CLOSES + Window::CLOSES / 2;

impl Target {
    fn new(config: &Config) -> Self {
        Self { hints: TARGET_MIN, max: u64::from(config.window).max(TARGET_MIN), left: None, drains: false }
    }

    /// How many hints there is room for in a queue that holds `depth` now.
    fn room(&mut self, depth: u64, now: Instant) -> u32 {
        self.drains = self.left.is_some_and(|(_, held)| depth < held);
        if let Some((at, held)) = self.left
            && depth <= held
        {
            let seconds = now.saturating_duration_since(at).as_secs_f64().max(0.001);
            #[allow(clippy::cast_precision_loss, reason = "an estimate")]
            let rate = (held - depth) as f64 / seconds;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate, within bounds"
            )]
            let wanted = (rate * AHEAD).clamp(0.0, 1e9) as u64;
            // What ran dry could have done more; else each turn tells a little.
            self.hints = if is_dry(depth, held) { self.hints * 2 } else { (3 * self.hints + wanted) / 4 };
            self.hints = self.hints.clamp(TARGET_MIN, self.max);
        }
        let room = self.hints.saturating_sub(depth);
        // Not for a handful.
        if room * 5 < self.hints { 0 } else { u32::try_from(room).unwrap_or(u32::MAX) }
    }

    /// When to look again at a queue that has no room.
    fn pace(&self) -> Turn {
        if self.drains { Turn::Busy } else { Turn::Idle }
    }

    /// `found` were added.
    fn filled(&mut self, depth: u64, found: u32, now: Instant) -> Turn {
        let late = self.left.is_some_and(|(_, held)| is_dry(depth, held));
        let held = depth + u64::from(found);
        // With nothing more to come, what the queue does tells nothing about what is worked off.
        self.left = (held >= self.hints / 2).then_some((now, held));
        match found {
            0 => Turn::Idle,
            _ if late => Turn::Late,
            _ => Turn::Busy,
        }
    }
}

/// Whether next to nothing is left of what it held.
fn is_dry(depth: u64, held: u64) -> bool {
    depth * 10 < held
}

#[cfg(test)]
mod tests;
