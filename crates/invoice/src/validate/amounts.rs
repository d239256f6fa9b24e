//! Rules for single amounts: sign, decimals, size. Knows no field by name.

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::limits;
use crate::totals::Fixed;

use super::{FaultCode, Faults, both};

/// Which amounts an amount may be.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// A quantity or a price: above 0, below [`limits::FACTOR`].
    Factor,
    /// What may be 0 and else is bounded as a factor: what came back of a quantity.
    Part,
    /// A discount or a tax of a line: 0 to [`limits::LINE_AMOUNT`].
    Line,
    /// A document's total: 0 to [`limits::DOCUMENT_AMOUNT`].
    Total,
}

/// Whether nothing is wrong with an amount by itself.
pub(super) fn fit(value: Amount, bound: Bound) -> bool {
    let mut faults = Faults::default();
    check(&mut faults, "", value, bound)
}

/// Checks one amount; true when it is fit to be calculated with.
pub(super) fn check(faults: &mut Faults, path: &str, value: Amount, bound: Bound) -> bool {
    let before = faults.found.len();
    let decimal = value.decimal();
    match bound {
        Bound::Factor if decimal <= Decimal::ZERO => {
            let message = both!("is {value}: it must be above 0", "قيمته {value}: يجب أن تكون أكبر من 0");
            faults.add(FaultCode::NotPositive, path, message);
        }
        Bound::Part | Bound::Line | Bound::Total if decimal < Decimal::ZERO => {
            let message = both!("is {value}: it must be 0 or more", "قيمته {value}: يجب أن تكون 0 أو أكثر");
            faults.add(FaultCode::Negative, path, message);
        }
        _ => {}
    }
    let decimals = limits::DECIMALS;
    if value.decimals() > decimals {
        let message = both!(
            "is {value}: round it to at most {decimals} decimals",
            "قيمته {value}: قرّبها إلى {decimals} منازل عشرية على الأكثر"
        );
        faults.add(FaultCode::TooManyDecimals, path, message);
    }
    let (too_large, most, most_ar) = match bound {
        Bound::Factor | Bound::Part => {
            let bound = limits::FACTOR;
            let most = both!("below {bound}", "أقل من {bound}");
            (decimal >= Decimal::from(bound), most.en, most.ar)
        }
        Bound::Line | Bound::Total => {
            let line = matches!(bound, Bound::Line);
            let bound = if line { limits::LINE_AMOUNT } else { limits::DOCUMENT_AMOUNT };
            let most = both!("{bound} at most", "{bound} على الأكثر");
            (decimal > Decimal::from(bound), most.en, most.ar)
        }
    };
    if too_large {
        let message = both!("is {value}: it must be {most}", "قيمته {value}: يجب أن تكون {most_ar}");
        faults.add(FaultCode::AmountTooLarge, path, message);
    }
    // A full list of faults takes no more; what it did not take is no proof of fitness.
    faults.found.len() == before && before < limits::FAULTS
}

/// Quantity x price, when it is within the bound of a line.
pub(super) fn product(faults: &mut Faults, path: &str, quantity: Amount, price: Amount) -> Option<Fixed> {
    let most = Fixed::of(Amount::from(Decimal::from(limits::LINE_AMOUNT)))?;
    let product = Fixed::product(quantity, price).filter(|product| *product <= most);
    if product.is_none() {
        let most = limits::LINE_AMOUNT;
        let message = both!(
            "{quantity} x {price} is more than {most} on one line",
            "{quantity} × {price} أكثر من {most} في بند واحد"
        );
        faults.add(FaultCode::AmountTooLarge, path, message);
    }
    product
}
