//! Requeue, abandon and adopt, from every state.

use broker::Queue;
use invoice::life::{Actor, Cause, Command, Event, Outcome, Refusal, RequeueMode, State};
use ledger::conformance::evidence;

use super::hands::{Desk, HELD_QR, layla, nobody};
use crate::{Action, ConsoleError, Hinted};

#[tokio::test]
async fn requeueing_sends_the_same_bytes_and_hints_the_submitter() {
    let desk = Desk::new();
    for key in [desk.rejected(1).await, desk.suspect(2, false).await] {
        let before = desk.load(key).await;
        let done = desk.console.requeue(key, RequeueMode::SameBytes, &layla()).await.unwrap();
        assert_eq!(done.invoice.state, State::PendingRetry);
        assert_eq!(done.invoice.xml, before.xml);
        assert_eq!(done.hinted, Hinted::Sent);
        assert_eq!(desk.load(key).await, done.invoice);
        let last = desk.ledger().history(key).await.unwrap().pop().unwrap();
        assert_eq!(last.event.actor(), Some(&layla()));
    }
    assert_eq!(desk.depth(Queue::ToSubmit).await, 2);
    assert_eq!(desk.depth(Queue::Draft).await, 0);
}

#[tokio::test]
async fn encoding_anew_goes_to_the_encoder() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let done = desk.console.requeue(key, RequeueMode::Reencode, &layla()).await.unwrap();
    assert_eq!((done.invoice.state, done.invoice.xml), (State::Draft, None));
    assert_eq!(desk.depth(Queue::Draft).await, 1);
    assert_eq!(desk.depth(Queue::ToSubmit).await, 0);
}

#[tokio::test]
async fn what_is_open_or_cleared_is_not_requeued() {
    let desk = Desk::new();
    let sent = desk.encoded(3).await;
    desk.start(sent).await;
    let pending = desk.encoded(4).await;
    desk.attempt(pending, Outcome::NotNow { retry_after: None }, evidence("HTTP 503")).await;
    let abandoned = desk.draft(5).await;
    desk.console.abandon(abandoned, &layla()).await.unwrap();
    for key in [desk.draft(1).await, desk.encoded(2).await, sent, pending, abandoned, desk.cleared(6).await] {
        let before = desk.load(key).await;
        let refused = desk.console.requeue(key, RequeueMode::SameBytes, &layla()).await.unwrap_err();
        let ConsoleError::Refused { refusal: Refusal::WrongState { state, .. }, .. } = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(*state, before.state);
        assert!(!refused.what_to_do().is_empty());
        assert_eq!(desk.load(key).await, before);
    }
}

#[tokio::test]
async fn abandoning_is_for_what_nobody_sends() {
    let desk = Desk::new();
    let encoded = desk.encoded(2).await;
    for key in [desk.draft(1).await, encoded, desk.rejected(3).await, desk.suspect(4, false).await] {
        let icv = desk.load(key).await.icv;
        let done = desk.console.abandon(key, &layla()).await.unwrap();
        assert_eq!((done.invoice.state, done.hinted), (State::Abandoned, Hinted::NotNeeded));
        let last = desk.ledger().history(key).await.unwrap().pop().unwrap();
        assert_eq!(last.event, Event::Abandoned { void_icv: icv, by: layla() });
    }
    let sent = desk.encoded(5).await;
    desk.start(sent).await;
    let pending = desk.encoded(6).await;
    desk.attempt(pending, Outcome::NotNow { retry_after: None }, evidence("HTTP 503")).await;
    for key in [sent, pending, desk.cleared(7).await, encoded] {
        let before = desk.load(key).await;
        let refused = desk.console.abandon(key, &layla()).await.unwrap_err();
        assert_eq!(refused.code(), "refused", "{refused:?}");
        assert_eq!(desk.load(key).await, before);
    }
}

