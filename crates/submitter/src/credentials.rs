//! Credentials that the authority refused: their invoices wait, and one of them finds out when that is over. Must not know
//! where credentials come from.

use std::collections::BTreeMap;

use invoice::IncomeSource;
use jofotara::Endpoint;
use tokio::time::Instant;

/// Credential pairs that were refused: none of their invoices is claimed until then, but for one that probes.
#[derive(Default)]
pub(crate) struct Credentials {
    stopped: BTreeMap<IncomeSource, Stop>,
}

struct Stop {
    /// What was refused: another pair for the same income source is not.
    endpoint: Endpoint,
    until: Instant,
}

impl Stop {
    fn concerns(&self, endpoint: &Endpoint) -> bool {
        self.endpoint.is_same(endpoint)
    }
}

impl Credentials {
    pub(crate) fn stop(&mut self, source: &IncomeSource, endpoint: &Endpoint, until: Instant) {
        self.stopped.insert(source.clone(), Stop { endpoint: endpoint.clone(), until });
    }

    pub(crate) fn restore(&mut self, source: &IncomeSource) {
        self.stopped.remove(source);
    }

    /// Whether nothing may be sent with them yet.
    pub(crate) fn are_stopped(&self, source: &IncomeSource, endpoint: &Endpoint, now: Instant) -> bool {
        self.stopped.get(source).is_some_and(|stop| stop.concerns(endpoint) && stop.until > now)
    }

    /// Whether an attempt may begin: always, while they are not refused; else only the first one after the stop, the probe.
    pub(crate) fn admit(&mut self, source: &IncomeSource, endpoint: &Endpoint, now: Instant) -> bool {
        match self.stopped.get_mut(source) {
            Some(stop) if stop.concerns(endpoint) => {
                if stop.until > now {
                    return false;
                }
                stop.until = now + endpoint.timeout();
                true
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use invoice::Environment;

    use super::*;

    fn endpoint(secret: &str) -> Endpoint {
        let credentials = jofotara::Credentials { client_id: "client".to_owned(), secret_key: secret.into() };
        let url = "http://127.0.0.1:9/core/invoices/";
        Endpoint::new(Environment::Simulation, url, credentials, Duration::from_secs(50)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn another_pair_is_not_stopped_by_the_refusal_of_the_old_one() {
        let source = IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() };
        let (old, new) = (endpoint("revoked"), endpoint("fresh"));
        let same = old.clone();
        let now = Instant::now();
        let until = now + Duration::from_secs(60);
        let mut credentials = Credentials::default();
        credentials.stop(&source, &old, until);
        assert!(credentials.are_stopped(&source, &old, now));
        assert!(credentials.are_stopped(&source, &same, now), "the same pair in the next batch");
        assert!(!credentials.are_stopped(&source, &new, now));
        assert!(!credentials.admit(&source, &same, now));
        assert!(credentials.admit(&source, &new, now));
        assert!(credentials.admit(&source, &same, until), "one probes");
        assert!(!credentials.admit(&source, &same, until), "and no other meanwhile");
    }
}
