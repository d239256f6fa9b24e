//! Credentials that the authority refused: their invoices wait, and one of them finds out when that is over.

use std::collections::BTreeMap;
use std::time::Duration;

use invoice::IncomeSource;
use tokio::time::Instant;

/// Credential pairs that were refused: none of their invoices is claimed until then, but for one that probes.
#[derive(Default)]
pub(crate) struct Credentials {
    stopped: BTreeMap<IncomeSource, Instant>,
}

impl Credentials {
    pub(crate) fn stop(&mut self, source: &IncomeSource, until: Instant) {
        self.stopped.insert(source.clone(), until);
    }

    pub(crate) fn restore(&mut self, source: &IncomeSource) {
        self.stopped.remove(source);
    }

    /// Whether nothing may be sent with them yet.
    pub(crate) fn are_stopped(&self, source: &IncomeSource, now: Instant) -> bool {
        self.stopped.get(source).is_some_and(|until| *until > now)
    }

    /// Whether an attempt may begin: always, while they are not refused; else only the first one after the stop, the probe.
    pub(crate) fn admit(&mut self, source: &IncomeSource, now: Instant, probe: Duration) -> bool {
        match self.stopped.get_mut(source) {
            None => true,
            Some(until) if *until > now => false,
            Some(until) => {
                *until = now + probe;
                true
            }
        }
    }
}
