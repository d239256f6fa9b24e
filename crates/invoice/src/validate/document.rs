//! Rules for the document's head and its total (specification 2.2, 2.9, 2.10). Must not know the single line.

use chrono::Datelike;
use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::event::{InvoiceEvent, Kind, Original};
use crate::limits;
use crate::totals::Totals;

use super::text::{self, Layout, quoted};
use super::{FaultCode, Faults, lines};

pub(super) fn check(faults: &mut Faults, event: &InvoiceEvent) {
    if event.schema_version != limits::SCHEMA_VERSION {
        let message =
            format!("is {}: this version understands {}", event.schema_version, limits::SCHEMA_VERSION);
        faults.add(FaultCode::UnsupportedVersion, "schema_version", message);
    }
    if event.uuid.is_some_and(|uuid| uuid.is_nil()) {
        faults.add(FaultCode::NilUuid, "uuid", "is the nil UUID: give a real one, or leave it out");
    }
    if event.amends == Some(0) {
        let message =
            "is 0: document versions count from 1; leave it out unless the event amends a refused document";
        faults.add(FaultCode::InvalidAmends, "amends", message);
    }
    text::required(faults, "number", &event.number, limits::NUMBER_CHARS, Layout::OneLine);
    if let Some(c) = event.number.chars().find(|c| text::invisible(*c)) {
        let message = format!(
            "has the invisible character U+{:04X}: remove it, or two numbers look alike",
            u32::from(c)
        );
        faults.add(FaultCode::ForbiddenCharacter, "number", message);
    }
    check_date(faults, event);
    if !limits::CURRENCIES.contains(&event.currency.as_str()) {
        let list = limits::CURRENCIES.join(", ");
        let message = format!("{} is none of the currencies that are taken: {list}", quoted(&event.currency));
        faults.add(FaultCode::UnknownCurrency, "currency", message);
    }
    if let Some(note) = &event.note {
        text::bounded(faults, "note", note, limits::NOTE_CHARS, Layout::Lines);
    }
    match (event.kind, &event.original) {
        (Kind::Invoice, None) => {}
        (Kind::Invoice, Some(_)) => {
            let message = "only a return names an original: remove it, or set kind to \"return\"";
            faults.add(FaultCode::OriginalNotAllowed, "original", message);
        }
        (Kind::Return, None) => {
            let message = "is missing: a return names the invoice that it takes back, and the reason";
            faults.add(FaultCode::OriginalMissing, "original", message);
        }
        (Kind::Return, Some(original)) => check_original(faults, event, original),
    }
}

fn check_date(faults: &mut Faults, event: &InvoiceEvent) {
    let (first, last) = (limits::FIRST_YEAR, limits::LAST_YEAR);
    let year = event.issue_date.year();
    if !(first..=last).contains(&year) {
        let message =
            format!("{} is not between {first}-01-01 and {last}-12-31: correct the date", event.issue_date);
        faults.add(FaultCode::DateOutOfRange, "issue_date", message);
    }
}

fn check_original(faults: &mut Faults, event: &InvoiceEvent, original: &Original) {
    text::required(faults, "original.uuid", &original.uuid, limits::NUMBER_CHARS, Layout::OneLine);
    text::required(faults, "original.number", &original.number, limits::NUMBER_CHARS, Layout::OneLine);
    text::required(faults, "original.reason", &original.reason, limits::REASON_CHARS, Layout::OneLine);
    if event.uuid.is_some_and(|uuid| original.uuid.trim().parse() == Ok(uuid)) {
        let message = "is the return's own UUID: give the UUID of the invoice that is taken back";
        faults.add(FaultCode::OriginalIsItself, "original.uuid", message);
    }
    if let Some(total) = original.total {
        lines::amount(total, lines::Bound::Total)
            .into_iter()
            .for_each(|(code, message)| faults.add(code, "original.total", message));
    }
}

/// The totals of lines without faults, if the document as a whole is within its bound.
pub(super) fn totals(faults: &mut Faults, event: &InvoiceEvent) -> Option<Totals> {
    match Totals::of(event) {
        Ok(totals) if totals.payable <= Decimal::from(limits::DOCUMENT_AMOUNT) => Some(totals),
        Ok(totals) => {
            let (payable, most) = (Amount::from(totals.payable), limits::DOCUMENT_AMOUNT);
            let message = format!("come to {payable}: a document may come to {most} at most; split it");
            faults.add(FaultCode::AmountTooLarge, "lines", message);
            None
        }
        Err(error) => {
            faults.add(FaultCode::AmountTooLarge, "lines", error.to_string());
            None
        }
    }
}
