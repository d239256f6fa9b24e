//! Making arrivals durable: promises 1 and 3.

use std::sync::Arc;

use invoice::life::{Cause, Command, Event, Invoice, Outcome, Refusal, RequeueMode, State};
use invoice::{Digest, Environment, InvoiceKey};

use super::Harness;
use super::arrivals::{amended, arrival, source};
use super::hands::{
    accept_new, accept_one, act, actor, append, assert_folds, change, clear, drafts, encoded, load, record,
    refuse, requeue, start, start_and_vanish, together,
};
use crate::{Arrival, Ledger, LedgerError, Reception};

pub async fn new_arrivals_become_drafts(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let before = ledger.now().await.unwrap();
    let arrivals = [arrival(1), arrival(2), arrival(3)];
    let receptions = ledger.accept(arrivals.to_vec()).await.unwrap();
    let after = ledger.now().await.unwrap();
    assert_eq!(receptions.len(), 3);
    for (arrival, reception) in arrivals.into_iter().zip(receptions) {
        let Reception::Accepted(invoice) = reception else { panic!("{reception:?}") };
        assert!((before..=after).contains(&invoice.accepted_at));
        let expected = Invoice::accepted(
            arrival.key,
            arrival.source,
            arrival.number,
            arrival.content,
            invoice.accepted_at,
        );
        assert_eq!(invoice, expected);
        let (stored, history) = assert_folds(ledger.as_ref(), arrival.key).await;
        assert_eq!(stored, expected);
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].event, Event::Accepted { content: arrival.content });
        let content = ledger.content(arrival.key).await.unwrap().unwrap();
        assert_eq!((content.invoice, content.normal_form), (expected, arrival.normal_form));
    }
}

/// JSON is text here: what a parser would take for the same must not come back for it.
pub async fn the_normal_form_is_kept_verbatim(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let normal_form =
        "{ \"b\":1.00,\t\"a\" : \"فاتورة \\u0041\", \"b\":1e2,\n\"nul\":\"\\u0000\" }".to_owned();
    let odd = Arrival {
        content: Digest::of(normal_form.as_bytes()),
        normal_form: normal_form.clone(),
        ..arrival(1)
    };
    let key = odd.key;
    accept_new(ledger.as_ref(), vec![odd]).await;
    assert_eq!(ledger.content(key).await.unwrap().unwrap().normal_form, normal_form);
    assert_eq!(ledger.verify().await.unwrap().violations, []);
}

pub async fn repeats_change_nothing(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let draft = drafts(ledger.as_ref(), [1]).await.remove(0);
    // Its being named an amendment makes no difference: the content is known.
    for repeat in [arrival(1), Arrival { amends: Some(1), traceparent: None, ..arrival(1) }] {
        assert_eq!(accept_one(ledger.as_ref(), repeat).await, Reception::Repeat(draft.clone()));
    }
    assert_eq!(ledger.history(draft.key).await.unwrap().len(), 1);

    encoded(ledger.as_ref(), [2]).await;
    let cleared = clear(ledger.as_ref(), arrival(2).key).await;
    assert_eq!(accept_one(ledger.as_ref(), arrival(2)).await, Reception::Repeat(cleared));
}

pub async fn an_older_version_after_an_amendment_is_a_repeat(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    encoded(ledger.as_ref(), [1]).await;
    refuse(ledger.as_ref(), arrival(1).key).await;
    let Reception::Amended(draft) = accept_one(ledger.as_ref(), amended(1, 1, Some(1))).await else {
        panic!()
    };
    for repeat in [arrival(1), amended(1, 1, Some(1)), amended(1, 1, None), amended(1, 1, Some(7))] {
        assert_eq!(accept_one(ledger.as_ref(), repeat).await, Reception::Repeat(draft.clone()));
    }
    assert_eq!(draft.contents, [arrival(1).content, amended(1, 1, None).content]);
    let content = ledger.content(draft.key).await.unwrap().unwrap();
    assert_eq!(content.normal_form, amended(1, 1, None).normal_form);
}

pub async fn other_content_is_refused_with_the_current_one(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let draft = drafts(ledger.as_ref(), [1]).await.remove(0);
    let refused = Reception::Refused {
        invoice: draft.clone(),
        refusal: Refusal::OtherContent { document: 1, state: State::Draft },
        current: arrival(1).normal_form,
    };
    assert_eq!(accept_one(ledger.as_ref(), amended(1, 1, None)).await, refused);
    // Another number under the same UUID is other content as well, as long as nothing may be amended.
    let renumbered = Arrival { number: "INV-999999".to_owned(), ..amended(1, 1, Some(1)) };
    assert_eq!(accept_one(ledger.as_ref(), renumbered).await, refused);
    assert_eq!(load(ledger.as_ref(), draft.key).await, draft);
    assert_eq!(ledger.content(draft.key).await.unwrap().unwrap().normal_form, arrival(1).normal_form);
}

