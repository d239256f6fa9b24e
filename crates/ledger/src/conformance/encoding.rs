//! Counters and bytes: promises 4 and 8.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use invoice::life::{Cause, Command, Event, State};
use invoice::{Digest, Environment, IncomeSource, InvoiceKey};

use super::Harness;
use super::arrivals::{amended, arrival, mixed, source};
use super::hands::{
    Numbering, accept_new, accept_one, act, actor, assert_folds, assert_verifies, drafts, encode_with,
    encoded, load, refuse, requeue, start, together,
};
use crate::{Arrival, DocumentKind, EncodeOutcome, Ledger};
use invoice::life::RequeueMode;

pub async fn counters_run_in_order_from_the_start(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    accept_new(ledger, (0..20).map(|n| of_source(n, 0)).collect()).await;
    // The order of the batch counts, not that of UUIDs.
    let mut expected = 41..;
    for numbers in [0..7, 7..8, 8..20] {
        let keys: Vec<InvoiceKey> = numbers.clone().map(|n| arrival(n).key).collect();
        let invoices =
            encode_with(ledger, keys.clone(), Numbering { start: 41, ..Numbering::default() }).await;
        for ((key, n), invoice) in keys.into_iter().zip(numbers).zip(invoices) {
            assert_eq!((invoice.key, invoice.icv), (key, expected.next()));
            let bytes =
                format!("<Invoice icv='{}' >{}</Invoice>", invoice.icv.unwrap(), arrival(n).normal_form);
            assert_eq!(invoice.xml, Some(Digest::of(bytes.as_bytes())));
            assert_eq!(sent(ledger, key, 1).await, bytes.as_bytes());
            assert_eq!(assert_folds(ledger, key).await.0, invoice);
        }
    }
    // The start is for new sources only.
    accept_new(ledger, vec![of_source(20, 0)]).await;
    let later = Numbering { start: 5_000, ..Numbering::default() };
    assert_eq!(encode_with(ledger, vec![arrival(20).key], later).await[0].icv, Some(61));
}

pub async fn sources_and_environments_count_apart(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let sandbox = |arrival: Arrival| Arrival {
        key: InvoiceKey { environment: Environment::Sandbox, ..arrival.key },
        ..arrival
    };
    let other_seller = IncomeSource { tax_number: "87654321".to_owned(), ..source(0) };
    let batch = vec![
        of_source(1, 0),
        of_source(2, 1),
        sandbox(of_source(1, 0)),
        of_source(3, 0),
        Arrival { source: other_seller, ..arrival(4) },
        sandbox(of_source(5, 0)),
        of_source(6, 1),
    ];
    let keys = accept_new(ledger, batch).await.iter().map(|draft| draft.key).collect();
    let invoices = encode_with(ledger, keys, Numbering::default()).await;
    let counters: Vec<u64> = invoices.iter().map(|invoice| invoice.icv.unwrap()).collect();
    assert_eq!(counters, [1, 1, 1, 2, 1, 2, 2]);
}

pub async fn the_unfit_use_no_counter(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    accept_new(ledger, (0..5).map(|n| of_source(n, 0)).collect()).await;
    let keys: Vec<InvoiceKey> = (0..5).map(|n| arrival(n).key).collect();
    let encoder =
        Numbering { unfit: [keys[0].uuid, keys[2].uuid, keys[4].uuid].into(), ..Numbering::default() };
    let outcomes = ledger.encode(keys.clone(), Arc::new(encoder)).await.unwrap();
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            EncodeOutcome::Encoded(invoice) => {
                assert_eq!((n % 2, invoice.icv), (1, Some(if n == 1 { 1 } else { 2 })));
            }
            EncodeOutcome::Unfit(invoice) => {
                assert_eq!((n % 2, invoice.icv, invoice.xml), (0, None, None));
                assert_eq!((invoice.state, invoice.cause), (State::Rejected, Some(Cause::Unfit)));
                assert_eq!(invoice.message.as_deref(), Some("المبلغ لا يطابق البنود"));
                assert_eq!(assert_folds(ledger, invoice.key).await.0, *invoice);
                assert_eq!(ledger.documents(&[(invoice.key, 1, DocumentKind::Sent)]).await.unwrap(), [None]);
            }
            EncodeOutcome::Skipped(_) | EncodeOutcome::Waits(_) => panic!("{outcome:?}"),
        }
    }
    // Mended, they go on where the counter stands.
    accept_one(ledger, Arrival { source: source(0), ..amended(0, 1, Some(1)) }).await;
    assert_eq!(encode_with(ledger, vec![keys[0]], Numbering::default()).await[0].icv, Some(3));
}

