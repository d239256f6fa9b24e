//! One line of an invoice (specification 2.6 and 2.7). Knows the families' shapes, not their arithmetic.

use invoice::LineTotals;
use invoice::event::{Family, GeneralTax, Line, TaxCategory};

use super::WriteError;
use super::xml::Xml;
use crate::supports::Unsupported;

/// The attributes of a tax category's ID, and of a tax scheme's.
const CATEGORY: &str = r#" schemeAgencyID="6" schemeID="UN/ECE 5305""#;
const SCHEME: &str = r#" schemeAgencyID="6" schemeID="UN/ECE 5153""#;

/// The whole line. The caller adds the line's place to errors.
pub(super) fn line(
    line: &Line,
    totals: &LineTotals,
    family: Family,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    let tax = general_tax(line, family)?;
    xml.raw("<cac:InvoiceLine>");
    xml.plain("cbc:ID", "", totals.id);
    xml.quantity("cbc:InvoicedQuantity", line.quantity.decimal())?;
    xml.amount("cbc:LineExtensionAmount", totals.extension)?;
    if let Some(tax) = tax {
        xml.element("cac:TaxTotal", |xml| {
            xml.amount("cbc:TaxAmount", totals.tax)?;
            xml.amount("cbc:RoundingAmount", totals.with_tax)?;
            xml.element("cac:TaxSubtotal", |xml| {
                xml.amount("cbc:TaxAmount", totals.tax)?;
                tax_category(tax, xml)
            })
        })?;
    }
    xml.element("cac:Item", |xml| xml.text("cbc:Name", "", &line.name))?;
    xml.element("cac:Price", |xml| {
        xml.amount("cbc:PriceAmount", line.unit_price.decimal())?;
        xml.element("cac:AllowanceCharge", |xml| {
            xml.fixed("cbc:ChargeIndicator", "", "false");
            xml.fixed("cbc:AllowanceChargeReason", "", "DISCOUNT");
            xml.amount("cbc:Amount", line.discount.decimal())
        })
    })?;
    xml.raw("</cac:InvoiceLine>");
    Ok(())
}

/// The tax to write, if the family has one; a tax that would be left out in silence is an error.
fn general_tax(line: &Line, family: Family) -> Result<Option<&GeneralTax>, WriteError> {
    if line.special_tax.is_some() {
        return Err(WriteError::unfit("only special sales documents have a special tax"));
    }
    match (family, &line.tax) {
        (Family::Income, None) => Ok(None),
        (Family::Income, Some(_)) => Err(WriteError::unfit("income documents have no tax")),
        (Family::GeneralSales, Some(tax)) => Ok(Some(tax)),
        (Family::GeneralSales, None) => Err(WriteError::unfit("lines of general sales documents have a tax")),
        (Family::SpecialSales, _) => Err(Unsupported::SpecialSales.into()),
    }
}

fn tax_category(tax: &GeneralTax, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:TaxCategory", |xml| {
        let letter = match tax.category {
            TaxCategory::Z => "Z",
            TaxCategory::O => "O",
            TaxCategory::S => "S",
        };
        xml.fixed("cbc:ID", CATEGORY, letter);
        xml.percent("cbc:Percent", tax.percent.decimal())?;
        xml.element("cac:TaxScheme", |xml| {
            xml.fixed("cbc:ID", SCHEME, "VAT");
            Ok(())
        })
    })
}