pub async fn only_rejected_and_dead_lettered_invoices_are_amended(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    drafts(ledger, [0]).await;
    encoded(ledger, 1..=9).await;
    start(ledger, arrival(2).key).await;
    start(ledger, arrival(3).key).await;
    record(ledger, arrival(3).key, Outcome::Credentials, "401").await;
    clear(ledger, arrival(4).key).await;
    refuse(ledger, arrival(5).key).await;
    act(ledger, arrival(5).key, Command::Abandon { by: actor("بطلب من الزبون") }).await;
    refuse(ledger, arrival(6).key).await;
    dead_letter(ledger, arrival(7).key, Cause::Suspect).await;
    // The authority holds another document under this UUID: no amendment would ever clear.
    dead_letter(ledger, arrival(9).key, Cause::AuthorityHoldsOther).await;
    refuse(ledger, arrival(8).key).await;
    act(ledger, arrival(8).key, requeue(RequeueMode::SameBytes)).await;
    for (n, state, may) in [
        (0, State::Draft, false),
        (1, State::Draft, false),
        (2, State::Submitted, false),
        (3, State::PendingRetry, false),
        (4, State::Cleared, false),
        (5, State::Abandoned, false),
        (6, State::Rejected, true),
        (7, State::DeadLettered, true),
        (8, State::PendingRetry, false),
        (9, State::DeadLettered, false),
    ] {
        let invoice = load(ledger, arrival(n).key).await;
        assert_eq!(invoice.state, state);
        match accept_one(ledger, amended(n, 1, Some(1))).await {
            Reception::Amended(draft) if may => {
                assert_eq!((draft.state, draft.document, draft.xml), (State::Draft, 2, None));
                assert_eq!(draft.icv, invoice.icv, "an amended invoice keeps its counter");
                assert_eq!(assert_folds(ledger, draft.key).await.0, draft);
            }
            Reception::Refused { invoice: refused, current, .. } if !may => {
                assert_eq!((refused, current), (invoice, arrival(n).normal_form));
            }
            other => panic!("{n}: {other:?}"),
        }
    }
}

pub async fn an_amendment_names_the_current_version(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    let rejected = refuse(ledger, arrival(1).key).await;
    for named in [0, 2, u32::MAX] {
        let reception = accept_one(ledger, amended(1, 1, Some(named))).await;
        let Reception::Refused { invoice, refusal, .. } = reception else { panic!("{reception:?}") };
        assert_eq!((invoice, refusal), (rejected.clone(), Refusal::WrongVersion { named, current: 1 }));
    }
}

pub async fn an_amendment_by_a_person_needs_name_and_reason(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    refuse(ledger, arrival(1).key).await;
    let anonymous = Arrival { by: Some(actor(" ")), ..amended(1, 1, Some(1)) };
    let reception = accept_one(ledger, anonymous).await;
    assert!(matches!(reception, Reception::Refused { refusal: Refusal::Anonymous, .. }), "{reception:?}");

    let by = Some(actor("الرقم الضريبي كان ناقصا"));
    let mut signed =
        Arrival { by: by.clone(), traceparent: Some("00-1-2-01".to_owned()), ..amended(1, 1, Some(1)) };
    signed.summary.payable = "77.125".parse().unwrap();
    signed.summary.buyer = Some("شركة أخرى".to_owned());
    let Reception::Amended(draft) = accept_one(ledger, signed.clone()).await else { panic!() };
    let history = ledger.history(draft.key).await.unwrap();
    assert_eq!(history.last().unwrap().event, Event::Amended { document: 2, content: signed.content, by });
    // What is searched by follows the amendment, and so does the trace.
    let listed = ledger.list(&crate::Filter::default(), None, 10).await.unwrap().rows.remove(0);
    assert_eq!((listed.summary, listed.traceparent), (signed.summary, signed.traceparent));
}

/// Promise 6: what the authority may hold must not change.
pub async fn nothing_in_doubt_is_amended(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    let key = arrival(1).key;
    let mut invoice = start_and_vanish(ledger, key).await;
    for _ in 0..10 {
        if invoice.state == State::Submitted {
            invoice = start_and_vanish(ledger, key).await;
        }
    }
    assert_eq!((invoice.state, invoice.in_doubt), (State::DeadLettered, Some(invoice.attempt)));
    let reception = accept_one(ledger, amended(1, 1, Some(1))).await;
    let Reception::Refused { invoice: unchanged, refusal, .. } = reception else { panic!("{reception:?}") };
    assert_eq!(refusal, Refusal::InDoubt { attempt: invoice.attempt });
    assert_eq!(unchanged, invoice);
}

