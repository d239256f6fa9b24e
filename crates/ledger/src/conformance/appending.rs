//! Loading and committing: compare-and-set on each stream, events and state that agree, attempts.

use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta};
use invoice::life::{DeferReason, Event, Evidence, Invoice, OutcomeKind, State};
use uuid::Uuid;

use super::Harness;
use super::arrivals::arrival;
use super::hands::{
    Numbering, append, assert_folds, change, drafts, encode_with, encoded, evidence, load, refuse, start,
    start_at_last, together,
};
use crate::{Appended, AttemptRecord, Change, DocumentKind, GENESIS, LedgerError, Link, NewDocument, link};

pub async fn loading_keeps_the_order(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let invoices = drafts(ledger.as_ref(), [1, 2]).await;
    let keys = [arrival(2).key, arrival(9).key, arrival(1).key, arrival(2).key];
    let before = ledger.now().await.unwrap();
    let loaded = ledger.load(&keys).await.unwrap();
    let (first, second) = (Some(invoices[0].clone()), Some(invoices[1].clone()));
    assert_eq!(loaded.invoices, [second.clone(), None, first, second]);
    assert!((before..=ledger.now().await.unwrap()).contains(&loaded.now));
    assert_eq!(ledger.load(&[]).await.unwrap().invoices, []);
}

pub async fn time_is_told_in_microseconds(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let now = ledger.now().await.unwrap();
    assert_eq!(now, now.trunc_subsecs(6));
    // A caller's finer time is cut, not rounded and not kept: events and state stay equal.
    let draft = drafts(ledger.as_ref(), [1]).await.remove(0);
    let found_unfit = vec![Event::FoundUnfit { message: "غير صالح".to_owned() }];
    let invoice =
        append(ledger.as_ref(), change(draft, found_unfit, now + TimeDelta::nanoseconds(999))).await;
    assert_eq!(invoice.updated_at, now);
    let (_, history) = assert_folds(ledger.as_ref(), invoice.key).await;
    assert_eq!(history[1].at, now);
}

pub async fn an_outdated_change_is_refused_alone(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let mut invoices = encoded(ledger, 1..=4).await;
    let stale = invoices[1].clone();
    let moved = start(ledger, stale.key).await;
    let ahead = Invoice { version: invoices[2].version + 1, ..invoices[2].clone() };
    let unknown = Invoice { key: arrival(9).key, ..invoices[3].clone() };
    let now = ledger.now().await.unwrap();
    let batch: Vec<Change> = [invoices[0].clone(), stale, ahead, unknown, invoices[3].clone()]
        .into_iter()
        .map(|invoice| Change {
            documents: vec![NewDocument {
                document: 1,
                kind: DocumentKind::Signed,
                bytes: b"<Invoice/>".to_vec(),
            }],
            attempt: Some(attempt(&invoice, now, OutcomeKind::Cleared, false)),
            events: vec![started(&invoice, now)],
            invoice,
            at: now,
        })
        .collect();
    let appended = ledger.append(batch).await.unwrap();
    let outdated: Vec<bool> = appended.iter().map(|appended| *appended == Appended::Outdated).collect();
    assert_eq!(outdated, [false, true, true, true, false]);
    assert_eq!(load(ledger, moved.key).await, moved);
    invoices.remove(0);
    for untouched in &invoices[..2] {
        let wanted = [(untouched.key, 1, DocumentKind::Signed)];
        assert_eq!(ledger.documents(&wanted).await.unwrap(), [None], "a refused change leaves no document");
        assert_eq!(ledger.attempts(untouched.key).await.unwrap(), [], "and no attempt");
    }
    for n in 1..=4 {
        assert_folds(ledger, arrival(n).key).await;
    }
    assert_eq!(ledger.load(&[arrival(9).key]).await.unwrap().invoices, [None]);
}

