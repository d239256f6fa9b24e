//! Answers that are none, or half of one.

use invoice::life::{Cause, Event, OutcomeKind, State};
use simulator::{Fault, Times};
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, settled};
use tokio::time::sleep;

use crate::scene::{HOUR, MINUTE, history, key, misbehave, offer, rule, seen, status, when};

#[tokio::test(start_paused = true)]
async fn an_acceptance_without_qr_is_fetched_for_as_long_as_it_takes() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 31);
    misbehave(&seams, [rule("T-000001", Times::Total(9), Fault::WithoutQr)]);
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..10).map(event)).await;
    let all = settled(&*seams.ledger, 10, 10 * HOUR).await;
    let invoice = &all[&key(1)];
    assert_eq!((invoice.state, invoice.attempt, invoice.charged), (State::Cleared, 10, 0));
    let events = history(&seams, key(1)).await;
    let fetches = events.iter().filter(|it| matches!(it.event, Event::QrOutstanding { .. })).count();
    assert_eq!(fetches, 9);
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn garbage_pages_and_redirects_settle_nothing() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 32);
    let redirect = |processed| Fault::Status { code: 307, retry_after_s: None, processed };
    let faults = [
        Fault::Garbage { processed: true },
        Fault::Garbage { processed: false },
        Fault::Html { processed: true },
        Fault::Html { processed: false },
        Fault::Empty { processed: true },
        Fault::Empty { processed: false },
        redirect(true),
        redirect(false),
    ];
    misbehave(
        &seams,
        faults.into_iter().enumerate().map(|(n, fault)| rule(&format!("T-{n:06}"), Times::Total(2), fault)),
    );
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..10).map(event)).await;
    let all = settled(&*seams.ledger, 10, HOUR).await;
    for n in 0..8 {
        let attempts = seams.ledger.attempts(key(n)).await.unwrap();
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [OutcomeKind::InDoubt, OutcomeKind::InDoubt, OutcomeKind::Cleared], "{n}");
    }
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_500_while_others_pass_is_given_up_after_six_sends() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 33);
    misbehave(&seams, [rule("T-000001", Times::Always, status(500))]);
    let fleet = Fleet::start(&seams, &numbers);
    // Somebody has passed before, so that the first 500 is known for what it is.
    offer(&seams, &event(2)).await.unwrap();
    when(&seams, key(2), "the first to pass", MINUTE, |it| it.state == State::Cleared).await;
    offer(&seams, &event(1)).await.unwrap();
    let others = tokio::spawn({
        let seams = seams.clone();
        async move {
            for n in 100..300 {
                offer(&seams, &event(n)).await.unwrap();
                sleep(MINUTE / 2).await;
            }
        }
    });
    let invoice = when(&seams, key(1), "the end", 3 * HOUR, |it| it.state.is_settled()).await;
    assert_eq!((invoice.state, invoice.cause), (State::DeadLettered, Some(Cause::Suspect)));
    assert_eq!((invoice.attempt, invoice.charged), (6, 6));
    assert_eq!(seen(&seams, key(1)).len(), 6);
    others.await.unwrap();
    let all = settled(&*seams.ledger, 202, HOUR).await;
    assert!(
        all.iter()
            .all(|(it, invoice)| *it == key(1) || (invoice.state == State::Cleared && invoice.charged == 0))
    );
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}
