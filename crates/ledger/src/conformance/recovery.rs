//! Recovery: intake that is closed, counters that are advanced, what the authority and the queues know.

use std::sync::Arc;

use invoice::{Environment, InvoiceKey};
use uuid::Uuid;

use super::Harness;
use super::hands::{Numbering, actor, assert_verifies, drafts, encode_with, encoded, together};
use crate::{Advance, Advanced, Filter, Ledger, VoidRange};

const HERE: Environment = Environment::Simulation;

/// Invoices of one income source.
fn ours(numbers: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    numbers.map(|number| number * 3)
}

fn advance(margin: u64) -> Advance {
    Advance {
        environment: HERE,
        source: super::source(0),
        start: 1,
        margin,
        again: false,
        by: actor("عُدنا إلى نسخة أقدم"),
    }
}

async fn skipped(ledger: &dyn Ledger, advance: Advance) -> (u64, u64) {
    match ledger.recovery().advance_counter(advance).await.unwrap() {
        Advanced::Done(VoidRange { first, last, .. }) => (first, last),
        Advanced::Already(range) => panic!("advanced before: {range:?}"),
    }
}

pub async fn intake_is_open_until_it_is_closed(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let recovery = ledger.recovery();
    assert_eq!(recovery.intake_switch().await.unwrap(), None);
    assert!(!recovery.switch_intake(false, actor("بلا أثر")).await.unwrap(), "it was open");
    assert!(recovery.switch_intake(true, actor("استعادة")).await.unwrap());
    assert!(!recovery.switch_intake(true, actor("مرة أخرى")).await.unwrap(), "it was closed");
    let last = recovery.intake_switch().await.unwrap().unwrap();
    assert_eq!((last.closed, last.by), (true, actor("استعادة")));
    assert!(recovery.switch_intake(false, actor("انتهينا")).await.unwrap());
    let history = recovery.intake_history(10).await.unwrap();
    let told: Vec<_> = history.iter().map(|turn| (turn.closed, turn.by.reason.as_str())).collect();
    assert_eq!(told, [(false, "انتهينا"), (true, "استعادة")], "every turn is kept, the latest first");
    assert_eq!(recovery.intake_history(1).await.unwrap().len(), 1);
}

