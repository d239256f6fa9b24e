//! One lane for each endpoint of the authority: its breaker, its pace, and this process's share of what the whole fleet may
//! have under way there. What one endpoint suffers holds up no other. Knows neither claims nor the ledger.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use invoice::InvoiceKey;
use invoice::life::Outcome;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::breaker::{Admission, Breaker};
use crate::config::Config;
use crate::pace::{Call, Pace};

/// Whoever must wait for a turn is not put off for longer than this: things may have changed by then.
const TURNS_MAX: Duration = Duration::from_secs(30);
/// Once turns are given away for longer than this from now on, nobody need be hinted.
const CROWDED: Duration = Duration::from_secs(2);

/// Whether hints make sense now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// As many as there is room for.
    Open,
    /// One, to see whether the endpoint is back.
    Probe,
    /// None: they would only be parked again.
    Closed,
}

/// One endpoint, for all income sources that send there.
pub(crate) struct Lane {
    name: Arc<str>,
    state: Mutex<State>,
    /// Told whenever there may be more room than before.
    freed: Arc<Notify>,
}

struct State {
    breaker: Breaker,
    pace: Pace,
    share: Share,
    /// So many at once, whatever the pace and the share allow: the rest of this process's room is for the other lanes.
    most: u32,
    in_flight: u32,
    /// The last turn that was given away to somebody who must wait.
    turn: Instant,
}

/// What this process may have under way at the endpoint, by the ledger's word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// So many requests,
    pub(crate) granted: u32,
    /// begun before then; none: nothing was granted yet.
    pub(crate) until: Option<Instant>,
}

/// Whether a request may be sent.
pub(crate) enum Entry {
    /// Now.
    In(Slot),
    /// Not before about then.
    Wait(Instant),
}

/// One request's place in its lane; given back when it is dropped.
pub(crate) struct Slot {
    lane: Arc<Lane>,
    probe: bool,
    /// Whether at least half of the limit was in use, this one included.
    busy: bool,
    /// The request has ended: the place is free, and what came of it will be judged.
    ended: bool,
}

/// What came of one request, as far as the lane must know.
pub(crate) struct Ended {
    pub(crate) key: InvoiceKey,
    /// When the invoice was last tried before this.
    pub(crate) tried_before: Option<Instant>,
    pub(crate) call: Call,
}

