//! The normal form of an event: what makes two events the same content, whichever way they were written.
//! Must not know which events are valid.
//!
//! `1.0` is `1.00`, a string is a number, the order of members, absent or null, a default written out or left out do not
//! matter; nor do line numbers that equal the positions, blanks around texts, or how a telephone number is grouped.

mod differences;
mod returned;

use uuid::Uuid;

use crate::digest::Digest;
use crate::event::{Buyer, InvoiceEvent, Seller};
use crate::phone;
use crate::published::Published;

pub use differences::{MAX_DIFFERENCES, differences};

/// Namespace of the UUIDs of events that bring none. Fixed for ever: another one would make second invoices.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x08f5_2854_fb51_4ec0_b51a_3214_1851_da33);

/// The UUID (version 5) of an event that brings none: from `tax_number:income_source:number` in [`NAMESPACE`].
///
/// The first two are digits, so the colons cannot be mistaken. The environment is not in it: a rehearsal has the UUIDs of
/// the real thing.
#[must_use]
pub fn name_based_uuid(seller: &Seller, number: &str) -> Uuid {
    let name = format!("{}:{}:{}", seller.tax_number.trim(), seller.income_source.trim(), number.trim());
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// Brings `event` into its normal form: UUID and line numbers set, texts trimmed, empty texts absent, line ends of the note
/// `\n`, the telephone number reduced to its digits. Doing it twice changes nothing.
pub fn normalise(event: &mut InvoiceEvent) {
    if event.uuid.is_none() {
        event.uuid = Some(name_based_uuid(&event.seller, &event.number));
    }
    trim(&mut event.number);
    normalise_note(&mut event.note);
    normalise_seller(&mut event.seller);
    normalise_buyer(&mut event.buyer);
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

fn normalise_note(note: &mut Option<String>) {
    if let Some(note) = note.as_mut().filter(|note| note.contains('\r')) {
        // An XML reader turns every line end into \n; so do we, before the bytes are fixed.
        *note = note.replace("\r\n", "\n").replace('\r', "\n");
    }
    trim_or_drop(note);
}

fn normalise_seller(seller: &mut Seller) {
    trim(&mut seller.tax_number);
    trim(&mut seller.name);
    trim(&mut seller.income_source);
}

/// A buyer of whom nothing is said is none.
fn normalise_buyer(buyer: &mut Option<Buyer>) {
    if let Some(buyer) = buyer {
        trim_or_drop(&mut buyer.name);
        trim_or_drop(&mut buyer.postal_code);
        trim_or_drop(&mut buyer.phone);
        if let Some(phone) = &mut buyer.phone {
            *phone = phone::digits(phone);
        }
        if let Some(identification) = &mut buyer.identification {
            trim(&mut identification.number);
        }
    }
    if buyer.as_ref().is_some_and(|buyer| *buyer == Buyer::default()) {
        *buyer = None;
    }
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

impl Published {
    /// Brings the event into its normal form; see [`normalise`]. Doing it twice changes nothing.
    pub fn normalise(&mut self) {
        match self {
            Self::Invoice(event) => normalise(event),
            Self::Return(event) => returned::normalise(event),
        }
    }

    /// The normal form of a normalised event as canonical JSON: see [`normal_form`].
    #[must_use]
    pub(crate) fn normal_form(&mut self) -> String {
        let amends = self.amends();
        self.set_amends(None);
        let form = canonical(self);
        self.set_amends(amends);
        form
    }
}

/// The normal form of `event` as canonical JSON: the members in the order of the types, absent ones left out, amounts as
/// normalised strings, and without `amends`, which says what to do with the content and is not part of it.
#[must_use]
pub fn normal_form(event: &InvoiceEvent) -> String {
    let mut event = event.clone();
    normalise(&mut event);
    event.amends = None;
    canonical(&event)
}

fn canonical(event: &impl serde::Serialize) -> String {
    #[allow(
        clippy::expect_used,
        reason = "the event holds texts, numbers, enums and lists; none fails to serialise"
    )]
    serde_json::to_string(event).expect("an event serialises")
}

/// The digest of the normal form: equal for events of the same content, and only for those.
#[must_use]
pub fn content_digest(event: &InvoiceEvent) -> Digest {
    Digest::of(normal_form(event).as_bytes())
}

#[cfg(test)]
mod tests;
