//! Hinting again what was lost on the way: only past its time, ever more rarely, by one sweeper at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use invoice::life::{Command, Invoice, Step};
use invoice::{Environment, IncomeSource, InvoiceKey};

use super::Harness;
use super::arrivals::{amended, arrival, source};
use super::hands::{
    Numbering, accept_one, act, actor, clear, drafts, encode_with, encoded, eventually, load, refuse, start,
    start_and_vanish, together,
};
use crate::{Arrival, Ledger, Parked, Schedule, Sources, Sweep};

/// So patient that within a test nothing wakes by itself.
const PATIENT: Schedule = Schedule { grace_ms: 3_600_000, pause_max_ms: 36_000_000 };

/// Wakes at once, and hints ever more rarely without end.
const HASTY: Schedule = Schedule { grace_ms: 1, pause_max_ms: 36_000_000 };

pub async fn nothing_is_swept_before_its_time(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    assert_eq!(ledger.sweep(Sweep::ALL, 100).await.unwrap(), []);
    drafts(ledger, [1]).await;
    encoded(ledger, [2, 3]).await;
    start_and_vanish(ledger, arrival(3).key).await;
    assert_eq!(ledger.sweep(Sweep::ALL, 100).await.unwrap(), []);
}

pub async fn what_nobody_moves_is_swept(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(HASTY).await;
    let ledger = ledger.as_ref();
    drafts(ledger, [1]).await;
    encoded(ledger, [2, 3, 4]).await;
    let vanished = start_and_vanish(ledger, arrival(3).key).await;
    start(ledger, arrival(4).key).await;
    let mut swept = BTreeMap::new();
    // Ends in any case: the pauses of those that were swept before grow beyond every deadline.
    while swept.len() < 3 {
        let found = eventually("draft, encoded and vanished", || async {
            let found = ledger.sweep(Sweep::ALL, 100).await.unwrap();
            (!found.is_empty()).then_some(found)
        })
        .await;
        swept.extend(found.into_iter().map(|found| (found.invoice.key, found)));
    }
    assert!(!swept.contains_key(&arrival(4).key), "somebody holds it");
    assert_eq!(swept[&vanished.key].invoice, vanished);
    assert_eq!(swept[&arrival(1).key].traceparent, arrival(1).traceparent);
    assert_eq!(load(ledger, vanished.key).await, vanished, "a hint is no event");
}

pub async fn only_the_wanted_steps_are_swept(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    let unencoded = drafts(ledger, 1..=3).await;
    let ready = encoded(ledger, 4..=6).await;
    wake_all(ledger, unencoded.iter().chain(&ready)).await;
    assert_eq!(ledger.sweep(Sweep::NONE, 100).await.unwrap(), []);
    let found = keys_of(ledger.sweep(Sweep { unencoded: false, ..Sweep::ALL }, 100).await.unwrap());
    assert_eq!(found, sorted(&ready));
    let found = ledger.sweep(Sweep { unencoded: true, ..Sweep::NONE }, 100).await.unwrap();
    assert!(found.iter().all(|swept| swept.invoice.waits_for() == Some(Step::Encode)));
    assert_eq!(keys_of(found), sorted(&unencoded));
    assert_eq!(ledger.sweep(Sweep::ALL, 100).await.unwrap(), [], "each has its next wake time now");
}

pub async fn the_longest_waiting_come_first(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    drafts(ledger, 0..10).await;
    let now = ledger.now().await.unwrap();
    let order = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5];
    for (seconds, n) in (0..).zip(order) {
        ledger.park(&[arrival(n).key], now - TimeDelta::seconds(60 - seconds)).await.unwrap();
    }
    let mut swept = Vec::new();
    for limit in [1, 3, 0, 6, 6] {
        let found = ledger.sweep(Sweep::ALL, limit).await.unwrap();
        assert!(found.len() <= usize::try_from(limit).unwrap());
        swept.extend(found.into_iter().map(|swept| swept.invoice.key));
    }
    assert_eq!(swept, order.map(|n| arrival(n).key));
}

pub async fn taxpayers_are_served_in_turn(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    // 60 of one taxpayer, in two income sources, stand before 3 of a second one and 2 of a third.
    let owners = std::iter::repeat_n(0, 40).chain([1; 20]).chain([3; 3]).chain([6; 2]);
    let arrivals: Vec<_> = (0..).zip(owners).map(|(n, owner)| owned_by(n, source(owner))).collect();
    let keys: Vec<_> = arrivals.iter().map(|arrival| arrival.key).collect();
    ledger.accept(arrivals).await.unwrap();
    let now = ledger.now().await.unwrap();
    for (seconds, key) in (0..).zip(&keys) {
        ledger.park(&[*key], now - TimeDelta::seconds(600 - seconds)).await.unwrap();
    }
    let found = ledger.sweep(Sweep::ALL, 12).await.unwrap();
    let place = |swept: &crate::Swept| keys.iter().position(|key| *key == swept.invoice.key).unwrap();
    let places: Vec<usize> = found.iter().map(place).collect();
    assert_eq!(places, [0, 60, 63, 1, 61, 64, 2, 62, 3, 4, 5, 6]);
    let mut rest = Vec::new();
    loop {
        let found = ledger.sweep(Sweep::ALL, 12).await.unwrap();
        if found.is_empty() {
            break;
        }
        rest.extend(found.iter().map(place));
    }
    assert_eq!(rest, (7..60).collect::<Vec<_>>(), "the longest waiting first, whatever its income source");
}

