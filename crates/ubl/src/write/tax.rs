//! Tax totals of lines and documents (specification 2.7). Knows their shapes, not their arithmetic.

use invoice::event::{Family, GeneralTax, Line, TaxCategory};
use invoice::{Amount, InvoiceEvent, LineTotals, Profile, Totals};
use rust_decimal::Decimal;

use super::WriteError;
use super::xml::Xml;

/// The attributes of a tax category's ID, and of a tax scheme's.
const CATEGORY: &str = r#" schemeAgencyID="6" schemeID="UN/ECE 5305""#;
const SCHEME: &str = r#" schemeAgencyID="6" schemeID="UN/ECE 5153""#;

/// The taxes of a line, of which none is left out in silence.
pub(super) enum Taxes<'a> {
    /// Income: none.
    None,
    General(&'a GeneralTax),
    Special(&'a GeneralTax, Amount),
}

/// The taxes to write, as the family has them.
pub(super) fn of(line: &Line, family: Family) -> Result<Taxes<'_>, WriteError> {
    match (family, &line.tax, line.special_tax) {
        (Family::Income, None, None) => Ok(Taxes::None),
        (Family::Income, ..) => Err(WriteError::unfit("income documents have no tax")),
        (Family::GeneralSales, Some(tax), None) => Ok(Taxes::General(tax)),
        (Family::GeneralSales, _, Some(_)) => {
            Err(WriteError::unfit("only special sales documents have a special tax"))
        }
        (Family::SpecialSales, Some(tax), Some(special)) => Ok(Taxes::Special(tax, special)),
        (Family::SpecialSales, Some(_), None) => {
            Err(WriteError::unfit("lines of special sales documents have a special tax"))
        }
        (Family::GeneralSales | Family::SpecialSales, None, _) => {
            Err(WriteError::unfit("lines of sales documents have a tax"))
        }
    }
}

/// The `TaxTotal` of a line; income lines have none.
pub(super) fn line(
    taxes: &Taxes<'_>,
    totals: &LineTotals,
    profile: &Profile,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    let (tax, special) = match taxes {
        Taxes::None => return Ok(()),
        Taxes::General(tax) => (tax, None),
        Taxes::Special(tax, amount) => (tax, Some(amount)),
    };
    xml.element("cac:TaxTotal", |xml| {
        xml.amount("cbc:TaxAmount", totals.tax)?;
        xml.amount("cbc:RoundingAmount", totals.with_tax)?;
        if let Some(special) = special {
            // Its category is S even where the general tax is not, and it has no percent.
            subtotal(Some(totals.extension), special.decimal(), TaxCategory::S, None, xml)?;
        }
        // What is stated is the extension alone, also where the tax rests on more.
        let stated = (special.is_some() || profile.taxable_amount).then_some(totals.extension);
        subtotal(stated, totals.tax, tax.category, Some(tax.percent), xml)
    })
}

/// The `TaxTotal` of a sales document; with one subtotal for each rate where `per_rate` says so.
pub(super) fn document(
    event: &InvoiceEvent,
    totals: &Totals,
    per_rate: bool,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    xml.element("cac:TaxTotal", |xml| {
        xml.amount("cbc:TaxAmount", totals.tax)?;
        let mut seen: Vec<&GeneralTax> = Vec::new();
        for tax in event.lines.iter().filter(|_| per_rate).filter_map(|line| line.tax.as_ref()) {
            if seen.contains(&tax) {
                continue;
            }
            seen.push(tax);
            let of_rate =
                event.lines.iter().zip(&totals.lines).filter(|(line, _)| line.tax.as_ref() == Some(tax));
            let sums = of_rate.map(|(_, totals)| (totals.extension, totals.tax)).try_fold(
                (Decimal::ZERO, Decimal::ZERO),
                |(taxable, tax), (more_taxable, more_tax)| {
                    Some((taxable.checked_add(more_taxable)?, tax.checked_add(more_tax)?))
                },
            );
            let (taxable, amount) =
                sums.ok_or_else(|| WriteError::unfit("the sums of a rate are too large"))?;
            subtotal(Some(taxable), amount, tax.category, Some(tax.percent), xml)?;
        }
        Ok(())
    })
}

/// One subtotal: of general tax with a percent, of special tax without.
fn subtotal(
    taxable: Option<Decimal>,
    amount: Decimal,
    category: TaxCategory,
    percent: Option<Amount>,
    xml: &mut Xml<'_>,
) -> Result<(), WriteError> {
    xml.element("cac:TaxSubtotal", |xml| {
        if let Some(taxable) = taxable {
            xml.amount("cbc:TaxableAmount", taxable)?;
        }
        xml.amount("cbc:TaxAmount", amount)?;
        xml.element("cac:TaxCategory", |xml| {
            let letter = match category {
                TaxCategory::Z => "Z",
                TaxCategory::O => "O",
                TaxCategory::S => "S",
            };
            xml.fixed("cbc:ID", CATEGORY, letter);
            if let Some(percent) = percent {
                xml.percent("cbc:Percent", percent.decimal())?;
            }
            xml.element("cac:TaxScheme", |xml| {
                xml.fixed("cbc:ID", SCHEME, if percent.is_some() { "VAT" } else { "OTH" });
                Ok(())
            })
        })
    })
}
