//! What comes back from our own queues and tables: never taken on trust, since others may write there too.

use broker::Hint;
use invoice::life::{Event, Invoice};
use invoice::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use crate::laws;

pub(super) fn hint(bytes: &[u8]) {
    match Hint::from_bytes(bytes) {
        Err(error) => laws::message(&error.to_string()),
        Ok(hint) => {
            let again = Hint::from_bytes(&hint.to_bytes());
            assert_eq!(again.ok(), Some(hint), "a hint that is written otherwise than read");
        }
    }
}

/// An event as it is stored: what is written is read back as the same, and is written the same.
pub(super) fn kept(event: &Event) {
    let text =
        serde_json::to_string(event).unwrap_or_else(|error| panic!("an event that is not written: {error}"));
    let again: Event =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not read back: {error}\n{text}"));
    assert_eq!(again, *event, "{text}");
    assert_eq!(serde_json::to_string(&again).ok().as_deref(), Some(text.as_str()));
}

/// One event a line, folded into a state, whatever follows what.
pub(super) fn stored(bytes: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let source = IncomeSource { tax_number: "11111111".to_owned(), sequence: "1001001".to_owned() };
    let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(1) };
    let mut invoice = Invoice::accepted(key, source, "ف-1".to_owned(), Digest::of(b""), now);
    for line in bytes.split(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Event>(line) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(event) => {
                kept(&event);
                invoice.evolve(&event, now);
                assert!(!event.name().is_empty());
                let _ = (invoice.waits_for(), invoice.may_be_held(), invoice.state.is_settled());
            }
        }
    }
}
