//! The amounts that a document prints, as they stand there. Calculates nothing.

use invoice::Amount;
use invoice::event::TaxCategory;

use super::lexical::{category, decimal};
use super::line;
use super::tree::Element;

/// The amounts of a document; none where there is no element, or no number in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Printed {
    /// `AllowanceCharge/Amount` of the document.
    pub allowance: Option<Amount>,
    /// `TaxTotal/TaxAmount`: general tax only.
    pub tax: Option<Amount>,
    /// `TaxExclusiveAmount`.
    pub tax_exclusive: Option<Amount>,
    /// `TaxInclusiveAmount`.
    pub tax_inclusive: Option<Amount>,
    /// `AllowanceTotalAmount`.
    pub allowance_total: Option<Amount>,
    /// `PrepaidAmount`.
    pub prepaid: Option<Amount>,
    /// `PayableAmount`.
    pub payable: Option<Amount>,
    /// The lines, in the document's order.
    pub lines: Vec<PrintedLine>,
}

/// The amounts of a line that follow from others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrintedLine {
    /// `LineExtensionAmount`.
    pub extension: Option<Amount>,
    /// `TaxTotal/TaxAmount`.
    pub tax: Option<Amount>,
    /// `TaxTotal/RoundingAmount`: with all taxes.
    pub with_tax: Option<Amount>,
    /// `TaxAmount` of the subtotal of special tax.
    pub special_tax: Option<Amount>,
    /// `TaxableAmount` of the subtotal of special tax.
    pub special_taxable: Option<Amount>,
    /// `TaxAmount` of the subtotal of general tax.
    pub general_tax: Option<Amount>,
    /// `TaxableAmount` of the subtotal of general tax.
    pub general_taxable: Option<Amount>,
    /// The places of the subtotals of general and special tax, from 1.
    pub(crate) places: (usize, usize),
}

pub(super) fn printed(root: &Element) -> Printed {
    let amount = |path: &str| root.at(path).and_then(|element| decimal(&element.text));
    Printed {
        allowance: amount("cac:AllowanceCharge/cbc:Amount"),
        tax: amount("cac:TaxTotal/cbc:TaxAmount"),
        tax_exclusive: amount("cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount"),
        tax_inclusive: amount("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"),
        allowance_total: amount("cac:LegalMonetaryTotal/cbc:AllowanceTotalAmount"),
        prepaid: amount("cac:LegalMonetaryTotal/cbc:PrepaidAmount"),
        payable: amount("cac:LegalMonetaryTotal/cbc:PayableAmount"),
        lines: root.children_named("cac:InvoiceLine").map(printed_line).collect(),
    }
}

fn printed_line(element: &Element) -> PrintedLine {
    let amount = |path: &str| element.at(path).and_then(|element| decimal(&element.text));
    let subtotals = line::subtotals(element);
    let of = |subtotal: Option<&Element>, name: &str| {
        subtotal.and_then(|subtotal| subtotal.child(name)).and_then(|element| decimal(&element.text))
    };
    PrintedLine {
        extension: amount("cbc:LineExtensionAmount"),
        tax: amount("cac:TaxTotal/cbc:TaxAmount"),
        with_tax: amount("cac:TaxTotal/cbc:RoundingAmount"),
        special_tax: of(subtotals.special, "cbc:TaxAmount"),
        special_taxable: of(subtotals.special, "cbc:TaxableAmount"),
        general_tax: of(subtotals.general, "cbc:TaxAmount"),
        general_taxable: of(subtotals.general, "cbc:TaxableAmount"),
        places: subtotals.places,
    }
}

/// A subtotal of the document.
pub(crate) struct Rate {
    /// Its place, from 1.
    pub(crate) place: usize,
    pub(crate) category: Option<TaxCategory>,
    pub(crate) percent: Option<Amount>,
    pub(crate) taxable: Option<Amount>,
    pub(crate) tax: Option<Amount>,
}

pub(super) fn rates(root: &Element) -> Vec<Rate> {
    let Some(total) = root.child("cac:TaxTotal") else { return Vec::new() };
    let subtotals = total.children_named("cac:TaxSubtotal").zip(1_usize..);
    subtotals
        .map(|(subtotal, place)| {
            let amount = |path: &str| subtotal.at(path).and_then(|element| decimal(&element.text));
            Rate {
                place,
                category: category(subtotal.text_at("cac:TaxCategory/cbc:ID")),
                percent: amount("cac:TaxCategory/cbc:Percent"),
                taxable: amount("cbc:TaxableAmount"),
                tax: amount("cbc:TaxAmount"),
            }
        })
        .collect()
}
