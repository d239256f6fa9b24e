//! One line of a document (specification 2.6 and 2.8). Knows the families' shapes, not their arithmetic.

use invoice::event::{Family, Kind, Line};
use invoice::{InvoiceEvent, LineTotals, Profile};

use super::WriteError;
use super::tax;
use super::xml::Xml;

/// The whole line. The caller adds the line's place to errors.
pub(super) fn line(
    line: &Line,
    totals: &LineTotals,
    event: &InvoiceEvent,
    profile: &Profile,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    let taxes = tax::of(line, event.family)?;
    let base_quantity =
        event.kind == Kind::Return && event.family == Family::GeneralSales && !profile.omit_base_quantity;
    xml.raw("<cac:InvoiceLine>");
    xml.plain("cbc:ID", "", totals.id);
    xml.quantity("cbc:InvoicedQuantity", line.quantity.decimal())?;
    xml.amount("cbc:LineExtensionAmount", totals.extension)?;
    tax::line(&taxes, totals, profile, xml)?;
    xml.element("cac:Item", |xml| xml.text("cbc:Name", "", &line.name))?;
    xml.element("cac:Price", |xml| {
        xml.amount("cbc:PriceAmount", line.unit_price.decimal())?;
        if base_quantity {
            xml.fixed("cbc:BaseQuantity", r#" unitCode="C62""#, "1");
        }
        xml.element("cac:AllowanceCharge", |xml| {
            xml.fixed("cbc:ChargeIndicator", "", "false");
            xml.fixed("cbc:AllowanceChargeReason", "", "DISCOUNT");
            xml.amount("cbc:Amount", line.discount.decimal())
        })
    })?;
    match (event.family, line.consumer_price) {
        (_, None) => {}
        (Family::Income, Some(_)) => {
            return Err(WriteError::unfit("income documents have no consumer price"));
        }
        (Family::GeneralSales | Family::SpecialSales, Some(price)) => {
            xml.element("cac:ItemPriceExtension", |xml| xml.amount("cbc:Amount", price.decimal()))?;
        }
    }
    xml.raw("</cac:InvoiceLine>");
    Ok(())
}
