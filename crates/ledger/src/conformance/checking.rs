//! Sealing and proving: promise 13.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use invoice::life::{Command, Context, Invoice, Outcome, Policy, RequeueMode, State, decide};
use invoice::{IncomeSource, InvoiceKey, Timestamp};

use super::Harness;
use super::arrivals::{amended, arrival, mixed};
use super::hands::{
    Numbering, actor, assert_folds, assert_verifies, change, cleared, drafts, encoded, evidence, refuse,
    requeue, start,
};
use crate::{Appended, Arrival, Filter, GENESIS, Head, Ledger, Sweep, Verification, seal};

pub async fn an_empty_ledger_is_honest(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    assert_eq!(ledger.verify().await.unwrap(), Verification::default());
    assert_eq!(ledger.checkpoint(10).await.unwrap(), None);
    assert_eq!(ledger.list(&Filter::default(), None, 10).await.unwrap(), crate::Page::default());
}

pub async fn maintenance_may_be_repeated(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    drafts(ledger.as_ref(), [1]).await;
    ledger.maintain().await.unwrap();
    ledger.maintain().await.unwrap();
    drafts(ledger.as_ref(), [2]).await;
    assert_verifies(ledger.as_ref(), 2).await;
}

pub async fn a_checkpoint_seals_what_changed(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, 0..3).await;
    let before = ledger.now().await.unwrap();
    let first = ledger.checkpoint(100).await.unwrap().unwrap();
    assert!((before..=ledger.now().await.unwrap()).contains(&first.at));
    assert_eq!((first.number, first.streams), (1, 3));
    assert_eq!(first.hash, seal(&GENESIS, 1, first.at, &heads(ledger, 0..3).await), "by the common rule");
    assert_eq!(ledger.checkpoint(100).await.unwrap(), None, "nothing has changed since");

    start(ledger, arrival(1).key).await;
    drafts(ledger, 3..4).await;
    let second = ledger.checkpoint(100).await.unwrap().unwrap();
    assert_eq!((second.number, second.streams), (2, 2));
    let changed: Vec<Head> = [heads(ledger, 1..2).await, heads(ledger, 3..4).await].concat();
    assert_eq!(second.hash, seal(&first.hash, 2, second.at, &changed));
    let verification = ledger.verify().await.unwrap();
    let expected = Verification { streams: 4, events: 8, checkpoints: 2, ..Verification::default() };
    assert_eq!(verification, expected);
    // Parking, sweeping and repeats are no events: nothing to seal.
    ledger.park(&[arrival(2).key], before - TimeDelta::hours(1)).await.unwrap();
    ledger.sweep(Sweep::ALL, 10).await.unwrap();
    ledger.accept(vec![arrival(1)]).await.unwrap();
    assert_eq!(ledger.checkpoint(100).await.unwrap(), None);
}

pub async fn a_checkpoint_keeps_its_limit(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    drafts(ledger.as_ref(), 0..10).await;
    let mut sealed = Vec::new();
    while let Some(checkpoint) = ledger.checkpoint(4).await.unwrap() {
        sealed.push((checkpoint.number, checkpoint.streams));
        assert!(sealed.len() < 10, "seals the same again and again");
    }
    assert_eq!(sealed, [(1, 4), (2, 4), (3, 2)]);
    assert_eq!(ledger.verify().await.unwrap().checkpoints, 3);
    assert_verifies(ledger.as_ref(), 10).await;
}

/// A stream that is sealed and goes on is honest still: its head has moved, what was sealed is there.
pub async fn sealed_streams_go_on(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, 0..3).await;
    ledger.checkpoint(100).await.unwrap();
    refuse(ledger, arrival(0).key).await;
    assert_verifies(ledger, 3).await;
    ledger.checkpoint(100).await.unwrap();
    assert_verifies(ledger, 3).await;
}

/// Two hundred invoices, each taking its own way through the life cycle, in batches; then everything is checked
/// against everything else.
pub async fn a_random_walk_is_honest(harness: Arc<dyn Harness>) {
    const INVOICES: u64 = 200;
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let keys: Vec<InvoiceKey> = drafts(ledger, 0..INVOICES).await.iter().map(|draft| draft.key).collect();
    for round in 0..16 {
        let unfit =
            (0..INVOICES).filter(|n| chance(round, *n, 1).is_multiple_of(9)).map(|n| arrival(n).key.uuid);
        let wanted = (0..INVOICES)
            .filter(|n| !chance(round, *n, 2).is_multiple_of(3))
            .map(|n| arrival(n).key)
            .collect();
        let encoder = Numbering { unfit: unfit.collect(), ..Numbering::default() };
        ledger.encode(wanted, Arc::new(encoder)).await.unwrap();
        wander(ledger, &keys, round).await;
        ledger.accept(amendments(ledger, &keys, round).await).await.unwrap();
        if round % 4 == 1 {
            ledger.checkpoint(70).await.unwrap().unwrap();
        }
    }
    let mut seen = BTreeSet::new();
    let mut counters: BTreeMap<IncomeSource, Vec<u64>> = BTreeMap::new();
    let mut states = BTreeSet::new();
    for key in &keys {
        let (invoice, history) = assert_folds(ledger, *key).await;
        seen.extend(history.iter().map(|recorded| recorded.event.name()));
        states.insert(invoice.state);
        counters.entry(invoice.source).or_default().extend(invoice.icv);
    }
    assert!(seen.len() >= 15, "the walk has met too little: {seen:?}");
    assert!(states.len() >= 6, "the walk has met too little: {states:?}");
    for (source, mut assigned) in counters {
        assigned.sort_unstable();
        assert!(assigned.iter().copied().eq((1..).take(assigned.len())), "{source}: {assigned:?}");
    }
    let verification = ledger.verify().await.unwrap();
    assert_eq!(
        (verification.violations, verification.streams, verification.checkpoints),
        (Vec::new(), INVOICES, 4)
    );
    let standing = ledger.standing().await.unwrap();
    assert_eq!(standing.counts.iter().map(|count| count.count).sum::<u64>(), INVOICES);
    let rows = ledger.list(&Filter::default(), None, 1_000).await.unwrap().rows;
    let doubtful = rows.iter().filter(|row| row.invoice.in_doubt.is_some()).count();
    assert_eq!(standing.in_doubt, u64::try_from(doubtful).unwrap());
    assert_eq!(rows.len(), keys.len());
}

