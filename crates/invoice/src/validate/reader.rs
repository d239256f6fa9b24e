//! The only door for events from outside: bytes in, a checked and normalised event out, or all that is wrong with it.

use serde::Deserialize;

use crate::digest::Digest;
use crate::event::InvoiceEvent;
use crate::totals::Totals;
use crate::{limits, normal};

use super::{Fault, FaultCode, examine, structure};

/// An event that keeps all rules, in its normal form, with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The event, normalised: UUID and line numbers set, texts trimmed, telephone number reduced to its digits.
    pub event: InvoiceEvent,
    /// Its amounts.
    pub totals: Totals,
    /// The digest of `normal_form`: one UUID, one content.
    pub content: Digest,
    /// The event as canonical JSON without `amends`: what the ledger keeps for comparison.
    pub normal_form: String,
}

/// Reads one event: structure and types only, no rules.
///
/// Refuses more than [`limits::EVENT_BYTES`], what is not UTF-8 or has half a surrogate pair, unknown, missing and repeated
/// members, and anything after the event. Structural faults are listed all at once, each with its path.
pub fn parse(json: &[u8]) -> Result<InvoiceEvent, Vec<Fault>> {
    if json.len() > limits::EVENT_BYTES {
        let message =
            format!("{} bytes are more than an event may have, {}", json.len(), limits::EVENT_BYTES);
        return Err(vec![Fault::new(FaultCode::TooLarge, "", message)]);
    }
    let text = std::str::from_utf8(json).map_err(|error| {
        let message = format!("byte {} is not UTF-8: send the event as UTF-8", error.valid_up_to());
        vec![Fault::new(FaultCode::InvalidUnicode, "", message)]
    })?;
    // Some editors put a byte order mark in front of UTF-8 files.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut source = serde_json::Deserializer::from_str(text);
    let event = InvoiceEvent::deserialize(&mut source)
        .map_err(|error| structure::explain(text, &error.to_string()))?;
    source.end().map_err(|error| structure::trailing(&error))?;
    if !structure::is_plain(text, &event) {
        return Err(structure::explain(text, "is not written as the schema says"));
    }
    Ok(event)
}

/// Reads, checks and normalises one event.
pub fn read(json: &[u8]) -> Result<Checked, Vec<Fault>> {
    check(parse(json)?)
}

/// Checks and normalises an event that is in hand already.
pub fn check(mut event: InvoiceEvent) -> Result<Checked, Vec<Fault>> {
    let (faults, totals) = examine(&event);
    let mut totals = match totals {
        Some(totals) if faults.is_empty() => totals,
        _ => return Err(faults),
    };
    normal::normalise(&mut event);
    for (line, named) in totals.lines.iter_mut().zip(&event.lines) {
        line.id = named.id.unwrap_or(line.id);
    }
    let normal_form = normal::normal_form_of_normalised(&mut event);
    Ok(Checked { content: Digest::of(normal_form.as_bytes()), event, totals, normal_form })
}
