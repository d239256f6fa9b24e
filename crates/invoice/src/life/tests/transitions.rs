//! The road of one invoice, transition by transition.

use super::*;

#[test]
fn the_straight_road() {
    let mut life = Life::draft();
    assert_eq!(life.invoice.waits_for(), Some(Step::Encode));
    life.encode();
    assert_eq!((life.invoice.state, life.invoice.waits_for()), (State::Draft, Some(Step::Submit)));
    assert_eq!(life.start(), ["submission_started"]);
    assert_eq!((life.invoice.state, life.invoice.attempt), (State::Submitted, 1));
    assert_eq!(life.hear(cleared()), ["cleared"]);
    assert_eq!(life.invoice.state, State::Cleared);
    assert_eq!((life.invoice.qr.as_deref(), life.invoice.cleared_document), (Some("QR-رمز"), Some(1)));
    assert_eq!((life.invoice.icv, life.invoice.version), (Some(7), 4));
    assert_eq!(life.refolded(), life.invoice);
}

#[test]
fn a_draft_is_not_sent_before_it_is_encoded_and_encoded_once() {
    let mut life = Life::draft();
    assert_eq!(life.refuse(start(life.now, 80)), Refusal::NotEncoded);
    life.encode();
    let again = Command::Encode { icv: 8, xml: bytes(1, 9) };
    assert_eq!(life.refuse(again.clone()), Refusal::AlreadyEncoded { icv: 7 });
    life.start();
    assert_eq!(life.refuse(again), Refusal::WrongState { state: State::Submitted, wish: "encoded" });
}

#[test]
fn an_amended_invoice_keeps_its_counter() {
    let mut life = Life::after(Outcome::Refused);
    life.act(amend(2, 1));
    let other = Command::Encode { icv: 8, xml: bytes(2, 0) };
    assert_eq!(life.refuse(other), Refusal::OtherCounter { own: 7, offered: 8 });
    life.encode();
    life.start();
    assert_eq!((life.invoice.document, life.invoice.attempt, life.invoice.icv), (2, 2, Some(7)));
}

#[test]
fn what_is_unfit_is_rejected_and_mended() {
    let mut life = Life::draft();
    let unfit = || Command::FindUnfit { message: "النسبة غير معروفة".to_owned() };
    assert_eq!(life.act(unfit()), ["found_unfit"]);
    assert_eq!((life.invoice.state, life.invoice.cause), (State::Rejected, Some(Cause::Unfit)));
    assert_eq!(life.refuse(start(life.now, 80)), Refusal::NotEncoded);
    // It was never encoded: the same bytes are none, and it goes to the encoder again.
    life.act(requeue(RequeueMode::SameBytes));
    assert_eq!((life.invoice.state, life.invoice.waits_for()), (State::Draft, Some(Step::Encode)));
    life.encode();
    assert_eq!(
        life.refuse(unfit()),
        Refusal::WrongState { state: State::Draft, wish: "found unfit" },
        "once its bytes are fixed the authority judges"
    );
}

#[test]
fn one_attempt_holds_it_at_a_time() {
    let mut life = Life::submitted();
    let until = life.now + TimeDelta::seconds(80);
    assert_eq!(life.refuse(start(life.now, 80)), Refusal::Leased { until });
    life.wait(79);
    assert_eq!(life.refuse(start(life.now, 80)), Refusal::Leased { until });
    life.wait(1);
    assert_eq!(life.start(), ["lease_expired", "submission_started"]);
    assert_eq!(life.invoice.attempt, 2);
}

#[test]
fn nothing_is_sent_before_it_is_due() {
    let mut life = Life::after(not_now());
    let due_at = life.invoice.due_at.unwrap();
    life.wait(4);
    assert_eq!(life.refuse(start(life.now, 80)), Refusal::NotDue { due_at });
    life.wait(1);
    assert_eq!(life.start(), ["submission_started"]);
}

