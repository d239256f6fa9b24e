//! Credentials that the authority refused: their invoices wait, and one of them finds out when that is over. Must not know
//! where credentials come from.

use std::collections::BTreeMap;
use std::time::Duration;

use invoice::{Digest, IncomeSource};
use jofotara::Endpoint;
use tokio::time::Instant;

use crate::config::Endpoints;

/// What is known of each pair of credentials. Income sources that share one stop together, unless others pass with it.
#[derive(Default)]
pub(crate) struct Credentials {
    pairs: BTreeMap<Digest, Pair>,
}

#[derive(Default)]
struct Pair {
    /// None of its income sources sends anything until then, but for one that probes.
    stopped: Option<Instant>,
    users: BTreeMap<IncomeSource, User>,
}

/// One income source that shows the pair.
struct User {
    /// As it showed the pair last. One that was made anew, even from the same words, is worth a try: it may have been mended
    /// at the other end.
    endpoint: Endpoint,
    passed: Option<Instant>,
    /// It alone is refused.
    stopped: Option<Instant>,
}

/// A pair counts as sound for so long after somebody passed with it.
const SOUND_FOR: Duration = Duration::from_secs(60);

impl Credentials {
    /// They were refused. While other income sources pass with the same pair, it is this one's own trouble.
    pub(crate) fn stop(&mut self, source: &IncomeSource, endpoint: &Endpoint, pause: Duration, now: Instant) {
        let pair = self.pairs.entry(endpoint.pair()).or_default();
        pair.show(source, endpoint);
        let until = Some(now + pause);
        let others_pass = pair.users.iter().any(|(other, user)| {
            other != source
                && user.passed.is_some_and(|passed| now.saturating_duration_since(passed) < SOUND_FOR)
        });
        match pair.users.get_mut(source) {
            Some(user) if others_pass => user.stopped = until,
            _ => pair.stopped = until,
        }
    }

    /// Somebody got through with them.
    pub(crate) fn restore(&mut self, source: &IncomeSource, endpoint: &Endpoint, now: Instant) {
        let pair = self.pairs.entry(endpoint.pair()).or_default();
        pair.show(source, endpoint);
        pair.stopped = None;
        if let Some(user) = pair.users.get_mut(source) {
            user.passed = Some(now);
            user.stopped = None;
        }
    }

    /// Whether nothing may be sent with them yet.
    pub(crate) fn are_stopped(&mut self, source: &IncomeSource, endpoint: &Endpoint, now: Instant) -> bool {
        self.stopped_until(source, endpoint).is_some_and(|until| *until > now)
    }

    /// Whether an attempt may begin: always, while they are not refused; else only the first one after the stop, the probe.
    pub(crate) fn admit(&mut self, source: &IncomeSource, endpoint: &Endpoint, now: Instant) -> bool {
        match self.stopped_until(source, endpoint) {
            Some(until) if *until > now => false,
            Some(until) => {
                *until = now + endpoint.timeout();
                true
            }
            None => true,
        }
    }

    fn stopped_until(&mut self, source: &IncomeSource, endpoint: &Endpoint) -> Option<&mut Instant> {
        let pair = self.pairs.get_mut(&endpoint.pair())?;
        let alone = pair.users.get(source).is_some_and(|user| user.stopped.is_some());
        if pair.stopped.is_none() && !alone {
            return None;
        }
        pair.show(source, endpoint);
        let user = pair.users.get_mut(source).and_then(|user| user.stopped.as_mut());
        match (user, pair.stopped.as_mut()) {
            (Some(user), Some(pair)) => Some(if *user > *pair { user } else { pair }),
            (user, pair) => user.or(pair),
        }
    }

    /// Forgets the pairs that nobody shows any more.
    pub(crate) fn keep(&mut self, endpoints: &Endpoints) {
        let mut shown: BTreeMap<Digest, Vec<&IncomeSource>> = BTreeMap::new();
        for ((_, source), endpoint) in endpoints {
            shown.entry(endpoint.pair()).or_default().push(source);
        }
        self.pairs.retain(|name, pair| {
            let sources = shown.get(name);
            pair.users.retain(|source, _| sources.is_some_and(|sources| sources.contains(&source)));
            sources.is_some()
        });
    }

