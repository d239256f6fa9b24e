//! The queues of the house, and the ladder of waits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often a message may come back before the last guard takes it out of its queue: it goes to
/// [`Queue::DeadLetter`], where it is checked against the ledger. Attempts are counted in the ledger, never here.
pub(crate) const DELIVERY_LIMIT: u32 = 20;

/// The content type of every message that we publish.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// The content type of a CloudEvent in structured mode.
pub(crate) const CLOUD_EVENT: &str = "application/cloudevents+json";

/// The durable topic exchange on which the fleet tells of its own events.
pub const EVENTS_EXCHANGE: &str = "fawtara.events";

/// A queue by its meaning; the adapters know the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Invoice events that retailers publish straight to the broker.
    Intake,
    /// Hints for the encoder.
    Draft,
    /// Hints for the submitter.
    ToSubmit,
    /// A rung of the ladder: after its wait the hint falls into [`Queue::ToSubmit`]. Nobody consumes from it.
    Retry(usize),
    /// One hint for each invoice or refused intake that waits for a person.
    DeadLetter,
}

/// The waits that have a queue each. Longer waits stand in the ledger alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladder {
    /// Strictly rising, milliseconds.
    pub rungs_ms: Vec<u64>,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rungs_ms: vec![5_000, 30_000, 120_000, 240_000, 480_000, 960_000, 1_920_000] }
    }
}

impl Ladder {
    /// The queue for a wait: the nearest rung below it, or the lowest. A hint that comes early is parked again.
    /// None when the wait is longer than twice the top rung: then the ledger alone remembers.
    #[must_use]
    pub fn rung_for(&self, wait: Duration) -> Option<Queue> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let top = self.rungs_ms.last().copied()?;
        if wait_ms > top.saturating_mul(2) {
            return None;
        }
        let below = self.rungs_ms.iter().rposition(|rung| *rung <= wait_ms).unwrap_or(0);
        Some(Queue::Retry(below))
    }

    /// The label of a rung in queue names: `5s`, `2m`, `250ms`.
    #[must_use]
    pub fn label(rung_ms: u64) -> String {
        match rung_ms {
            ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
            ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
            ms => format!("{ms}ms"),
        }
    }

    /// The name of a queue: `fawtara.to-submit`, `fawtara.retry.5s`. None for a rung that the ladder does not have.
    #[must_use]
    pub fn name(&self, queue: Queue) -> Option<String> {
        Some(match queue {
            Queue::Intake => "fawtara.intake".to_owned(),
            Queue::Draft => "fawtara.draft".to_owned(),
            Queue::ToSubmit => "fawtara.to-submit".to_owned(),
            Queue::Retry(rung) => format!("fawtara.retry.{}", Self::label(*self.rungs_ms.get(rung)?)),
            Queue::DeadLetter => "fawtara.dead-letter".to_owned(),
        })
    }

    /// Every queue of the house.
    #[must_use]
    pub fn queues(&self) -> Vec<Queue> {
        let rungs = (0..self.rungs_ms.len()).map(Queue::Retry);
        [Queue::Intake, Queue::Draft, Queue::ToSubmit]
            .into_iter()
            .chain(rungs)
            .chain([Queue::DeadLetter])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rung_below() {
        let ladder = Ladder::default();
        let rung = |seconds| ladder.rung_for(Duration::from_secs(seconds));
        assert_eq!(rung(0), Some(Queue::Retry(0)));
        assert_eq!(rung(5), Some(Queue::Retry(0)));
        assert_eq!(rung(29), Some(Queue::Retry(0)));
        assert_eq!(rung(30), Some(Queue::Retry(1)));
        assert_eq!(rung(3_600), Some(Queue::Retry(6)));
        assert_eq!(rung(4_000), None);
    }

    #[test]
    fn names() {
        let ladder = Ladder::default();
        let names: Vec<_> = ladder.queues().into_iter().filter_map(|queue| ladder.name(queue)).collect();
        assert_eq!(names.len(), 11);
        assert!(names.contains(&"fawtara.retry.32m".to_owned()));
        assert_eq!(Ladder::label(250), "250ms");
    }
}