#[test]
fn a_claim_is_given_back_by_its_holder_alone() {
    let mut life = Life::submitted();
    let release = |attempt, now| Command::Release { attempt, due_at: now + TimeDelta::seconds(5) };
    assert_eq!(life.refuse(release(2, life.now)), Refusal::NotHolder { attempt: 2 });
    assert_eq!(life.act(release(1, life.now)), ["claim_released"]);
    assert_eq!((life.invoice.state, life.put_off(), life.invoice.retries), (State::PendingRetry, 5, 0));
    assert_eq!(life.refuse(release(1, life.now)), Refusal::NotHolder { attempt: 1 }, "not twice");
    life.resend();
    assert_eq!(life.invoice.attempt, 2, "a number is never used again");
    assert_eq!(life.refuse(release(1, life.now)), Refusal::NotHolder { attempt: 1 });
}

#[test]
fn a_lease_that_ran_out_unnoticed_is_still_its_own() {
    let mut life = Life::submitted();
    life.wait(500);
    assert_eq!(life.hear(Outcome::Refused), ["refused"]);
    assert_eq!(life.stands(), (State::Rejected, None, false));
    let mut life = Life::submitted();
    life.wait(500);
    life.act(Command::Release { attempt: 1, due_at: life.now });
    assert_eq!((life.stands(), life.invoice.crashes), ((State::PendingRetry, None, false), 0));
}

#[test]
fn each_outcome_leads_where_the_table_says() {
    for (outcome, event, state) in [
        (cleared(), "cleared", State::Cleared),
        (Outcome::AcceptedWithoutQr, "qr_outstanding", State::PendingRetry),
        (holds_other(), "dead_lettered", State::DeadLettered),
        (Outcome::Refused, "refused", State::Rejected),
        (Outcome::InDoubt, "doubted", State::PendingRetry),
        (not_now(), "deferred", State::PendingRetry),
        (Outcome::Suspect, "deferred", State::PendingRetry),
        (Outcome::Credentials, "deferred", State::PendingRetry),
    ] {
        let mut life = Life::submitted();
        assert_eq!(life.hear(outcome.clone()), [event], "{outcome:?}");
        assert_eq!(life.invoice.state, state, "{outcome:?}");
        if state != State::Cleared {
            assert!(life.invoice.message.is_some(), "a person can always see why: {outcome:?}");
        }
    }
}

#[test]
fn a_clearance_leads_to_cleared_from_every_state() {
    let mut seen = Vec::new();
    let rejected = Life::after(Outcome::Refused);
    let amended = |mut life: Life| {
        life.act(amend(2, 1));
        life
    };
    let abandoned = |mut life: Life| {
        life.act(abandon());
        life
    };
    for mut life in [
        amended(rejected.clone()),
        Life::submitted(),
        Life::after(not_now()),
        abandoned(rejected.clone()),
        rejected,
        Life::after(holds_other()),
    ] {
        seen.push(life.invoice.state);
        let held = life.invoice.state == State::Submitted;
        assert_eq!(life.act(record(1, 1, cleared())), ["cleared"]);
        assert_eq!((life.invoice.state, life.invoice.cleared_document), (State::Cleared, Some(1)));
        let Some((_, Event::Cleared { late, .. })) = life.stream.last() else { panic!() };
        assert_eq!(*late, !held);
    }
    seen.sort();
    let all_but_cleared: Vec<_> =
        State::ALL.iter().copied().filter(|state| *state != State::Cleared).collect();
    assert_eq!(seen, all_but_cleared);
}

#[test]
fn nothing_leaves_cleared() {
    let mut life = Life::after(cleared());
    let state = State::Cleared;
    for (command, wish) in [
        (start(life.now, 80), "sent"),
        (Command::Encode { icv: 7, xml: bytes(1, 1) }, "encoded"),
        (Command::FindUnfit { message: "متأخر".to_owned() }, "found unfit"),
        (requeue(RequeueMode::SameBytes), "requeued"),
        (requeue(RequeueMode::Reencode), "requeued"),
        (abandon(), "abandoned"),
    ] {
        assert_eq!(life.refuse(command), Refusal::WrongState { state, wish });
    }
    assert_eq!(life.refuse(amend(2, 1)), Refusal::OtherContent { document: 1, state });
    assert_eq!(life.refuse(adopt()), Refusal::NothingToAdopt);
    assert_eq!(
        life.refuse(Command::Release { attempt: 1, due_at: life.now }),
        Refusal::NotHolder { attempt: 1 }
    );
    for outcome in every_outcome() {
        assert_eq!(life.act(record(1, 1, outcome)), ["late_answer"], "every answer is kept");
    }
    assert_eq!(life.invoice.state, State::Cleared);
}