/// Eight encoders that get the same drafts in different order and batches, some unfit, of two sources.
pub async fn counters_have_no_gap_under_concurrency(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    accept_new(ledger.as_ref(), (0..200).map(|n| of_source(n, n % 2)).collect()).await;
    let unfit: BTreeSet<_> = (0..200).step_by(7).map(|n| arrival(n).key.uuid).collect();
    let encoder = Numbering { start: 10, unfit: unfit.clone(), ..Numbering::default() };
    let outcomes = together(8, |task| {
        let (ledger, encoder) = (ledger.clone(), Arc::new(encoder.clone()));
        async move {
            let mut keys: Vec<InvoiceKey> = (0..200).map(|n| arrival(n).key).collect();
            keys.sort_by_key(|key| mixed(task ^ (key.uuid.as_u64_pair().1 << 3)));
            let mut outcomes = Vec::new();
            for batch in keys.chunks(usize::try_from(3 + task * 5).unwrap()) {
                outcomes.extend(ledger.encode(batch.to_vec(), encoder.clone()).await.unwrap());
            }
            outcomes
        }
    })
    .await;
    let mut counters: BTreeMap<IncomeSource, Vec<u64>> = BTreeMap::new();
    let mut rejected = BTreeSet::new();
    for outcome in outcomes.into_iter().flatten() {
        match outcome {
            EncodeOutcome::Encoded(invoice) => {
                counters.entry(invoice.source).or_default().extend(invoice.icv);
            }
            EncodeOutcome::Unfit(invoice) => assert!(rejected.insert(invoice.key.uuid), "rejected twice"),
            EncodeOutcome::Skipped(invoice) => assert!(invoice.is_some()),
            EncodeOutcome::Waits(invoice) => panic!("{invoice:?} waits for nothing"),
        }
    }
    assert_eq!(rejected, unfit);
    assert_eq!(counters.len(), 2);
    for (source, mut assigned) in counters {
        assigned.sort_unstable();
        let fit = (0..200).filter(|n| super::arrivals::source(n % 2) == source && n % 7 != 0).count();
        let expected: Vec<u64> = (10..).take(fit).collect();
        assert_eq!(assigned, expected, "each counter once, none left out");
    }
    assert_verifies(ledger.as_ref(), 200).await;
}

pub async fn an_amended_invoice_keeps_its_counter(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    accept_new(ledger, vec![of_source(1, 0), of_source(2, 0)]).await;
    encode_with(ledger, vec![arrival(1).key], Numbering::default()).await;
    refuse(ledger, arrival(1).key).await;
    let amendment = Arrival { source: source(0), ..amended(1, 1, Some(1)) };
    accept_one(ledger, amendment.clone()).await;
    let keys = vec![arrival(1).key, arrival(2).key];
    let invoices = encode_with(ledger, keys, Numbering::default()).await;
    let counters: Vec<_> = invoices.iter().map(|invoice| invoice.icv).collect();
    assert_eq!(counters, [Some(1), Some(2)]);
    // The new document is made of the new content; the old one is kept.
    let bytes = format!("<Invoice icv='1' >{}</Invoice>", amendment.normal_form);
    assert_eq!(sent(ledger, arrival(1).key, 2).await, bytes.as_bytes());
    let bytes = format!("<Invoice icv='1' >{}</Invoice>", arrival(1).normal_form);
    assert_eq!(sent(ledger, arrival(1).key, 1).await, bytes.as_bytes());
    assert_verifies(ledger, 2).await;
}

