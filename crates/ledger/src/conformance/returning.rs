//! Returns and their originals: promise 10.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoice::event::{Family, Kind};
use invoice::life::{Cause, Command, Invoice, Outcome, Policies, Policy, RequeueMode, State, WaitReason};
use invoice::returns::ReturnedLine;
use invoice::{Amount, Digest, Environment, IncomeSource, InvoiceKey};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Harness;
use super::arrivals::{arrival, source};
use super::hands::{
    accept_new, accept_one, act, actor, assert_folds, assert_verifies, change, clear, cleared, evidence,
    load, record, refuse, requeue, start, start_and_vanish, start_at_last, together,
};
use crate::{
    Arrival, Completed, DocumentKind, Draft, Encode, EncodeOutcome, Encoding, Filter, Ledger, NewDocument,
    OriginalName, OriginalStanding, Reception, Summary, Told, Unencoded,
};

/// Lets so much of line 1 come back of every original, and writes down what it was given.
#[derive(Debug, Clone)]
struct Taking {
    sold: u64,
    original_wait_ms: u64,
}

const TEN: Taking = Taking { sold: 10, original_wait_ms: 3_600_000 };

impl Encode for Taking {
    fn icv_start(&self, _: Environment, _: &IncomeSource) -> Option<u64> {
        Some(1)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        let Some(original) = &draft.original else {
            return Ok(format!("<Invoice icv='{icv}'>{}</Invoice>", draft.normal_form).into_bytes().into());
        };
        let event: Value = serde_json::from_str(&draft.normal_form).unwrap();
        let mut description = None;
        let (returned, document) = match original {
            OriginalStanding::Ours { kind: Kind::Return, .. } => {
                return Err(Unencoded::unfit("a return of a return"));
            }
            OriginalStanding::Ours { invoice, document, returned, .. } => match WaitReason::of(invoice.state)
            {
                Some(reason) => return Err(Unencoded::Waits { original: invoice.number.clone(), reason }),
                None if invoice.state == State::Abandoned => {
                    return Err(Unencoded::unfit("the original was abandoned"));
                }
                None => (returned, document.as_ref().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())),
            },
            OriginalStanding::Elsewhere { description: kept, returned } => {
                let told = event["tells"].as_str().map(str::to_owned);
                match (&told, kept) {
                    (None, None) => {
                        let original = event["of"].as_str().unwrap_or_default().to_owned();
                        return Err(Unencoded::Waits { original, reason: WaitReason::Unknown });
                    }
                    (Some(told), Some(kept))
                        if kept.fixed && serde_json::from_str(&kept.text).ok().as_ref() != Some(told) =>
                    {
                        return Err(Unencoded::unfit("the description is fixed"));
                    }
                    _ => {}
                }
                description = told.clone().map(|told| Told {
                    number: "EIN-0101".to_owned(),
                    income_source: draft.invoice.source.sequence.clone(),
                    text: json!(told).to_string(),
                });
                let kept = kept.as_ref().map(|kept| serde_json::from_str::<String>(&kept.text).unwrap());
                (returned, told.or(kept))
            }
        };
        let take = event["take"].as_u64().unwrap();
        let back = returned.get(&1).copied().unwrap_or_default().quantity;
        if back.decimal() + Decimal::from(take) > Decimal::from(self.sold) {
            return Err(Unencoded::unfit(format!(
                "{take} is more than is left: {back} of {} came back",
                self.sold
            )));
        }
        let line = ReturnedLine { quantity: amount(take), discount: amount(2 * take), ..Default::default() };
        let summary = Summary { family: Family::SpecialSales, payable: amount(take), ..arrival(1).summary };
        let completed = Completed {
            summary: Summary {
                kind: Kind::Return,
                currency: "USD".to_owned(),
                buyer: Some("مشترٍ".to_owned()),
                ..summary
            },
            returned: [(1, line)].into(),
            description,
        };
        let document = document.ok_or_else(|| Unencoded::unfit("nobody knows what the authority holds"))?;
        let bytes = format!("<Return icv='{icv}' of='{document}'>{take}</Return>").into_bytes();
        Ok(Encoding { bytes, completed: Some(Box::new(completed)) })
    }

    fn policies(&self) -> Policies {
        Policy { original_wait_ms: self.original_wait_ms, ..Policy::default() }.into()
    }
}

