//! What archives are made from: whole invoices, word for word, in bulk.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use invoice::life::{Event, OutcomeKind, RequeueMode};
use invoice::{Digest, Environment, InvoiceKey};

use super::Harness;
use super::arrivals::{amended, arrival};
use super::hands::{
    Numbering, accept_one, act, append, change, cleared, encode_with, encoded, evidence, record, refuse,
    requeue, start,
};
use crate::{Arrival, AttemptRecord, Change, DocumentKind, Issued, Ledger, Link, link};

fn ever() -> Issued {
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    Issued { from: year(1900), to: year(2900), environment: None, tax_number: None }
}

async fn walk(ledger: &dyn Ledger, wanted: &Issued, limit: u32) -> Vec<InvoiceKey> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.archive().issued(wanted, after, limit).await.unwrap();
        keys.extend(page.keys);
        match page.next {
            Some(next) => after = Some(next),
            None => return keys,
        }
    }
}

pub async fn a_walk_finds_each_issued_invoice_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    assert_eq!(walk(ledger, &ever(), 3).await, []);
    let first = arrival(1).summary.issue_date;
    let mut arrivals: Vec<Arrival> = (1..=20)
        .map(|n| {
            let mut arrival = arrival(n);
            arrival.summary.issue_date = first + Days::new(n % 5);
            arrival
        })
        .collect();
    for n in 1..=3 {
        let mut other = arrivals[n].clone();
        other.key.environment = Environment::Production;
        arrivals.push(other);
    }
    for arrival in arrivals.clone() {
        accept_one(ledger, arrival).await;
    }
    let expected = |wanted: &Issued| -> Vec<InvoiceKey> {
        let keys: BTreeSet<InvoiceKey> = arrivals
            .iter()
            .filter(|it| (wanted.from..=wanted.to).contains(&it.summary.issue_date))
            .filter(|it| wanted.environment.is_none_or(|only| only == it.key.environment))
            .filter(|it| wanted.tax_number.as_ref().is_none_or(|only| *only == it.source.tax_number))
            .map(|it| it.key)
            .collect();
        keys.into_iter().collect()
    };
    let day = Issued { from: first + Days::new(2), to: first + Days::new(3), ..ever() };
    let seller = arrivals[0].source.tax_number.clone();
    for wanted in [
        ever(),
        day.clone(),
        Issued { environment: Some(Environment::Production), ..ever() },
        Issued { environment: Some(Environment::Simulation), tax_number: Some(seller), ..day },
        Issued { tax_number: Some("nobody".to_owned()), ..ever() },
        Issued { from: first + Days::new(9), to: first + Days::new(10), ..ever() },
    ] {
        for limit in [1, 3, 7, 1_000] {
            assert_eq!(walk(ledger, &wanted, limit).await, expected(&wanted), "{wanted:?} by {limit}");
        }
    }
}

pub async fn a_dossier_holds_everything_word_for_word(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1, 2]).await;
    let key = arrival(1).key;
    refuse(ledger, key).await;
    accept_one(ledger, amended(1, 1, Some(1))).await;
    encode_with(ledger, vec![key], Numbering::default()).await;
    start(ledger, key).await;
    let invoice = record(ledger, key, cleared("QR"), "SUBMITTED").await;
    let now = ledger.now().await.unwrap();
    let late =
        Event::LateAnswer { attempt: 1, outcome: OutcomeKind::Refused, evidence: evidence("متأخر") };
    let heard = AttemptRecord {
        attempt: 1,
        document: 1,
        started_at: now,
        ended_at: now,
        worker: "submitter-1".to_owned(),
        outcome: OutcomeKind::Refused,
        late: true,
        evidence: evidence("متأخر"),
    };
    append(ledger, Change { attempt: Some(heard), ..change(invoice, vec![late], now) }).await;
    let unknown = arrival(9).key;
    let dossiers = ledger.archive().dossiers(&[arrival(2).key, unknown, key, key]).await.unwrap();
    let mut keys = vec![key, arrival(2).key];
    keys.sort_unstable();
    assert_eq!(dossiers.iter().map(|dossier| dossier.invoice.key).collect::<Vec<_>>(), keys);
    for dossier in &dossiers {
        let key = dossier.invoice.key;
        let loaded = ledger.load(&[key]).await.unwrap().invoices.remove(0);
        assert_eq!(Some(&dossier.invoice), loaded.as_ref());
        let mut head = crate::GENESIS;
        for event in &dossier.events {
            let covered = Link { key, version: event.version, at: event.at, payload: &event.payload };
            head = link(&head, &covered);
            assert_eq!(event.hash, head, "event {}", event.version);
        }
        let versions: Vec<u32> = dossier.events.iter().map(|event| event.version).collect();
        assert_eq!(versions, (1..=dossier.invoice.version).collect::<Vec<_>>());
        let contents: Vec<Digest> = dossier.contents.iter().map(|form| Digest::of(form.as_bytes())).collect();
        assert_eq!(contents, dossier.invoice.contents);
        assert_eq!(dossier.attempts, ledger.attempts(key).await.unwrap());
        assert!(dossier.documents.iter().all(|kept| kept.sha256 == Digest::of(&kept.bytes)));
    }
    let dossier = dossiers.into_iter().find(|dossier| dossier.invoice.key == key).unwrap();
    let documents: Vec<(u32, DocumentKind)> =
        dossier.documents.iter().map(|kept| (kept.document, kept.kind)).collect();
    assert_eq!(documents, [(1, DocumentKind::Sent), (2, DocumentKind::Sent)]);
    assert_eq!(dossier.summary, amended(1, 1, Some(1)).summary);
    assert_eq!(dossier.attempts.len(), 1);
}

pub async fn what_was_encoded_anew_keeps_both_encodings(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    let key = arrival(1).key;
    refuse(ledger, key).await;
    act(ledger, key, requeue(RequeueMode::Reencode)).await;
    encode_with(ledger, vec![key], Numbering { settings: "other", ..Numbering::default() }).await;
    let dossier = ledger.archive().dossiers(&[key]).await.unwrap().remove(0);
    let kinds: Vec<(u32, DocumentKind)> =
        dossier.documents.iter().map(|kept| (kept.document, kept.kind)).collect();
    assert_eq!(kinds, [(1, DocumentKind::Sent), (1, DocumentKind::Sent)]);
    assert_eq!(Some(dossier.documents[1].sha256), dossier.invoice.xml, "the last one counts");
    assert_ne!(dossier.documents[0].sha256, dossier.documents[1].sha256);
}

pub async fn the_last_checkpoint_is_told(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    assert_eq!(ledger.archive().last_checkpoint().await.unwrap(), None);
    encoded(ledger, [1, 2]).await;
    for _ in 0..2 {
        let sealed = ledger.checkpoint(1).await.unwrap();
        assert!(sealed.is_some());
        assert_eq!(ledger.archive().last_checkpoint().await.unwrap(), sealed);
    }
    assert_eq!(ledger.checkpoint(1).await.unwrap(), None);
    assert!(ledger.archive().last_checkpoint().await.unwrap().is_some_and(|last| last.number == 2));
}
