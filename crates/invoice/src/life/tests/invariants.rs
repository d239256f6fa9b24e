//! What must hold of every single event, whatever led to it. Written from the promises, not from the code.

use std::fmt;

use super::*;

/// What to tell when something does not hold; written only then.
struct Told<'a> {
    before: &'a Invoice,
    event: &'a Event,
    after: &'a Invoice,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}\nfrom {:?}\nto {:?}", self.event, self.before, self.after)
    }
}

/// Holds `event`, which led from `before` to `after`, against the promises.
#[track_caller]
pub(super) fn hold(before: &Invoice, event: &Event, after: &Invoice, now: Timestamp) {
    let told = &Told { before, event, after };
    assert_eq!((after.version, after.updated_at), (before.version + 1, now), "{told}");
    assert_eq!(
        (after.key, &after.source, &after.number, after.accepted_at),
        (before.key, &before.source, &before.number, before.accepted_at),
        "{told}"
    );
    shape(after, told);
    identity(before, event, after, told);
    attempts(before, event, after, now, told);
    doubt(before, event, after, told);
    charges(before, event, after, told);
    if matches!(event, Event::LateAnswer { .. }) || before.state == State::Cleared {
        assert!(matches!(event, Event::LateAnswer { .. }), "nothing leaves cleared: {told}");
        let untouched = Invoice { version: after.version, updated_at: now, ..before.clone() };
        assert_eq!(*after, untouched, "what is late changes nothing");
    }
    if matches!(event, Event::Cleared { .. } | Event::Adopted { .. }) {
        assert_eq!(after.state, State::Cleared, "{told}");
    }
    if let Event::Cleared { document, qr, .. } = event {
        assert_eq!((after.cleared_document, after.qr.as_ref()), (Some(*document), Some(qr)), "{told}");
    }
    if let Some(Actor { name, reason }) = event.actor() {
        assert!(
            !name.trim().is_empty() && !reason.trim().is_empty(),
            "nobody changes anything unnamed: {told}"
        );
    }
}

/// What is set exactly when.
fn shape(invoice: &Invoice, told: &Told<'_>) {
    let state = invoice.state;
    assert_eq!(invoice.lease_until.is_some(), state == State::Submitted, "lease: {told}");
    assert_eq!(invoice.due_at.is_some(), state == State::PendingRetry, "due: {told}");
    assert_eq!(invoice.cause.is_some(), state.waits_for_person(), "cause: {told}");
    assert_eq!(invoice.qr.is_some(), state == State::Cleared, "QR: {told}");
    assert_eq!(invoice.cleared_document.is_some(), state == State::Cleared, "document: {told}");
    assert_eq!(invoice.doubt_since.is_some(), invoice.in_doubt.is_some(), "doubt: {told}");
    assert!(!invoice.qr.as_ref().is_some_and(|qr| qr.trim().is_empty()), "a blank QR: {told}");
    assert!(invoice.in_doubt.is_none_or(|attempt| attempt <= invoice.attempt), "{told}");
    assert_eq!(u32::try_from(invoice.contents.len()), Ok(invoice.document), "a content a version: {told}");
    if matches!(state, State::Submitted | State::PendingRetry) || invoice.in_doubt.is_some() {
        assert!(invoice.xml.is_some(), "nothing is sent without bytes, and doubt is about bytes: {told}");
    }
    if invoice.waiting.is_some() {
        assert_eq!((state, invoice.xml), (State::Draft, None), "only drafts without bytes wait: {told}");
    }
    if invoice.xml.is_some() {
        assert!(invoice.icv.is_some(), "no bytes without a counter: {told}");
    }
    if state == State::Cleared {
        assert!(!invoice.may_be_held(), "{told}");
    }
    assert_eq!(invoice.waits_for().is_some(), !state.is_settled(), "{told}");
}

/// Counter, contents and bytes.
fn identity(before: &Invoice, event: &Event, after: &Invoice, told: &Told<'_>) {
    if before.icv.is_some() {
        assert_eq!(after.icv, before.icv, "the counter stays: {told}");
    }
    assert!(after.contents.starts_with(&before.contents), "contents only grow: {told}");
    let amended = matches!(event, Event::Amended { .. });
    assert_eq!(after.document, before.document + u32::from(amended), "{told}");
    let unfixed = amended || matches!(event, Event::Requeued { mode: RequeueMode::Reencode, .. });
    match event {
        Event::Encoded { icv, xml, document } => {
            assert_eq!(
                (before.state, before.xml, *document),
                (State::Draft, None, before.document),
                "{told}"
            );
            assert_eq!((after.icv, after.xml), (Some(*icv), Some(*xml)), "{told}");
        }
        _ if unfixed => {
            assert!(!before.may_be_held(), "nothing changes what may be held: {told}");
            assert_ne!(before.cause, Some(Cause::AuthorityHoldsOther), "{told}");
            assert!(before.state.waits_for_person() || before.waiting.is_some(), "{told}");
            assert_eq!((after.xml, after.state), (None, State::Draft), "{told}");
        }
        _ => assert_eq!((after.icv, after.xml), (before.icv, before.xml), "bytes are fixed once: {told}"),
    }
    if let Event::Abandoned { void_icv, .. } = event {
        assert!(!before.may_be_held() && before.cause != Some(Cause::AuthorityHoldsOther), "{told}");
        assert_eq!(*void_icv, before.icv, "{told}");
    }
}