pub async fn skipped_counters_are_void_and_no_hole(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let before = encoded(&*ledger, ours(0..3)).await;
    assert_eq!(before.iter().map(|invoice| invoice.icv).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert_eq!(skipped(&*ledger, advance(100)).await, (4, 103));
    assert_verifies(&*ledger, 3).await;
    let after = encoded(&*ledger, ours(3..5)).await;
    assert_eq!(after.iter().map(|invoice| invoice.icv).collect::<Vec<_>>(), [Some(104), Some(105)]);
    assert_verifies(&*ledger, 5).await;
    let standing = ledger.recovery().counters().await.unwrap();
    assert_eq!(standing.len(), 1);
    let counter = &standing[0];
    assert_eq!((counter.environment, &counter.source, counter.next_icv), (HERE, &super::source(0), 106));
    let voids: Vec<_> = counter.voids.iter().map(|range| (range.first, range.last, &range.by)).collect();
    assert_eq!(voids, [(4, 103, &actor("عُدنا إلى نسخة أقدم"))]);
}

pub async fn a_counter_is_advanced_once_unless_asked_again(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    encoded(&*ledger, ours(0..1)).await;
    assert_eq!(skipped(&*ledger, advance(10)).await, (2, 11));
    let again = ledger.recovery().advance_counter(advance(10)).await.unwrap();
    assert!(matches!(again, Advanced::Already(VoidRange { first: 2, last: 11, .. })), "{again:?}");
    assert_eq!(skipped(&*ledger, Advance { again: true, ..advance(5) }).await, (12, 16));
    encoded(&*ledger, ours(1..2)).await;
    assert_eq!(skipped(&*ledger, advance(1)).await, (18, 18), "numbers were drawn since");
    assert_verifies(&*ledger, 2).await;
}

pub async fn a_counter_that_was_never_drawn_is_advanced(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    assert_eq!(skipped(&*ledger, Advance { start: 41, ..advance(9) }).await, (41, 49));
    let keys = drafts(&*ledger, ours(0..1)).await.iter().map(|draft| draft.key).collect();
    let invoices = encode_with(&*ledger, keys, Numbering { start: 41, ..Numbering::default() }).await;
    assert_eq!(invoices[0].icv, Some(50));
    assert_verifies(&*ledger, 1).await;
}

pub async fn no_counter_is_advanced_beyond_what_fits(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    encoded(&*ledger, ours(0..1)).await;
    for margin in [u64::MAX, i64::MAX.unsigned_abs()] {
        let refused = ledger.recovery().advance_counter(advance(margin)).await;
        assert!(matches!(refused, Err(crate::LedgerError::Refused(_))), "{refused:?}");
    }
    assert_eq!(ledger.recovery().counters().await.unwrap()[0].next_icv, 2, "nothing was done");
}

pub async fn draws_and_advances_at_once_never_meet(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let keys: Vec<_> = drafts(&*ledger, ours(0..40)).await.iter().map(|draft| draft.key).collect();
    together(20, |task| {
        let (ledger, keys) = (ledger.clone(), keys.clone());
        async move {
            let place = usize::try_from(task).unwrap() * 2;
            if task % 4 == 0 {
                skipped(&*ledger, Advance { again: true, ..advance(7) }).await;
            }
            encode_with(&*ledger, keys[place..place + 2].to_vec(), Numbering::default()).await;
        }
    })
    .await;
    assert_verifies(&*ledger, 40).await;
    assert_eq!(ledger.recovery().counters().await.unwrap()[0].next_icv, 1 + 40 + 5 * 7);
}

pub async fn a_counter_that_the_authority_holds_is_never_drawn(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let invoices = encoded(&*ledger, ours(0..2)).await;
    skipped(&*ledger, advance(10)).await;
    let mut later = encoded(&*ledger, ours(2..4)).await;
    let (lost, other) = (later.remove(0), later.remove(0));
    assert_eq!((lost.icv, other.icv), (Some(13), Some(14)));
    let recovery = ledger.recovery();
    let by = actor("تبنّي");
    let note = async |icv| recovery.note_held(lost.key, &lost.source, icv, &by).await.unwrap();

    let noted = note(5).await;
    assert_eq!((noted.is_void, noted.advanced, noted.clash), (true, None, None));
    assert_eq!(note(5).await.clash, None, "twice is once");
    let noted = note(14).await;
    assert_eq!((noted.is_void, noted.advanced, noted.clash), (false, None, Some(other.key.uuid)));
    let noted = note(20).await;
    let range = noted.advanced.unwrap();
    assert_eq!((noted.is_void, range.first, range.last), (true, 15, 20), "the counter moves past it");
    assert_eq!(encoded(&*ledger, ours(4..5)).await[0].icv, Some(21));
    assert_verifies(&*ledger, 5).await;

    let counter = recovery.counters().await.unwrap().remove(0);
    assert_eq!((counter.held, counter.highest_held), (3, Some(20)));
    assert_eq!((counter.held_outside, counter.clashes), (1, 1));
    assert_eq!(invoices[0].icv, Some(1));
}

pub async fn unknown_hints_are_kept_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let known = drafts(&*ledger, ours(0..1)).await[0].key;
    let lost = |n| InvoiceKey { environment: HERE, uuid: Uuid::from_u128(n) };
    let recovery = ledger.recovery();
    recovery.note_unknown(&[]).await.unwrap();
    recovery.note_unknown(&[(lost(9), 2), (lost(8), 1), (lost(9), 3), (known, 1)]).await.unwrap();
    recovery.note_unknown(&[(lost(9), 1)]).await.unwrap();
    let all = recovery.unknown_hints(None, 10).await.unwrap();
    let told: Vec<_> = all.iter().map(|hint| (hint.uuid, hint.version, hint.known)).collect();
    let mut expected = vec![(lost(8).uuid, 1, false), (lost(9).uuid, 3, false), (known.uuid, 1, true)];
    expected.sort();
    assert_eq!(told, expected);
    let first = recovery.unknown_hints(None, 1).await.unwrap().remove(0);
    let after = InvoiceKey { environment: first.environment, uuid: first.uuid };
    let rest = recovery.unknown_hints(Some(after), 10).await.unwrap();
    assert_eq!(rest, all[1..]);
}

pub async fn a_listing_is_cut_to_a_time(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let mut times = Vec::new();
    for number in 0..3 {
        times.push(drafts(&*ledger, [number]).await[0].updated_at);
    }
    let cut = async |since, until| {
        let filter = Filter { since, until, ..Filter::default() };
        ledger.list(&filter, None, 10).await.unwrap().rows.len()
    };
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(cut(Some(times[1]), None).await, 2, "from then on");
    assert_eq!(cut(None, Some(times[1])).await, 1, "before then");
    assert_eq!(cut(Some(times[0]), Some(times[2])).await, 2);
    assert_eq!(cut(Some(times[2]), Some(times[0])).await, 0);
}
