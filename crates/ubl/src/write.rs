//! The writer: one document of the Jordan profile, invoice or return, element by element as guide v1.5 has it.
//!
//! It trusts that the event was settled and validated and that the totals are the event's; it computes nothing and knows
//! no rule of the tax law. What it cannot write truthfully it refuses.
//!
//! Choices that the guide leaves open are readings of [`Profile`]; besides them (specification 2.5, 2.7 and 2.11):
//! * The document is one line, without indentation; a line break inside a text stays what it is.
//! * Amounts, quantities and prices have 3 to 9 decimals, percents at least 2.
//! * The buyer's block always stands whole, as in the skeleton; one without a name has an empty `RegistrationName`.
//! * The buyer of a return is the original's block, byte for byte, when the original's document is at hand.

mod decimal;
mod error;
mod escape;
mod head;
mod line;
mod party;
mod tax;
mod xml;

use invoice::event::{Family, Kind};
use invoice::profile::CurrencyId;
use invoice::{InvoiceEvent, Profile, Totals};
use rust_decimal::Decimal;

pub use error::WriteError;
pub(crate) use escape::push_text;

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
const ROOM: (usize, usize) = (3_000, 1_500);

/// All that a document is written from.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The event, settled and valid; its UUID is set. A return is complete.
    pub event: &'a InvoiceEvent,
    /// Its totals, by the same readings.
    pub totals: &'a Totals,
    /// The counter that was assigned to its UUID.
    pub icv: u64,
    /// The taxpayer's readings.
    pub profile: &'a Profile,
    /// Returns: the `AccountingCustomerParty` element of the original, byte for byte, when the original's document is at hand
    /// (see [`Reading::buyer`](crate::Reading::buyer)). It stands in place of the event's buyer.
    pub buyer: Option<&'a str>,
}

/// Appends the document to `out`.
///
/// The same document always gives the same bytes.
///
/// # Errors
/// See [`WriteError`]. `out` is then as it was before.
pub fn write(document: &Document<'_>, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let before = out.len();
    out.reserve(ROOM.0.saturating_add(document.event.lines.len().saturating_mul(ROOM.1)));
    let written = whole(document, out);
    if written.is_err() {
        out.truncate(before);
    }
    written.map_err(|error| error.inside("Invoice"))
}

fn whole(document: &Document<'_>, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let Document { event, totals, profile, .. } = *document;
    if totals.lines.len() != event.lines.len() || event.lines.is_empty() {
        return Err(WriteError::unfit("the totals must have one entry for each line, and at least one"));
    }
    let currency_id = match profile.currency_id {
        CurrencyId::Jo => "JO",
        // It stands in attributes then, where nothing is escaped.
        CurrencyId::Iso if !event.currency.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return Err(WriteError::unfit("a currency code is letters").inside("cbc:DocumentCurrencyCode"));
        }
        CurrencyId::Iso => &event.currency,
    };
    let xml = &mut Xml::new(out, currency_id);
    xml.raw(HEAD);
    head::head(event, document.icv, profile, xml)?;
    party::seller(&event.seller, xml)?;
    match (event.kind, document.buyer) {
        (Kind::Return, Some(block)) => party::copied(block, xml)?,
        (Kind::Invoice, _) | (Kind::Return, None) => party::buyer(event, profile, xml)?,
    }
    party::income_source(&event.seller, xml)?;
    head::payment_means(event, profile, xml)?;
    xml.element("cac:AllowanceCharge", |xml| {
        xml.fixed("cbc:ChargeIndicator", "", "false");
        xml.fixed("cbc:AllowanceChargeReason", "", "discount");
        xml.amount("cbc:Amount", totals.allowance)
    })?;
    let per_rate =
        profile.return_subtotals && event.kind == Kind::Return && event.family == Family::GeneralSales;
    if event.family != Family::Income {
        tax::document(event, totals, per_rate, xml)?;
    }
    xml.element("cac:LegalMonetaryTotal", |xml| {
        xml.amount("cbc:TaxExclusiveAmount", totals.tax_exclusive)?;
        xml.amount("cbc:TaxInclusiveAmount", totals.tax_inclusive)?;
        xml.amount("cbc:AllowanceTotalAmount", totals.allowance)?;
        if per_rate {
            xml.amount("cbc:PrepaidAmount", Decimal::ZERO)?;
        }
        xml.amount("cbc:PayableAmount", totals.payable)
    })?;
    for (index, (line, totals)) in event.lines.iter().zip(&totals.lines).enumerate() {
        line::line(line, totals, event, profile, xml).map_err(|error| error.at("cac:InvoiceLine", index))?;
    }
    xml.raw(TAIL);
    Ok(())
}