pub async fn sixty_four_claims_have_one_winner(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let invoice = encoded(ledger.as_ref(), [1]).await.remove(0);
    let now = ledger.now().await.unwrap();
    let appended = together(64, |_| {
        let (ledger, claim) = (ledger.clone(), change(invoice.clone(), vec![started(&invoice, now)], now));
        async move { ledger.append(vec![claim]).await.unwrap().remove(0) }
    })
    .await;
    assert_eq!(appended.iter().filter(|appended| matches!(appended, Appended::Done(_))).count(), 1);
    let (claimed, history) = assert_folds(ledger.as_ref(), invoice.key).await;
    assert_eq!((claimed.attempt, history.len()), (1, 3));
}

/// Batches that overlap must not lock each other out, whatever their order.
pub async fn overlapping_batches_commit_each_change_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let invoices = encoded(ledger.as_ref(), 0..40).await;
    let now = ledger.now().await.unwrap();
    let appended = together(8, |task| {
        let (ledger, mut invoices) = (ledger.clone(), invoices.clone());
        async move {
            invoices.rotate_left(usize::try_from(task).unwrap() * 5);
            if task % 2 == 1 {
                invoices.reverse();
            }
            let claims = invoices.into_iter().map(|invoice| {
                let events = vec![started(&invoice, now)];
                change(invoice, events, now)
            });
            ledger.append(claims.collect()).await.unwrap()
        }
    })
    .await;
    let done = appended.iter().flatten().filter(|appended| matches!(appended, Appended::Done(_))).count();
    assert_eq!(done, 40);
}

pub async fn history_is_ordered_and_chained(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1, 2]).await;
    refuse(ledger, arrival(1).key).await;
    for key in [arrival(1).key, arrival(2).key] {
        let mut previous = GENESIS;
        for (version, recorded) in (1..).zip(ledger.history(key).await.unwrap()) {
            assert_eq!(recorded.version, version);
            let payload = serde_json::to_string(&recorded.event).unwrap();
            let honest = link(&previous, &Link { key, version, at: recorded.at, payload: &payload });
            assert_eq!(recorded.hash, honest);
            previous = honest;
        }
        assert_ne!(previous, GENESIS);
    }
    assert_eq!(ledger.history(arrival(9).key).await.unwrap(), []);
}

pub async fn attempts_are_kept(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1, 2]).await;
    let key = arrival(1).key;
    let mut expected = Vec::new();
    for outcome in [OutcomeKind::Crashed, OutcomeKind::NotNow, OutcomeKind::Suspect] {
        let invoice = start_at_last(ledger, key).await;
        let now = ledger.now().await.unwrap();
        let record = AttemptRecord {
            started_at: now - TimeDelta::milliseconds(1_500),
            evidence: Evidence {
                http_status: None, codes: Vec::new(), ..evidence("انقطع الاتصال")
            },
            ..attempt(&invoice, now, outcome, false)
        };
        let deferred = Event::Deferred {
            attempt: invoice.attempt,
            reason: DeferReason::NotNow,
            due_at: now,
            evidence: evidence(""),
        };
        append(ledger, Change { attempt: Some(record.clone()), ..change(invoice, vec![deferred], now) })
            .await;
        expected.push(record);
    }
    assert_eq!(ledger.attempts(key).await.unwrap(), expected);
    assert_eq!(expected.iter().map(|record| record.attempt).collect::<Vec<_>>(), [1, 2, 3]);

    // The answer to an attempt that was given up as crashed comes after all: it stands beside the first record.
    let (invoice, now) = (load(ledger, key).await, ledger.now().await.unwrap());
    let late = AttemptRecord { attempt: 1, late: true, ..attempt(&invoice, now, OutcomeKind::Refused, true) };
    let answer = Event::LateAnswer { attempt: 1, outcome: OutcomeKind::Refused, evidence: evidence("") };
    append(ledger, Change { attempt: Some(late.clone()), ..change(invoice, vec![answer], now) }).await;
    expected.insert(1, late);
    assert_eq!(ledger.attempts(key).await.unwrap(), expected, "by attempt, then by time");
    assert_eq!(ledger.attempts(arrival(2).key).await.unwrap(), []);
    assert_eq!(ledger.attempts(arrival(9).key).await.unwrap(), []);
}

