//! What stands before the parties, and the means of payment (specification 2.2, rows 1 to 10 and 14). Knows no amount but the
//! original's total.

use chrono::{Datelike, NaiveDate};
use invoice::event::{Family, Kind, Original, Payment, Scope};
use invoice::profile::{ProfileId, Slash};
use invoice::{InvoiceEvent, Profile};

use super::WriteError;
use super::xml::Xml;

/// Rows 1 to 10.
pub(super) fn head(
    event: &InvoiceEvent,
    icv: u64,
    profile: &Profile,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    match profile.profile_id {
        ProfileId::Reporting => xml.fixed("cbc:ProfileID", "", "reporting:1.0"),
        ProfileId::UblVersion => xml.fixed("cbc:UBLVersionID", "", "2.1"),
    }
    match profile.slash {
        Slash::Underscore if event.number.contains('/') => {
            xml.text("cbc:ID", "", &event.number.replace('/', "_"))?;
        }
        Slash::Keep | Slash::Underscore => xml.text("cbc:ID", "", &event.number)?,
    }
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
        Kind::Return => "381",
    });
    xml.raw("</cbc:InvoiceTypeCode>");
    if let Some(note) = event.note.as_deref().filter(|_| has_note(event, profile)) {
        xml.text("cbc:Note", "", note)?;
    }
    xml.text("cbc:DocumentCurrencyCode", "", &event.currency)?;
    xml.text("cbc:TaxCurrencyCode", "", &event.currency)?;
    if event.kind == Kind::Return {
        billing_reference(original(event)?, xml)?;
    }
    xml.element("cac:AdditionalDocumentReference", |xml| {
        xml.fixed("cbc:ID", "", "ICV");
        xml.plain("cbc:UUID", "", icv);
        Ok(())
    })
}

/// The guide's skeletons have a note everywhere but on returns of general and special sales.
fn has_note(event: &InvoiceEvent, profile: &Profile) -> bool {
    event.kind == Kind::Invoice || event.family == Family::Income || profile.return_note
}

fn original(event: &InvoiceEvent) -> Result<&Original, WriteError> {
    event.original.as_ref().ok_or_else(|| {
        WriteError::unfit("a return names the document that it takes back").inside("cac:BillingReference")
    })
}

/// The original, word for word as the authority holds it: its number is not ours to change.
fn billing_reference(original: &Original, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:BillingReference", |xml| {
        xml.element("cac:InvoiceDocumentReference", |xml| {
            xml.text("cbc:ID", "", &original.number)?;
            xml.text("cbc:UUID", "", &original.uuid)?;
            let total = original.total.ok_or_else(|| {
                WriteError::unfit("the total of the original is not known").inside("cbc:DocumentDescription")
            })?;
            xml.number("cbc:DocumentDescription", total.decimal())
        })
    })
}

/// Row 14: on returns with the reason; on invoices only by the reading that wants it, and without a note.
pub(super) fn payment_means(
    event: &InvoiceEvent,
    profile: &Profile,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    let reason = match event.kind {
        Kind::Return => Some(original(event)?.reason.as_str()),
        Kind::Invoice if profile.payment_means_on_invoices => None,
        Kind::Invoice => return Ok(()),
    };
    xml.element("cac:PaymentMeans", |xml| {
        xml.fixed("cbc:PaymentMeansCode", r#" listID="UN/ECE 4461""#, "10");
        match reason {
            Some(reason) => xml.text("cbc:InstructionNote", "", reason),
            None => Ok(()),
        }
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
