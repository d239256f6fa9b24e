//! Seller and buyer of a document as the event has them. Knows where things stand, not whether they are right.

use invoice::event::{Buyer, Identification, IdentificationScheme, Seller};

use crate::finding::{Finding, FindingCode, Findings};

use super::lexical;
use super::tree::Element;

const SELLER: [&str; 3] = [
    "cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme/cbc:CompanyID",
    "cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
    "cac:SellerSupplierParty/cac:Party/cac:PartyIdentification/cbc:ID",
];

/// The seller; what is missing is found.
pub(super) fn seller(root: &Element, findings: &mut Findings) -> Seller {
    let [tax_number, name, income_source] = SELLER.map(|path| match root.at(path) {
        Some(element) => element.text.clone(),
        None => {
            findings.add(Finding::error(FindingCode::MissingElement, format!("/Invoice/{path}")));
            String::new()
        }
    });
    Seller { tax_number, name, income_source }
}

/// The buyer as far as one is known. The forms in use for a buyer without a number (specification 2.5) are understood.
pub(super) fn buyer(root: &Element, findings: &mut Findings) -> Option<Buyer> {
    let element = root.child("cac:AccountingCustomerParty")?;
    let text = |path: &str| Some(element.text_at(path)).filter(|text| !text.is_empty()).map(str::to_owned);
    let code = "cac:Party/cac:PostalAddress/cbc:CountrySubentityCode";
    let written = element.text_at(code);
    let governorate = lexical::governorate(written);
    if governorate.is_none() && !written.is_empty() {
        let path = format!("/Invoice/cac:AccountingCustomerParty/{code}");
        findings
            .add(Finding::error(FindingCode::UnknownCode, path).found(written).expected("JO-AM, JO-AZ, …"));
    }
    let buyer = Buyer {
        name: text("cac:Party/cac:PartyLegalEntity/cbc:RegistrationName"),
        identification: identification(element, findings),
        postal_code: text("cac:Party/cac:PostalAddress/cbc:PostalZone"),
        governorate,
        phone: text("cac:AccountingContact/cbc:Telephone"),
    };
    (buyer != Buyer::default()).then_some(buyer)
}

fn identification(element: &Element, findings: &mut Findings) -> Option<Identification> {
    let place = "cac:Party/cac:PartyIdentification/cbc:ID";
    let found = element.at(place)?;
    let code = found.attribute("schemeID").unwrap_or_default();
    let number = found.text.as_str();
    if number.is_empty() {
        return None;
    }
    let Some(scheme) = lexical::scheme(code) else {
        let path = format!("/Invoice/cac:AccountingCustomerParty/{place}/@schemeID");
        findings.add(Finding::error(FindingCode::UnknownCode, path).found(code).expected("NIN, PN, TN"));
        return None;
    };
    // What some programs write for nobody.
    let nobody = scheme == IdentificationScheme::TN && matches!(number, "0" | "-");
    (!nobody).then(|| Identification { scheme, number: number.to_owned() })
}
