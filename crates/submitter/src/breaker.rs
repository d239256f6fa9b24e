//! The circuit breaker: an outage is not the invoice's fault, and hammering does not mend it.
//!
//! It knows time only as it is told.

use std::collections::BTreeSet;
use std::time::Duration;

use invoice::InvoiceKey;
use invoice::life::Outcome;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The breaker's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// So many failures in a row open it.
    pub failures: u32,
    /// How long it stays open the first time, milliseconds; doubled at each failed probe.
    pub open_ms: u64,
    /// The longest that it stays open, milliseconds.
    pub open_max_ms: u64,
    /// A 500 is the invoice's own only while others passed this recently, milliseconds.
    pub neighbours_ms: u64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, open_ms: 5_000, open_max_ms: 60_000, neighbours_ms: 60_000 }
    }
}

/// Whether work may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As much as there is room for.
    Free,
    /// One invoice, to see whether the authority is back.
    Probe,
    /// Nothing before then.
    Closed(Instant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Work flows.
    Closed,
    /// No work until then; `round` probes have failed so far.
    Open { until: Instant, round: u32 },
    /// One probe is out.
    Probing { round: u32, since: Instant },
}

/// One breaker.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    position: Position,
    in_a_row: u32,
    /// Invoices that met a 500 since the last intelligible answer.
    suspects: BTreeSet<InvoiceKey>,
    last_success: Option<Instant>,
    /// When somebody last failed; before that, when this breaker was made. Were it when it is first asked, an invoice that goes
    /// alone would wait as long again at every process that it comes to.
    failed: Instant,
}

/// A probe that has not reported for so long is given up.
const PROBE_PATIENCE: Duration = Duration::from_secs(180);
/// From the third invoice on that meets a 500 in a row, it is no longer the invoices.
const SUSPECTS_MAX: usize = 2;

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            position: Position::Closed,
            in_a_row: 0,
            suspects: BTreeSet::new(),
            last_success: None,
            failed: Instant::now(),
        }
    }

    /// May work be taken? Does not take the probe: see [`Breaker::take_probe`].
    pub fn admission(&mut self, now: Instant) -> Admission {
        match self.position {
            Position::Closed => Admission::Free,
            Position::Open { until, .. } if until <= now => Admission::Probe,
            Position::Open { until, .. } => Admission::Closed(until),
            Position::Probing { round, since } if now.duration_since(since) > PROBE_PATIENCE => {
                self.position = Position::Open { until: now, round };
                Admission::Probe
            }
            Position::Probing { since, .. } => Admission::Closed(since + PROBE_PATIENCE),
        }
    }

    /// When work may be taken again, as far as can be told: while a probe is out, what it finds is known before long.
    #[must_use]
    pub fn reopens(&self, now: Instant) -> Instant {
        match self.position {
            Position::Closed => now,
            Position::Open { until, .. } => until.max(now),
            Position::Probing { .. } => now + Duration::from_millis(self.config.open_ms),
        }
    }

    /// When an invoice may be sent for whose sake all others are held up, at other endpoints too: at once while answers come;
    /// else not before everybody else had time to find out whether they do.
    pub fn trusted_from(&self, now: Instant) -> Instant {
        let patience = Duration::from_millis(self.config.open_max_ms);
        match self.position {
            Position::Closed if self.in_a_row == 0 && self.last_success.is_some() => now,
            Position::Closed => self.failed + patience,
            Position::Open { until, .. } => until + patience,
            // What becomes of it is known much sooner than the probe would be given up.
            Position::Probing { .. } => now + patience,
        }
    }

    /// The caller sends the probe now.
    pub fn take_probe(&mut self, now: Instant) {
        if let Position::Open { round, .. } = self.position {
            self.position = Position::Probing { round, since: now };
        }
    }

    /// The probe found nothing to send: the next one may try.
    pub fn return_probe(&mut self, now: Instant) {
        if let Position::Probing { round, .. } = self.position {
            self.position = Position::Open { until: now, round };
        }
    }

    /// 0 closed (work flows), 1 half open, 2 open: for the metric.
    #[must_use]
    pub fn gauge(&self) -> u64 {
        match self.position {
            Position::Closed => 0,
            Position::Probing { .. } => 1,
            Position::Open { .. } => 2,
        }
    }

    /// Takes note of an outcome, and turns a 500 for all into what it is. `tried_before` is when the same invoice was last tried.
    pub fn judge(
        &mut self,
        key: InvoiceKey,
        outcome: Outcome,
        tried_before: Option<Instant>,
        now: Instant,
    ) -> Outcome {
        let outcome = match outcome {
            Outcome::Suspect => {
                self.suspects.insert(key);
                if self.others_pass(tried_before, now) {
                    Outcome::Suspect
                } else {
                    Outcome::NotNow { retry_after: None }
                }
            }
            other => other,
        };
        match &outcome {
            Outcome::Cleared { .. }
            | Outcome::AcceptedWithoutQr
            | Outcome::HoldsOther { .. }
            | Outcome::Refused => self.succeed(now),
            // Somebody answers, perhaps only a gateway: no proof that anything else would pass.
            Outcome::Credentials => {
                if let Position::Probing { .. } = self.position {
                    self.position = Position::Closed;
                    self.in_a_row = 0;
                }
            }
            // One invoice's own trouble says nothing of the authority.
            Outcome::Suspect => {}
            Outcome::NotNow { retry_after } => self.fail(*retry_after, now),
            Outcome::InDoubt => self.fail(None, now),
        }
        outcome
    }

    /// Somebody passed since this invoice was last tried (or of late), and not a whole row of invoices fails.
    fn others_pass(&self, tried_before: Option<Instant>, now: Instant) -> bool {
        let window = Duration::from_millis(self.config.neighbours_ms);
        let recent = now.checked_sub(window);
        let since = match (tried_before, recent) {
            (Some(before), Some(recent)) => Some(before.min(recent)),
            (before, recent) => before.or(recent),
        };
        let passed = self.last_success.is_some_and(|success| since.is_none_or(|since| success >= since));
        passed && self.suspects.len() <= SUSPECTS_MAX && self.position == Position::Closed
    }

    fn succeed(&mut self, now: Instant) {
        self.position = Position::Closed;
        self.in_a_row = 0;
        self.suspects.clear();
        self.last_success = Some(now);
    }

    fn fail(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.failed = now;
        let round = match self.position {
            Position::Closed if self.in_a_row < self.config.failures => return,
            Position::Closed => 0,
            // Stragglers of the time before it opened.
            Position::Open { .. } => return,
            Position::Probing { round, .. } => round.saturating_add(1),
        };
        let doubled = self.config.open_ms.saturating_mul(1_u64.checked_shl(round).unwrap_or(u64::MAX));
        let pause = Duration::from_millis(doubled.min(self.config.open_max_ms));
        // A hostile Retry-After must not stop the fleet for longer than the breaker itself would by a margin.
        let asked = retry_after.unwrap_or_default().min(Duration::from_millis(self.config.open_max_ms) * 10);
        self.position = Position::Open { until: now + pause.max(asked), round };
    }
}

