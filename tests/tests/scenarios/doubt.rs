//! Doubt: while the authority may hold a document, nothing may change it (promises 6 and 7).

use std::time::Duration;

use invoice::life::{Cause, Command, Event, OutcomeKind, Refusal, RequeueMode, State};
use ledger::DocumentKind;
use producer::Refused;
use simulator::{Fault, Times, Verdict};
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, settled};

use crate::scene::{
    HOUR, MINUTE, amending, history, key, look, misbehave, offer, repriced, rule, salma, seen, status, when,
    wish,
};

const NUMBER: &str = "T-000001";

/// The authority takes the document and answers after the client has given up.
fn unheard() -> Fault {
    Fault::Late { delay_ms: 70_000 }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_then_403_leaves_it_in_doubt_until_the_same_bytes_are_answered() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 11);
    misbehave(&seams, [rule(NUMBER, Times::Total(1), unheard()), rule(NUMBER, Times::Total(2), status(403))]);
    let fleet = Fleet::start(&seams, &numbers);
    offer(&seams, &event(1)).await.unwrap();
    for attempt in [1, 2, 3] {
        let is = move |it: &invoice::life::Invoice| it.attempt == attempt && it.state == State::PendingRetry;
        let invoice = when(&seams, key(1), "the next put-off", HOUR, is).await;
        assert_eq!(invoice.in_doubt, Some(1), "after attempt {attempt}");
        let amended = offer(&seams, &amending(repriced(event(1), "9"), 1)).await;
        assert!(matches!(amended, Err(Refused::Conflict { .. })), "{amended:?}");
        let abandoned = wish(&seams, &numbers, key(1), Command::Abandon { by: salma() }).await;
        assert!(abandoned.is_err(), "{abandoned:?}");
    }
    let all = settled(&*seams.ledger, 1, HOUR).await;
    let invoice = &all[&key(1)];
    assert_eq!((invoice.state, invoice.in_doubt, invoice.document), (State::Cleared, None, 1));
    let seen = seen(&seams, key(1));
    assert!(seen.iter().all(|entry| entry.sha256 == seen[0].sha256), "the same bytes every time");
    assert_eq!(seen.last().unwrap().verdict, Verdict::AlreadySubmitted);
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

/// 500 on every resend, until it is given up: it is dead-lettered, and still nothing may change it.
#[tokio::test(start_paused = true)]
async fn a_timeout_and_then_500_leaves_it_in_doubt_even_in_the_dead_letters() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 12);
    misbehave(&seams, [rule(NUMBER, Times::Total(1), unheard()), rule(NUMBER, Times::Total(6), status(500))]);
    let fleet = Fleet::start(&seams, &numbers);
    offer(&seams, &event(1)).await.unwrap();
    // Others pass all the while, so that the failures are this invoice's own.
    let others = tokio::spawn({
        let seams = seams.clone();
        async move {
            for n in 100..400 {
                offer(&seams, &event(n)).await.unwrap();
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
        }
    });
    let is = |it: &invoice::life::Invoice| it.state == State::DeadLettered;
    let invoice = when(&seams, key(1), "the dead letter", 3 * HOUR, is).await;
    assert_eq!(invoice.cause, Some(Cause::Suspect));
    assert_eq!((invoice.attempt, invoice.charged, invoice.in_doubt), (7, 6, Some(1)));

    match offer(&seams, &amending(repriced(event(1), "9"), 1)).await {
        Err(Refused::Conflict { reason, .. }) => assert!(reason.contains("in doubt"), "{reason}"),
        other => panic!("amended while in doubt: {other:?}"),
    }
    let abandoned = wish(&seams, &numbers, key(1), Command::Abandon { by: salma() }).await;
    assert_eq!(abandoned, Err(Refusal::InDoubt { attempt: 1 }));
    let anew = Command::Requeue { mode: RequeueMode::Reencode, by: salma() };
    assert_eq!(wish(&seams, &numbers, key(1), anew).await, Err(Refusal::InDoubt { attempt: 1 }));

    let same = Command::Requeue { mode: RequeueMode::SameBytes, by: salma() };
    let requeued = wish(&seams, &numbers, key(1), same).await.unwrap();
    assert_eq!(requeued.in_doubt, Some(1), "asking again settles nothing by itself");
    others.abort();
    let invoice = when(&seams, key(1), "the clearance", HOUR, |it| it.state == State::Cleared).await;
    assert_eq!((invoice.in_doubt, invoice.document), (None, 1));
    assert_eq!(seen(&seams, key(1)).last().unwrap().verdict, Verdict::AlreadySubmitted);
    fleet.stop().await;
}

