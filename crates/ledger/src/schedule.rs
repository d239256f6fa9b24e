//! When the sweeper should look at an invoice again, if nothing else has moved it by then.

use std::time::Duration;

use invoice::Timestamp;
use invoice::life::{Invoice, State};
use serde::{Deserialize, Serialize};

/// The sweeper's patience. It hints again what was lost on the way, ever more rarely for the same invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// How long after its time an invoice may stay unmoved before it is hinted again, milliseconds.
    pub grace_ms: u64,
    /// The longest pause between two hints for the same unmoved invoice, milliseconds.
    pub pause_max_ms: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { grace_ms: 30_000, pause_max_ms: 3_600_000 }
    }
}

impl Schedule {
    /// When an invoice that has just moved is to be looked at: a grace after its time; never when settled. A return that waits is
    /// woken by its original, and looked at by the sweeper only as seldom as anything.
    #[must_use]
    pub fn wake_at(&self, invoice: &Invoice, now: Timestamp) -> Option<Timestamp> {
        let time = match invoice.state {
            State::Draft if invoice.waiting.is_some() => return Some(self.seldom(now)),
            State::Draft => now,
            State::PendingRetry => invoice.due_at.unwrap_or(now).max(now),
            State::Submitted => invoice.lease_until.unwrap_or(now).max(now),
            State::Rejected | State::DeadLettered | State::Abandoned | State::Cleared => return None,
        };
        Some(later(time, Duration::from_millis(self.grace_ms)))
    }

    /// The longest pause from now.
    #[must_use]
    pub(crate) fn seldom(&self, now: Timestamp) -> Timestamp {
        later(now, Duration::from_millis(self.pause_max_ms))
    }

    /// A grace from now.
    pub(crate) fn soon(&self, now: Timestamp) -> Timestamp {
        later(now, Duration::from_millis(self.grace_ms))
    }

    /// When an invoice is to be looked at again after its `hints`-th hint from the sweeper (1 for the first).
    #[must_use]
    pub fn next_wake(&self, now: Timestamp, hints: u32) -> Timestamp {
        let pause = self.grace_ms.saturating_mul(1_u64.checked_shl(hints.min(32)).unwrap_or(u64::MAX));
        later(now, Duration::from_millis(pause.min(self.pause_max_ms)))
    }
}

pub(crate) fn later(time: Timestamp, wait: Duration) -> Timestamp {
    chrono::TimeDelta::from_std(wait).ok().and_then(|wait| time.checked_add_signed(wait)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use invoice::{Digest, Environment, IncomeSource, InvoiceKey};
    use uuid::Uuid;

    use super::*;

    fn noon() -> Timestamp {
        Timestamp::from_timestamp_micros(1_767_225_600_000_000).unwrap()
    }

    fn invoice(state: State) -> Invoice {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(1) };
        let source = IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() };
        let mut invoice = Invoice::accepted(key, source, "فاتورة-1".to_owned(), Digest::of(b""), noon());
        invoice.state = state;
        invoice
    }

    #[test]
    fn an_open_invoice_wakes_a_grace_after_its_time() {
        let schedule = Schedule::default();
        let (hour, grace) = (TimeDelta::hours(1), TimeDelta::seconds(30));
        assert_eq!(schedule.wake_at(&invoice(State::Draft), noon()), Some(noon() + grace));

        let mut pending = invoice(State::PendingRetry);
        pending.due_at = Some(noon() + hour);
        assert_eq!(schedule.wake_at(&pending, noon()), Some(noon() + hour + grace));
        pending.due_at = Some(noon() - hour);
        assert_eq!(schedule.wake_at(&pending, noon()), Some(noon() + grace), "never in the past");

        let mut held = invoice(State::Submitted);
        held.lease_until = Some(noon() + hour);
        assert_eq!(schedule.wake_at(&held, noon()), Some(noon() + hour + grace));
    }

    #[test]
    fn a_settled_invoice_never_wakes() {
        for state in State::ALL.iter().copied() {
            let wakes = Schedule::default().wake_at(&invoice(state), noon()).is_some();
            assert_eq!(wakes, !state.is_settled(), "{state}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let schedule = Schedule { grace_ms: 1_000, pause_max_ms: 10_000 };
        let pauses: Vec<i64> =
            (1..=6).map(|hints| (schedule.next_wake(noon(), hints) - noon()).num_seconds()).collect();
        assert_eq!(pauses, [2, 4, 8, 10, 10, 10]);
        assert_eq!(schedule.next_wake(noon(), u32::MAX), noon() + TimeDelta::seconds(10), "no overflow");
        let endless = Schedule { grace_ms: u64::MAX, pause_max_ms: u64::MAX };
        assert_eq!(endless.next_wake(noon(), 3), noon(), "a pause beyond the calendar is none");
    }
}
