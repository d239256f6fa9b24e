//! Moving to another income source.

use broker::Queue;
use invoice::life::{Event, State};
use invoice::{Environment, IncomeSource, InvoiceKey, Profile, Registration};
use ledger::Filter;
use ledger::conformance::arrival;

use super::hands::{Desk, layla, nobody};
use crate::ConsoleError;

fn registration(key: InvoiceKey) -> Registration {
    Registration {
        environment: key.environment,
        family: None,
        icv_start: 1,
        profile: Profile::default(),
        active: true,
    }
}

/// Another income source of the seller of invoice `n`.
fn elsewhere(n: u64) -> IncomeSource {
    IncomeSource { sequence: "7007007".to_owned(), ..arrival(n).source }
}

#[tokio::test]
async fn a_moved_invoice_is_void_here_and_a_draft_there() {
    let desk = Desk::new();
    for (n, key) in [(1, desk.rejected(1).await), (2, desk.draft(2).await)] {
        let icv = desk.load(key).await.icv;
        let to = elsewhere(n);
        let moved = desk.console.relocate(key, &to, &registration(key), &layla()).await.unwrap();
        assert_eq!((moved.from.state, moved.from.key), (State::Abandoned, key));
        assert_eq!((moved.to.state, &moved.to.source), (State::Draft, &to));
        assert_eq!((&moved.to.number, moved.to.icv), (&arrival(n).number, None));
        assert_ne!(moved.to.key.uuid, key.uuid);
        let last = desk.ledger().history(key).await.unwrap().pop().unwrap();
        let Event::Abandoned { void_icv, by } = last.event else { panic!("{last:?}") };
        assert_eq!((void_icv, by.name), (icv, layla().name));
        assert!(by.reason.contains(&format!("moved to {to} as {}", moved.to.key.uuid)), "{}", by.reason);
        assert!(by.reason.ends_with(&layla().reason), "{}", by.reason);
        desk.encode(moved.to.key).await;
        assert_eq!(desk.load(moved.to.key).await.icv, Some(n), "a number of the other counter");
    }
    assert_eq!(desk.depth(Queue::Draft).await, 2);
    assert_eq!(desk.ledger().verify().await.unwrap().violations, []);
}

#[tokio::test]
async fn a_move_that_was_interrupted_is_ended_by_doing_it_again() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let first = desk.console.relocate(key, &elsewhere(1), &registration(key), &layla()).await.unwrap();
    let again = desk.console.relocate(key, &elsewhere(1), &registration(key), &layla()).await.unwrap();
    assert_eq!(again.to.key, first.to.key);
    let all = desk.ledger().list(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(all.rows.len(), 2, "one here, one there");
    // Abandoned for another reason, it is gone.
    let other = desk.rejected(2).await;
    desk.console.abandon(other, &layla()).await.unwrap();
    let refused = desk.console.relocate(other, &elsewhere(2), &registration(other), &layla()).await;
    assert!(matches!(refused, Err(ConsoleError::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_the_authority_may_hold_is_not_moved() {
    let desk = Desk::new();
    let sent = desk.encoded(3).await;
    desk.start(sent).await;
    for (n, key) in [
        (1, desk.cleared(1).await),
        (2, desk.suspect(2, true).await),
        (3, sent),
        (4, desk.held_elsewhere(4, Some("QR")).await),
    ] {
        let before = desk.load(key).await;
        let refused = desk.console.relocate(key, &elsewhere(n), &registration(key), &layla()).await;
        assert!(matches!(refused, Err(ConsoleError::Refused { .. })), "{n}: {refused:?}");
        assert_eq!(desk.load(key).await, before);
    }
    let all = desk.ledger().list(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(all.rows.len(), 4, "nothing new was taken in");
}

#[tokio::test]
async fn a_move_without_sense_changes_nothing() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let usual = registration(key);
    let stranger = IncomeSource { tax_number: "99999999".to_owned(), ..elsewhere(1) };
    let other = if key.environment == Environment::Production {
        Environment::Simulation
    } else {
        Environment::Production
    };
    for (to, registration) in [
        (stranger, usual.clone()),
        (arrival(1).source, usual.clone()),
        (elsewhere(1), Registration { environment: other, ..usual.clone() }),
        (elsewhere(1), Registration { active: false, ..usual.clone() }),
    ] {
        let refused = desk.console.relocate(key, &to, &registration, &layla()).await.unwrap_err();
        assert!(matches!(refused, ConsoleError::CannotMove { .. }), "{refused:?}");
    }
    let refused = desk.console.relocate(key, &elsewhere(1), &usual, &nobody()).await.unwrap_err();
    assert!(matches!(refused, ConsoleError::Anonymous(_)), "{refused:?}");
    assert_eq!(desk.load(key).await.state, State::Rejected);
}