pub async fn a_number_belongs_to_one_uuid(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let first = drafts(ledger, [1]).await.remove(0);
    let thief = Arrival { number: first.number.clone(), source: first.source.clone(), ..arrival(2) };
    let taken = Reception::NumberTaken { by: first.key.uuid };
    assert_eq!(accept_one(ledger, thief.clone()).await, taken);
    assert_eq!(ledger.load(&[thief.key]).await.unwrap().invoices, [None]);
    assert_eq!(ledger.history(thief.key).await.unwrap(), []);

    // The same number of another income source, or in another environment, is another number.
    let elsewhere = InvoiceKey { environment: Environment::Production, ..thief.key };
    accept_new(
        ledger,
        vec![Arrival { source: source(5), ..thief.clone() }, Arrival { key: elsewhere, ..thief.clone() }],
    )
    .await;
    // A UUID that was once refused for its number is free for another one.
    assert_eq!(ledger.find(&first.number).await.unwrap().len(), 3);
}

pub async fn a_uuid_in_another_environment_is_another_invoice(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let in_production = |arrival: Arrival| Arrival {
        key: InvoiceKey { environment: Environment::Production, ..arrival.key },
        ..arrival
    };
    accept_new(ledger.as_ref(), vec![arrival(1), in_production(arrival(1))]).await;
    let other = in_production(amended(1, 1, None));
    assert!(matches!(accept_one(ledger.as_ref(), other).await, Reception::Refused { .. }));
    let Reception::Repeat(invoice) = accept_one(ledger.as_ref(), in_production(arrival(1))).await else {
        panic!()
    };
    assert_eq!(invoice.key.environment, Environment::Production);
}

pub async fn an_amendment_keeps_its_identity(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    let rejected = refuse(ledger, arrival(1).key).await;
    for changed in [
        Arrival { number: "INV-999999".to_owned(), ..amended(1, 1, Some(1)) },
        Arrival { source: source(5), ..amended(1, 1, Some(1)) },
    ] {
        let reception = accept_one(ledger, changed).await;
        assert_eq!(reception, Reception::IdentityChanged { invoice: rejected.clone() });
    }
    assert_eq!(load(ledger, rejected.key).await, rejected);
    let free = Arrival { number: "INV-999999".to_owned(), ..arrival(2) };
    accept_new(ledger, vec![free]).await;
}

pub async fn arrivals_of_a_batch_see_each_other_in_order(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let thief = Arrival { number: arrival(2).number, source: arrival(2).source, ..arrival(3) };
    let batch = vec![arrival(1), arrival(2), arrival(1), amended(1, 1, None), thief, arrival(4), arrival(3)];
    let receptions = ledger.accept(batch).await.unwrap();
    let (first, second) = (load(ledger, arrival(1).key).await, load(ledger, arrival(2).key).await);
    let (third, fourth) = (load(ledger, arrival(3).key).await, load(ledger, arrival(4).key).await);
    let expected = [
        Reception::Accepted(first.clone()),
        Reception::Accepted(second.clone()),
        Reception::Repeat(first.clone()),
        Reception::Refused {
            invoice: first,
            refusal: Refusal::OtherContent { document: 1, state: State::Draft },
            current: arrival(1).normal_form,
        },
        Reception::NumberTaken { by: second.key.uuid },
        Reception::Accepted(fourth),
        Reception::Accepted(third),
    ];
    assert_eq!(receptions, expected);

    // Amendments of one batch, too: the first one makes it a draft again.
    encoded(ledger, [5]).await;
    refuse(ledger, arrival(5).key).await;
    let batch =
        vec![amended(5, 1, Some(1)), amended(5, 1, Some(1)), amended(5, 2, Some(2)), amended(5, 2, Some(1))];
    let receptions = ledger.accept(batch).await.unwrap();
    let draft = load(ledger, arrival(5).key).await;
    let refused = Reception::Refused {
        invoice: draft.clone(),
        refusal: Refusal::OtherContent { document: 2, state: State::Draft },
        current: amended(5, 1, None).normal_form,
    };
    let expected = [Reception::Amended(draft.clone()), Reception::Repeat(draft), refused.clone(), refused];
    assert_eq!(receptions, expected);
}