    /// How many pairs are stopped, and how many income sources by themselves.
    pub(crate) fn stopped(&self) -> u64 {
        let alone = |pair: &Pair| pair.users.values().filter(|user| user.stopped.is_some()).count();
        let stopped = self.pairs.values().map(|pair| alone(pair) + usize::from(pair.stopped.is_some()));
        stopped.sum::<usize>().try_into().unwrap_or(u64::MAX)
    }
}

impl Pair {
    fn show(&mut self, source: &IncomeSource, endpoint: &Endpoint) {
        match self.users.get_mut(source) {
            Some(user) if user.endpoint.is_same(endpoint) => {}
            Some(user) => {
                *user = User { endpoint: endpoint.clone(), passed: None, stopped: None };
                self.stopped = None;
            }
            None => {
                let user = User { endpoint: endpoint.clone(), passed: None, stopped: None };
                self.users.insert(source.clone(), user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use invoice::Environment;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(300);

    fn endpoint(secret: &str) -> Endpoint {
        let credentials = jofotara::Credentials { client_id: "client".to_owned(), secret_key: secret.into() };
        let url = "http://127.0.0.1:9/core/invoices/";
        Endpoint::new(Environment::Simulation, url, credentials, Duration::from_secs(50)).unwrap()
    }

    fn source(sequence: &str) -> IncomeSource {
        IncomeSource { tax_number: "12345678".to_owned(), sequence: sequence.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_pair_is_tried_by_one_after_the_pause() {
        let (source, revoked) = (source("9932895"), endpoint("revoked"));
        let now = Instant::now();
        let mut credentials = Credentials::default();
        credentials.stop(&source, &revoked, PAUSE, now);
        assert!(credentials.are_stopped(&source, &revoked.clone(), now), "the same pair in the next batch");
        assert!(!credentials.admit(&source, &revoked, now));
        let later = now + PAUSE;
        assert!(!credentials.are_stopped(&source, &revoked, later));
        assert!(credentials.admit(&source, &revoked, later), "one probes");
        assert!(!credentials.admit(&source, &revoked, later), "and no other meanwhile");
        assert_eq!(credentials.stopped(), 1);
        credentials.restore(&source, &revoked, later);
        assert!(credentials.admit(&source, &revoked, later));
        assert_eq!(credentials.stopped(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn another_pair_is_not_stopped_nor_the_same_words_entered_anew() {
        let (source, now) = (source("9932895"), Instant::now());
        let (old, new, again) = (endpoint("revoked"), endpoint("fresh"), endpoint("revoked"));
        let mut credentials = Credentials::default();
        credentials.stop(&source, &old, PAUSE, now);
        assert!(credentials.admit(&source, &new, now));
        assert!(credentials.are_stopped(&source, &old, now));
        assert!(credentials.admit(&source, &again, now), "it may have been mended at the other end");
    }

    #[tokio::test(start_paused = true)]
    async fn income_sources_that_share_a_pair_stop_together_unless_others_pass_with_it() {
        let (one, other, now) = (source("1"), source("2"), Instant::now());
        let (ones, others) = (endpoint("shared"), endpoint("shared"));
        let mut credentials = Credentials::default();
        credentials.stop(&one, &ones, PAUSE, now);
        assert!(credentials.are_stopped(&other, &others, now), "nobody has passed with it");
        credentials.restore(&other, &others, now);
        assert!(credentials.admit(&one, &ones, now), "who passes proves the pair");
        credentials.stop(&one, &ones, PAUSE, now);
        assert!(credentials.are_stopped(&one, &ones, now), "it alone is refused");
        assert!(credentials.admit(&other, &others, now), "others pass with the same pair");
        let later = now + SOUND_FOR;
        credentials.stop(&one, &ones, PAUSE, later);
        assert!(credentials.are_stopped(&other, &others, later), "nobody has passed with it of late");
    }

    #[tokio::test(start_paused = true)]
    async fn pairs_that_nobody_shows_any_more_are_forgotten() {
        let (source, old, now) = (source("9932895"), endpoint("revoked"), Instant::now());
        let mut credentials = Credentials::default();
        credentials.stop(&source, &old, PAUSE, now);
        let name = (Environment::Simulation, source.clone());
        credentials.keep(&[(name.clone(), old.clone())].into());
        assert_eq!(credentials.stopped(), 1);
        credentials.keep(&[(name, endpoint("fresh"))].into());
        assert!(credentials.pairs.is_empty());
    }
}