pub async fn a_change_may_hold_many_events(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let invoice = encoded(ledger, [1]).await.remove(0);
    let now = ledger.now().await.unwrap();
    let events: Vec<Event> = (1..=20)
        .flat_map(|attempt| {
            let started = Event::SubmissionStarted {
                attempt,
                document: 1,
                lease_until: now + TimeDelta::seconds(80),
                worker: "submitter-١".to_owned(),
                xml: invoice.xml.unwrap(),
            };
            [started, Event::ClaimReleased { attempt, due_at: now }]
        })
        .collect();
    append(ledger, change(invoice.clone(), events.clone(), now)).await;
    let (after, history) = assert_folds(ledger, invoice.key).await;
    assert_eq!((after.version, after.attempt), (invoice.version + 40, 20));
    assert!(history[2..].iter().map(|recorded| &recorded.event).eq(&events), "in the order of the change");
}

pub async fn a_thousand_changes_are_one_batch(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let keys = drafts(ledger, 0..1_000).await.iter().map(|draft| draft.key).collect();
    let invoices = encode_with(ledger, keys, Numbering::default()).await;
    let now = ledger.now().await.unwrap();
    let claims = invoices.iter().map(|invoice| Change {
        documents: vec![NewDocument {
            document: 1,
            kind: DocumentKind::Held,
            bytes: invoice.number.clone().into_bytes(),
        }],
        attempt: Some(attempt(invoice, now, OutcomeKind::NotNow, false)),
        ..change(invoice.clone(), vec![started(invoice, now)], now)
    });
    let appended = ledger.append(claims.collect()).await.unwrap();
    assert_eq!(appended.len(), 1_000);
    for (before, appended) in invoices.iter().zip(appended) {
        let Appended::Done(after) = appended else { panic!("{appended:?}") };
        assert_eq!(
            (after.key, after.version, after.state),
            (before.key, before.version + 1, State::Submitted)
        );
    }
    assert_eq!(ledger.verify().await.unwrap().violations, []);
}

pub async fn an_empty_batch_of_changes_is_nothing(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    assert_eq!(ledger.append(Vec::new()).await.unwrap(), []);
}

/// Some stores cannot keep a NUL. Such a change may be refused, as what it is; it must not look like trouble of the
/// ledger that passes, since it would then be tried for ever.
pub async fn what_cannot_be_kept_is_refused_by_itself(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let invoice = encoded(ledger, [1]).await.remove(0);
    let now = ledger.now().await.unwrap();
    let nul = vec![Event::FoundUnfit { message: "before\0after".to_owned() }];
    match ledger.append(vec![change(invoice.clone(), nul, now)]).await {
        Ok(appended) => assert!(matches!(appended[..], [Appended::Done(_)])),
        Err(LedgerError::Refused(_)) => assert_eq!(load(ledger, invoice.key).await, invoice),
        Err(other) => panic!("{other}"),
    }
    assert_folds(ledger, invoice.key).await;
    encoded(ledger, [2]).await;
    assert_eq!(ledger.verify().await.unwrap().violations, []);
}

pub async fn a_change_without_events_is_refused(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let invoices = encoded(ledger, [1, 2]).await;
    let now = ledger.now().await.unwrap();
    let batch = vec![
        change(invoices[0].clone(), vec![started(&invoices[0], now)], now),
        change(invoices[1].clone(), Vec::new(), now),
    ];
    let refused = ledger.append(batch).await;
    assert!(matches!(refused, Err(LedgerError::Refused(_))), "{refused:?}");
    assert_eq!(load(ledger, invoices[0].key).await, invoices[0], "the batch is one unit");
}

fn started(invoice: &Invoice, now: invoice::Timestamp) -> Event {
    Event::SubmissionStarted {
        attempt: invoice.attempt + 1,
        document: invoice.document,
        lease_until: now + TimeDelta::seconds(80),
        worker: "submitter-1".to_owned(),
        xml: invoice.xml.unwrap_or(GENESIS),
    }
}

fn attempt(invoice: &Invoice, now: invoice::Timestamp, outcome: OutcomeKind, late: bool) -> AttemptRecord {
    AttemptRecord {
        attempt: invoice.attempt,
        document: invoice.document,
        started_at: now,
        ended_at: now,
        worker: format!("submitter-{}", Uuid::nil()),
        outcome,
        late,
        evidence: evidence("الخدمة غير متاحة"),
    }
}
