//! The writer: one new invoice (388) of the Jordan profile, element by element as guide v1.5 has it.
//!
//! It trusts that the event was validated and that the totals are the event's; it computes nothing and knows no rule
//! of the tax law. What it cannot write truthfully it refuses.
//!
//! Choices that the guide leaves open (specification 2.5, 2.7 and 2.11):
//! * The document is one line, without indentation; a line break inside a text stays what it is.
//! * Amounts, quantities and prices have 3 to 9 decimals, percents at least 2.
//! * The buyer's block always stands whole, as in the skeleton: a buyer without a number gets an empty `ID` of scheme
//!   `NIN` (the scheme is mandatory, the number is not), one without a name an empty `RegistrationName`.
//! * The buyer's `CompanyID` is written on general sales only, and only for a tax number, which it repeats as the
//!   printed example does; the skeleton for income has none.
//! * The tax subtotal of a general sales line has no `TaxableAmount`, as the guide's example has none.

mod decimal;
mod error;
mod escape;
mod line;
mod party;
mod xml;

use chrono::{Datelike, NaiveDate};
use invoice::event::{Family, Kind, Payment, Scope};
use invoice::{InvoiceEvent, Totals};

pub use error::WriteError;

use crate::supports::{Unsupported, supports};
use xml::Xml;

/// Declaration and opening tag. The tag must stand on one line ("Invalid Invoice Minification" otherwise).
const HEAD: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2""#,
    r#" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2""#,
    r#" xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2""#,
    r#" xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2">"#,
);
const TAIL: &str = "</Invoice>";

/// About how much a document takes: without its lines, and for each line.
const ROOM: (usize, usize) = (3_000, 1_200);

/// Appends the document of `event` to `out`.
///
/// `totals` must be `Totals::of(event)`, and `icv` the counter that was assigned to the event's UUID, which must be
/// set. The same arguments always give the same bytes.
///
/// # Errors
/// See [`WriteError`]. `out` is then as it was before.
pub fn write(event: &InvoiceEvent, totals: &Totals, icv: u64, out: &mut Vec<u8>) -> Result<(), WriteError> {
    supports(event)?;
    let before = out.len();
    out.reserve(ROOM.0.saturating_add(event.lines.len().saturating_mul(ROOM.1)));
    let written = document(event, totals, icv, &mut Xml::new(out));
    if written.is_err() {
        out.truncate(before);
    }
    written.map_err(|error| error.inside("Invoice"))
}

fn document(event: &InvoiceEvent, totals: &Totals, icv: u64, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    if totals.lines.len() != event.lines.len() || event.lines.is_empty() {
        return Err(WriteError::unfit("the totals must have one entry for each line, and at least one"));
    }
    xml.raw(HEAD);
    header(event, icv, xml)?;
    party::seller(&event.seller, xml)?;
    party::buyer(event.buyer.as_ref(), event.family, xml)?;
    party::income_source(&event.seller, xml)?;
    xml.element("cac:AllowanceCharge", |xml| {
        xml.fixed("cbc:ChargeIndicator", "", "false");
        xml.fixed("cbc:AllowanceChargeReason", "", "discount");
        xml.amount("cbc:Amount", totals.allowance)
    })?;
    if event.family == Family::GeneralSales {
        xml.element("cac:TaxTotal", |xml| xml.amount("cbc:TaxAmount", totals.tax))?;
    }
    xml.element("cac:LegalMonetaryTotal", |xml| {
        xml.amount("cbc:TaxExclusiveAmount", totals.tax_exclusive)?;
        xml.amount("cbc:TaxInclusiveAmount", totals.tax_inclusive)?;
        xml.amount("cbc:AllowanceTotalAmount", totals.allowance)?;
        xml.amount("cbc:PayableAmount", totals.payable)
    })?;
    for (index, (line, totals)) in event.lines.iter().zip(&totals.lines).enumerate() {
        line::line(line, totals, event.family, xml).map_err(|error| error.at("cac:InvoiceLine", index))?;
    }
    xml.raw(TAIL);
    Ok(())
}

/// What stands before the parties (specification 2.2, rows 1 to 10).
fn header(event: &InvoiceEvent, icv: u64, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.fixed("cbc:ProfileID", "", "reporting:1.0");
    xml.text("cbc:ID", "", &event.number)?;
    let uuid = event.uuid.ok_or_else(|| WriteError::unfit("the event has no UUID").inside("cbc:UUID"))?;
    xml.fixed("cbc:UUID", "", uuid.hyphenated().encode_lower(&mut [0; 36]));
    date("cbc:IssueDate", event.issue_date, xml)?;
    xml.raw(r#"<cbc:InvoiceTypeCode name=""#);
    xml.raw(scope_digit(event.scope));
    xml.raw(payment_digit(event.payment));
    xml.raw(family_digit(event.family));
    xml.raw(r#"">"#);
    xml.raw(match event.kind {
        Kind::Invoice => "388",
        Kind::Return => return Err(Unsupported::Return.into()),
    });
    xml.raw("</cbc:InvoiceTypeCode>");
    if let Some(note) = &event.note {
        xml.text("cbc:Note", "", note)?;
    }
    xml.text("cbc:DocumentCurrencyCode", "", &event.currency)?;
    xml.text("cbc:TaxCurrencyCode", "", &event.currency)?;
    xml.element("cac:AdditionalDocumentReference", |xml| {
        xml.fixed("cbc:ID", "", "ICV");
        xml.plain("cbc:UUID", "", icv);
        Ok(())
    })
}

/// `yyyy-mm-dd`, which `xs:date` has for the years 1 to 9999 only.
fn date(name: &'static str, date: NaiveDate, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    if !(1..=9999).contains(&date.year()) {
        return Err(WriteError::unfit("the year of a date has at most four digits").inside(name));
    }
    xml.plain(name, "", date);
    Ok(())
}

/// First digit of the type code's name (specification 2.3).
fn scope_digit(scope: Scope) -> &'static str {
    match scope {
        Scope::Local => "0",
        Scope::Export => "1",
        Scope::DevelopmentArea => "2",
        Scope::Transit => "3",
        Scope::ForeignTrade => "4",
        Scope::FreeZone => "5",
    }
}

/// Second digit.
fn payment_digit(payment: Payment) -> &'static str {
    match payment {
        Payment::Cash => "1",
        Payment::Receivable => "2",
    }
}

/// Third digit.
fn family_digit(family: Family) -> &'static str {
    match family {
        Family::Income => "1",
        Family::GeneralSales => "2",
        Family::SpecialSales => "3",
    }
}
