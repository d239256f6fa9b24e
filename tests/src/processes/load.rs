//! What these runs publish, how each invoice is to end, and how the authority misbehaves meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Ledger, PostgresLedger};
use serde_json::{Value, json};
use simulator::{Fault, FaultRule, Match, Times};
use uuid::Uuid;

use super::{Fate, Publisher, Tally};
use crate::{events, wait};

/// Events with their fates.
pub struct Load {
    /// In the order in which they are published.
    pub events: Vec<Value>,
    /// How each is to end.
    pub planned: BTreeMap<Uuid, Fate>,
}

/// Numbers that begin so are refused by the authority.
const REFUSED: &str = "R-";
/// One in so many is refused.
const REFUSED_EVERY: u64 = 50;
/// So many invoices may be open before the publisher waits, so that every role is at work until near the end.
const OPEN_MAX: u64 = 300;
const CHUNK: usize = 100;

impl Load {
    /// `count` events, two in a hundred of which the authority refuses.
    #[must_use]
    pub fn new(count: u64) -> Self {
        let mut events = Vec::new();
        let mut planned = BTreeMap::new();
        for n in 0..count {
            let mut event = events::event(n);
            let refused = n % REFUSED_EVERY == 7;
            if refused {
                event["number"] = json!(format!("{REFUSED}{n:06}"));
            }
            events.push(event);
            planned.insert(events::uuid(n), if refused { Fate::Refused } else { Fate::Cleared });
        }
        Self { events, planned }
    }

    /// Publishes everything, never more than some hundred ahead of the fleet.
    pub async fn publish(
        events: Vec<Value>,
        mut publisher: Publisher,
        ledger: Arc<PostgresLedger>,
        deadline: Duration,
    ) -> Tally {
        let mut sum = Tally::default();
        for chunk in events.chunks(CHUNK) {
            wait::until("the fleet to keep up with the publisher", deadline, || async {
                let standing = ledger.standing().await.ok()?;
                (super::open(&standing) < OPEN_MAX).then_some(())
            })
            .await;
            let tally = publisher.publish(chunk.iter().cloned(), deadline).await;
            sum.taken += tally.taken;
            sum.repeats += tally.repeats;
            sum.unanswered += tally.unanswered;
        }
        sum
    }
}

/// An authority on a bad day: it refuses what it is to refuse, and some first attempts are cut before or after they were
/// looked at, answered after the client's time-out, with 503, or with nonsense. So every kind of doubt comes about.
#[must_use]
pub fn bad_day() -> Vec<FaultRule> {
    let once = |permille, fault| FaultRule {
        matching: Match { chance_permille: Some(permille), ..Match::default() },
        times: Times::PerDocument(1),
        fault,
    };
    let refuse = FaultRule {
        matching: Match { number_prefix: Some(REFUSED.to_owned()), ..Match::default() },
        times: Times::Always,
        fault: Fault::Refuse { message: "المشتري غير معروف".to_owned(), status: None },
    };
    let late = Fault::Late { delay_ms: u64::try_from(super::TIMEOUT.as_millis()).unwrap() + 500 };
    vec![
        once(15, Fault::DropBefore),
        // From here on the document is looked at, which must not happen to one that is to be refused.
        refuse,
        once(20, Fault::DropAfter),
        once(2, late),
        once(20, Fault::Status { code: 503, retry_after_s: None, processed: false }),
        once(10, Fault::Garbage { processed: true }),
    ]
}
