//! The tax subtotals of lines by their schemes (specification 2.7), which the table of elements cannot tell apart.

use invoice::event::Family;

use crate::finding::{Finding, FindingCode, Findings};
use crate::read::tree::Element;
use crate::read::{Reading, subtotals};

/// Looks at every line of a sales document.
pub(super) fn taxes(reading: &Reading, findings: &mut Findings) {
    let Some((_, family)) = reading.document_type() else { return };
    if family == Family::Income {
        return;
    }
    for (line, place) in reading.root().children_named("cac:InvoiceLine").zip(1_usize..) {
        if line.child("cac:TaxTotal").is_some() {
            one(line, &format!("/Invoice/cac:InvoiceLine[{place}]/cac:TaxTotal"), family, findings);
        }
    }
}

fn one(line: &Element, path: &str, family: Family, findings: &mut Findings) {
    let special = family == Family::SpecialSales;
    let found = subtotals(line);
    let (general_place, special_place) = found.places;
    let at = |place: usize, inside: &str| format!("{path}/cac:TaxSubtotal[{place}]/{inside}");
    let count = line.child("cac:TaxTotal").map_or(0, |total| total.children_named("cac:TaxSubtotal").count());
    if count > if special { 2 } else { 1 } {
        let last = format!("{path}/cac:TaxSubtotal[{count}]");
        findings.add(Finding::error(FindingCode::RepeatedElement, last));
    }
    if let Some(subtotal) = found.general {
        let category = subtotal.text_at("cac:TaxCategory/cbc:ID");
        if subtotal.at("cac:TaxCategory/cbc:Percent").is_none() {
            let finding =
                Finding::error(FindingCode::MissingElement, at(general_place, "cac:TaxCategory/cbc:Percent"));
            findings.add(if category == "S" { finding } else { finding.expected("0") });
        }
        scheme(subtotal, "VAT", &at(general_place, "cac:TaxCategory/cac:TaxScheme/cbc:ID"), findings);
    }
    match found.special {
        Some(_) if !special => {
            findings.add(Finding::error(
                FindingCode::NotInFamily,
                format!("{path}/cac:TaxSubtotal[{special_place}]"),
            ));
        }
        Some(subtotal) => {
            if special_place > general_place {
                findings.add(Finding::error(
                    FindingCode::MisplacedElement,
                    format!("{path}/cac:TaxSubtotal[{special_place}]"),
                ));
            }
            let category = subtotal.text_at("cac:TaxCategory/cbc:ID");
            if category != "S" {
                let finding =
                    Finding::error(FindingCode::FixedText, at(special_place, "cac:TaxCategory/cbc:ID"));
                findings.add(finding.found(category).expected("S"));
            }
            if subtotal.at("cac:TaxCategory/cbc:Percent").is_some() {
                let path = at(special_place, "cac:TaxCategory/cbc:Percent");
                findings.add(Finding::warning(FindingCode::NotInFamily, path));
            }
            scheme(subtotal, "OTH", &at(special_place, "cac:TaxCategory/cac:TaxScheme/cbc:ID"), findings);
        }
        None if special => {
            let finding = Finding::error(FindingCode::MissingElement, format!("{path}/cac:TaxSubtotal"));
            findings.add(finding.expected("OTH"));
        }
        None => {}
    }
    if special {
        for (subtotal, place) in [(found.special, special_place), (found.general, general_place)] {
            if subtotal.is_some_and(|subtotal| subtotal.child("cbc:TaxableAmount").is_none()) {
                findings.add(Finding::warning(FindingCode::MissingElement, at(place, "cbc:TaxableAmount")));
            }
        }
    }
}

fn scheme(subtotal: &Element, wanted: &str, path: &str, findings: &mut Findings) {
    let found = subtotal.text_at("cac:TaxCategory/cac:TaxScheme/cbc:ID");
    if found != wanted && !found.is_empty() {
        findings.add(Finding::error(FindingCode::UnknownCode, path).found(found).expected(wanted));
    }
}
