//! Finding invoices again: by name, by filter, page by page, and counted.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use invoice::life::{Cause, Command, Outcome, State};
use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use super::Harness;
use super::arrivals::{arrival, source};
use super::hands::{
    Numbering, accept_new, act, actor, append, change, clear, drafts, encoded, load, record, refuse, start,
    start_and_vanish,
};
use crate::{Arrival, Filter, StandingCount};
use invoice::life::Event;

pub async fn invoices_are_found_by_uuid_and_number(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let elsewhere =
        |n, environment| Arrival { key: InvoiceKey { environment, ..arrival(n).key }, ..arrival(n) };
    // A number that looks like a UUID, and one that another income source has as well.
    let odd = Arrival { number: arrival(1).key.uuid.to_string(), ..arrival(5) };
    let same = Arrival { number: arrival(2).number, source: source(7), ..arrival(6) };
    let arabic = Arrival { number: "ف/٢٠٢٦ 100%".to_owned(), ..arrival(7) };
    let batch = vec![
        arrival(1),
        arrival(2),
        elsewhere(1, Environment::Sandbox),
        elsewhere(1, Environment::Production),
        odd.clone(),
        same.clone(),
        arabic.clone(),
    ];
    accept_new(ledger, batch).await;
    let find = async |text: &str| ledger.find(text).await.unwrap().into_iter().collect::<BTreeSet<_>>();
    let named: BTreeSet<InvoiceKey> =
        [Environment::Simulation, Environment::Sandbox, Environment::Production]
            .into_iter()
            .map(|environment| InvoiceKey { environment, ..arrival(1).key })
            .chain([odd.key])
            .collect();
    let uuid = arrival(1).key.uuid.to_string();
    assert_eq!(find(&uuid).await, named);
    let in_capitals = find(&uuid.to_uppercase()).await;
    assert!(named.iter().filter(|key| **key != odd.key).all(|key| in_capitals.contains(key)));
    assert_eq!(find(&arrival(2).number).await, [arrival(2).key, same.key].into());
    assert_eq!(find(&arabic.number).await, [arabic.key].into());
    for nowhere in ["", "INV-", "%", &Uuid::nil().to_string(), "inv-000002"] {
        assert_eq!(find(nowhere).await, [].into(), "{nowhere:?}");
    }
    assert_eq!(ledger.content(arrival(99).key).await.unwrap(), None);
}

pub async fn each_filter_narrows_the_listing(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, 0..6).await;
    clear(ledger, arrival(1).key).await;
    refuse(ledger, arrival(2).key).await;
    start(ledger, arrival(3).key).await;
    record(ledger, arrival(3).key, Outcome::InDoubt, "انقطع الاتصال بعد 50% من الرد").await;
    start(ledger, arrival(4).key).await;
    let other = Outcome::HoldsOther { qr: None, difference: "cbc:ID differs".to_owned() };
    record(ledger, arrival(4).key, other, "").await;
    let production = InvoiceKey { environment: Environment::Production, ..arrival(6).key };
    let other_seller = IncomeSource { tax_number: "87654321".to_owned(), ..source(0) };
    accept_new(
        ledger,
        vec![
            Arrival { key: production, ..arrival(6) },
            Arrival { source: other_seller, number: "ف_100%".to_owned(), ..arrival(7) },
        ],
    )
    .await;
    let all = Filter::default();
    for (filter, expected) in [
        (all.clone(), vec![0, 1, 2, 3, 4, 5, 6, 7]),
        (Filter { environment: Some(Environment::Production), ..all.clone() }, vec![6]),
        (Filter { environment: Some(Environment::Sandbox), ..all.clone() }, vec![]),
        (Filter { states: vec![State::Rejected, State::DeadLettered], ..all.clone() }, vec![2, 4]),
        (Filter { states: vec![State::Cleared], ..all.clone() }, vec![1]),
        (Filter { cause: Some(Cause::Refused), ..all.clone() }, vec![2]),
        (Filter { cause: Some(Cause::AuthorityHoldsOther), ..all.clone() }, vec![4]),
        (Filter { cause: Some(Cause::KillsWorker), ..all.clone() }, vec![]),
        (Filter { tax_number: Some("87654321".to_owned()), ..all.clone() }, vec![7]),
        (Filter { income_source: Some(source(1).sequence), ..all.clone() }, vec![1, 4]),
        (Filter { income_source: Some(source(0).sequence), ..all.clone() }, vec![0, 3, 6, 7]),
        (Filter { in_doubt: true, ..all.clone() }, vec![3]),
        (search("INV-000003"), vec![3]),
        (search("00000"), vec![0, 1, 2, 3, 4, 5, 6]),
        (search(&arrival(5).key.uuid.to_string()), vec![5]),
        (search(&arrival(5).key.uuid.to_string()[4..17]), vec![5]),
        (search("انقطع"), vec![3]),
        (search("differs"), vec![4]),
        // What is searched for is a text, not a pattern.
        (search("%"), vec![3, 7]),
        (search("_"), vec![7]),
        (search("I_V"), vec![]),
        (search("\\"), vec![]),
        (search("'"), vec![]),
        (Filter { states: vec![State::Draft], ..search("000005") }, vec![5]),
        (Filter { states: vec![State::Cleared], ..search("000005") }, vec![]),
        (Filter { in_doubt: true, cause: Some(Cause::Refused), ..all.clone() }, vec![]),
    ] {
        let page = ledger.list(&filter, None, 100).await.unwrap();
        assert_eq!(page.next, None);
        let mut found: Vec<u64> = page
            .rows
            .iter()
            .filter_map(|row| (0..8).find(|n| arrival(*n).key.uuid == row.invoice.key.uuid))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{filter:?}");
    }
    let page = ledger.list(&search("INV-000003"), None, 1).await.unwrap();
    assert_eq!(page.rows[0].invoice, load(ledger, arrival(3).key).await);
    assert_eq!(page.rows[0].summary, arrival(3).summary);
    assert_eq!(page.rows[0].traceparent, arrival(3).traceparent);
}

