//! What a person or a retailer's system may change, and when: promises 3, 7, 13.

use super::*;

#[test]
fn an_event_equal_to_any_version_is_a_repeat_in_every_state() {
    let mut life = Life::after(Outcome::Refused);
    life.act(amend(2, 1));
    let repeats = |life: &Life| {
        for n in [1, 2] {
            for amends in [None, Some(1), Some(2), Some(9)] {
                let repeat = Command::Receive { content: content(n), amends, by: None };
                assert_eq!(life.decide(repeat), Ok(Vec::new()), "{n} {amends:?} {:?}", life.invoice.state);
            }
        }
    };
    repeats(&life);
    life.encode();
    life.start();
    repeats(&life);
    life.hear(Outcome::Refused);
    repeats(&life);
    life.act(requeue(RequeueMode::SameBytes));
    repeats(&life);
    life.resend();
    life.hear(cleared());
    repeats(&life);
}

#[test]
fn other_content_is_refused_unless_it_names_the_version_that_it_amends() {
    let life = Life::after(Outcome::Refused);
    let plain = Command::Receive { content: content(2), amends: None, by: None };
    assert_eq!(life.refuse(plain), Refusal::OtherContent { document: 1, state: State::Rejected });
    assert_eq!(life.refuse(amend(2, 2)), Refusal::WrongVersion { named: 2, current: 1 });
    for life in [Life::draft(), Life::submitted(), Life::after(not_now())] {
        let state = life.invoice.state;
        assert_eq!(life.refuse(amend(2, 1)), Refusal::OtherContent { document: 1, state });
    }
    let mut life = life;
    let by_system = Command::Receive { content: content(2), amends: Some(1), by: None };
    assert_eq!(life.act(by_system), ["amended"]);
    assert_eq!((life.invoice.state, life.invoice.document, life.invoice.xml), (State::Draft, 2, None));
    assert_eq!(life.invoice.contents, [content(1), content(2)]);
}

#[test]
fn whoever_changes_something_gives_name_and_reason() {
    for (name, reason) in [("", "سبب"), ("ليلى", ""), (" \t", "سبب"), ("ليلى", "\n")] {
        let by = || Actor { name: name.to_owned(), reason: reason.to_owned() };
        let rejected = Life::after(Outcome::Refused);
        let amend = Command::Receive { content: content(2), amends: Some(1), by: Some(by()) };
        assert_eq!(rejected.refuse(amend), Refusal::Anonymous);
        assert_eq!(rejected.refuse(Command::Abandon { by: by() }), Refusal::Anonymous);
        let requeue = Command::Requeue { mode: RequeueMode::SameBytes, by: by() };
        assert_eq!(rejected.refuse(requeue), Refusal::Anonymous);
        let adopt = Command::Adopt { qr: "QR".to_owned(), by: by() };
        assert_eq!(Life::after(holds_other()).refuse(adopt), Refusal::Anonymous);
    }
}

#[test]
fn requeued_it_is_sent_at_once_and_starts_afresh() {
    let mut life = Life::submitted();
    for _ in 0..5 {
        life.hear(Outcome::Suspect);
        life.resend();
    }
    life.hear(Outcome::Suspect);
    assert_eq!((life.invoice.state, life.invoice.charged), (State::DeadLettered, 6));
    assert_eq!(life.act(requeue(RequeueMode::SameBytes)), ["requeued"]);
    let Invoice { state, charged, retries, crashes, cause, .. } = life.invoice.clone();
    assert_eq!((state, charged, retries, crashes, cause), (State::PendingRetry, 0, 0, 0, None));
    assert_eq!(life.put_off(), 0);
    assert_eq!(
        life.refuse(requeue(RequeueMode::SameBytes)),
        Refusal::WrongState { state: State::PendingRetry, wish: "requeued" }
    );
    life.resend();
    assert_eq!(life.invoice.attempt, 7);
    assert_eq!(life.hear(Outcome::Suspect), ["deferred"], "five more are borne again");
}

