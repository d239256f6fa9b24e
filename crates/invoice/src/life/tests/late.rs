//! Promise 5: the fence discards late refusals and retries, never a late acceptance.

use super::*;

fn late() -> [Outcome; 6] {
    [holds_other(), Outcome::Refused, Outcome::InDoubt, not_now(), Outcome::Suspect, Outcome::Credentials]
}

/// The first attempt fell silent, the second was refused: nothing is in doubt.
fn refused_by_the_second() -> Life {
    let mut life = Life::submitted();
    life.crash();
    life.hear(Outcome::Refused);
    life
}

/// As before, and amended: document version 2 is the current one.
fn amended() -> Life {
    let mut life = refused_by_the_second();
    life.act(amend(2, 1));
    life
}

#[test]
fn late_refusals_and_retries_are_evidence_alone() {
    let mut crashed = Life::submitted();
    crashed.crash();
    let mut pending = crashed.clone();
    pending.hear(not_now());
    let rejected = refused_by_the_second();
    let mut abandoned = rejected.clone();
    abandoned.act(abandon());
    for life in [crashed, pending, rejected, abandoned, amended()] {
        for outcome in late() {
            let mut life = life.clone();
            // That nothing changes is held by the invariants.
            assert_eq!(life.act(record(1, 1, outcome.clone())), ["late_answer"]);
            let Some((_, Event::LateAnswer { attempt, outcome: kind, evidence: kept })) = life.stream.last()
            else {
                panic!()
            };
            assert_eq!((*attempt, *kind, kept), (1, outcome.kind(), &evidence()));
        }
    }
}

#[test]
fn a_late_clearance_of_an_older_version_clears() {
    let mut life = amended();
    life.encode();
    life.start();
    life.act(record(1, 1, cleared()));
    assert_eq!((life.invoice.state, life.invoice.cleared_document), (State::Cleared, Some(1)));
    assert_eq!(life.hear(holds_other()), ["late_answer"], "what is on its way finds it cleared");
}

#[test]
fn a_second_clearance_is_kept_as_evidence() {
    let mut life = Life::after(holds_other());
    life.act(adopt());
    assert_eq!(life.act(record(1, 1, cleared())), ["late_answer"]);
    assert_eq!(life.invoice.qr.as_deref(), Some("QR-آخر"));
}

#[test]
fn a_late_acceptance_without_qr_is_fetched_even_for_what_was_given_up() {
    let mut pending = Life::submitted();
    pending.crash();
    pending.hear(not_now());
    let mut abandoned = refused_by_the_second();
    abandoned.act(abandon());
    let mut given_up = Life::submitted();
    given_up.crash();
    for _ in 0..6 {
        given_up.hear(Outcome::Suspect);
        if given_up.invoice.state == State::PendingRetry {
            given_up.resend();
        }
    }
    for mut life in [pending, refused_by_the_second(), abandoned, given_up] {
        assert_eq!(life.act(record(1, 1, Outcome::AcceptedWithoutQr)), ["qr_outstanding"]);
        assert_eq!((life.stands(), life.put_off()), ((State::PendingRetry, None, true), 5));
        // The same again says nothing new, and does not climb the ladder.
        assert_eq!(life.act(record(1, 1, Outcome::AcceptedWithoutQr)), ["late_answer"]);
        life.resend();
        life.hear(cleared());
        assert_eq!(life.invoice.state, State::Cleared);
    }
}

#[test]
fn a_late_acceptance_without_qr_leaves_the_next_attempt_its_lease() {
    let mut life = Life::submitted();
    life.crash();
    let until = life.invoice.lease_until;
    assert_eq!(life.act(record(1, 1, Outcome::AcceptedWithoutQr)), ["qr_outstanding"]);
    assert_eq!((life.stands(), life.invoice.lease_until), ((State::Submitted, None, true), until));
    assert_eq!(
        life.hear(Outcome::Refused),
        ["dead_lettered"],
        "and what it hears is judged by what is known"
    );
    assert_eq!(
        (life.stands(), life.invoice.cause),
        ((State::DeadLettered, None, true), Some(Cause::Contradiction))
    );
}

#[test]
fn a_late_acceptance_of_an_older_version_goes_to_a_person() {
    let draft = amended();
    let mut encoded = draft.clone();
    encoded.encode();
    let mut abandoned = draft.clone();
    abandoned.act(abandon());
    let mut reencoded = refused_by_the_second();
    reencoded.act(requeue(RequeueMode::Reencode));
    for mut life in [draft, encoded, abandoned, reencoded] {
        let sendable = life.invoice.xml.is_some();
        assert_eq!(life.act(record(1, 1, Outcome::AcceptedWithoutQr)), ["dead_lettered"]);
        assert_eq!(life.stands(), (State::DeadLettered, None, false));
        assert_eq!(life.refuse(abandon()), Refusal::HeldByAuthority);
        assert_eq!(life.act(record(1, 1, Outcome::AcceptedWithoutQr)), ["late_answer"]);
        let mut sent_again = life.clone();
        // Without fixed bytes it would be encoded anew: that is a change.
        assert_eq!(sent_again.attempt(requeue(RequeueMode::SameBytes)).is_ok(), sendable);
        life.act(adopt());
        assert_eq!(life.invoice.state, State::Cleared);
    }
}

#[test]
fn a_late_acceptance_of_an_older_version_waits_for_the_answer_that_is_on_its_way() {
    let mut submitted = amended();
    submitted.encode();
    submitted.start();
    let mut pending = submitted.clone();
    pending.hear(not_now());
    for mut life in [submitted, pending] {
        let state = life.invoice.state;
        assert_eq!(life.act(record(1, 1, Outcome::AcceptedWithoutQr)), ["qr_outstanding"]);
        assert_eq!(life.stands(), (state, None, true));
        if state == State::PendingRetry {
            life.resend();
        }
        life.hear(holds_other());
        life.act(adopt());
        assert_eq!(life.stands(), (State::Cleared, None, false));
    }
}