pub async fn many_taxpayers_are_all_served(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    let arrivals: Vec<_> = (0..300).map(|n| owned_by(n, source(3 * (n % 100)))).collect();
    let mut keys: Vec<_> = arrivals.iter().map(|arrival| arrival.key).collect();
    ledger.accept(arrivals).await.unwrap();
    ledger.park(&keys, ledger.now().await.unwrap() - TimeDelta::seconds(1)).await.unwrap();
    let first = ledger.sweep(Sweep::ALL, 100).await.unwrap();
    let owners: std::collections::BTreeSet<_> =
        first.iter().map(|swept| &swept.invoice.source.tax_number).collect();
    assert_eq!(owners.len(), 100, "one of each");
    let mut swept = keys_of(first);
    swept.extend(keys_of(ledger.sweep(Sweep::ALL, 1_000).await.unwrap()));
    swept.sort_unstable();
    keys.sort_unstable();
    assert_eq!(swept, keys);
}

pub async fn only_the_wanted_sources_are_swept(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    let arrivals: Vec<_> = (0..9).map(|n| owned_by(n, source(n % 3))).collect();
    let keys: Vec<_> = arrivals.iter().map(|arrival| arrival.key).collect();
    ledger.accept(arrivals).await.unwrap();
    ledger.park(&keys, ledger.now().await.unwrap() - TimeDelta::seconds(1)).await.unwrap();
    let of = |n| (keys[0].environment, source(n));
    let elsewhere = (Environment::Production, source(2));
    let nobody = Sweep { sources: Sources::Only(Vec::new()), ..Sweep::ALL };
    assert_eq!(ledger.sweep(nobody, 100).await.unwrap(), []);
    let strangers = Sweep { sources: Sources::Only(vec![elsewhere.clone()]), ..Sweep::ALL };
    assert_eq!(ledger.sweep(strangers, 100).await.unwrap(), []);
    let others = Sweep { sources: Sources::Except(vec![of(0), of(1), elsewhere]), ..Sweep::ALL };
    let found = ledger.sweep(others, 100).await.unwrap();
    assert!(found.len() == 3 && found.iter().all(|swept| swept.invoice.source == source(2)));
    let these = Sweep { sources: Sources::Only(vec![of(2), of(1)]), ..Sweep::ALL };
    let found = ledger.sweep(these, 100).await.unwrap();
    assert!(found.len() == 3 && found.iter().all(|swept| swept.invoice.source == source(1)));
    assert_eq!(ledger.sweep(Sweep::ALL, 100).await.unwrap().len(), 3);
}

pub async fn what_stands_in_the_ledger_alone_is_counted(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let ledger = ledger.as_ref();
    assert_eq!(ledger.parked(100).await.unwrap(), Parked::default());
    let mut all = drafts(ledger, 0..5).await;
    all.extend(encoded(ledger, 5..9).await);
    let held = start(ledger, arrival(8).key).await;
    assert_eq!(ledger.parked(100).await.unwrap(), Parked::default(), "their time has not come");
    wake_all(ledger, &all).await;
    let parked = Parked { unencoded: 5, unsent: 3, under_way: 1 };
    assert_eq!(ledger.parked(100).await.unwrap(), parked);
    assert_eq!(ledger.parked(2).await.unwrap(), Parked { unencoded: 2, unsent: 2, under_way: 1 });
    let under_way = Sweep { under_way: true, ..Sweep::NONE };
    assert_eq!(keys_of(ledger.sweep(under_way, 100).await.unwrap()), [held.key]);
    assert_eq!(ledger.parked(100).await.unwrap(), Parked { under_way: 0, ..parked });
}

/// The `n`-th arrival as if this income source had published it.
fn owned_by(n: u64, source: IncomeSource) -> Arrival {
    Arrival { source, ..arrival(n) }
}

pub async fn pauses_grow_with_every_hint(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(HASTY).await;
    let ledger = ledger.as_ref();
    let draft = drafts(ledger, [1]).await.remove(0);
    let mut last = draft.updated_at;
    for hints in 0..8_u32 {
        let found = eventually("the next hint", || async {
            let before = ledger.now().await.unwrap();
            let found = ledger.sweep(Sweep::ALL, 1).await.unwrap();
            // Taken before the sweep, so that the pause is never measured too long.
            (!found.is_empty()).then_some((before, ledger.now().await.unwrap()))
        })
        .await;
        let pause = found.1 - last;
        assert!(pause >= TimeDelta::milliseconds(1 << hints), "hint {hints} came after {pause}");
        last = found.0;
    }
}