fn amount(n: u64) -> Amount {
    Amount::from(Decimal::from(n))
}

fn by_uuid(key: InvoiceKey) -> OriginalName {
    OriginalName { uuid: Some(key.uuid.to_string()), number: None }
}

fn by_number(number: &str) -> OriginalName {
    OriginalName { uuid: None, number: Some(number.to_owned()) }
}

/// The `n`-th arrival, as a return that takes so much of line 1 back. Of the same seller as the first arrival.
fn returning(n: u64, original: OriginalName, take: u64) -> Arrival {
    telling(n, original, take, None)
}

fn telling(n: u64, original: OriginalName, take: u64, tells: Option<&str>) -> Arrival {
    let normal_form = json!({"number": n, "of": original.shown(), "take": take, "tells": tells}).to_string();
    let sale = arrival(n);
    Arrival {
        source: source(0),
        content: Digest::of(normal_form.as_bytes()),
        normal_form,
        summary: Summary { kind: Kind::Return, payable: Amount::ZERO, ..sale.summary.clone() },
        original: Some(original),
        ..sale
    }
}

fn sale(n: u64) -> Arrival {
    Arrival { source: source(0), ..arrival(n) }
}

async fn encode(ledger: &dyn Ledger, keys: &[InvoiceKey], encoder: Taking) -> Vec<EncodeOutcome> {
    ledger.encode(keys.to_vec(), Arc::new(encoder)).await.unwrap()
}

async fn encode_one(ledger: &dyn Ledger, key: InvoiceKey) -> EncodeOutcome {
    encode(ledger, &[key], TEN).await.remove(0)
}

#[track_caller]
fn fixed(outcome: EncodeOutcome) -> Invoice {
    match outcome {
        EncodeOutcome::Encoded(invoice) => invoice,
        other => panic!("not encoded: {other:?}"),
    }
}

#[track_caller]
fn unfit(outcome: EncodeOutcome) -> Invoice {
    match outcome {
        EncodeOutcome::Unfit(invoice) => invoice,
        other => panic!("not unfit: {other:?}"),
    }
}

async fn sold(ledger: &dyn Ledger, n: u64) -> InvoiceKey {
    let key = accept_new(ledger, vec![sale(n)]).await[0].key;
    fixed(encode_one(ledger, key).await);
    clear(ledger, key).await.key
}

async fn accepted(ledger: &dyn Ledger, arrival: Arrival) -> InvoiceKey {
    accept_new(ledger, vec![arrival]).await[0].key
}