/// Somebody else's program has sent another document under our number and UUID.
#[tokio::test(start_paused = true)]
async fn already_submitted_for_another_document_clears_nothing_and_waits_for_a_person() {
    let numbers = Numbers::real();
    let other = Seams::memory(&numbers, 13);
    let fleet = Fleet::start(&other, &numbers);
    offer(&other, &repriced(event(1), "7.777")).await.unwrap();
    let theirs = settled(&*other.ledger, 1, HOUR).await.remove(&key(1)).unwrap();
    fleet.stop().await;

    let seams = Seams {
        authority: other.authority.clone(),
        transport: other.transport.clone(),
        ..Seams::memory(&numbers, 13)
    };
    let fleet = Fleet::start(&seams, &numbers);
    offer(&seams, &event(1)).await.unwrap();
    offer(&seams, &event(2)).await.unwrap();
    let all = settled(&*seams.ledger, 2, HOUR).await;
    assert_eq!(all[&key(2)].state, State::Cleared, "its neighbour is not harmed");
    let invoice = &all[&key(1)];
    assert_eq!((invoice.state, invoice.cause), (State::DeadLettered, Some(Cause::AuthorityHoldsOther)));
    assert_eq!((invoice.qr.as_ref(), invoice.attempt), (None, 1));
    let held = seams.ledger.documents(&[(key(1), 1, DocumentKind::Held)]).await.unwrap().remove(0);
    assert!(held.is_some(), "what the authority holds is kept for the person");

    tokio::time::sleep(30 * HOUR).await;
    assert_eq!(look(&seams, key(1)).await, *invoice, "it waits for a person, however long");
    assert_eq!(seen(&seams, key(1)).len(), 2, "theirs and ours, and no more");
    let amended = offer(&seams, &amending(repriced(event(1), "9"), 1)).await;
    assert!(matches!(amended, Err(Refused::Conflict { .. })), "{amended:?}");
    let abandoned = wish(&seams, &numbers, key(1), Command::Abandon { by: salma() }).await;
    assert_eq!(abandoned, Err(Refusal::HeldByAuthority));

    let held_qr = history(&seams, key(1)).await.into_iter().find_map(|recorded| match recorded.event {
        Event::DeadLettered { held_qr, .. } => held_qr,
        _ => None,
    });
    let adopt = Command::Adopt { qr: held_qr.expect("the QR of what is held"), by: salma() };
    let adopted = wish(&seams, &numbers, key(1), adopt).await.unwrap();
    assert_eq!((adopted.state, adopted.qr), (State::Cleared, theirs.qr));
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn doubt_is_asked_about_ever_more_rarely_and_is_never_charged() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 14);
    misbehave(&seams, [rule(NUMBER, Times::Total(10), Fault::DropAfter)]);
    let fleet = Fleet::start(&seams, &numbers);
    offer(&seams, &event(1)).await.unwrap();
    let all = settled(&*seams.ledger, 1, 10 * HOUR).await;
    let attempts = seams.ledger.attempts(key(1)).await.unwrap();
    assert_eq!(attempts.len(), 11);
    assert!(attempts[..10].iter().all(|attempt| attempt.outcome == OutcomeKind::InDoubt));
    let waits: Vec<i64> =
        attempts.windows(2).map(|pair| (pair[1].started_at - pair[0].ended_at).num_seconds()).collect();
    for (wait, rung) in waits.iter().zip([5, 30, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]) {
        // Jitter adds at most a tenth, and a sweep a little where no queue waits that long.
        assert!((rung..=rung + rung / 10 + 60).contains(wait), "{waits:?}");
    }
    assert_eq!(all[&key(1)].charged, 0);
    tokio::time::sleep(MINUTE).await;
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}
