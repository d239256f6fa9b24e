//! Streams as the ledger keeps them: names, JSON, and a recorded stream that must stay readable for ever.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// One event of a recorded stream, and where the invoice stands after it.
#[derive(Debug, Deserialize)]
struct Line {
    at: Timestamp,
    event: Value,
    state: State,
}

/// Recorded streams: every kind of event, in the lives of two eventful invoices. They are never recorded anew, for old ledgers
/// hold the old form; what is new gets a recording of its own beside it.
const RECORDED: &str = include_str!("recorded.json");

#[derive(Debug, Deserialize)]
struct Recorded {
    lines: Vec<Line>,
    /// The invoice at the end.
    folded: Value,
}

/// A life that takes nearly every kind of event; what is recorded was once decided like this.
fn eventful() -> Life {
    let mut life = Life::draft();
    life.policy.jitter_permille = 100;
    life.act(Command::FindUnfit { message: "النسبة 17 غير معروفة".to_owned() });
    life.act(Command::Receive { content: content(2), amends: Some(1), by: None });
    life.encode();
    life.start();
    life.act(Command::Release { attempt: 1, due_at: life.now });
    for outcome in [not_now(), Outcome::Credentials, Outcome::Suspect, Outcome::InDoubt, Outcome::Refused] {
        life.resend();
        life.hear(outcome);
    }
    life.act(requeue(RequeueMode::Reencode));
    life.encode();
    life.start();
    life.crash();
    life.act(record(7, 2, Outcome::Refused));
    life.hear(holds_other());
    life.act(requeue(RequeueMode::SameBytes));
    life.resend();
    life.hear(Outcome::Refused);
    life.act(amend(3, 2));
    life.act(abandon());
    life.act(record(8, 2, Outcome::AcceptedWithoutQr));
    life.act(adopt());
    life.act(record(9, 2, cleared()));
    life
}

/// And one that is cleared by the authority itself.
fn fetched() -> Life {
    let mut life = Life::after(Outcome::AcceptedWithoutQr);
    life.resend();
    life.hear(Outcome::Cleared {
        qr: "QR-رمز".to_owned(),
        already: true,
        note: Some("المستند المعاد غير مقروء".to_owned()),
        signed: Some(bytes(1, 0)),
    });
    life
}

/// A return that waits for its original; it is never found, and then it is.
fn waited() -> Life {
    let mut life = Life::draft();
    life.act(wait(1, WaitReason::Unknown));
    life.wait(86_400);
    life.act(wait(1, WaitReason::Unknown));
    life.act(requeue(RequeueMode::SameBytes));
    life.act(wait(1, WaitReason::Open));
    life.act(wait(1, WaitReason::Rejected));
    life.encode();
    life
}

#[test]
fn a_recorded_stream_stays_readable() {
    let streams: Vec<Recorded> = serde_json::from_str(RECORDED).unwrap();
    let mut names = BTreeSet::new();
    for recorded in &streams {
        let mut invoice = Life::draft().invoice;
        for (n, line) in recorded.lines.iter().enumerate() {
            let event: Event = serde_json::from_value(line.event.clone()).unwrap();
            if n > 0 {
                invoice.evolve(&event, line.at);
            }
            assert_eq!(invoice.state, line.state, "line {n}: {event:?}");
            assert_eq!(serde_json::to_value(&event).unwrap(), line.event, "written as it was, line {n}");
            names.insert(event.name());
        }
        assert_eq!(serde_json::to_value(&invoice).unwrap(), recorded.folded);
    }
    assert_eq!(names, BTreeSet::from(NAMES), "every kind of event is in it");
}

const NAMES: [&str; 18] = [
    "abandoned",
    "accepted",
    "adopted",
    "amended",
    "claim_released",
    "cleared",
    "dead_lettered",
    "deferred",
    "doubted",
    "encoded",
    "found_unfit",
    "late_answer",
    "lease_expired",
    "qr_outstanding",
    "refused",
    "requeued",
    "submission_started",
    "waiting",
];

fn events() -> Vec<Event> {
    [eventful(), fetched(), waited()]
        .into_iter()
        .flat_map(|life| life.stream)
        .map(|(_, event)| event)
        .collect()
}

#[test]
fn every_event_is_written_under_its_name_and_read_again() {
    let mut names = BTreeSet::new();
    for event in events() {
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(value["type"], event.name());
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
        names.insert(event.name());
    }
    assert_eq!(names, BTreeSet::from(NAMES));
}

/// A ledger written by a newer version: what it adds to a known event is passed over, what it calls by a new name is not
/// guessed at.
#[test]
fn unknown_members_are_passed_over_and_unknown_events_are_not() {
    for event in events() {
        let mut value = serde_json::to_value(&event).unwrap();
        value["added_later"] = json!({"رقم": 1.5});
        if let Some(evidence) = value.get_mut("evidence") {
            evidence["added_later"] = json!([1]);
        }
        if let Some(by) = value.get_mut("by") {
            by["added_later"] = json!(true);
        }
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
    }
    assert!(serde_json::from_value::<Event>(json!({"type": "archived"})).is_err());
    let deferred = json!({"type": "deferred", "attempt": 1, "reason": "strike", "due_at": "2026-11-22T08:00:00Z",
        "evidence": {"duration_ms": 1, "message": ""}});
    assert!(serde_json::from_value::<Event>(deferred).is_err());
}

/// What was added after the first ledgers, or is left out when empty.
#[test]
fn members_that_may_be_missing_have_their_meaning() {
    let least = json!({"type": "cleared", "attempt": 1, "document": 1, "qr": "QR", "already": false,
        "evidence": {"duration_ms": 1, "message": "SUBMITTED"}});
    let Event::Cleared { late, note, signed, evidence, .. } = serde_json::from_value(least).unwrap() else {
        panic!()
    };
    assert_eq!((late, note, signed), (false, None, None));
    assert_eq!((evidence.http_status, evidence.codes, evidence.excerpt), (None, Vec::new(), String::new()));
}

#[test]
fn names_are_the_same_in_json_and_in_text() {
    for state in State::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(state.to_string().parse(), Ok(*state));
    }
    for cause in Cause::ALL {
        assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        assert_eq!(cause.to_string().parse(), Ok(*cause));
    }
    for kind in OutcomeKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert_eq!(kind.to_string().parse(), Ok(*kind));
    }
    let kinds: BTreeSet<_> = every_outcome().iter().map(Outcome::kind).collect();
    assert_eq!(kinds.len() + 1, OutcomeKind::ALL.len(), "all but crashed are outcomes of a call");
    assert!("Draft".parse::<State>().is_err());
}