pub async fn a_return_waits_for_its_original(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let original = sale(1);
    let key = accepted(ledger, returning(2, by_uuid(original.key), 3)).await;
    let waits = async |reason, version| {
        let EncodeOutcome::Waits(invoice) = encode_one(ledger, key).await else { panic!("does not wait") };
        let waiting = invoice.waiting.clone().unwrap();
        assert_eq!((waiting.reason, invoice.version, invoice.state), (reason, version, State::Draft));
        assert_eq!(assert_folds(ledger, key).await.0, invoice, "stored as it was decided");
        // Looked at again, for the same reason: nothing is told twice.
        assert_eq!(encode_one(ledger, key).await, EncodeOutcome::Skipped(Some(invoice)));
        waiting
    };
    let first = waits(WaitReason::Unknown, 2).await;
    assert_eq!(first.original, original.key.uuid.to_string());
    accept_new(ledger, vec![original.clone()]).await;
    assert_eq!(waits(WaitReason::Open, 3).await.original, original.number);
    // In one batch with its original, which is encoded and not cleared thereby.
    let outcomes = encode(ledger, &[key, original.key], TEN).await;
    assert!(matches!(&outcomes[..], [EncodeOutcome::Skipped(_), EncodeOutcome::Encoded(_)]), "{outcomes:?}");
    refuse(ledger, original.key).await;
    let last = waits(WaitReason::Rejected, 4).await;
    assert_eq!(last.since, first.since);
    act(ledger, original.key, requeue(RequeueMode::SameBytes)).await;
    clear(ledger, original.key).await;
    let invoice = fixed(encode_one(ledger, key).await);
    assert_eq!(
        (invoice.waiting, invoice.icv, invoice.version),
        (None, Some(2), 5),
        "who waits takes no counter"
    );
    // What the original says of it can be searched for.
    let filter = Filter { search: Some(invoice.number.clone()), ..Filter::default() };
    let row = ledger.list(&filter, None, 10).await.unwrap().rows.remove(0);
    let Summary { kind, family, payable, currency, buyer, .. } = row.summary;
    assert_eq!(
        (kind, family, payable, currency.as_str()),
        (Kind::Return, Family::SpecialSales, amount(3), "USD")
    );
    assert_eq!(buyer.as_deref(), Some("مشترٍ"));
    assert_eq!(row.traceparent, arrival(2).traceparent, "its publisher's trace stays");
    assert_verifies(ledger, 2).await;
}

pub async fn originals_are_found_by_uuid_or_number(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    // The same number in two income sources of the seller, another one in one of them, and a third with another seller.
    let numbered = |n, number: &str, sequence| Arrival {
        number: number.to_owned(),
        source: source(sequence),
        ..arrival(n)
    };
    let sales = [
        numbered(1, "A", 0),
        numbered(2, "A", 1),
        numbered(3, "B", 1),
        numbered(4, "C", 3),
        numbered(5, "D", 1),
        numbered(6, "D", 2),
    ];
    let keys: Vec<_> = accept_new(ledger, sales.to_vec()).await.iter().map(|sale| sale.key).collect();
    encode(ledger, &keys, TEN).await;
    for key in &keys {
        clear(ledger, *key).await;
    }
    let text =
        |key: InvoiceKey| OriginalName { uuid: Some(key.uuid.to_string()), number: Some("?".to_owned()) };
    let cases = [
        (by_number("A"), Some(0), "the income source's own"),
        (by_number("B"), None, "of another income source, though the seller's only one"),
        (by_number("C"), None, "another seller's"),
        (by_number("D"), None, "which of the two?"),
        (by_number("E"), None, "nobody's"),
        (text(keys[1]), Some(1), "the UUID decides"),
        (text(keys[3]), None, "another seller's UUID"),
        (
            OriginalName {
                uuid: Some("7a4452eb-0acd-49983-b630-b2b79d0acert".to_owned()),
                number: Some("A".to_owned()),
            },
            None,
            "no UUID at all",
        ),
    ];
    for (n, (name, expected, why)) in (10..).zip(cases) {
        let key = accepted(ledger, returning(n, name, 1)).await;
        match (encode_one(ledger, key).await, expected) {
            (EncodeOutcome::Encoded(_), Some(place)) => {
                let bytes = sent(ledger, key).await;
                let original = sent(ledger, keys[place]).await;
                assert!(bytes.contains(&original), "{why}: {bytes}");
            }
            (EncodeOutcome::Waits(invoice), None) => {
                assert_eq!(invoice.waiting.unwrap().reason, WaitReason::Unknown, "{why}");
            }
            (other, _) => panic!("{why}: {other:?}"),
        }
    }
}