/// One random step for each invoice whose state allows it, all in one batch.
async fn wander(ledger: &dyn Ledger, keys: &[InvoiceKey], round: u64) {
    // Nothing has to wait, since the ledger's clock cannot be turned.
    let policy = Policy {
        ladder_ms: Vec::new(),
        plateau_ms: 0,
        suspect_ms: vec![0],
        credentials_ms: 0,
        crashes_alone: 1,
        ..Policy::default()
    };
    let loaded = ledger.load(keys).await.unwrap();
    let changes: Vec<_> = (0..)
        .zip(loaded.invoices.into_iter().flatten())
        .filter_map(|(n, invoice)| {
            let command = random_command(&invoice, chance(round, n, 3), loaded.now)?;
            let events = decide(&invoice, command, Context { now: loaded.now, policy: &policy }).ok()?;
            (!events.is_empty()).then(|| change(invoice, events, loaded.now))
        })
        .collect();
    for appended in ledger.append(changes).await.unwrap() {
        assert!(matches!(appended, Appended::Done(_)));
    }
}

fn random_command(invoice: &Invoice, chance: u64, now: Timestamp) -> Option<Command> {
    let by = actor("خطوة عشوائية");
    let record = |attempt, outcome| Command::Record {
        attempt,
        document: invoice.document,
        outcome,
        evidence: evidence("رد المحاكي"),
    };
    match invoice.state {
        State::Draft if chance.is_multiple_of(29) => Some(Command::Abandon { by }),
        State::Draft | State::PendingRetry => {
            let lease_until = now + TimeDelta::seconds(if chance.is_multiple_of(3) { 3_600 } else { -1 });
            Some(Command::Start { lease_until, worker: "submitter-1".to_owned() })
        }
        State::Submitted => Some(match chance % 12 {
            0 | 1 => {
                Command::Start { lease_until: now - TimeDelta::seconds(1), worker: "submitter-2".to_owned() }
            }
            2 => Command::Release { attempt: invoice.attempt, due_at: now },
            3 => record(invoice.attempt, cleared("QR")),
            4 => record(invoice.attempt, Outcome::AcceptedWithoutQr),
            5 => record(invoice.attempt, Outcome::InDoubt),
            6 => record(invoice.attempt, Outcome::Suspect),
            7 => record(invoice.attempt, Outcome::NotNow { retry_after: None }),
            8 => record(invoice.attempt, Outcome::HoldsOther { qr: None, difference: "آخر".to_owned() }),
            9 => record(invoice.attempt.saturating_sub(1).max(1), Outcome::Refused),
            _ => record(invoice.attempt, Outcome::Refused),
        }),
        State::Rejected | State::DeadLettered => Some(match chance % 7 {
            0 => Command::Abandon { by },
            1 => Command::Adopt { qr: "QR".to_owned(), by },
            2 => requeue(RequeueMode::Reencode),
            3 => requeue(RequeueMode::SameBytes),
            _ => return None,
        }),
        State::Abandoned | State::Cleared => {
            (chance.is_multiple_of(3) && invoice.attempt > 0).then(|| record(invoice.attempt, cleared("QR")))
        }
    }
}

/// For about half of what waits for a person.
async fn amendments(ledger: &dyn Ledger, keys: &[InvoiceKey], round: u64) -> Vec<Arrival> {
    let loaded = ledger.load(keys).await.unwrap();
    (0..)
        .zip(loaded.invoices.into_iter().flatten())
        .filter(|(n, invoice)| invoice.state.waits_for_person() && chance(round, *n, 4).is_multiple_of(2))
        .map(|(n, invoice)| amended(n, invoice.document, Some(invoice.document)))
        .collect()
}

/// The same in every run.
fn chance(round: u64, n: u64, purpose: u64) -> u64 {
    mixed(mixed(round << 8 | purpose) ^ n)
}

async fn heads(ledger: &dyn Ledger, numbers: std::ops::Range<u64>) -> Vec<Head> {
    let mut heads = Vec::new();
    for n in numbers {
        let key = arrival(n).key;
        let last = ledger.history(key).await.unwrap().pop().unwrap();
        heads.push(Head { key, version: last.version, hash: last.hash });
    }
    heads
}