#[test]
fn encoded_anew_it_keeps_counter_and_version_but_not_the_bytes() {
    let mut life = Life::after(Outcome::Refused);
    let old = life.invoice.xml;
    life.act(requeue(RequeueMode::Reencode));
    assert_eq!((life.invoice.state, life.invoice.xml), (State::Draft, None));
    life.encode();
    assert_ne!(life.invoice.xml, old);
    assert_eq!((life.invoice.icv, life.invoice.document), (Some(7), 1));
}

#[test]
fn what_is_given_up_leaves_its_counter_void() {
    let mut never_encoded = Life::draft();
    never_encoded.act(abandon());
    assert_eq!(never_encoded.stream[1].1, Event::Abandoned { void_icv: None, by: actor() });
    for mut life in [Life::encoded(), Life::after(Outcome::Refused)] {
        life.act(abandon());
        let Some((_, Event::Abandoned { void_icv, .. })) = life.stream.last() else { panic!() };
        assert_eq!((*void_icv, life.invoice.state), (Some(7), State::Abandoned));
        assert_eq!(life.invoice.message.as_deref(), Some("بعد مراجعة الزبون"));
        let state = State::Abandoned;
        assert_eq!(life.refuse(abandon()), Refusal::WrongState { state, wish: "abandoned" });
        assert_eq!(life.refuse(start(life.now, 80)), Refusal::WrongState { state, wish: "sent" });
        assert_eq!(life.refuse(amend(2, 1)), Refusal::OtherContent { document: 1, state });
    }
    for life in [Life::submitted(), Life::after(not_now())] {
        let state = life.invoice.state;
        assert_eq!(life.refuse(abandon()), Refusal::WrongState { state, wish: "abandoned" });
    }
}

#[test]
fn what_the_authority_holds_instead_is_adopted_and_not_forgotten() {
    let life = Life::after(holds_other());
    assert_eq!(
        (life.invoice.state, life.invoice.cause),
        (State::DeadLettered, Some(Cause::AuthorityHoldsOther))
    );
    let Some((_, Event::DeadLettered { held_qr, message, .. })) = life.stream.last() else { panic!() };
    assert_eq!((held_qr.as_deref(), message.as_str()), (Some("QR-آخر"), "المجموع مختلف"));
    for change in [amend(2, 1), abandon(), requeue(RequeueMode::Reencode)] {
        assert_eq!(life.refuse(change), Refusal::HeldByAuthority);
    }
    let blank = Command::Adopt { qr: " ".to_owned(), by: actor() };
    assert_eq!(life.refuse(blank), Refusal::NoQr);
    let mut life = life;
    assert_eq!(life.act(adopt()), ["adopted"]);
    assert_eq!((life.invoice.state, life.invoice.qr.as_deref()), (State::Cleared, Some("QR-آخر")));
    assert_eq!(life.refuse(adopt()), Refusal::NothingToAdopt, "not twice");
}

#[test]
fn nothing_else_is_adopted() {
    for life in
        [Life::draft(), Life::submitted(), Life::after(Outcome::Refused), Life::after(Outcome::InDoubt)]
    {
        assert_eq!(life.refuse(adopt()), Refusal::NothingToAdopt);
    }
}

#[test]
fn sent_again_what_the_authority_holds_instead_is_still_known() {
    let mut life = Life::after(holds_other());
    life.act(requeue(RequeueMode::SameBytes));
    assert_eq!(life.stands(), (State::PendingRetry, Some(1), false));
    assert_eq!(life.refuse(adopt()), Refusal::NothingToAdopt, "an answer is on its way");
    for _ in 0..6 {
        life.resend();
        life.hear(Outcome::Suspect);
    }
    assert_eq!(life.invoice.cause, Some(Cause::Suspect));
    for change in [amend(2, 1), abandon(), requeue(RequeueMode::Reencode)] {
        assert_eq!(life.refuse(change), Refusal::InDoubt { attempt: 1 });
    }
    life.act(requeue(RequeueMode::SameBytes));
    life.resend();
    life.hear(holds_other());
    life.act(adopt());
    assert_eq!(life.stands(), (State::Cleared, None, false));
}