/// Settings are changed, and changed back: what is sent is always what was encoded last.
pub async fn encoding_anew_replaces_the_bytes(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    let key = arrival(1).key;
    for settings in ["name='ب'", "", "", "name='ب'"] {
        refuse(ledger, key).await;
        act(ledger, key, requeue(RequeueMode::Reencode)).await;
        let encoder = Numbering { settings, ..Numbering::default() };
        let invoice = encode_with(ledger, vec![key], encoder).await.remove(0);
        let bytes = format!("<Invoice icv='1' {settings}>{}</Invoice>", arrival(1).normal_form);
        assert_eq!((invoice.icv, invoice.document), (Some(1), 1));
        assert_eq!(invoice.xml, Some(Digest::of(bytes.as_bytes())));
        assert_eq!(sent(ledger, key, 1).await, bytes.as_bytes());
    }
    assert_verifies(ledger, 1).await;
}

pub async fn what_needs_no_encoding_is_skipped(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, 1..=3).await;
    let submitted = start(ledger, arrival(2).key).await;
    let rejected = refuse(ledger, arrival(3).key).await;
    accept_new(ledger, vec![arrival(4)]).await;
    let keys = [1, 9, 4, 2, 3, 4].map(|n| arrival(n).key);
    let outcomes = ledger.encode(keys.to_vec(), Arc::new(Numbering::default())).await.unwrap();
    let (first, fourth) = (load(ledger, arrival(1).key).await, load(ledger, arrival(4).key).await);
    assert_eq!(fourth.version, 2);
    let expected = [
        EncodeOutcome::Skipped(Some(first)),
        EncodeOutcome::Skipped(None),
        EncodeOutcome::Encoded(fourth.clone()),
        EncodeOutcome::Skipped(Some(submitted)),
        EncodeOutcome::Skipped(Some(rejected)),
        EncodeOutcome::Skipped(Some(fourth)),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(ledger.encode(Vec::new(), Arc::new(Numbering::default())).await.unwrap(), []);
}

pub async fn an_abandoned_counter_stays_void(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    accept_new(ledger, (0..4).map(|n| of_source(n, 0)).collect()).await;
    encode_with(ledger, vec![arrival(0).key, arrival(1).key], Numbering::default()).await;
    // One after the authority refused it, one before it was sent, one before it had a counter.
    refuse(ledger, arrival(0).key).await;
    let by = actor("ألغي البيع");
    for (n, void_icv) in [(0, Some(1)), (1, Some(2)), (2, None)] {
        let invoice = act(ledger, arrival(n).key, Command::Abandon { by: by.clone() }).await;
        assert_eq!((invoice.state, invoice.icv), (State::Abandoned, void_icv));
        let (_, history) = assert_folds(ledger, invoice.key).await;
        assert_eq!(history.last().unwrap().event, Event::Abandoned { void_icv, by: by.clone() });
    }
    assert_eq!(encode_with(ledger, vec![arrival(3).key], Numbering::default()).await[0].icv, Some(3));
    assert_verifies(ledger, 4).await;
}

pub async fn a_thousand_drafts_are_one_batch(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let keys = drafts(ledger, 0..1_000).await.iter().map(|draft| draft.key).collect();
    let invoices = encode_with(ledger, keys, Numbering::default()).await;
    for n in 0..3 {
        let own =
            invoices.iter().filter(|invoice| invoice.source == source(n)).filter_map(|invoice| invoice.icv);
        assert!(own.eq((1..).take(if n == 0 { 334 } else { 333 })));
    }
}

/// The `n`-th arrival, but of the `sequence`-th income source.
fn of_source(n: u64, sequence: u64) -> Arrival {
    Arrival { source: source(sequence), ..arrival(n) }
}

async fn sent(ledger: &dyn Ledger, key: InvoiceKey, document: u32) -> Vec<u8> {
    let found = ledger.documents(&[(key, document, DocumentKind::Sent)]).await.unwrap().remove(0).unwrap();
    assert_eq!(found.sha256, Digest::of(&found.bytes));
    found.bytes
}