#[cfg(test)]
mod tests {
    use invoice::Environment;

    use super::*;

    fn key(number: u128) -> InvoiceKey {
        InvoiceKey { environment: Environment::Simulation, uuid: uuid(number) }
    }

    fn uuid(number: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(number)
    }

    const DOWN: Outcome = Outcome::NotNow { retry_after: None };

    #[tokio::test(start_paused = true)]
    async fn opens_after_a_row_of_failures_and_closes_by_one_probe() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for number in 0..4 {
            breaker.judge(key(number), DOWN, None, Instant::now());
            assert_eq!(breaker.admission(Instant::now()), Admission::Free);
        }
        breaker.judge(key(4), DOWN, None, Instant::now());
        let Admission::Closed(until) = breaker.admission(Instant::now()) else { panic!("must be open") };
        assert_eq!(until - Instant::now(), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(breaker.admission(Instant::now()), Admission::Probe);
        breaker.take_probe(Instant::now());
        assert!(matches!(breaker.admission(Instant::now()), Admission::Closed(_)), "one probe at a time");
        breaker.judge(key(5), DOWN, None, Instant::now());
        let Admission::Closed(until) = breaker.admission(Instant::now()) else {
            panic!("must be open again")
        };
        assert_eq!(until - Instant::now(), Duration::from_secs(10), "longer each time");
        tokio::time::advance(Duration::from_secs(10)).await;
        breaker.take_probe(Instant::now());
        breaker.judge(key(6), Outcome::Refused, None, Instant::now());
        assert_eq!(breaker.admission(Instant::now()), Admission::Free, "a refusal is an answer");
    }

    #[tokio::test(start_paused = true)]
    async fn a_500_is_the_invoices_own_only_while_others_pass() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        let now = Instant::now();
        assert_eq!(breaker.judge(key(1), Outcome::Suspect, None, now), DOWN, "nobody has passed yet");
        breaker.judge(key(2), Outcome::Refused, None, now);
        assert_eq!(breaker.judge(key(1), Outcome::Suspect, None, now), Outcome::Suspect);
        assert_eq!(
            breaker.judge(key(1), Outcome::Suspect, None, now),
            Outcome::Suspect,
            "the same one again"
        );
        assert_eq!(breaker.judge(key(3), Outcome::Suspect, None, now), Outcome::Suspect);
        assert_eq!(
            breaker.judge(key(4), Outcome::Suspect, None, now),
            DOWN,
            "three in a row: it is not the invoices"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_held_up_for_an_endpoint_that_may_hang() {
        const MINUTE: Duration = Duration::from_secs(60);
        let mut breaker = Breaker::new(BreakerConfig::default());
        let start = Instant::now();
        assert_eq!(breaker.trusted_from(start), start + MINUTE, "nobody knows yet");
        breaker.judge(key(1), Outcome::Refused, None, start);
        assert_eq!(breaker.trusted_from(start), start, "it answers");
        breaker.judge(key(2), Outcome::InDoubt, None, start);
        tokio::time::advance(MINUTE / 2).await;
        assert_eq!(breaker.trusted_from(Instant::now()), start + MINUTE, "one was not answered");
        (0..4).for_each(|number| drop(breaker.judge(key(number), DOWN, None, start)));
        let Admission::Closed(until) = breaker.admission(start) else { panic!("must be open") };
        assert_eq!(breaker.trusted_from(start), until + MINUTE, "somebody else is to probe");
        breaker.take_probe(until);
        assert_eq!(breaker.trusted_from(until), until + MINUTE, "one is out, and will be back by then");
        breaker.judge(key(9), Outcome::Refused, None, until);
        assert_eq!(breaker.trusted_from(until), until);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_keeps_it_open() {
        let mut breaker = Breaker::new(BreakerConfig { failures: 1, ..BreakerConfig::default() });
        let wish = Outcome::NotNow { retry_after: Some(Duration::from_secs(90)) };
        breaker.judge(key(1), wish, None, Instant::now());
        let Admission::Closed(until) = breaker.admission(Instant::now()) else { panic!("must be open") };
        assert_eq!(until - Instant::now(), Duration::from_secs(90));
    }
}