/// One holder at most, numbers that rise, the fixed bytes.
fn attempts(before: &Invoice, event: &Event, after: &Invoice, now: Timestamp, told: &Told<'_>) {
    match event {
        Event::SubmissionStarted { attempt, document, xml, lease_until, .. } => {
            assert_eq!((*attempt, after.attempt), (before.attempt + 1, before.attempt + 1), "{told}");
            assert_eq!((*document, Some(*xml)), (before.document, before.xml), "the fixed bytes: {told}");
            assert_eq!(after.lease_until, Some(*lease_until), "{told}");
            assert!(before.lease_until.is_none_or(|until| until <= now), "two holders: {told}");
            if before.state == State::Submitted {
                assert_eq!(before.in_doubt, Some(before.attempt), "a silent attempt is in doubt: {told}");
            }
            assert!(before.due_at.is_none_or(|due_at| due_at <= now), "too early: {told}");
        }
        Event::LeaseExpired { attempt } => {
            assert_eq!(*attempt, before.attempt, "{told}");
            assert!(before.lease_until.is_some_and(|until| until <= now), "{told}");
            assert_eq!((after.crashes, after.in_doubt), (before.crashes + 1, Some(*attempt)), "{told}");
        }
        _ => assert_eq!(after.attempt, before.attempt, "{told}"),
    }
}

/// Promise 6.
fn doubt(before: &Invoice, event: &Event, after: &Invoice, told: &Told<'_>) {
    if let (Some(doubtful), None) = (before.in_doubt, after.in_doubt) {
        match event {
            // An acceptance is one, whoever hears it and when.
            Event::Cleared { .. } | Event::QrOutstanding { .. } => {}
            Event::DeadLettered { cause: Cause::AuthorityHoldsOther, evidence: Some(_), .. }
                if before.state != State::Submitted => {}
            Event::Refused { attempt, .. }
            | Event::DeadLettered {
                cause: Cause::AuthorityHoldsOther | Cause::Contradiction, attempt, ..
            } => assert!(*attempt > doubtful, "begun after the doubtful one: {told}"),
            _ => panic!("no answer, no end of doubt: {told}"),
        }
    }
    match (before.doubt_since, after.doubt_since) {
        (Some(before), Some(after)) => assert_eq!(before, after, "doubt keeps its age: {told}"),
        (None, Some(_)) => assert!(
            matches!(event, Event::LeaseExpired { .. } | Event::Doubted { .. })
                || before.cause == Some(Cause::AuthorityHoldsOther),
            "{told}"
        ),
        (_, None) => {}
    }
    if before.qr_outstanding && !after.qr_outstanding {
        assert!(matches!(event, Event::Cleared { .. } | Event::Adopted { .. }), "{told}");
    }
}

/// Only a suspect 500 is charged; only it, and silence, may end as a dead letter without a word from the authority.
fn charges(before: &Invoice, event: &Event, after: &Invoice, told: &Told<'_>) {
    let suspect = matches!(
        event,
        Event::Deferred { reason: DeferReason::Suspect, .. }
            | Event::DeadLettered { cause: Cause::Suspect, .. }
    );
    let anew = matches!(
        event,
        Event::Amended { .. }
            | Event::Requeued { .. }
            | Event::Abandoned { .. }
            | Event::Cleared { .. }
            | Event::Adopted { .. }
    );
    let expected = if anew { 0 } else { before.charged + u32::from(suspect) };
    assert_eq!(after.charged, expected, "{told}");
    assert!(!suspect || !before.qr_outstanding, "what was accepted is not charged: {told}");
    match event {
        Event::DeadLettered { cause: Cause::Suspect, .. } => assert_eq!(after.charged, 6, "{told}"),
        Event::DeadLettered { cause: Cause::KillsWorker, .. } => assert_eq!(after.crashes, 4, "{told}"),
        Event::DeadLettered { cause: Cause::OriginalUnknown, .. } => {
            let waiting = before.waiting.as_ref().expect("a return that waits");
            assert!((after.updated_at - waiting.since) >= TimeDelta::hours(24), "{told}");
        }
        Event::DeadLettered { cause, .. } => {
            assert!(matches!(cause, Cause::AuthorityHoldsOther | Cause::Contradiction), "{told}");
        }
        _ => {}
    }
}
