//! The lines of a document in a table, one a row. Must not know the head.

use std::collections::BTreeMap;

use invoice::event::{Family, GeneralTax, Line, TaxCategory};
use invoice::returns::ReturnLine;
use invoice::{Amount, FaultCode};
use rust_decimal::Decimal;

use super::values::Values;
use super::words;
use crate::money::quoted;

pub(super) fn sold(values: &mut Values<'_>, row: usize, family: Family) -> Line {
    Line {
        id: id(values, row),
        name: needed_text(values, "item", row),
        quantity: needed_amount(values, "quantity", row),
        unit_price: needed_amount(values, "unit_price", row),
        discount: values.amount("line_discount", row).unwrap_or_default(),
        total: values.amount("line_total", row),
        tax: tax(values, row, family),
        special_tax: values.amount("special_tax", row),
        consumer_price: values.amount("consumer_price", row),
    }
}

/// The lines that come back; none when the one row names no line: then everything comes back.
pub(super) fn returned(values: &mut Values<'_>) -> Option<Vec<ReturnLine>> {
    let whole = values.rows() == 1
        && ["line", "quantity", "item", "unit_price"].iter().all(|column| values.cell(column, 0).is_none());
    if whole {
        return None;
    }
    let line = |values: &mut Values<'_>, row| {
        if values.cell("line", row).is_none() {
            let message = "is missing: a return says which line of the invoice comes back, by the number that it has \
                           there (1 for the first); leave line, item, quantity and price empty to take everything back";
            values.fault("line", row, FaultCode::LineIdMissing, message);
        }
        ReturnLine {
            id: id(values, row).unwrap_or_default(),
            quantity: needed_amount(values, "quantity", row),
            name: values.cell("item", row).map(ToOwned::to_owned),
            unit_price: values.amount("unit_price", row),
            discount: values.amount("line_discount", row),
            tax: stated_tax(values, row),
            special_tax: values.amount("special_tax", row),
            consumer_price: values.amount("consumer_price", row),
        }
    };
    Some((0..values.rows()).map(|row| line(values, row)).collect())
}

/// What is kept and not sent, by the place that it would have in an event.
pub(super) fn metadata(values: &Values<'_>) -> Option<BTreeMap<String, String>> {
    let mut kept = BTreeMap::new();
    for row in 0..values.rows() {
        for column in ["unit", "item_code"] {
            if let Some(text) = values.cell(column, row) {
                kept.insert(format!("lines[{row}].{column}"), text.to_owned());
            }
        }
    }
    Some(kept).filter(|kept| !kept.is_empty())
}

fn id(values: &mut Values<'_>, row: usize) -> Option<u32> {
    let text = values.cell("line", row)?;
    values.parse_whole("line", row, text)
}

fn needed_text(values: &mut Values<'_>, column: &str, row: usize) -> String {
    let text = values.cell(column, row).map(ToOwned::to_owned);
    text.unwrap_or_else(|| {
        values.missing(column, row);
        String::new()
    })
}

fn needed_amount(values: &mut Values<'_>, column: &str, row: usize) -> Amount {
    if values.cell(column, row).is_none() {
        values.missing(column, row);
    }
    values.amount(column, row).unwrap_or_default()
}

/// What a row says of the general tax, which may be nothing.
fn stated_tax(values: &mut Values<'_>, row: usize) -> Option<GeneralTax> {
    let percent = values.amount("tax_percent", row);
    if let Some(percent) =
        percent.filter(|percent| *percent > Amount::ZERO && percent.decimal() < Decimal::ONE)
    {
        let message = format!("is {percent}: write the rate in percent, 16 for 16 %");
        values.fault("tax_percent", row, FaultCode::PercentNotListed, message);
    }
    let text = values.cell("tax_category", row);
    let category = text.and_then(|text| values.meaning("tax_category", row, text, words::CATEGORIES));
    match (category, percent) {
        (None, None) => None,
        (None, Some(percent)) if percent == Amount::ZERO && text.is_none() => {
            let message = "is missing: where the percentage is 0 it says whether the line is exempt (Z) or zero-rated (O)";
            values.fault("tax_category", row, FaultCode::MissingField, message);
            None
        }
        (category, percent) => Some(GeneralTax {
            category: category.unwrap_or(TaxCategory::S),
            percent: percent.unwrap_or_default(),
        }),
    }
}

fn tax(values: &mut Values<'_>, row: usize, family: Family) -> Option<GeneralTax> {
    // Spreadsheets fill empty columns with 0: on income documents that is no tax.
    let percent = values.cell("tax_percent", row);
    let zero = percent.is_none_or(|text| text.trim_end_matches('%').parse::<Amount>() == Ok(Amount::ZERO));
    match family {
        Family::Income if values.cell("tax_category", row).is_none() && zero => None,
        Family::Income => {
            let shown = percent.or_else(|| values.cell("tax_category", row)).unwrap_or_default();
            let column = if zero { "tax_category" } else { "tax_percent" };
            let message = format!("is {}: an income document carries no tax; clear the cell", quoted(shown));
            values.fault(column, row, FaultCode::TaxNotAllowed, message);
            None
        }
        Family::GeneralSales | Family::SpecialSales => stated_tax(values, row),
    }
}