pub async fn fifty_concurrent_accepts_make_one_invoice(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let receptions = together(50, |_| {
        let ledger = ledger.clone();
        async move { accept_one(ledger.as_ref(), arrival(1)).await }
    })
    .await;
    let accepted = receptions.iter().filter(|reception| matches!(reception, Reception::Accepted(_))).count();
    let repeated = receptions.iter().filter(|reception| matches!(reception, Reception::Repeat(_))).count();
    assert_eq!((accepted, repeated), (1, 49));
    assert_eq!(ledger.history(arrival(1).key).await.unwrap().len(), 1);
}

/// Batches that overlap must not lock each other out, whatever their order.
pub async fn overlapping_batches_accept_each_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let receptions = together(8, |task| {
        let ledger = ledger.clone();
        async move {
            let mut batch: Vec<Arrival> = (0..40).map(|n| arrival((n + task * 5) % 40)).collect();
            if task % 2 == 1 {
                batch.reverse();
            }
            ledger.accept(batch).await.unwrap()
        }
    })
    .await;
    let accepted =
        receptions.iter().flatten().filter(|reception| matches!(reception, Reception::Accepted(_))).count();
    let repeated =
        receptions.iter().flatten().filter(|reception| matches!(reception, Reception::Repeat(_))).count();
    assert_eq!((accepted, repeated), (40, 280));
    assert_eq!(ledger.verify().await.unwrap().streams, 40);
}

pub async fn concurrent_claims_of_a_number_have_one_winner(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let receptions = together(16, |task| {
        let ledger = ledger.clone();
        let contender = Arrival { number: "ف/1".to_owned(), source: source(0), ..arrival(task) };
        async move { accept_one(ledger.as_ref(), contender).await }
    })
    .await;
    let winners: Vec<_> = receptions
        .iter()
        .filter_map(|reception| match reception {
            Reception::Accepted(invoice) => Some(invoice.key.uuid),
            _ => None,
        })
        .collect();
    assert_eq!(winners.len(), 1);
    let taken = Reception::NumberTaken { by: winners[0] };
    assert_eq!(receptions.iter().filter(|reception| **reception == taken).count(), 15);
}

pub async fn concurrent_amendments_have_one_winner(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    encoded(ledger.as_ref(), [1]).await;
    refuse(ledger.as_ref(), arrival(1).key).await;
    let receptions = together(16, |task| {
        let ledger = ledger.clone();
        let amendment = amended(1, u32::try_from(task).unwrap() + 1, Some(1));
        async move { accept_one(ledger.as_ref(), amendment).await }
    })
    .await;
    let amended = receptions.iter().filter(|reception| matches!(reception, Reception::Amended(_))).count();
    let refused =
        receptions.iter().filter(|reception| matches!(reception, Reception::Refused { .. })).count();
    assert_eq!((amended, refused), (1, 15));
    assert_eq!(assert_folds(ledger.as_ref(), arrival(1).key).await.0.document, 2);
}

pub async fn a_thousand_arrivals_are_one_batch(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    assert_eq!(drafts(ledger.as_ref(), 0..1_000).await.len(), 1_000);
    let receptions = ledger.accept((500..1_500).map(arrival).collect()).await.unwrap();
    for (n, reception) in (500..).zip(receptions) {
        let (repeated, invoice) = match reception {
            Reception::Repeat(invoice) => (true, invoice),
            Reception::Accepted(invoice) => (false, invoice),
            other => panic!("{other:?}"),
        };
        assert_eq!((repeated, invoice.key), (n < 1_000, arrival(n).key), "in order");
    }
}

pub async fn an_empty_batch_is_nothing(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    assert_eq!(ledger.accept(Vec::new()).await.unwrap(), []);
}

/// As if the authority had failed on it alone, too often.
async fn dead_letter(ledger: &dyn Ledger, key: InvoiceKey, cause: Cause) -> Invoice {
    let invoice = start(ledger, key).await;
    let given_up = Event::DeadLettered {
        cause,
        attempt: invoice.attempt,
        message: "المجموع مختلف".to_owned(),
        held_qr: None,
        evidence: None,
    };
    let now = ledger.now().await.unwrap();
    append(ledger, change(invoice, vec![given_up], now)).await
}

/// Who hands in what cannot be kept hears so, and nothing of that batch is taken: it must be handed in singly.
pub async fn a_text_with_nul_is_refused_with_its_batch(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let traced = Arrival { traceparent: Some("\0".to_owned()), ..arrival(2) };
    let numbered = Arrival { number: "A\0".to_owned(), ..arrival(3) };
    for unfit in [traced, numbered] {
        let refused = ledger.accept(vec![arrival(1), unfit]).await;
        assert!(matches!(refused, Err(LedgerError::Refused(_))), "{refused:?}");
    }
    assert_eq!(ledger.load(&[arrival(1).key]).await.unwrap().invoices, [None]);
}
