//! What retailers publish, what they were told, and how each invoice is to end. Must not know how it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::tests::events;
use ::tests::random::Random;
use serde_json::{Value, json};
use uuid::Uuid;

/// An income source of the run.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The seller's.
    pub tax_number: &'static str,
    /// Its number.
    pub sequence: &'static str,
    /// Registered for income tax only; else for general sales tax.
    pub income: bool,
}

/// Three taxpayers with four income sources.
pub const SOURCES: [Source; 4] = [
    Source { tax_number: "11111111", sequence: "1001001", income: true },
    Source { tax_number: "22222222", sequence: "2002002", income: false },
    Source { tax_number: "33333333", sequence: "3003003", income: true },
    Source { tax_number: "22222222", sequence: "2002003", income: false },
];

/// Numbers that begin so are refused by the authority for their content.
pub const REFUSED: &str = "R-";

/// How an invoice is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// With the authority's QR.
    Cleared,
    /// With a person, since the authority refused its content.
    Refused,
}

/// What is known of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// How it is to end.
    pub fate: Fate,
    /// Somebody has said that it is taken: a producer, or the broker for its intake queue.
    pub acknowledged: bool,
}

/// An event on its way.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its invoice.
    pub uuid: Uuid,
    /// As it is sent.
    pub body: Value,
}

/// All that was made so far.
pub struct Load(Mutex<Inner>);

struct Inner {
    random: Random,
    next: u64,
    published: BTreeMap<Uuid, Published>,
    /// Taken by a producer, so in the ledger.
    durable: BTreeSet<Uuid>,
    /// Originals that somebody has taken back something of.
    returned: BTreeSet<u64>,
    tally: Tally,
    complaints: Vec<String>,
}

/// What publishers were told, all in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Events that were made.
    pub events: u64,
    /// Of them returns.
    pub returns: u64,
    /// Of them such as the authority will refuse.
    pub refused: u64,
    /// Sent again on purpose after they had been taken.
    pub repeats: u64,
    /// Not answered, or told to come again.
    pub unanswered: u64,
}

impl Load {
    /// Nothing yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            random: Random::new(seed),
            next: 0,
            published: BTreeMap::new(),
            durable: BTreeSet::new(),
            returned: BTreeSet::new(),
            tally: Tally::default(),
            complaints: Vec::new(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event: one in ten takes back what another one sold, one in a hundred is such as the authority refuses.
    pub fn next(&self) -> Event {
        let mut inner = self.inner();
        let n = inner.number();
        let original = if inner.random.chance(100) { inner.original_for(n) } else { None };
        let (body, fate) = match original {
            Some(original) => {
                inner.tally.returns += 1;
                (give_back(n, original, inner.random.chance(500)), Fate::Cleared)
            }
            None if is_refused(n) => {
                inner.tally.refused += 1;
                let mut body = sale(n);
                insert(&mut body, "number", json!(format!("{REFUSED}{n:06}")));
                (body, Fate::Refused)
            }
            None => (sale(n), Fate::Cleared),
        };
        inner.made(n, body, fate)
    }

    /// A plain sale, to see whether one gets through.
    pub fn canary(&self) -> Event {
        let mut inner = self.inner();
        let n = loop {
            let n = inner.number();
            if !is_refused(n) {
                break n;
            }
        };
        inner.made(n, sale(n), Fate::Cleared)
    }

    /// An event of which a producer has said that it is in the ledger, if there is one.
    pub fn repeat(&self) -> Option<Event> {
        let mut inner = self.inner();
        let last = inner.next.checked_sub(1)?;
        let n = inner.random.between(last.saturating_sub(2_000), last);
        // Returns are drawn; only what follows from its number alone can be made again.
        if inner.returned.contains(&(n | RETURN))
            || is_refused(n)
            || !inner.durable.contains(&events::uuid(n))
        {
            return None;
        }
        inner.tally.repeats += 1;
        Some(Event { uuid: events::uuid(n), body: sale(n) })
    }

    /// A producer has said that it has it; as new, or as known before.
    pub fn taken(&self, uuid: Uuid, new: bool, was_known: bool) {
        let mut inner = self.inner();
        if new && was_known {
            inner.complaints.push(format!("{uuid} was taken as new although it had been taken before"));
        }
        inner.durable.insert(uuid);
        inner.acknowledge(uuid);
    }

    /// The broker has said that it has it.
    pub fn queued(&self, uuid: Uuid) {
        self.inner().acknowledge(uuid);
    }

    /// Nobody has said anything.
    pub fn unanswered(&self, count: u64) {
        self.inner().tally.unanswered += count;
    }

    /// A producer has said no.
    pub fn refused(&self, uuid: Uuid, why: &str) {
        self.inner().complaints.push(format!("{uuid} was refused by the intake: {why}"));
    }

    /// Whether a producer has said that it is in the ledger.
    #[must_use]
    pub fn is_durable(&self, uuid: Uuid) -> bool {
        self.inner().durable.contains(&uuid)
    }

    /// In numbers.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.inner().tally
    }

