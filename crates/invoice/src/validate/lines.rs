//! Rules for the lines: numbers, amounts, taxes (specification 2.3, 2.6 to 2.8). Must not know seller or buyer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::event::{Family, GeneralTax, InvoiceEvent, Kind, Line, Scope, TaxCategory};
use crate::limits;
use crate::totals::Fixed;

use super::text::{self, Layout};
use super::{FaultCode, Faults};

pub(super) fn check(faults: &mut Faults, event: &InvoiceEvent) {
    let count = event.lines.len();
    if count == 0 {
        faults.add(FaultCode::NoLines, "lines", "is empty: a document has at least one line");
    }
    if count > limits::LINES {
        let message = format!("has {count} lines: a document may have {}; split it", limits::LINES);
        faults.add(FaultCode::TooManyLines, "lines", message);
        return;
    }
    check_numbers(faults, event);
    let consumer_prices = event.lines.iter().any(|line| line.consumer_price.is_some());
    for (index, line) in event.lines.iter().enumerate() {
        check_name(faults, index, line);
        check_amounts(faults, index, line);
        check_taxes(faults, index, line, event);
        check_consumer_price(faults, index, line, event.family, consumer_prices);
    }
}

fn check_numbers(faults: &mut Faults, event: &InvoiceEvent) {
    let given = event.lines.iter().any(|line| line.id.is_some());
    let mut seen = BTreeMap::new();
    for (index, line) in event.lines.iter().enumerate() {
        match line.id {
            None if event.kind == Kind::Return => {
                let message = "is missing: a return's line carries the number that it has in the original";
                faults.line(index, "id", FaultCode::LineIdMissing, message);
            }
            None if given => {
                let message = "is missing: number all lines or none";
                faults.line(index, "id", FaultCode::LineIdMissing, message);
            }
            None => {}
            Some(0) => faults.line(index, "id", FaultCode::LineIdZero, "is 0: line numbers begin at 1"),
            Some(id) => match seen.entry(id) {
                Entry::Vacant(place) => {
                    place.insert(index);
                }
                Entry::Occupied(first) => {
                    let message =
                        format!("{id} is the number of lines[{}] as well: numbers are unique", first.get());
                    faults.line(index, "id", FaultCode::LineIdRepeated, message);
                }
            },
        }
    }
}

fn check_name(faults: &mut Faults, index: usize, line: &Line) {
    let mut own = Faults::default();
    text::required(&mut own, "", &line.name, limits::NAME_CHARS, Layout::OneLine);
    for fault in own.found {
        faults.line(index, "name", fault.code, fault.message);
    }
}

/// Which amounts an amount may be.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// A quantity or a price: above 0, below [`limits::FACTOR`].
    Factor,
    /// A discount or a tax of a line: 0 to [`limits::LINE_AMOUNT`].
    Line,
    /// A document's total: 0 to [`limits::DOCUMENT_AMOUNT`].
    Total,
}

/// What is wrong with an amount by itself.
pub(super) fn amount(value: Amount, bound: Bound) -> Vec<(FaultCode, String)> {
    let mut found = Vec::new();
    let decimal = value.decimal();
    match bound {
        Bound::Factor if decimal <= Decimal::ZERO => {
            found.push((FaultCode::NotPositive, format!("is {value}: it must be above 0")));
        }
        Bound::Line | Bound::Total if decimal < Decimal::ZERO => {
            found.push((FaultCode::Negative, format!("is {value}: it must be 0 or more")));
        }
        _ => {}
    }
    if value.decimals() > limits::DECIMALS {
        let message = format!("is {value}: round it to at most {} decimals", limits::DECIMALS);
        found.push((FaultCode::TooManyDecimals, message));
    }
    let (too_large, most) = match bound {
        Bound::Factor => (decimal >= Decimal::from(limits::FACTOR), format!("below {}", limits::FACTOR)),
        Bound::Line => {
            (decimal > Decimal::from(limits::LINE_AMOUNT), format!("{} at most", limits::LINE_AMOUNT))
        }
        Bound::Total => {
            (decimal > Decimal::from(limits::DOCUMENT_AMOUNT), format!("{} at most", limits::DOCUMENT_AMOUNT))
        }
    };
    if too_large {
        found.push((FaultCode::AmountTooLarge, format!("is {value}: it must be {most}")));
    }
    found
}

/// Checks one amount of a line; true when it is fit to be calculated with.
fn check_amount(faults: &mut Faults, index: usize, field: &str, value: Amount, bound: Bound) -> bool {
    let found = amount(value, bound);
    let fit = found.is_empty();
    for (code, message) in found {
        faults.line(index, field, code, message);
    }
    fit
}