pub async fn an_event_makes_the_sweeper_watchful_again(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(HASTY).await;
    let ledger = ledger.as_ref();
    let draft = drafts(ledger, [1]).await.remove(0);
    for _ in 0..24 {
        wake_all(ledger, [&draft]).await;
        assert_eq!(ledger.sweep(Sweep::ALL, 1).await.unwrap().len(), 1);
    }
    // The next hint would be hours away, had nothing happened.
    assert_eq!(ledger.sweep(Sweep::ALL, 1).await.unwrap(), []);
    encode_with(ledger, vec![draft.key], Numbering::default()).await;
    for _ in 0..3 {
        eventually("a hint after the event", || async {
            (!ledger.sweep(Sweep::ALL, 1).await.unwrap().is_empty()).then_some(())
        })
        .await;
    }
    // So it is with an amendment, which comes by another way.
    refuse(ledger, draft.key).await;
    assert_eq!(ledger.sweep(Sweep::ALL, 1).await.unwrap(), []);
    accept_one(ledger, amended(1, 1, Some(1))).await;
    eventually("a hint after the amendment", || async {
        (!ledger.sweep(Sweep::ALL, 1).await.unwrap().is_empty()).then_some(())
    })
    .await;
}

pub async fn the_settled_sleep_for_ever(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(HASTY).await;
    let ledger = ledger.as_ref();
    let invoices = encoded(ledger, 1..=3).await;
    clear(ledger, arrival(1).key).await;
    refuse(ledger, arrival(2).key).await;
    act(ledger, arrival(3).key, Command::Abandon { by: actor("ألغي") }).await;
    let settled = ledger.now().await.unwrap();
    wake_all(ledger, &invoices).await;
    eventually("a time at which they would wake", || async {
        assert_eq!(ledger.sweep(Sweep::ALL, 100).await.unwrap(), []);
        (ledger.now().await.unwrap() > settled + TimeDelta::milliseconds(50)).then_some(())
    })
    .await;
}

pub async fn parking_is_no_event(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(HASTY).await;
    let ledger = ledger.as_ref();
    let invoices = encoded(ledger, [1, 2]).await;
    let now = ledger.now().await.unwrap();
    let parked = [invoices[0].key, arrival(9).key];
    ledger.park(&parked, now + TimeDelta::hours(1)).await.unwrap();
    ledger.park(&[], now).await.unwrap();
    assert_eq!(load(ledger, invoices[0].key).await, invoices[0]);
    for _ in 0..3 {
        let found = eventually("the other one", || async {
            let found = ledger.sweep(Sweep::ALL, 100).await.unwrap();
            (!found.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(keys_of(found), [invoices[1].key], "what is parked sleeps");
    }
    wake_all(ledger, [&invoices[0]]).await;
    let found = keys_of(ledger.sweep(Sweep::ALL, 100).await.unwrap());
    assert!(found.contains(&invoices[0].key), "until its time has come");
    assert_eq!(ledger.load(&[arrival(9).key]).await.unwrap().invoices, [None]);
}

pub async fn sweepers_do_not_double(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(PATIENT).await;
    let invoices = encoded(ledger.as_ref(), 0..200).await;
    wake_all(ledger.as_ref(), &invoices).await;
    let swept = together(8, |_| {
        let ledger = ledger.clone();
        async move {
            let mut own = Vec::new();
            // A sweeper that finds another one at work gets nothing, and comes again.
            for _ in 0..20 {
                own.extend(keys_of(ledger.sweep(Sweep::ALL, 30).await.unwrap()));
            }
            own
        }
    })
    .await;
    let mut swept: Vec<InvoiceKey> = swept.into_iter().flatten().collect();
    loop {
        let rest = ledger.sweep(Sweep::ALL, 30).await.unwrap();
        if rest.is_empty() {
            break;
        }
        swept.extend(keys_of(rest));
    }
    swept.sort_unstable();
    assert_eq!(swept, sorted(&invoices));
}

async fn wake_all(ledger: &dyn Ledger, invoices: impl IntoIterator<Item = &Invoice>) {
    let keys: Vec<InvoiceKey> = invoices.into_iter().map(|invoice| invoice.key).collect();
    let now = ledger.now().await.unwrap();
    ledger.park(&keys, now - TimeDelta::seconds(1)).await.unwrap();
}

fn keys_of(swept: Vec<crate::Swept>) -> Vec<InvoiceKey> {
    let mut keys: Vec<InvoiceKey> = swept.into_iter().map(|swept| swept.invoice.key).collect();
    keys.sort_unstable();
    keys
}

fn sorted(invoices: &[Invoice]) -> Vec<InvoiceKey> {
    let mut keys: Vec<InvoiceKey> = invoices.iter().map(|invoice| invoice.key).collect();
    keys.sort_unstable();
    keys
}