    /// All events, and what was wrong with answers.
    #[must_use]
    pub fn published(&self) -> (BTreeMap<Uuid, Published>, Vec<String>) {
        let inner = self.inner();
        (inner.published.clone(), inner.complaints.clone())
    }
}

/// Marks, beside the originals, the numbers that are returns themselves.
const RETURN: u64 = 1 << 63;

impl Inner {
    fn number(&mut self) -> u64 {
        let n = self.next;
        self.next += 1;
        n
    }

    fn made(&mut self, n: u64, body: Value, fate: Fate) -> Event {
        let uuid = events::uuid(n);
        self.tally.events += 1;
        self.published.insert(uuid, Published { fate, acknowledged: false });
        Event { uuid, body }
    }

    fn acknowledge(&mut self, uuid: Uuid) {
        if let Some(published) = self.published.get_mut(&uuid) {
            published.acknowledged = true;
        }
    }

    /// An earlier sale of the same income source that nobody has taken back: long cleared, or not even published yet.
    fn original_for(&mut self, n: u64) -> Option<u64> {
        let back = self.random.between(1, 200) * SOURCES.len() as u64;
        let original = n.checked_sub(back)?;
        let free = !is_refused(original)
            && !self.returned.contains(&original)
            && !self.returned.contains(&(original | RETURN));
        free.then(|| {
            self.returned.extend([original, n | RETURN]);
            original
        })
    }
}

fn is_refused(n: u64) -> bool {
    n % 100 == 37
}

/// The `n`-th sale; all of it follows from its number.
fn sale(n: u64) -> Value {
    let source = usize::try_from(n % SOURCES.len() as u64).ok().and_then(|at| SOURCES.get(at));
    let mut body = events::event(n);
    if let Some(source) = source {
        let seller = json!({ "tax_number": source.tax_number, "income_source": source.sequence, "name": "مؤسسة الأردن" });
        insert(&mut body, "seller", seller);
    }
    body
}

/// The `n`-th event takes back what `original` has sold: all of it, or one of the two pieces.
fn give_back(n: u64, original: u64, part: bool) -> Value {
    let mut body = sale(n);
    if let Some(members) = body.as_object_mut() {
        for member in ["family", "payment", "lines"] {
            members.remove(member);
        }
    }
    insert(&mut body, "kind", json!("return"));
    insert(&mut body, "original", json!({ "uuid": events::uuid(original), "reason": "بضاعة تالفة" }));
    if part {
        insert(&mut body, "lines", json!([{ "id": 1, "quantity": "1" }]));
    }
    body
}

fn insert(body: &mut Value, member: &str, value: Value) {
    if let Some(members) = body.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_come_and_nothing_is_taken_back_twice() {
        let load = Load::new(3);
        let mut originals = BTreeSet::new();
        for _ in 0..5_000 {
            let event = load.next();
            if let Some(original) = event.body["original"]["uuid"].as_str() {
                assert!(originals.insert(original.to_owned()), "{original} is taken back twice");
            }
        }
        let tally = load.tally();
        assert_eq!(tally.events, 5_000);
        assert!(tally.returns > 300 && tally.refused > 30, "{tally:?}");
    }

    #[test]
    fn a_repeat_is_the_same_event_and_was_taken() {
        let load = Load::new(4);
        let made: BTreeMap<_, _> =
            (0..300).map(|_| load.next()).map(|event| (event.uuid, event.body)).collect();
        assert!((0..100).all(|_| load.repeat().is_none()), "nobody has taken anything yet");
        for uuid in made.keys() {
            load.taken(*uuid, true, false);
        }
        let repeats: Vec<_> = (0..300).filter_map(|_| load.repeat()).collect();
        assert!(repeats.len() > 100);
        for event in repeats {
            assert_eq!(Some(&event.body), made.get(&event.uuid));
        }
        assert!(load.published().1.is_empty());
        load.taken(*made.keys().next().unwrap(), true, true);
        assert_eq!(load.published().1.len(), 1, "taken as new twice");
    }
}