pub async fn returns_reserve_what_they_take(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let original = sold(ledger, 1).await;
    let takes = [(2, 6), (3, 4), (4, 1)];
    let arrivals = takes.map(|(n, take)| returning(n, by_uuid(original), take)).to_vec();
    let keys: Vec<_> = accept_new(ledger, arrivals).await.iter().map(|draft| draft.key).collect();
    // Those of one batch see each other, also through different names.
    let outcomes = encode(ledger, &keys, TEN).await;
    let [EncodeOutcome::Encoded(six), EncodeOutcome::Encoded(_), EncodeOutcome::Unfit(one)] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((one.cause, one.icv), (Some(Cause::Unfit), None));
    assert!(one.message.as_deref().unwrap().contains("10 of 10"), "{one:?}");
    let late = accepted(ledger, returning(5, by_number(&sale(1).number), 1)).await;
    assert!(unfit(encode_one(ledger, late).await).message.unwrap().contains("10 of 10"));

    // Refused, it keeps what it has; amended, it gives it back and takes what it says now; abandoned, all is free.
    refuse(ledger, six.key).await;
    let again = async |key| {
        act(ledger, key, requeue(RequeueMode::Reencode)).await;
        encode_one(ledger, key).await
    };
    unfit(again(one.key).await);
    let amendment =
        Arrival {
            amends: Some(1), by: Some(actor("كمية خاطئة")), ..returning(2, by_uuid(original), 5)
        };
    assert!(matches!(accept_one(ledger, amendment).await, Reception::Amended(_)));
    fixed(again(one.key).await);
    fixed(encode_one(ledger, six.key).await);
    unfit(again(late).await);
    refuse(ledger, six.key).await;
    // Encoded anew it takes its own place, not one more.
    fixed(again(six.key).await);
    refuse(ledger, six.key).await;
    act(ledger, six.key, Command::Abandon { by: actor("مكرر") }).await;
    fixed(again(late).await);
    assert_verifies(ledger, 5).await;
}

/// Eight encoders, each return in several batches, sixty of one original: never more comes back than was sold.
pub async fn concurrent_returns_never_take_more_than_was_sold(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let first = sold(ledger.as_ref(), 1).await;
    let second = sold(ledger.as_ref(), 2).await;
    let name = |n: u64| match n % 3 {
        0 => by_uuid(first),
        1 => by_number(&sale(1).number),
        _ => by_uuid(second),
    };
    accept_new(ledger.as_ref(), (10..70).map(|n| returning(n, name(n), 1)).collect()).await;
    let outcomes = together(8, |task| {
        let ledger = ledger.clone();
        async move {
            let mut keys: Vec<InvoiceKey> = (10..70).map(|n| arrival(n).key).collect();
            keys.sort_by_key(|key| super::arrivals::mixed(task ^ key.uuid.as_u64_pair().1));
            let mut outcomes = Vec::new();
            for batch in keys.chunks(usize::try_from(1 + task * 3).unwrap()) {
                outcomes.extend(ledger.encode(batch.to_vec(), Arc::new(TEN)).await.unwrap());
            }
            outcomes
        }
    })
    .await;
    let mut taken: BTreeMap<bool, u64> = BTreeMap::new();
    let mut counters = Vec::new();
    for outcome in outcomes.into_iter().flatten() {
        if let EncodeOutcome::Encoded(invoice) = outcome {
            let bytes = sent(ledger.as_ref(), invoice.key).await;
            *taken.entry(bytes.contains(&sale(2).number)).or_default() += 1;
            counters.extend(invoice.icv);
        }
    }
    assert_eq!(taken, BTreeMap::from([(false, 10), (true, 10)]));
    counters.sort_unstable();
    assert_eq!(counters, (3..23).collect::<Vec<_>>(), "the unfit take no number");
    assert_verifies(ledger.as_ref(), 62).await;
}

