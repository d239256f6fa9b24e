//! A return waits for its original: promise 10, as far as the life of the return itself goes.

use super::*;

#[test]
fn a_reason_is_told_once_and_since_stays() {
    let mut life = Life::draft();
    let since = life.now;
    assert_eq!(life.act(wait(1, WaitReason::Unknown)), ["waiting"]);
    life.wait(60);
    assert_eq!(life.act(wait(1, WaitReason::Unknown)), [""; 0]);
    for reason in [WaitReason::Open, WaitReason::Rejected, WaitReason::Open, WaitReason::DeadLettered] {
        assert_eq!(life.act(wait(1, reason)), ["waiting"]);
        let waiting = life.invoice.waiting.clone().unwrap();
        assert_eq!((waiting.reason, waiting.since), (reason, since));
    }
    assert_eq!(life.act(wait(2, WaitReason::DeadLettered)), ["waiting"], "another original");
    assert_eq!(life.invoice.waits_for(), Some(Step::Encode));
    life.encode();
    assert_eq!(life.invoice.waiting, None);
}

#[test]
fn an_original_that_is_known_is_waited_for_without_end() {
    let mut life = Life::draft();
    life.act(wait(1, WaitReason::Open));
    life.wait(1_000 * 86_400);
    assert_eq!(life.act(wait(1, WaitReason::Open)), [""; 0]);
    assert_eq!(life.act(wait(1, WaitReason::Rejected)), ["waiting"]);
}

#[test]
fn an_original_that_nobody_knows_goes_to_a_person_in_the_end() {
    let mut life = Life::draft();
    life.act(wait(1, WaitReason::Unknown));
    life.wait(86_400 - 1);
    assert_eq!(life.act(wait(1, WaitReason::Unknown)), [""; 0]);
    life.wait(1);
    assert_eq!(life.act(wait(1, WaitReason::Unknown)), ["dead_lettered"]);
    let Invoice { state, cause, message, waiting, .. } = &life.invoice;
    assert_eq!((*state, *cause, waiting), (State::DeadLettered, Some(Cause::OriginalUnknown), &None));
    assert!(message.as_deref().unwrap().contains("فاتورة-1"));
}

/// A person requeues, amends or abandons it; whoever requeues it gives it the whole time once more.
#[test]
fn what_waits_or_waited_in_vain_is_in_peoples_hands() {
    let mut life = Life::draft();
    life.act(wait(1, WaitReason::Unknown));
    for (command, name) in
        [(abandon(), "abandoned"), (amend(2, 1), "amended"), (requeue(RequeueMode::Reencode), "requeued")]
    {
        let mut waiting = life.clone();
        assert_eq!(waiting.act(command), [name]);
        assert_eq!(waiting.invoice.waiting, None);
    }
    life.wait(86_400);
    life.act(wait(1, WaitReason::Unknown));
    let mut amended = life.clone();
    assert_eq!(amended.act(amend(2, 1)), ["amended"]);
    let mut abandoned = life.clone();
    assert_eq!(abandoned.act(abandon()), ["abandoned"]);
    assert_eq!(life.act(requeue(RequeueMode::SameBytes)), ["requeued"]);
    for mut life in [life, amended] {
        assert_eq!((life.invoice.state, life.invoice.waits_for()), (State::Draft, Some(Step::Encode)));
        life.wait(60);
        assert_eq!(life.act(wait(1, WaitReason::Unknown)), ["waiting"]);
        assert_eq!(life.invoice.waiting.unwrap().since, life.now);
    }
}

#[test]
fn only_a_draft_without_bytes_waits() {
    for life in [Life::encoded(), Life::submitted(), Life::after(Outcome::Refused), Life::after(cleared())] {
        let refusal = life.refuse(wait(1, WaitReason::Open));
        assert_eq!(refusal, Refusal::WrongState { state: life.invoice.state, wish: "kept waiting" });
    }
}
