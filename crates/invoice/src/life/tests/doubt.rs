//! Promise 6: doubt is settled before anything changes; an acceptance without QR is not doubt.

use super::*;

fn changes() -> [Command; 3] {
    [amend(2, 1), abandon(), requeue(RequeueMode::Reencode)]
}

/// Six suspect failures in a row.
fn fail_until_dead_lettered(life: &mut Life) {
    while life.invoice.state != State::DeadLettered {
        life.resend();
        life.hear(Outcome::Suspect);
    }
}

#[test]
fn an_answer_not_heard_leaves_doubt_that_survives_all_but_an_answer() {
    let mut life = Life::after(Outcome::InDoubt);
    let since = life.invoice.doubt_since;
    assert_eq!((life.stands(), since), ((State::PendingRetry, Some(1), false), Some(life.now)));
    for outcome in [not_now(), Outcome::Credentials, Outcome::Suspect] {
        life.resend();
        life.hear(outcome);
        assert_eq!(life.invoice.in_doubt, Some(1));
    }
    life.resend();
    let held = life.invoice.clone();
    life.act(Command::Release { attempt: held.attempt, due_at: life.now });
    assert_eq!(life.invoice.in_doubt, Some(1));
    fail_until_dead_lettered(&mut life);
    assert_eq!((life.stands(), life.invoice.doubt_since), ((State::DeadLettered, Some(1), false), since));
    for change in changes() {
        assert_eq!(life.refuse(change), Refusal::InDoubt { attempt: 1 });
    }
    life.act(requeue(RequeueMode::SameBytes));
    assert_eq!(life.stands(), (State::PendingRetry, Some(1), false));
}

/// The issue's own: "a time-out followed by 403 or 500 on the resend keeps the invoice in doubt".
#[test]
fn amending_waits_until_the_same_bytes_have_been_answered() {
    let mut life = Life::after(Outcome::InDoubt);
    fail_until_dead_lettered(&mut life);
    assert_eq!(life.refuse(amend(2, 1)), Refusal::InDoubt { attempt: 1 });
    life.act(requeue(RequeueMode::SameBytes));
    life.resend();
    life.hear(Outcome::Refused);
    assert_eq!(life.stands(), (State::Rejected, None, false));
    assert_eq!(life.act(amend(2, 1)), ["amended"]);
}

#[test]
fn each_answer_that_ends_doubt_does() {
    for (outcome, stands) in [
        (cleared(), (State::Cleared, None, false)),
        (Outcome::AcceptedWithoutQr, (State::PendingRetry, None, true)),
        (Outcome::Refused, (State::Rejected, None, false)),
        (holds_other(), (State::DeadLettered, None, false)),
        (Outcome::InDoubt, (State::PendingRetry, Some(2), false)),
    ] {
        let mut life = Life::after(Outcome::InDoubt);
        let since = life.invoice.doubt_since;
        life.resend();
        life.hear(outcome);
        assert_eq!(life.stands(), stands);
        assert!(life.invoice.doubt_since.is_none() || life.invoice.doubt_since == since);
    }
}

#[test]
fn a_silent_lease_is_doubt_and_ends_only_with_a_later_attempt() {
    let mut life = Life::submitted();
    life.crash();
    assert_eq!(life.stands(), (State::Submitted, Some(1), false));
    life.act(record(1, 1, Outcome::Refused));
    assert_eq!(life.stands(), (State::Submitted, Some(1), false), "the doubtful attempt itself ends nothing");
    life.hear(Outcome::Refused);
    assert_eq!(life.stands(), (State::Rejected, None, false));
}

#[test]
fn an_acceptance_without_qr_is_fetched_for_as_long_as_that_takes() {
    let mut life = Life::after(Outcome::AcceptedWithoutQr);
    for outcome in
        [Outcome::Suspect, not_now(), Outcome::Credentials, Outcome::AcceptedWithoutQr, Outcome::InDoubt]
    {
        for _ in 0..8 {
            life.resend();
            life.hear(outcome.clone());
            assert_eq!((life.invoice.state, life.invoice.charged), (State::PendingRetry, 0), "{outcome:?}");
            assert!(life.invoice.qr_outstanding);
        }
    }
    life.resend();
    life.hear(cleared());
    assert_eq!(life.stands(), (State::Cleared, None, false));
}

#[test]
fn accepted_and_then_refused_is_a_contradiction_that_changes_nothing() {
    let mut life = Life::after(Outcome::AcceptedWithoutQr);
    life.resend();
    life.hear(Outcome::Refused);
    assert_eq!(
        (life.stands(), life.invoice.cause),
        ((State::DeadLettered, None, true), Some(Cause::Contradiction))
    );
    assert_eq!(life.invoice.message.as_deref(), Some("accepted before, now refused: رد الدائرة"));
    for change in changes() {
        assert_eq!(life.refuse(change), Refusal::QrOutstanding);
    }
    life.act(requeue(RequeueMode::SameBytes));
    assert_eq!(life.stands(), (State::PendingRetry, None, true));
    life.resend();
    life.hear(cleared());
    assert_eq!(life.invoice.state, State::Cleared);
}

#[test]
fn accepted_and_then_said_to_be_another_is_adopted_all_the_same() {
    let mut life = Life::after(Outcome::AcceptedWithoutQr);
    life.resend();
    life.hear(holds_other());
    assert_eq!(life.refuse(amend(2, 1)), Refusal::HeldByAuthority);
    life.act(adopt());
    assert_eq!(life.stands(), (State::Cleared, None, false));
}

#[test]
fn a_clearance_without_its_qr_is_none() {
    let blank = Outcome::Cleared { qr: "\t ".to_owned(), already: true, note: None, signed: None };
    let mut life = Life::submitted();
    assert_eq!(life.hear(blank.clone()), ["qr_outstanding"]);
    assert_eq!(life.act(record(1, 1, blank)), ["late_answer"]);
}