pub async fn summaries_come_back_exactly(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let payables = ["0", "0.000000001", "123456789012345678.123456789", "-12.5", "1.100"];
    let arrivals: Vec<Arrival> = (0..)
        .zip(payables)
        .map(|(n, payable)| {
            let mut arrival = Arrival { traceparent: None, ..arrival(n) };
            arrival.summary.payable = payable.parse().unwrap();
            arrival.summary.currency = "USD".to_owned();
            arrival.summary.kind = invoice::event::Kind::Return;
            arrival.summary.family = invoice::event::Family::SpecialSales;
            arrival.summary.payment = invoice::event::Payment::Receivable;
            arrival
        })
        .collect();
    accept_new(ledger, arrivals.clone()).await;
    let rows = ledger.list(&Filter::default(), None, 10).await.unwrap().rows;
    assert_eq!(rows.len(), arrivals.len());
    for arrival in arrivals {
        let row = rows.iter().find(|row| row.invoice.key == arrival.key).unwrap();
        assert_eq!((&row.summary, &row.traceparent), (&arrival.summary, &None));
    }
}

/// Many invoices share the time of their last change: pages must part them all the same.
pub async fn pages_neither_lose_nor_repeat(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    drafts(ledger, 0..30).await;
    encoded(ledger, 30..60).await;
    drafts(ledger, 60..61).await;
    let whole = ledger.list(&Filter::default(), None, 1_000).await.unwrap();
    assert_eq!((whole.rows.len(), whole.next), (61, None));
    assert!(whole.rows.iter().map(|row| row.invoice.updated_at).is_sorted(), "by last change, oldest first");
    for limit in [1, 7, 30, 60, 61, 62] {
        let mut rows = Vec::new();
        let mut after: Option<(Timestamp, InvoiceKey)> = None;
        loop {
            let page = ledger.list(&Filter::default(), after, limit).await.unwrap();
            assert!(page.rows.len() <= usize::try_from(limit).unwrap());
            rows.extend(page.rows);
            assert!(rows.len() <= 61, "repeats");
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(rows, whole.rows, "in pages of {limit}");
    }
    // A page that is full and the last one says so.
    let states = vec![State::Draft];
    let page = ledger.list(&Filter { states, ..Filter::default() }, None, 61).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (61, None));
    assert_eq!(ledger.list(&search("no such"), None, 5).await.unwrap(), crate::Page::default());
}

pub async fn the_standing_counts_everything_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    assert_eq!(ledger.standing().await.unwrap(), crate::Standing::default());
    drafts(ledger, [0]).await;
    let keys: Vec<InvoiceKey> = encoded(ledger, 1..=10).await.iter().map(|invoice| invoice.key).collect();
    let [encoded, held, lost, due, later, doubted, refused, refused_too, cleared, abandoned] = keys[..]
    else {
        panic!()
    };
    start(ledger, held).await;
    start_and_vanish(ledger, lost).await;
    let claimed = start(ledger, due).await;
    let now = ledger.now().await.unwrap();
    let release = |due_at| vec![Event::ClaimReleased { attempt: 1, due_at }];
    append(ledger, change(claimed, release(now - TimeDelta::seconds(1)), now)).await;
    let claimed = start(ledger, later).await;
    append(ledger, change(claimed, release(now + TimeDelta::hours(1)), now)).await;
    start(ledger, doubted).await;
    let doubted = record(ledger, doubted, Outcome::InDoubt, "لا رد").await;
    let oldest = refuse(ledger, refused).await.updated_at;
    refuse(ledger, refused_too).await;
    clear(ledger, cleared).await;
    act(ledger, abandoned, Command::Abandon { by: actor("ألغي") }).await;
    ledger.encode(vec![arrival(0).key], Arc::new(unfit())).await.unwrap();
    drafts(ledger, [11]).await;

    let standing = ledger.standing().await.unwrap();
    let mut counts: Vec<(State, Option<Cause>, u64)> =
        standing.counts.iter().map(|count| (count.state, count.cause, count.count)).collect();
    counts.sort_unstable();
    let expected = [
        (State::Draft, None, 2),
        (State::Submitted, None, 2),
        (State::PendingRetry, None, 3),
        (State::Rejected, Some(Cause::Unfit), 1),
        (State::Rejected, Some(Cause::Refused), 2),
        (State::Abandoned, None, 1),
        (State::Cleared, None, 1),
    ];
    assert_eq!(counts, expected);
    let drafts = StandingCount {
        state: State::Draft,
        cause: None,
        count: 2,
        oldest: Some(load(ledger, encoded).await.updated_at),
    };
    assert!(standing.counts.contains(&drafts));
    let refusals =
        StandingCount { state: State::Rejected, cause: Some(Cause::Refused), count: 2, oldest: Some(oldest) };
    assert!(standing.counts.contains(&refusals), "the one that has stood longest counts");
    // The drafts, the one whose lease ran out, the one that is due; not the held one, nor those that are due later.
    assert_eq!(standing.past_due, 4);
    assert_eq!((standing.in_doubt, standing.oldest_doubt), (1, doubted.doubt_since));
}

fn search(text: &str) -> Filter {
    Filter { search: Some(text.to_owned()), ..Filter::default() }
}

fn unfit() -> Numbering {
    Numbering { unfit: [arrival(0).key.uuid].into(), ..Numbering::default() }
}