/// The document version that was cleared, or what was found at the authority and adopted.
pub async fn the_original_is_what_the_authority_holds(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (key, adopted) = (sale(1).key, sale(2).key);
    accept_new(ledger, vec![sale(1), sale(2)]).await;
    encode(ledger, &[key, adopted], TEN).await;
    // A first version that is cleared late, when a second one has been refused.
    start_and_vanish(ledger, key).await;
    start_at_last(ledger, key).await;
    record(ledger, key, Outcome::Refused, "مرفوضة").await;
    let first = sent(ledger, key).await;
    let amendment = Arrival { source: source(0), ..super::arrivals::amended(1, 1, Some(1)) };
    accept_one(ledger, amendment).await;
    fixed(encode_one(ledger, key).await);
    refuse(ledger, key).await;
    let late =
        Command::Record { attempt: 1, document: 1, outcome: cleared("QR"), evidence: evidence("SUBMITTED") };
    assert_eq!(act(ledger, key, late).await.cleared_document, Some(1));
    let back = accepted(ledger, returning(3, by_uuid(key), 1)).await;
    fixed(encode_one(ledger, back).await);
    assert!(sent(ledger, back).await.contains(&first));

    start(ledger, adopted).await;
    let other = Outcome::HoldsOther {
        qr: Some("QR-B".to_owned()), difference: "المجموع مختلف".to_owned()
    };
    let held = record(ledger, adopted, other, "ALREADY_SUBMITTED").await;
    let by = actor("نفس البيع");
    let events = vec![invoice::life::Event::Adopted { qr: "QR-B".to_owned(), by }];
    let documents = vec![NewDocument {
        document: 1,
        kind: DocumentKind::Held,
        bytes: b"<Invoice>HELD</Invoice>".to_vec(),
    }];
    let now = ledger.now().await.unwrap();
    super::hands::append(ledger, crate::Change { documents, ..change(held, events, now) }).await;
    let back = accepted(ledger, returning(4, by_uuid(adopted), 1)).await;
    fixed(encode_one(ledger, back).await);
    assert!(sent(ledger, back).await.contains("HELD"), "what was adopted, not what we had sent");
    // A return is no original.
    let of_return = accepted(ledger, returning(5, by_uuid(back), 1)).await;
    assert_eq!(unfit(encode_one(ledger, of_return).await).message.as_deref(), Some("a return of a return"));
}

pub async fn whoever_waits_for_an_original_is_found(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (one, two) = (sale(1), sale(2));
    let waiting = [
        returning(3, by_uuid(one.key), 1),
        returning(4, by_number(&one.number), 1),
        returning(5, by_uuid(two.key), 1),
        Arrival { source: source(3), ..returning(6, by_uuid(one.key), 1) },
    ];
    accept_new(ledger, waiting.to_vec()).await;
    let keys: Vec<_> = waiting.iter().map(|arrival| arrival.key).collect();
    encode(ledger, &keys, TEN).await;
    accept_new(ledger, vec![one.clone(), two.clone()]).await;
    let found = async |originals: &[InvoiceKey]| {
        let mut found: Vec<_> =
            ledger.dependants(originals).await.unwrap().into_iter().map(|swept| swept.invoice.key).collect();
        found.sort_unstable();
        found
    };
    let expected = |numbers: &[usize]| {
        let mut expected: Vec<_> = numbers.iter().map(|n| keys[n - 3]).collect();
        expected.sort_unstable();
        expected
    };
    assert_eq!(found(&[]).await, []);
    assert_eq!(found(&[arrival(9).key, keys[0]]).await, [], "nobody waits for these");
    assert_eq!(
        found(&[one.key]).await,
        expected(&[3, 4]),
        "another seller's return waits for something else"
    );
    assert_eq!(found(&[two.key, one.key]).await, expected(&[3, 4, 5]));
    // Once encoded, abandoned, or amended to take back another one, it waits for it no more.
    encode(ledger, &[one.key], TEN).await;
    clear(ledger, one.key).await;
    assert_eq!(found(&[one.key]).await, expected(&[3, 4]));
    fixed(encode_one(ledger, keys[0]).await);
    let moved = Arrival { amends: Some(1), ..returning(4, by_uuid(two.key), 1) };
    accept_one(ledger, moved).await;
    assert_eq!(found(&[one.key]).await, []);
    assert_eq!(found(&[two.key]).await, expected(&[4, 5]));
    act(ledger, keys[2], Command::Abandon { by: actor("ألغي المرتجع") }).await;
    assert_eq!(found(&[two.key]).await, expected(&[4]));
    let swept = ledger.dependants(&[two.key]).await.unwrap().remove(0);
    assert_eq!(swept.invoice, load(ledger, keys[1]).await);
    assert_eq!(swept.traceparent, arrival(4).traceparent);
}

