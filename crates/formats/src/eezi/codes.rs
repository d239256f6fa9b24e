//! eezi's code lists, and what each means here.

use invoice::FaultCode;
use invoice::event::{Family, IdentificationScheme, Payment, Scope};

use crate::json::{At, Reader};
use crate::money::{plain, quoted};
use crate::settings::Eezi;

/// What `invoiceSubType` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subtype {
    pub(super) family: Family,
    pub(super) scope: Scope,
}

impl Default for Subtype {
    /// Stands in for one that is at fault.
    fn default() -> Self {
        Self { family: Family::GeneralSales, scope: Scope::Local }
    }
}

/// Theirs, and the two of income documents that their list lacks, named in the same way.
pub(super) const SUBTYPES: &[&str] = &[
    "LocalGeneralSalesInvoice",
    "ExportIncomeBill",
    "ExportGeneralSalesInvoice",
    "AreaDevGeneralSalesInvoice",
    "LocalSpecialSalesInvoice",
    "ExportSpecialSalesInvoice",
    "AreaDevSpecialSalesInvoice",
    "LocalIncomeBill",
    "AreaDevIncomeBill",
];

pub(super) fn subtype(reader: &mut Reader, at: &At<'_>) -> Option<Subtype> {
    let text = reader.needed(at)?;
    let rest = |prefix: &str| text.strip_prefix(prefix).map(ToOwned::to_owned);
    let places = [("Local", Scope::Local), ("Export", Scope::Export), ("AreaDev", Scope::DevelopmentArea)];
    let found = places.into_iter().find_map(|(prefix, scope)| {
        let family = match rest(prefix)?.as_str() {
            "GeneralSalesInvoice" => Family::GeneralSales,
            "SpecialSalesInvoice" => Family::SpecialSales,
            "IncomeBill" => Family::Income,
            _ => return None,
        };
        Some(Subtype { family, scope })
    });
    if found.is_none() {
        let message = format!("is {}: it is one of {}", quoted(&text), SUBTYPES.join(", "));
        reader.fault(FaultCode::InvalidValue, at, message);
    }
    found
}

/// The codes of means of payment.
pub(super) const MEANS: &[&str] = &["1", "10", "30", "42", "48", "ZZZ"];

pub(super) fn payment(reader: &mut Reader, at: &At<'_>, settings: &Eezi) -> Option<Payment> {
    let text = reader.needed(at)?;
    match plain(&text).to_ascii_uppercase().as_str() {
        "10" => Some(Payment::Cash),
        "48" => Some(settings.card_is),
        "1" | "30" | "42" | "ZZZ" => Some(settings.transfer_is),
        _ => {
            let message = format!(
                "is {}: it is 10 (cash), 48 (card), 30 (credit transfer), 42 (bank account), 1 (not defined) or ZZZ \
                 (mutually defined)",
                quoted(&text)
            );
            reader.fault(FaultCode::InvalidValue, at, message);
            None
        }
    }
}

/// The kinds of `taxIdType` that are taken.
pub(super) const IDENTIFICATIONS: &[&str] = &["NAT", "TIN", "TN", "TAX", "PN", "PASSPORT", "RESIDENCE"];

pub(super) fn identification(kind: &str) -> Option<IdentificationScheme> {
    match kind.to_ascii_uppercase().as_str() {
        "NAT" => Some(IdentificationScheme::NIN),
        "TIN" | "TN" | "TAX" => Some(IdentificationScheme::TN),
        "PN" | "PASSPORT" | "RESIDENCE" => Some(IdentificationScheme::PN),
        _ => None,
    }
}
