//! Rules for the taxes of a line: family, category, rate, special tax, consumer price (specification 2.3, 2.7, 2.8).
//! Must not know seller or buyer.

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::event::{Family, GeneralTax, Line, Scope, TaxCategory};
use crate::limits;

use super::amounts::{self, Bound};
use super::{FaultCode, Faults, both};

/// The taxes of a line of a document of this family and scope; paths are within the line.
pub(super) fn check(faults: &mut Faults, line: &Line, family: Family, scope: Scope) {
    match (family, &line.tax) {
        (Family::Income, None) => {}
        (Family::Income, Some(_)) => not_on_income(faults),
        (Family::GeneralSales | Family::SpecialSales, None) => {
            let message = both!(
                "is missing: a sales document states the general tax of every line (exempt is category Z)",
                "مفقود: فاتورة المبيعات تذكر الضريبة العامة على كل بند (المعفى فئته Z)"
            );
            faults.add(FaultCode::TaxMissing, "tax", message);
        }
        (Family::GeneralSales | Family::SpecialSales, Some(tax)) => check_rate(faults, tax, scope),
    }
    match (family, line.special_tax) {
        (Family::SpecialSales, Some(amount)) => {
            amounts::check(faults, "special_tax", amount, Bound::Line);
        }
        (Family::SpecialSales, None) => {
            let message = both!(
                "is missing: a special sales document states the special tax of every line (0 when none)",
                "مفقود: فاتورة المبيعات الخاصة تذكر الضريبة الخاصة على كل بند (0 إن لم توجد)"
            );
            faults.add(FaultCode::TaxMissing, "special_tax", message);
        }
        (Family::Income | Family::GeneralSales, Some(_)) => {
            let message = both!(
                "only a special sales document carries special tax: leave it out",
                "الضريبة الخاصة لا ترد إلا في فاتورة المبيعات الخاصة: احذف الحقل"
            );
            faults.add(FaultCode::TaxNotAllowed, "special_tax", message);
        }
        (Family::Income | Family::GeneralSales, None) => {}
    }
}

/// A general tax on an income document.
pub(super) fn not_on_income(faults: &mut Faults) {
    let message =
        both!("an income document carries no tax: leave it out", "فاتورة الدخل لا تحمل ضريبة: احذف الحقل");
    faults.add(FaultCode::TaxNotAllowed, "tax", message);
}

/// Category and rate.
pub(super) fn check_rate(faults: &mut Faults, tax: &GeneralTax, scope: Scope) {
    if scope != Scope::Local && tax.category != TaxCategory::O {
        let message = both!(
            "must be O: outside local scope every line is zero-rated",
            "يجب أن تكون O: كل البنود خارج النطاق المحلي خاضعة لنسبة الصفر"
        );
        faults.add(FaultCode::NotZeroRated, "tax.category", message);
        return;
    }
    let (path, percent) = ("tax.percent", tax.percent.decimal());
    match tax.category {
        TaxCategory::Z | TaxCategory::O if !percent.is_zero() => {
            let message = both!(
                "is {percent}: exempt (Z) and zero-rated (O) lines have 0; a taxed line is S",
                "قيمته {percent}: نسبة البند المعفى (Z) والخاضع لنسبة الصفر (O) هي 0؛ والبند الخاضع للضريبة فئته S"
            );
            faults.add(FaultCode::PercentNotZero, path, message);
        }
        TaxCategory::S if percent.is_zero() => {
            let message = both!(
                "is 0: a zero-rated line is category O, an exempt one Z; S needs a rate",
                "قيمته 0: البند الخاضع لنسبة الصفر فئته O والمعفى فئته Z؛ أما S فتتطلب نسبة"
            );
            faults.add(FaultCode::PercentNotListed, path, message);
        }
        TaxCategory::S if !limits::RATES.iter().any(|rate| percent == Decimal::from(*rate)) => {
            let rates = limits::RATES.map(|rate| rate.to_string()).join(", ");
            let message =
                both!("is {percent}: the rates are {rates}", "قيمته {percent}: النسب المعتمدة هي {rates}");
            faults.add(FaultCode::PercentNotListed, path, message);
        }
        _ => {}
    }
}

/// The consumer price of a line; `used` when any line of the document has one.
pub(super) fn check_consumer_price(faults: &mut Faults, line: &Line, family: Family, used: bool) {
    let field = "consumer_price";
    let Some(price) = line.consumer_price else {
        if used && family != Family::Income {
            let message = both!(
                "is missing: give the consumer price on all lines or on none",
                "مفقود: ضع سعر المستهلك على كل البنود أو لا تضعه على أي منها"
            );
            faults.add(FaultCode::ConsumerPriceMissing, field, message);
        }
        return;
    };
    if family == Family::Income {
        let message = both!(
            "an income document knows no consumer price: leave it out",
            "فاتورة الدخل لا تعرف سعر المستهلك: احذف الحقل"
        );
        faults.add(FaultCode::ConsumerPriceNotAllowed, field, message);
        return;
    }
    if !amounts::check(faults, field, price, Bound::Factor) {
        return;
    }
    check_above(faults, price, line.unit_price);
    if amounts::fit(line.quantity, Bound::Factor) {
        amounts::product(faults, field, line.quantity, price);
    }
}

fn check_above(faults: &mut Faults, price: Amount, unit_price: Amount) {
    if price < unit_price {
        let message = both!(
            "{price} is below the unit price {unit_price}: it must be equal or above",
            "السعر {price} أقل من سعر الوحدة {unit_price}: يجب أن يساويه أو يزيد عليه"
        );
        faults.add(FaultCode::ConsumerPriceBelowPrice, "consumer_price", message);
    }
}
