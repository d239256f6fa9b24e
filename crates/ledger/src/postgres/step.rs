//! A change, folded and linked: everything of it that will stand in the tables. Pure; knows no SQL.

use std::borrow::Cow;

use invoice::life::{Event, Invoice, State};
use invoice::{Digest, Timestamp};
use serde_json::Value;

use super::codec::{as_stored, micros, without_nul};
use crate::outbox::{codes_of, is_noted};
use crate::{AttemptRecord, Change, LedgerError, Link, NewDocument, OriginalName, Schedule, Summary, link};

/// One event with its link.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) version: u32,
    pub(super) name: &'static str,
    pub(super) payload: String,
    pub(super) hash: Digest,
}

/// What an amendment replaces.
#[derive(Debug)]
pub(super) struct Amendment {
    pub(super) normal_form: String,
    pub(super) summary: Summary,
    pub(super) original: Option<OriginalName>,
    pub(super) traceparent: Option<String>,
}

/// What becomes of the invoice's counter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CounterFate {
    pub(super) icv: u64,
    /// Why it is void; none when it is in use after all.
    pub(super) void_reason: Option<String>,
}

/// One stream's part of a batch.
#[derive(Debug)]
pub(super) struct Step {
    /// The version that it moves on from.
    pub(super) expected: u32,
    pub(super) after: Invoice,
    /// Hash of the last of the events.
    pub(super) head: Digest,
    pub(super) wake_at: Option<Timestamp>,
    pub(super) at: Timestamp,
    pub(super) events: Vec<Linked>,
    pub(super) documents: Vec<NewDocument>,
    pub(super) attempt: Option<AttemptRecord>,
    pub(super) counter: Option<CounterFate>,
    pub(super) amendment: Option<Amendment>,
    /// What is known of it only now: of a return, once its original has completed it.
    pub(super) summary: Option<Summary>,
    /// It is to be told to others, with these codes of the authority.
    pub(super) noted: Option<Vec<String>>,
}

impl Step {
    /// Folds the change and links its events to `head`, the hash of the event before them.
    pub(super) fn of(change: Change, head: &Digest, schedule: &Schedule) -> Result<Self, LedgerError> {
        let Change { invoice: mut after, events, at, documents, attempt } = change;
        let at = micros(at);
        let (expected, before) = (after.version, after.state);
        let mut head = *head;
        let mut linked = Vec::with_capacity(events.len());
        for event in &events {
            let (event, payload) = written(event)?;
            after.evolve(&event, at);
            head = link(&head, &Link { key: after.key, version: after.version, at, payload: &payload });
            linked.push(Linked { version: after.version, name: event.name(), payload, hash: head });
        }
        let after = as_stored(after);
        Ok(Self {
            expected,
            head,
            wake_at: schedule.wake_at(&after, at).map(micros),
            at,
            events: linked,
            documents,
            attempt,
            counter: counter_fate(before, &after, &events),
            noted: is_noted(before, after.state).then(|| codes_of(&events)),
            amendment: None,
            summary: None,
            after,
        })
    }
}

/// The event as it is kept, and its JSON. Postgres has no NUL in texts; what the authority answers is not ours to choose,
/// and one strange byte must not keep an invoice from its outcome.
fn written(event: &Event) -> Result<(Cow<'_, Event>, String), LedgerError> {
    let payload = json(event)?;
    if !payload.contains("\\u0000") {
        return Ok((Cow::Borrowed(event), payload));
    }
    let unfit = |error: serde_json::Error| LedgerError::Refused(error.to_string());
    let mut value: Value = serde_json::from_str(&payload).map_err(unfit)?;
    replace_nul(&mut value);
    let event: Event = serde_json::from_value(value).map_err(unfit)?;
    let payload = json(&event)?;
    Ok((Cow::Owned(event), payload))
}

fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_nul(text),
        Value::Array(values) => values.iter_mut().for_each(replace_nul),
        Value::Object(members) => members.values_mut().for_each(replace_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The JSON form of what is kept; the hash covers these very bytes.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, LedgerError> {
    serde_json::to_string(value)
        .map_err(|error| LedgerError::Refused(format!("cannot be written as JSON: {error}")))
}

/// An abandoned invoice leaves its number void; a late acceptance puts it back to use.
fn counter_fate(before: State, after: &Invoice, events: &[Event]) -> Option<CounterFate> {
    let voided = events.iter().find_map(|event| match event {
        Event::Abandoned { void_icv: Some(icv), by } => Some((*icv, without_nul(&by.reason))),
        _ => None,
    });
    match (voided, after.icv) {
        (Some((icv, reason)), _) if after.state == State::Abandoned => {
            Some(CounterFate { icv, void_reason: Some(reason) })
        }
        (None, Some(icv)) if before == State::Abandoned && after.state != State::Abandoned => {
            Some(CounterFate { icv, void_reason: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use invoice::life::Actor;
    use invoice::{Environment, IncomeSource, InvoiceKey};
    use uuid::Uuid;

    use super::*;
    use crate::GENESIS;

    fn draft() -> Invoice {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(1) };
        let source = IncomeSource { tax_number: "12345678".into(), sequence: "1".into() };
        let at = "2026-11-22T08:00:00Z".parse().unwrap();
        Invoice::accepted(key, source, "فاتورة-1".into(), Digest([1; 32]), at)
    }

    fn step(invoice: Invoice, events: Vec<Event>) -> Step {
        let at = "2026-11-22T08:00:01.123456789Z".parse().unwrap();
        let change = Change { invoice, events, at, documents: Vec::new(), attempt: None };
        Step::of(change, &GENESIS, &Schedule::default()).unwrap()
    }

    #[test]
    fn each_event_is_linked_to_the_one_before() {
        let lease_until = "2026-11-22T08:01:00Z".parse().unwrap();
        let started = |attempt| Event::SubmissionStarted {
            attempt,
            document: 1,
            lease_until,
            worker: "w".into(),
            xml: Digest([2; 32]),
        };
        let step = step(draft(), vec![started(1), started(2)]);
        let [first, second] = step.events.as_slice() else { panic!("{:?}", step.events) };
        assert_eq!((step.expected, first.version, second.version, step.after.version), (1, 2, 3, 3));
        let at = step.at;
        assert_eq!(at.timestamp_subsec_nanos(), 123_456_000);
        let key = step.after.key;
        assert_eq!(first.hash, link(&GENESIS, &Link { key, version: 2, at, payload: &first.payload }));
        assert_eq!(second.hash, link(&first.hash, &Link { key, version: 3, at, payload: &second.payload }));
        assert_eq!(step.head, second.hash);
        assert_eq!(step.wake_at, Some(lease_until + chrono::TimeDelta::seconds(30)));
    }

    #[test]
    fn a_void_number_comes_back_with_a_late_acceptance() {
        let by = Actor { name: "ليلى".into(), reason: "مكررة".into() };
        let encoded = Invoice { icv: Some(7), ..draft() };
        let abandoned = step(encoded, vec![Event::Abandoned { void_icv: Some(7), by }]);
        assert_eq!(abandoned.counter, Some(CounterFate { icv: 7, void_reason: Some("مكررة".into()) }));
        assert_eq!(abandoned.wake_at, None);
        let cleared = Event::Cleared {
            attempt: 1,
            document: 1,
            qr: "QR".into(),
            already: false,
            late: true,
            note: None,
            signed: None,
            evidence: invoice::life::Evidence::default(),
        };
        let cleared = step(abandoned.after, vec![cleared]);
        assert_eq!(cleared.counter, Some(CounterFate { icv: 7, void_reason: None }));
    }

    #[test]
    fn a_nul_in_an_answer_stops_nothing() {
        let step = step(draft(), vec![Event::FoundUnfit { message: "سيئ\0".into() }]);
        assert_eq!(step.after.message.as_deref(), Some("سيئ\u{fffd}"));
        let payload = &step.events[0].payload;
        assert_eq!(
            serde_json::from_str::<Event>(payload).unwrap(),
            Event::FoundUnfit { message: "سيئ\u{fffd}".into() },
            "events and state say the same"
        );
        let (_, harmless) = written(&Event::FoundUnfit { message: "\\u0000".into() }).unwrap();
        assert_eq!(harmless, r#"{"type":"found_unfit","message":"\\u0000"}"#, "a backslash is no NUL");
    }
}