fn check_amounts(faults: &mut Faults, index: usize, line: &Line) {
    let quantity = check_amount(faults, index, "quantity", line.quantity, Bound::Factor);
    let price = check_amount(faults, index, "unit_price", line.unit_price, Bound::Factor);
    let discount = check_amount(faults, index, "discount", line.discount, Bound::Line);
    if !(quantity && price) {
        return;
    }
    let Some(gross) = check_product(faults, index, "", line.quantity, line.unit_price) else {
        return;
    };
    if discount && Fixed::of(line.discount).is_none_or(|discount| discount > gross) {
        let gross = gross.rounded().unwrap_or_default();
        let message = format!("{} is more than quantity x unit price, {gross}: lower it", line.discount);
        faults.line(index, "discount", FaultCode::DiscountAboveGross, message);
    }
}

/// Quantity x price, when it is within the bound of a line.
fn check_product(
    faults: &mut Faults,
    index: usize,
    field: &str,
    quantity: Amount,
    price: Amount,
) -> Option<Fixed> {
    let most = Fixed::of(Amount::from(Decimal::from(limits::LINE_AMOUNT)))?;
    let product = Fixed::product(quantity, price).filter(|product| *product <= most);
    if product.is_none() {
        let message = format!("{quantity} x {price} is more than {} on one line", limits::LINE_AMOUNT);
        faults.line(index, field, FaultCode::AmountTooLarge, message);
    }
    product
}

fn check_taxes(faults: &mut Faults, index: usize, line: &Line, event: &InvoiceEvent) {
    let family = event.family;
    match (family, &line.tax) {
        (Family::Income, None) => {}
        (Family::Income, Some(_)) => {
            let message = "an income document carries no tax: leave it out";
            faults.line(index, "tax", FaultCode::TaxNotAllowed, message);
        }
        (Family::GeneralSales | Family::SpecialSales, None) => {
            let message =
                "is missing: a sales document states the general tax of every line (exempt is category Z)";
            faults.line(index, "tax", FaultCode::TaxMissing, message);
        }
        (Family::GeneralSales | Family::SpecialSales, Some(tax)) => {
            check_rate(faults, index, tax, event.scope);
        }
    }
    match (family, line.special_tax) {
        (Family::SpecialSales, Some(amount)) => {
            check_amount(faults, index, "special_tax", amount, Bound::Line);
        }
        (Family::SpecialSales, None) => {
            let message =
                "is missing: a special sales document states the special tax of every line (0 when none)";
            faults.line(index, "special_tax", FaultCode::TaxMissing, message);
        }
        (Family::Income | Family::GeneralSales, Some(_)) => {
            let message = "only a special sales document carries special tax: leave it out";
            faults.line(index, "special_tax", FaultCode::TaxNotAllowed, message);
        }
        (Family::Income | Family::GeneralSales, None) => {}
    }
}

fn check_rate(faults: &mut Faults, index: usize, tax: &GeneralTax, scope: Scope) {
    if scope != Scope::Local && tax.category != TaxCategory::O {
        let message = "must be O: outside local scope every line is zero-rated";
        faults.line(index, "tax.category", FaultCode::NotZeroRated, message);
        return;
    }
    let percent = tax.percent.decimal();
    match tax.category {
        TaxCategory::Z | TaxCategory::O if !percent.is_zero() => {
            let message =
                format!("is {percent}: exempt (Z) and zero-rated (O) lines have 0; a taxed line is S");
            faults.line(index, "tax.percent", FaultCode::PercentNotZero, message);
        }
        TaxCategory::S if percent.is_zero() => {
            let message = "is 0: a zero-rated line is category O, an exempt one Z; S needs a rate";
            faults.line(index, "tax.percent", FaultCode::PercentNotListed, message);
        }
        TaxCategory::S if !limits::RATES.iter().any(|rate| percent == Decimal::from(*rate)) => {
            let rates = limits::RATES.map(|rate| rate.to_string()).join(", ");
            let message = format!("is {percent}: the rates are {rates}");
            faults.line(index, "tax.percent", FaultCode::PercentNotListed, message);
        }
        _ => {}
    }
}

fn check_consumer_price(faults: &mut Faults, index: usize, line: &Line, family: Family, used: bool) {
    let field = "consumer_price";
    let Some(price) = line.consumer_price else {
        if used && family != Family::Income {
            let message = "is missing: give the consumer price on all lines or on none";
            faults.line(index, field, FaultCode::ConsumerPriceMissing, message);
        }
        return;
    };
    if family == Family::Income {
        let message = "an income document knows no consumer price: leave it out";
        faults.line(index, field, FaultCode::ConsumerPriceNotAllowed, message);
        return;
    }
    if !check_amount(faults, index, field, price, Bound::Factor) {
        return;
    }
    if price < line.unit_price {
        let message =
            format!("{price} is below the unit price {}: it must be equal or above", line.unit_price);
        faults.line(index, field, FaultCode::ConsumerPriceBelowPrice, message);
    }
    if amount(line.quantity, Bound::Factor).is_empty() {
        check_product(faults, index, field, line.quantity, price);
    }
}
