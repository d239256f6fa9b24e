//! The main job on the memory adapters, with paused time: from event to cleared, and the roads on which it can go wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use invoice::life::{Cause, State};
use simulator::{Fault, FaultRule, Match, Times};
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, settled};

const DEADLINE: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn three_hundred_events_are_cleared_once_each() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 1);
    let fleet = Fleet::start(&seams, &numbers);
    let taken = seams.publish((0..300).map(event)).await;
    assert!(taken.iter().all(|taken| *taken));
    let all = settled(&*seams.ledger, 300, DEADLINE).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_and_not_heard_is_cleared_by_sending_it_again() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 2);
    seams.authority.with(|authority| {
        authority.add_fault(FaultRule {
            matching: Match { every: std::num::NonZero::new(3), ..Match::default() },
            times: Times::PerDocument(1),
            fault: Fault::DropAfter,
        });
    });
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..60).map(event)).await;
    let all = settled(&*seams.ledger, 60, DEADLINE).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared && invoice.charged == 0));
    assert!(all.values().any(|invoice| invoice.attempt > 1), "some had to be sent again");
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_authority_refuses_is_rejected_at_once_and_waits_for_a_person() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 3);
    let refuse = Fault::Refuse { message: "Total General Amount is Not Correct".to_owned(), status: None };
    seams.authority.with(|authority| {
        let matching = Match { number_prefix: Some("T-000007".to_owned()), ..Match::default() };
        authority.add_fault(FaultRule { matching, times: Times::Always, fault: refuse });
    });
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..20).map(event)).await;
    let all = settled(&*seams.ledger, 20, DEADLINE).await;
    let rejected: Vec<_> = all.values().filter(|invoice| invoice.state == State::Rejected).collect();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].number, "T-000007");
    assert_eq!(rejected[0].cause, Some(Cause::Refused));
    assert_eq!(rejected[0].attempt, 1);
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

/// The sweeper and the breaker must not wait for one another: with every hint gone and no new traffic, the probe that is
/// due needs something to probe with.
#[tokio::test(start_paused = true)]
async fn after_an_outage_without_any_hint_left_everything_is_cleared() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 4);
    seams.authority.with(|authority| authority.set_down(true));
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..7).map(event)).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    for queue in numbers.ladder.queues() {
        seams.broker.purge(queue).await.unwrap();
    }
    seams.authority.with(|authority| authority.set_down(false));
    let all = settled(&*seams.ledger, 7, DEADLINE).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared && invoice.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}