impl Lane {
    pub(crate) fn new(name: Arc<str>, config: &Config, freed: Arc<Notify>) -> Self {
        let state = State {
            breaker: Breaker::new(config.breaker.clone()),
            pace: Pace::new(config.pace.clone(), config.max_in_flight),
            share: Share::default(),
            most: config.max_in_flight.into(),
            in_flight: 0,
            turn: Instant::now(),
        };
        Self { name, state: Mutex::new(state), freed }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lane is still a lane: its fields are plain values.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the breaker says.
    pub(crate) fn admission(&self, now: Instant) -> Admission {
        self.state().breaker.admission(now)
    }

    /// Whether hints for its invoices make sense now. This process's share does not matter: whoever hints does so for all.
    pub(crate) fn flow(&self, now: Instant) -> Flow {
        let mut state = self.state();
        match state.breaker.admission(now) {
            Admission::Closed(_) => Flow::Closed,
            Admission::Probe => Flow::Probe,
            Admission::Free if state.turn > now + CROWDED => Flow::Closed,
            Admission::Free => Flow::Open,
        }
    }

    /// Whether anything may be under way here by this process's share.
    pub(crate) fn has_share(&self, now: Instant) -> bool {
        self.state().allowed(now) > 0
    }

    /// How many requests could begin now.
    pub(crate) fn spare(&self, now: Instant) -> u32 {
        self.state().spare(now)
    }

    /// When somebody may go there for whose sake all others are held up.
    pub(crate) fn trusted_from(&self, now: Instant) -> Instant {
        let state = self.state();
        let trusted = state.breaker.trusted_from(now);
        // No turn is taken: one so far ahead would keep everybody else away until then.
        if state.allowed(now) == 0 { trusted.max(now + CROWDED) } else { trusted }
    }

    /// A place for one request, or when to ask again: each who must wait has a turn of its own, as far apart as requests will
    /// begin, so that they do not all come back at once.
    pub(crate) fn enter(self: &Arc<Self>, now: Instant) -> Entry {
        let mut state = self.state();
        let admission = state.breaker.admission(now);
        if let Admission::Closed(_) = admission {
            let reopens = state.breaker.reopens(now);
            return Entry::Wait(state.next_turn(reopens));
        }
        if state.spare(now) == 0 {
            return Entry::Wait(state.next_turn(now));
        }
        let probe = admission == Admission::Probe;
        if probe {
            state.breaker.take_probe(now);
        }
        state.in_flight += 1;
        let busy = state.in_flight * 2 >= state.pace.limit();
        Entry::In(Slot { lane: Arc::clone(self), probe, busy, ended: false })
    }

    /// Takes note of what came of a request; what a 500 was, the neighbours in the same lane decide.
    pub(crate) fn judge(&self, outcome: Outcome, ended: &Ended, now: Instant) -> Outcome {
        let mut state = self.state();
        let before = state.breaker.gauge();
        let outcome = state.breaker.judge(ended.key, outcome, ended.tried_before, now);
        match &outcome {
            Outcome::Cleared { .. }
            | Outcome::AcceptedWithoutQr
            | Outcome::HoldsOther { .. }
            | Outcome::Refused => state.pace.succeed(ended.call, now),
            Outcome::NotNow { .. } | Outcome::InDoubt => state.pace.fail(ended.call.started, now),
            // Neither an invoice's own trouble nor a pair's says anything of what the endpoint bears.
            Outcome::Suspect | Outcome::Credentials => {}
        }
        let after = state.breaker.gauge();
        if (before, after) == (0, 2) {
            state.pace.collapse(now);
            warn!(endpoint = %self.name, "this endpoint fails; its invoices wait, and one at a time will try");
        } else if before != 0 && after == 0 {
            // Turns of the time when it failed keep nobody away.
            state.turn = now;
            info!(endpoint = %self.name, "this endpoint answers again");
        }
        drop(state);
        self.freed.notify_one();
        outcome
    }

    /// What is under way there, and what was granted last.
    pub(crate) fn load(&self) -> (u32, Share) {
        let state = self.state();
        (state.in_flight, state.share)
    }

    /// From now on at most this much; gives what will be kept at least: never less than what is under way.
    pub(crate) fn pledge(&self, fair: u32) -> u32 {
        let mut state = self.state();
        state.share.granted = state.share.granted.min(fair).max(state.in_flight);
        state.share.granted
    }

    pub(crate) fn grant(&self, share: Share) {
        self.state().share = share;
        self.freed.notify_one();
    }

    /// From now on at most so many at once.
    pub(crate) fn keep_to(&self, most: u32) {
        self.state().most = most;
        self.freed.notify_one();
    }

    pub(crate) fn measure(&self, now: Instant) {
        let mut state = self.state();
        // A probe that fell due in the meantime shows as such.
        state.breaker.admission(now);
        let label = [telemetry::owned_label("endpoint", self.name.to_string())];
        let metrics = telemetry::metrics();
        metrics.breaker.record(state.breaker.gauge(), &label);
        metrics.in_flight.record(state.in_flight.into(), &label);
        metrics.pace_limit.record(state.pace.limit().into(), &label);
        // What has run out is none, whatever was granted.
        metrics.share_granted.record(state.allowed(now).into(), &label);
    }

    fn give_back(&self, probe: bool) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if probe {
            state.breaker.return_probe(Instant::now());
        }
        drop(state);
        self.freed.notify_one();
    }
}

impl State {
    fn allowed(&self, now: Instant) -> u32 {
        if self.share.until.is_some_and(|until| now < until) { self.share.granted } else { 0 }
    }

    fn spare(&mut self, now: Instant) -> u32 {
        let limit = match self.breaker.admission(now) {
            Admission::Free => self.pace.limit().min(self.most),
            // Stragglers of the time before it opened may still be under way.
            Admission::Probe => self.in_flight + 1,
            Admission::Closed(_) => 0,
        };
        limit.min(self.allowed(now)).saturating_sub(self.in_flight)
    }

    fn next_turn(&mut self, from: Instant) -> Instant {
        let turn = self.turn.max(from) + self.pace.interval();
        self.turn = if turn > from + TURNS_MAX { from } else { turn };
        self.turn
    }
}

impl Slot {
    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Whether the share still covers a request that begins now.
    pub(crate) fn is_covered(&self, now: Instant) -> bool {
        self.lane.state().allowed(now) > 0
    }

    /// Its request has ended.
    pub(crate) fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.lane.give_back(false);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.ended {
            self.lane.give_back(self.probe);
        }
    }
}

#[cfg(test)]
mod tests;
