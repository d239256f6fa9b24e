//! The lines of eezi documents, their taxes above all. Must not know the document's head.

use invoice::event::{Family, GeneralTax, Line, TaxCategory};
use invoice::returns::ReturnLine;
use invoice::{Amount, FaultCode, limits};
use rust_decimal::Decimal;

use super::codes::Subtype;
use crate::json::{At, Reader};
use crate::money::{agrees, plain, quoted};

/// The reasons of a tax of 0.
pub(super) const EXEMPT: &[&str] = &["JO-Zero-Rated", "Out-Of-Tax"];

pub(super) fn sold(reader: &mut Reader, at: &At<'_>, family: Family) -> Line {
    let quantity = reader.needed_amount(&at.member("quantity")).unwrap_or_default();
    let unit_price = reader.needed_amount(&at.member("price").member("amount")).unwrap_or_default();
    let discount = reader.amount(&at.member("discount").member("amount")).unwrap_or_default();
    let gross = quantity.decimal().checked_mul(unit_price.decimal());
    let net = gross.and_then(|gross| gross.checked_sub(discount.decimal()));
    let special_tax = special_tax(reader, at, family);
    let base = net.and_then(|net| net.checked_add(special_tax.unwrap_or_default().decimal()));
    Line {
        id: line_id(reader, at),
        name: reader.needed(&at.member("description")).unwrap_or_default(),
        quantity,
        unit_price,
        discount,
        total: None,
        tax: general_tax(reader, at, family, base),
        special_tax,
        consumer_price: None,
    }
}

/// A line of a credit note; what it states besides its quantity must agree with the original.
pub(super) fn returned(reader: &mut Reader, at: &At<'_>, subtype: Option<Subtype>) -> ReturnLine {
    let id = line_id(reader, at);
    if id.is_none() && reader.faults.is_empty() {
        let message = "is missing: a credit note says which line of the invoice comes back, by the number that it has \
                       there (1 for the first); leave all lines out to take everything back";
        reader.fault(FaultCode::LineIdMissing, &at.any(&ID), message);
    }
    let family = subtype.map(|subtype| subtype.family);
    let vat = at.member("vat");
    let tax = match family {
        Some(family) if vat.is_there() => general_tax(reader, at, family, None),
        _ => None,
    };
    ReturnLine {
        id: id.unwrap_or_default(),
        quantity: reader.needed_amount(&at.member("quantity")).unwrap_or_default(),
        name: reader.text(&at.member("description")),
        unit_price: reader.amount(&at.member("price").member("amount")),
        discount: reader.amount(&at.member("discount").member("amount")),
        tax,
        special_tax: special_tax(reader, at, Family::GeneralSales),
        consumer_price: None,
    }
}

const ID: [&str; 2] = ["lineNumber", "id"];

fn line_id(reader: &mut Reader, at: &At<'_>) -> Option<u32> {
    let at = at.any(&ID);
    let text = reader.text(&at)?;
    let id = plain(&text).parse().ok();
    if id.is_none() {
        let message = format!("is {}: it is the line's number, 1 for the first", quoted(&text));
        reader.fault(FaultCode::InvalidValue, &at, message);
    }
    id
}

fn general_tax(
    reader: &mut Reader,
    at: &At<'_>,
    family: Family,
    base: Option<Decimal>,
) -> Option<GeneralTax> {
    let vat = at.member("vat");
    let kind = reader.needed(&vat.member("type"));
    let amount = reader.needed_amount(&vat.member("amount"))?;
    if family == Family::Income {
        if amount != Amount::ZERO {
            let message = format!("is {amount}: an income document carries no tax; it must be 0");
            reader.fault(FaultCode::TaxNotAllowed, &vat.member("amount"), message);
        }
        return None;
    }
    if amount == Amount::ZERO {
        return exempt(reader, &vat).map(|category| GeneralTax { category, percent: Amount::ZERO });
    }
    let percent = match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("percent") => amount,
        Some("fixed") => rate(reader, &vat.member("amount"), amount, base)?,
        Some(_) => {
            reader.fault(FaultCode::InvalidValue, &vat.member("type"), "is neither fixed nor percent");
            return None;
        }
        None => return None,
    };
    Some(GeneralTax { category: TaxCategory::S, percent })
}

/// Z and O by what eezi says of its codes, not by their names: `JO-Zero-Rated` is described as exempt, `Out-Of-Tax` as subject to zero.
fn exempt(reader: &mut Reader, vat: &At<'_>) -> Option<TaxCategory> {
    let at = vat.member("exemptReasonCode");
    let Some(code) = reader.text(&at) else {
        let message =
            "is missing: a tax of 0 says why, JO-Zero-Rated (exempt) or Out-Of-Tax (subject to zero)";
        reader.fault(FaultCode::MissingField, &at, message);
        return None;
    };
    match code.to_ascii_lowercase().as_str() {
        "jo-zero-rated" => Some(TaxCategory::Z),
        "out-of-tax" => Some(TaxCategory::O),
        _ => {
            let message =
                format!("is {}: it is JO-Zero-Rated (exempt) or Out-Of-Tax (subject to zero)", quoted(&code));
            reader.fault(FaultCode::InvalidValue, &at, message);
            None
        }
    }
}

/// The authority taxes by rates: an amount is the one rate that comes to it.
fn rate(reader: &mut Reader, at: &At<'_>, amount: Amount, base: Option<Decimal>) -> Option<Amount> {
    let hundredth = base.and_then(|base| base.checked_div(Decimal::ONE_HUNDRED))?;
    let comes = |rate: &Decimal| hundredth.checked_mul(*rate).is_some_and(|tax| agrees(amount, &[tax]));
    let mut fitting = limits::RATES.into_iter().map(Decimal::from).filter(comes);
    match (fitting.next(), fitting.next()) {
        (Some(rate), None) => Some(rate.into()),
        _ => {
            let message = format!(
                "is {amount}, which is no single rate of the line: the authority taxes by rates; give the type percent \
                 and the rate"
            );
            reader.fault(FaultCode::InvalidValue, at, message);
            None
        }
    }
}

/// Fixed additional taxes are the line's special tax, an amount.
fn special_tax(reader: &mut Reader, at: &At<'_>, family: Family) -> Option<Amount> {
    let mut sum: Option<Decimal> = (family == Family::SpecialSales).then_some(Decimal::ZERO);
    for tax in reader.list(&at.member("additionalTaxes")) {
        let kind = reader.needed(&tax.member("type")).map(|kind| kind.to_ascii_lowercase());
        let amount = reader.amount(&tax.member("amount"));
        match (kind.as_deref(), amount) {
            (Some("fixed" | "percent"), Some(amount)) => {
                let added = sum.unwrap_or_default().checked_add(amount.decimal());
                if added.is_none() {
                    reader.fault(FaultCode::AmountTooLarge, &tax.member("amount"), "is too large");
                }
                sum = added;
            }
            (Some("fixed" | "percent"), None) => {
                let message = "is missing: the special tax is an amount that the seller states";
                reader.fault(FaultCode::MissingField, &tax.member("amount"), message);
            }
            (Some(_), _) => {
                reader.fault(FaultCode::InvalidValue, &tax.member("type"), "is neither fixed nor percent");
            }
            (None, _) => {}
        }
    }
    sum.map(Amount::from)
}