#[tokio::test]
async fn adopting_takes_the_held_qr_from_the_history() {
    let desk = Desk::new();
    let key = desk.held_elsewhere(1, Some(HELD_QR)).await;
    let done = desk.console.adopt(key, &layla()).await.unwrap();
    assert_eq!(done.invoice.state, State::Cleared);
    assert_eq!(done.invoice.qr.as_deref(), Some(HELD_QR));
    assert_eq!(done.hinted, Hinted::NotNeeded);

    for key in
        [desk.draft(2).await, desk.rejected(3).await, desk.cleared(4).await, desk.suspect(5, false).await]
    {
        let refused = desk.console.adopt(key, &layla()).await.unwrap_err();
        assert!(
            matches!(refused, ConsoleError::Refused { refusal: Refusal::NothingToAdopt, .. }),
            "{refused:?}"
        );
    }
    let without_qr = desk.held_elsewhere(6, None).await;
    let refused = desk.console.adopt(without_qr, &layla()).await.unwrap_err();
    assert_eq!(refused.code(), "no_held_qr", "{refused:?}");
    assert!(refused.what_to_do().contains("Requeue it with the same bytes"));
    for action in [Action::Abandon, Action::Requeue(RequeueMode::Reencode)] {
        let refused = desk.console.act(without_qr, action, &layla()).await.unwrap_err();
        assert_eq!(refused.code(), "held_by_authority", "{refused:?}");
    }
    assert_eq!(desk.load(without_qr).await.cause, Some(Cause::AuthorityHoldsOther));
    // The next answer may lack the QR that an earlier one held: it is the same document's all the same.
    let known = desk.held_elsewhere(7, Some(HELD_QR)).await;
    desk.console.requeue(known, RequeueMode::SameBytes, &layla()).await.unwrap();
    let silent = Outcome::HoldsOther { qr: None, difference: "المبلغ".to_owned() };
    desk.attempt(known, silent, evidence("ALREADY_SUBMITTED")).await;
    let done = desk.console.adopt(known, &layla()).await.unwrap();
    assert_eq!(done.invoice.qr.as_deref(), Some(HELD_QR));
}

#[tokio::test]
async fn in_doubt_only_the_same_bytes_may_go_out() {
    let desk = Desk::new();
    let key = desk.suspect(1, true).await;
    let before = desk.load(key).await;
    assert_eq!((before.state, before.in_doubt), (State::DeadLettered, Some(1)));
    for action in [Action::Abandon, Action::Requeue(RequeueMode::Reencode)] {
        let refused = desk.console.act(key, action, &layla()).await.unwrap_err();
        assert_eq!(refused.code(), "in_doubt");
        assert!(refused.to_string().contains("attempt 1 is in doubt"), "{refused}");
        assert!(refused.what_to_do().contains("attempt 1"), "{}", refused.what_to_do());
    }
    assert_eq!(desk.load(key).await, before);
    let done = desk.console.requeue(key, RequeueMode::SameBytes, &layla()).await.unwrap();
    assert_eq!((done.invoice.state, done.invoice.in_doubt), (State::PendingRetry, Some(1)));
}

#[tokio::test]
async fn every_change_is_signed() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let without_reason = Actor { name: "ليلى".to_owned(), reason: String::new() };
    for by in [nobody(), without_reason] {
        for action in [Action::Requeue(RequeueMode::SameBytes), Action::Abandon, Action::Adopt] {
            assert_eq!(desk.console.act(key, action, &by).await.unwrap_err().code(), "anonymous");
        }
        let id = uuid::Uuid::from_u128(1);
        assert_eq!(desk.console.resolve_intake(id, &by).await.unwrap_err().code(), "anonymous");
    }
    assert_eq!(desk.load(key).await.state, State::Rejected);
}

#[tokio::test]
async fn whoever_comes_second_is_told_who_was_quicker() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let seen = desk.load(key).await;
    desk.console.requeue(key, RequeueMode::SameBytes, &layla()).await.unwrap();
    // Refused again at once: the life cycle would allow a second requeue, but nobody has looked at this refusal.
    desk.attempt(key, Outcome::Refused, evidence("لا يزال غير صحيح")).await;
    let omar = Actor { name: "عمر".to_owned(), reason: "مكرر".to_owned() };
    let now = desk.ledger().now().await.unwrap();
    let late = desk.console.act_on(seen, now, Action::Abandon, &omar, None).await.unwrap_err();
    let ConsoleError::Overtaken { invoice, by } = &late else { panic!("{late:?}") };
    assert_eq!((invoice.state, by), (State::Rejected, &Some(layla())));
    assert!(late.to_string().contains("ليلى was quicker"), "{late}");
    assert_eq!(desk.load(key).await.state, State::Rejected);
}

#[tokio::test]
async fn a_late_answer_in_between_does_not_matter() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let seen = desk.load(key).await;
    let late =
        Command::Record { attempt: 99, document: 1, outcome: Outcome::Refused, evidence: evidence("late") };
    desk.command(key, late).await;
    let now = desk.ledger().now().await.unwrap();
    let requeue = Action::Requeue(RequeueMode::SameBytes);
    let done = desk.console.act_on(seen.clone(), now, requeue, &layla(), None).await.unwrap();
    assert_eq!((done.invoice.state, done.invoice.version), (State::PendingRetry, seen.version + 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_succeeds() {
    let desk = Desk::new();
    let key = desk.suspect(1, false).await;
    let before = desk.load(key).await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let console = desk.console.clone();
            tokio::spawn(async move {
                let action =
                    if n % 2 == 0 { Action::Abandon } else { Action::Requeue(RequeueMode::SameBytes) };
                console.act(key, action, &layla()).await.map_err(|error| error.code())
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => done += 1,
            Err(code) => assert!(["refused", "overtaken"].contains(&code), "{code}"),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(desk.load(key).await.version, before.version + 1);
}
