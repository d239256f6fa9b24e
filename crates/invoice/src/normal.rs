//! The normal form of an event: what makes two events the same content, whichever way they were written.
//! Must not know which events are valid.
//!
//! `1.0` is `1.00`, a string is a number, the order of members, absent or null, a default written out or left out do not
//! matter; nor do line numbers that equal the positions, blanks around texts, or how a telephone number is grouped.

mod differences;

use uuid::Uuid;

use crate::digest::Digest;
use crate::event::{Buyer, InvoiceEvent};

pub use differences::{MAX_DIFFERENCES, differences};

/// Namespace of the UUIDs of events that bring none. Fixed for ever: another one would make second invoices.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x08f5_2854_fb51_4ec0_b51a_3214_1851_da33);

/// The UUID (version 5) of an event that brings none: from `tax_number:income_source:number` in [`NAMESPACE`].
///
/// The first two are digits, so the colons cannot be mistaken. The environment is not in it: a rehearsal has the UUIDs of
/// the real thing.
#[must_use]
pub fn name_based_uuid(event: &InvoiceEvent) -> Uuid {
    let seller = &event.seller;
    let name =
        format!("{}:{}:{}", seller.tax_number.trim(), seller.income_source.trim(), event.number.trim());
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// Brings `event` into its normal form: UUID and line numbers set, texts trimmed, empty texts absent, line ends of the note
/// `\n`, the telephone number reduced to its digits. Doing it twice changes nothing.
pub fn normalise(event: &mut InvoiceEvent) {
    if event.uuid.is_none() {
        event.uuid = Some(name_based_uuid(event));
    }
    trim(&mut event.number);
    if let Some(note) = event.note.as_mut().filter(|note| note.contains('\r')) {
        // An XML reader turns every line end into \n; so do we, before the bytes are fixed.
        *note = note.replace("\r\n", "\n").replace('\r', "\n");
    }
    trim_or_drop(&mut event.note);
    trim(&mut event.seller.tax_number);
    trim(&mut event.seller.name);
    trim(&mut event.seller.income_source);
    if let Some(buyer) = &mut event.buyer {
        normalise_buyer(buyer);
    }
    if event.buyer.as_ref().is_some_and(|buyer| *buyer == Buyer::default()) {
        event.buyer = None;
    }
    if let Some(original) = &mut event.original {
        trim(&mut original.uuid);
        trim(&mut original.number);
        trim(&mut original.reason);
    }
    let without_numbers = event.lines.iter().all(|line| line.id.is_none());
    for (line, position) in event.lines.iter_mut().zip(1..) {
        trim(&mut line.name);
        if without_numbers {
            line.id = Some(position);
        }
    }
}

fn normalise_buyer(buyer: &mut Buyer) {
    trim_or_drop(&mut buyer.name);
    trim_or_drop(&mut buyer.postal_code);
    trim_or_drop(&mut buyer.phone);
    if let Some(phone) = &mut buyer.phone {
        *phone = phone_digits(phone);
    }
    if let Some(identification) = &mut buyer.identification {
        trim(&mut identification.number);
    }
}

/// The digits of a telephone number; Arabic-Indic and Persian digits count as what they mean.
pub(crate) fn phone_digits(text: &str) -> String {
    text.chars().filter_map(western_digit).collect()
}

/// `c` as one of 0 to 9, when it is a digit as people in Jordan write them.
pub(crate) fn western_digit(c: char) -> Option<char> {
    let value = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => u32::from(c).checked_sub(0x660)?,
        '\u{6f0}'..='\u{6f9}' => u32::from(c).checked_sub(0x6f0)?,
        _ => return None,
    };
    char::from_digit(value, 10)
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

fn trim_or_drop(text: &mut Option<String>) {
    if let Some(inner) = text {
        trim(inner);
        if inner.is_empty() {
            *text = None;
        }
    }
}

/// The normal form of `event` as canonical JSON: the members in the order of the types, absent ones left out, amounts as
/// normalised strings, and without `amends`, which says what to do with the content and is not part of it.
#[must_use]
pub fn normal_form(event: &InvoiceEvent) -> String {
    let mut event = event.clone();
    normalise(&mut event);
    normal_form_of_normalised(&mut event)
}

/// [`normal_form`] of an event that is normalised already; borrows it mutably only to leave `amends` out.
pub(crate) fn normal_form_of_normalised(event: &mut InvoiceEvent) -> String {
    let amends = event.amends.take();
    let json = serde_json::to_string(event);
    event.amends = amends;
    #[allow(
        clippy::expect_used,
        reason = "the event holds texts, numbers, enums and lists; none fails to serialise"
    )]
    json.expect("an event serialises")
}

/// The digest of the normal form: equal for events of the same content, and only for those.
#[must_use]
pub fn content_digest(event: &InvoiceEvent) -> Digest {
    Digest::of(normal_form(event).as_bytes())
}

#[cfg(test)]
mod tests;
