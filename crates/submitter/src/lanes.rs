//! All lanes of one submitter: one for each endpoint that an income source sends to. Knows neither claims nor the ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jofotara::Endpoint;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::breaker::Admission;
use crate::config::{Config, Endpoints};
use crate::lane::Lane;

/// What opens by the passing of time alone shows at the latest then.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How much of a process's room one of several endpoints may take: one that hangs would have all of it until its calls time
/// out.
fn most_of(room: u16, endpoints: usize) -> u32 {
    let others = if endpoints > 1 { room.div_ceil(4) } else { 0 };
    u32::from(room - others).max(1)
}

/// The lanes of all endpoints.
pub(crate) struct Lanes {
    config: Config,
    freed: Arc<Notify>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// What the list was made from.
    endpoints: Option<Arc<Endpoints>>,
    list: Arc<[Arc<Lane>]>,
    by_name: BTreeMap<Arc<str>, Arc<Lane>>,
}

impl Lanes {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, freed: Arc::default(), book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that documents for this endpoint take.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Arc<Lane> {
        Arc::clone(self.open(&mut self.book(), endpoint.authority()))
    }

    fn open<'a>(&self, book: &'a mut Book, name: &Arc<str>) -> &'a Arc<Lane> {
        book.by_name.entry(Arc::clone(name)).or_insert_with_key(|name| {
            Arc::new(Lane::new(Arc::clone(name), &self.config, Arc::clone(&self.freed)))
        })
    }

    /// Those of these endpoints; lanes that nobody needs any more are forgotten.
    pub(crate) fn all(&self, endpoints: &Arc<Endpoints>) -> Arc<[Arc<Lane>]> {
        let mut book = self.book();
        if !book.endpoints.as_ref().is_some_and(|known| Arc::ptr_eq(known, endpoints)) {
            let mut wanted = BTreeMap::new();
            for endpoint in endpoints.values() {
                if !wanted.contains_key(endpoint.authority()) {
                    let lane = Arc::clone(self.open(&mut book, endpoint.authority()));
                    wanted.insert(Arc::clone(endpoint.authority()), lane);
                }
            }
            book.list = wanted.values().cloned().collect();
            let most = most_of(self.config.max_in_flight, book.list.len());
            book.list.iter().for_each(|lane| lane.keep_to(most));
            book.by_name.retain(|name, lane| wanted.contains_key(name) || lane.load().0 > 0);
            book.endpoints = Some(Arc::clone(endpoints));
        }
        Arc::clone(&book.list)
    }

    /// Whether work may be taken at all: as long as one lane is free, the others' is parked. Without any lane too, since
    /// what comes then must be parked as well.
    pub(crate) fn admission(&self, endpoints: &Arc<Endpoints>, now: Instant) -> Admission {
        let lanes = self.all(endpoints);
        let openest = lanes.iter().map(|lane| lane.admission(now)).min_by_key(|admission| match admission {
            Admission::Free => (0, now),
            Admission::Probe => (1, now),
            Admission::Closed(until) => (2, *until),
        });
        openest.unwrap_or(Admission::Free)
    }

    /// How many requests could begin now, over all lanes. With none at all, hints are still taken, to be parked.
    pub(crate) fn spare(&self, endpoints: &Arc<Endpoints>, now: Instant) -> usize {
        let lanes = self.all(endpoints);
        if lanes.is_empty() {
            return usize::MAX;
        }
        let spare = lanes.iter().map(|lane| usize::try_from(lane.spare(now)).unwrap_or(usize::MAX));
        spare.fold(0, usize::saturating_add)
    }

    /// Whether this process may have anything under way anywhere; without any lane too, as above.
    pub(crate) fn have_share(&self, endpoints: &Arc<Endpoints>, now: Instant) -> bool {
        let lanes = self.all(endpoints);
        lanes.is_empty() || lanes.iter().any(|lane| lane.has_share(now))
    }

    /// Resolves when there may be more room than before; now and then in any case.
    pub(crate) async fn changed(&self) {
        let _ = timeout(LOOK_AGAIN, self.freed.notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_endpoints_leaves_a_quarter_of_the_room() {
        assert_eq!([1, 2, 4, 64].map(|room| most_of(room, 1)), [1, 2, 4, 64]);
        assert_eq!([1, 2, 4, 64].map(|room| most_of(room, 2)), [1, 1, 3, 48]);
        assert_eq!(most_of(64, 300), 48);
        assert_eq!(most_of(0, 2), 1);
    }
}