/// One that waits sleeps for as long as anything may, unless its original wakes it.
pub async fn who_waits_is_swept_seldom_and_woken_at_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(crate::Schedule { grace_ms: 1, pause_max_ms: 3_600_000 }).await;
    let ledger = ledger.as_ref();
    let key = accepted(ledger, returning(2, by_uuid(sale(1).key), 1)).await;
    encode_one(ledger, key).await;
    accept_new(ledger, vec![sale(1)]).await;
    let swept = super::hands::eventually("the original", async || {
        let swept = ledger.sweep(crate::Sweep::ALL, 10).await.unwrap();
        (!swept.is_empty()).then_some(swept)
    })
    .await;
    let keys: Vec<_> = swept.iter().map(|swept| swept.invoice.key).collect();
    assert_eq!(keys, [sale(1).key], "the return sleeps");
    assert_eq!(ledger.dependants(&[sale(1).key]).await.unwrap().len(), 1);
    super::hands::eventually("the return", async || {
        let swept = ledger.sweep(crate::Sweep::ALL, 10).await.unwrap();
        swept.iter().any(|swept| swept.invoice.key == key).then_some(())
    })
    .await;
    let standing = ledger.standing().await.unwrap();
    assert_eq!(standing.past_due, 1, "the sale; who waits is not late");
}

pub async fn an_original_that_never_comes_ends_with_a_person(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let impatient = Taking { original_wait_ms: 0, ..TEN };
    let key = accepted(ledger, returning(2, by_number("INV-?"), 1)).await;
    let outcome = encode(ledger, &[key], impatient.clone()).await.remove(0);
    assert!(matches!(outcome, EncodeOutcome::Waits(_)), "it is looked for once at least: {outcome:?}");
    let given_up = unfit(encode(ledger, &[key], impatient).await.remove(0));
    assert_eq!((given_up.state, given_up.cause), (State::DeadLettered, Some(Cause::OriginalUnknown)));
    assert_eq!(assert_folds(ledger, key).await.0, given_up);
    let filter = Filter { cause: Some(Cause::OriginalUnknown), ..Filter::default() };
    assert_eq!(ledger.list(&filter, None, 10).await.unwrap().rows.len(), 1);
    // The original comes after all, and a person tries again.
    accept_new(ledger, vec![Arrival { number: "INV-?".to_owned(), ..sale(1) }]).await;
    act(ledger, key, requeue(RequeueMode::SameBytes)).await;
    assert!(matches!(encode_one(ledger, key).await, EncodeOutcome::Waits(_)));
    act(ledger, sale(1).key, Command::Abandon { by: actor("ألغي البيع") }).await;
    assert_eq!(unfit(encode_one(ledger, key).await).cause, Some(Cause::Unfit));
    assert_verifies(ledger, 2).await;
}

