//! How many requests one endpoint bears at once: found out by additive increase and multiplicative decrease, so that an
//! authority in trouble is not pushed over, and one that comes back is not run over.
//!
//! It knows time only as it is told, and neither sends nor counts what is under way.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The numbers of the pace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaceConfig {
    /// Requests at once at an endpoint that are always tried, for this process; it begins with so many, at its start and after
    /// an outage.
    pub min: u16,
    /// What is left of the limit after a sign of overload, per mille.
    pub decrease_permille: u16,
    /// A latency of more than so many times the usual one is a sign of overload …
    pub latency_factor: u16,
    /// … once it also exceeds the usual one by this, milliseconds.
    pub latency_slack_ms: u64,
}

impl Default for PaceConfig {
    fn default() -> Self {
        Self { min: 1, decrease_permille: 700, latency_factor: 3, latency_slack_ms: 500 }
    }
}

/// One request that has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// When it was sent.
    pub started: Instant,
    /// How long its answer took.
    pub latency: Duration,
    /// Whether at least half of what was allowed was under way when it was sent: only then does its success say that more
    /// would be borne.
    pub busy: bool,
}

/// The limit of one endpoint.
#[derive(Debug)]
pub struct Pace {
    config: PaceConfig,
    /// All in thousandths of a request, so that a fraction can grow.
    max: u64,
    limit: u64,
    /// Below it the limit doubles with each round trip, above it grows by one.
    threshold: u64,
    /// What was sent before the last decrease knows nothing of it.
    decreased: Option<Instant>,
    latencies: Latencies,
}

const WHOLE: u64 = 1_000;

impl Pace {
    /// A limit that begins at the least and never exceeds `max`.
    #[must_use]
    pub fn new(config: PaceConfig, max: u16) -> Self {
        let max = u64::from(max.max(1)) * WHOLE;
        let limit = (u64::from(config.min.max(1)) * WHOLE).min(max);
        Self { config, max, limit, threshold: max, decreased: None, latencies: Latencies::default() }
    }

    /// So many requests may be under way at once; at least one.
    #[must_use]
    pub fn limit(&self) -> u32 {
        u32::try_from(self.limit / WHOLE).unwrap_or(u32::MAX)
    }

    /// An answer came, whatever it said.
    pub fn succeed(&mut self, call: Call, now: Instant) {
        if self.is_stale(call.started) {
            return;
        }
        if self.latencies.note(call.latency, now, &self.config) {
            self.decrease(now);
        } else if call.busy {
            let step = if self.limit < self.threshold { WHOLE } else { WHOLE * WHOLE / self.limit };
            self.limit = (self.limit + step).min(self.max);
        }
    }

    /// No answer, or one that says that it is too much now, to what was sent at `started`.
    pub fn fail(&mut self, started: Instant, now: Instant) {
        if !self.is_stale(started) {
            self.decrease(now);
        }
    }

    /// The endpoint is down: when it is back, it is approached from the least on, quickly to half of what it bore before.
    pub fn collapse(&mut self, now: Instant) {
        self.threshold = (self.limit / 2).max(self.least());
        self.limit = self.least();
        self.forget(now);
    }

    /// How long after one another requests would begin that keep to the limit.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let latency = self.latencies.latest.unwrap_or(Duration::from_millis(100));
        latency / self.limit().max(1)
    }

    fn decrease(&mut self, now: Instant) {
        let left = self.limit * u64::from(self.config.decrease_permille.min(1_000)) / 1_000;
        self.limit = left.max(self.least());
        self.threshold = self.limit;
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        self.decreased = Some(now);
        self.latencies.window.clear();
    }

    /// Not more than one decrease in a round trip, and no increase by what was allowed before it.
    fn is_stale(&self, started: Instant) -> bool {
        self.decreased.is_some_and(|at| started < at)
    }

    fn least(&self) -> u64 {
        (u64::from(self.config.min.max(1)) * WHOLE).min(self.max)
    }
}

/// What is usual: the least median of the last minutes. Medians, since single documents take long for reasons of their own.
#[derive(Debug, Default)]
struct Latencies {
    window: Vec<Duration>,
    /// The least median of each stretch of time, the latest stretch last.
    stretches: VecDeque<(Instant, Duration)>,
    latest: Option<Duration>,
}

/// So many answers give one median.
const WINDOW: usize = 20;
/// A stretch of time lasts so long,
const STRETCH: Duration = Duration::from_secs(30);
/// and so many of them are remembered: an endpoint that has become slower for good is taken as it is after that.
const STRETCHES: usize = 10;

impl Latencies {
    /// True when latencies are no longer usual.
    fn note(&mut self, latency: Duration, now: Instant, config: &PaceConfig) -> bool {
        self.window.push(latency);
        if self.window.len() < WINDOW {
            return false;
        }
        self.window.sort_unstable();
        let median = self.window.get(WINDOW / 2).copied().unwrap_or_default();
        self.window.clear();
        self.latest = Some(median);
        let usual = self.stretches.iter().map(|(_, least)| *least).min();
        self.remember(median, now);
        usual.is_some_and(|usual| {
            median > usual * u32::from(config.latency_factor.max(1))
                && median > usual + Duration::from_millis(config.latency_slack_ms)
        })
    }

    fn remember(&mut self, median: Duration, now: Instant) {
        match self.stretches.back_mut() {
            Some((began, least)) if now.saturating_duration_since(*began) < STRETCH => {
                *least = median.min(*least);
            }
            _ => {
                self.stretches.push_back((now, median));
                if self.stretches.len() > STRETCHES {
                    self.stretches.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
