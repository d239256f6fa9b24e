//! One line of a document as a line of the event. Knows where things stand, not whether they are right.

use invoice::Amount;
use invoice::event::{Family, GeneralTax, Line};

use crate::finding::{Finding, FindingCode, Findings};

use super::lexical;
use super::tree::Element;

/// The subtotals of a line by their schemes.
pub(crate) struct Subtotals<'t> {
    /// Scheme `VAT`.
    pub(crate) general: Option<&'t Element>,
    /// Scheme `OTH`.
    pub(crate) special: Option<&'t Element>,
    /// Their places among the subtotals, from 1: general, special.
    pub(crate) places: (usize, usize),
}

/// The first subtotal of each scheme. One without a scheme is general if it has a percent.
pub(crate) fn subtotals(line: &Element) -> Subtotals<'_> {
    let mut found = Subtotals { general: None, special: None, places: (1, 1) };
    let Some(total) = line.child("cac:TaxTotal") else { return found };
    for (subtotal, place) in total.children_named("cac:TaxSubtotal").zip(1_usize..) {
        let scheme = subtotal.text_at("cac:TaxCategory/cac:TaxScheme/cbc:ID");
        let special = match scheme {
            "OTH" => true,
            "VAT" => false,
            _ => subtotal.at("cac:TaxCategory/cbc:Percent").is_none(),
        };
        if special && found.special.is_none() {
            (found.special, found.places.1) = (Some(subtotal), place);
        } else if !special && found.general.is_none() {
            (found.general, found.places.0) = (Some(subtotal), place);
        }
    }
    found
}

/// The line; `path` is its own. What cannot be understood is found, and left at a harmless value.
pub(super) fn line(element: &Element, path: &str, family: Family, findings: &mut Findings) -> Line {
    let id = element.text_at("cbc:ID");
    let number = id.parse::<u32>().ok();
    if number.is_none() {
        let at = format!("{path}/cbc:ID");
        findings.add(match element.child("cbc:ID") {
            Some(_) => Finding::error(FindingCode::NotAWholeNumber, at).found(id),
            None => Finding::error(FindingCode::MissingElement, at),
        });
    }
    let mut required = |place: &str| {
        let at = || format!("{path}/{place}");
        required_amount(element.at(place), at, findings)
    };
    let quantity = required("cbc:InvoicedQuantity");
    let unit_price = required("cac:Price/cbc:PriceAmount");
    let mut optional = |place: &str| {
        element.at(place).and_then(|found| amount(found, || format!("{path}/{place}"), findings))
    };
    let discount = optional("cac:Price/cac:AllowanceCharge/cbc:Amount");
    let consumer_price = optional("cac:ItemPriceExtension/cbc:Amount");
    if element.at("cac:Item/cbc:Name").is_none() {
        findings.add(Finding::error(FindingCode::MissingElement, format!("{path}/cac:Item/cbc:Name")));
    }
    let (tax, special_tax) = match family {
        Family::Income => (None, None),
        Family::GeneralSales | Family::SpecialSales => taxes(element, path, findings),
    };
    Line {
        id: number,
        name: element.text_at("cac:Item/cbc:Name").to_owned(),
        quantity,
        unit_price,
        discount: discount.unwrap_or_default(),
        total: None,
        tax,
        special_tax,
        consumer_price,
    }
}

fn taxes(element: &Element, path: &str, findings: &mut Findings) -> (Option<GeneralTax>, Option<Amount>) {
    let subtotals = subtotals(element);
    let place = |n: usize| format!("{path}/cac:TaxTotal/cac:TaxSubtotal[{n}]");
    let tax = match subtotals.general {
        Some(subtotal) => general_tax(subtotal, &place(subtotals.places.0), findings),
        None => {
            findings.add(Finding::error(
                FindingCode::MissingElement,
                format!("{path}/cac:TaxTotal/cac:TaxSubtotal"),
            ));
            None
        }
    };
    let special = subtotals.special.map(|subtotal| {
        let at = || format!("{}/cbc:TaxAmount", place(subtotals.places.1));
        required_amount(subtotal.child("cbc:TaxAmount"), at, findings)
    });
    (tax, special)
}

fn general_tax(subtotal: &Element, path: &str, findings: &mut Findings) -> Option<GeneralTax> {
    let letter = subtotal.text_at("cac:TaxCategory/cbc:ID");
    let category = lexical::category(letter);
    if category.is_none() {
        let finding = Finding::error(FindingCode::UnknownCode, format!("{path}/cac:TaxCategory/cbc:ID"));
        findings.add(finding.found(letter).expected("Z, O, S"));
    }
    let percent = subtotal.at("cac:TaxCategory/cbc:Percent");
    let percent = percent
        .and_then(|element| amount(element, || format!("{path}/cac:TaxCategory/cbc:Percent"), findings));
    Some(GeneralTax { category: category?, percent: percent.unwrap_or_default() })
}

fn required_amount(element: Option<&Element>, path: impl Fn() -> String, findings: &mut Findings) -> Amount {
    match element {
        Some(element) => amount(element, path, findings).unwrap_or_default(),
        None => {
            findings.add(Finding::error(FindingCode::MissingElement, path()));
            Amount::ZERO
        }
    }
}

fn amount(element: &Element, path: impl Fn() -> String, findings: &mut Findings) -> Option<Amount> {
    let value = lexical::decimal(&element.text);
    if value.is_none() {
        findings.add(Finding::error(FindingCode::NotANumber, path()).found(&element.text));
    }
    value
}