/// An original from before our time: the first return describes it; while others rest on that, it is fixed.
pub async fn an_outside_original_is_described_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let name = OriginalName {
        uuid: Some("7a4452eb-0acd-49983-b630-b2b79d0acert".to_owned()),
        number: Some("EIN-0101".to_owned()),
    };
    let back = |n, take, tells| telling(n, name.clone(), take, tells);
    let first = accepted(ledger, back(2, 4, Some("ten of them"))).await;
    let blind = accepted(ledger, back(3, 4, None)).await;
    let by_number_alone = accepted(ledger, returning(4, by_number("EIN-0101"), 2)).await;
    assert!(
        matches!(encode_one(ledger, blind).await, EncodeOutcome::Waits(_)),
        "nobody has described it yet"
    );
    assert!(matches!(encode_one(ledger, by_number_alone).await, EncodeOutcome::Waits(_)));
    let outcomes = encode(ledger, &[first, blind], TEN).await;
    assert!(matches!(&outcomes[..], [EncodeOutcome::Encoded(_), EncodeOutcome::Encoded(_)]), "{outcomes:?}");
    fixed(encode_one(ledger, by_number_alone).await);
    assert!(sent(ledger, by_number_alone).await.contains("ten of them"));
    let one_more = accepted(ledger, back(5, 1, None)).await;
    assert!(unfit(encode_one(ledger, one_more).await).message.unwrap().contains("10 of 10"));
    let other = accepted(ledger, back(6, 1, Some("nine"))).await;
    assert_eq!(unfit(encode_one(ledger, other).await).message.as_deref(), Some("the description is fixed"));
    for key in [first, blind, by_number_alone] {
        act(ledger, key, Command::Abandon { by: actor("وصف خاطئ") }).await;
    }
    act(ledger, other, requeue(RequeueMode::Reencode)).await;
    fixed(encode_one(ledger, other).await);
    act(ledger, one_more, requeue(RequeueMode::Reencode)).await;
    fixed(encode_one(ledger, one_more).await);
    assert!(sent(ledger, one_more).await.contains("nine"), "told anew, since nothing rested on it");
    assert_verifies(ledger, 5).await;
}

/// Two encoders describe the same original at once: one description, and not more than it allows.
pub async fn concurrent_returns_of_an_outside_original_share_it(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let name = OriginalName { uuid: Some("X-1".to_owned()), number: Some("EIN-0101".to_owned()) };
    let arrivals = (10..40).map(|n| telling(n, name.clone(), 1, Some("ten"))).collect();
    let keys: Vec<_> = accept_new(ledger.as_ref(), arrivals).await.iter().map(|draft| draft.key).collect();
    let outcomes = together(6, |task| {
        let (ledger, mut keys) = (ledger.clone(), keys.clone());
        async move {
            keys.rotate_left(usize::try_from(task * 5).unwrap());
            let mut outcomes = Vec::new();
            for batch in keys.chunks(3) {
                outcomes.extend(ledger.encode(batch.to_vec(), Arc::new(TEN)).await.unwrap());
            }
            outcomes
        }
    })
    .await;
    let encoded =
        outcomes.iter().flatten().filter(|outcome| matches!(outcome, EncodeOutcome::Encoded(_))).count();
    assert_eq!(encoded, 10);
}

/// An acceptance that comes when the return has been given up brings what it took back.
pub async fn a_late_clearance_takes_after_all(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let original = sold(ledger, 1).await;
    let early = accepted(ledger, returning(2, by_uuid(original), 8)).await;
    fixed(encode_one(ledger, early).await);
    start_and_vanish(ledger, early).await;
    start_at_last(ledger, early).await;
    record(ledger, early, Outcome::Refused, "مرفوضة").await;
    act(ledger, early, Command::Abandon { by: actor("ألغي المرتجع") }).await;
    let free = accepted(ledger, returning(3, by_uuid(original), 1)).await;
    fixed(encode_one(ledger, free).await);
    let late =
        Command::Record { attempt: 1, document: 1, outcome: cleared("QR"), evidence: evidence("SUBMITTED") };
    act(ledger, early, late).await;
    let more = accepted(ledger, returning(4, by_uuid(original), 2)).await;
    assert!(unfit(encode_one(ledger, more).await).message.unwrap().contains("9 of 10"));
}

async fn sent(ledger: &dyn Ledger, key: InvoiceKey) -> String {
    let document = load(ledger, key).await.document;
    let found = ledger.documents(&[(key, document, DocumentKind::Sent)]).await.unwrap().remove(0).unwrap();
    String::from_utf8(found.bytes).unwrap()
}
