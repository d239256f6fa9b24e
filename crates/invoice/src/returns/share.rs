//! The part of an amount that goes back with a part of a quantity, exact to the ninth decimal. Knows nothing of documents.

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::limits;

/// `whole` x `part` / `of`, rounded half-up at the ninth decimal; none where the operands are beyond their bounds.
pub(super) fn proportional(whole: Amount, part: Amount, of: Amount) -> Option<Amount> {
    let (whole, part, of) = (units(whole)?, units(part)?, units(of)?);
    if whole < 0 || part < 0 || of <= 0 || part > of {
        return None;
    }
    // whole = a x of + b: neither product leaves an i128, though whole x part might.
    let (a, b) = (whole / of, whole % of);
    let rest = b.checked_mul(part)?.checked_mul(2)?.checked_add(of)? / of.checked_mul(2)?;
    amount(a.checked_mul(part)?.checked_add(rest)?)
}

/// `quantity` x `price`, cut after the ninth decimal.
pub(super) fn gross(quantity: Amount, price: Amount) -> Option<Amount> {
    amount(units(quantity)?.checked_mul(units(price)?)? / 10_i128.pow(limits::DECIMALS))
}

/// In billionths.
fn units(amount: Amount) -> Option<i128> {
    let decimal = amount.decimal();
    let power = limits::DECIMALS.checked_sub(decimal.scale())?;
    decimal.mantissa().checked_mul(10_i128.checked_pow(power)?)
}

fn amount(units: i128) -> Option<Amount> {
    Decimal::try_from_i128_with_scale(units, limits::DECIMALS).ok().map(Amount::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn parts_are_rounded_half_up_at_the_ninth_decimal() {
        for (whole, part, quantity, share) in [
            ("2", "1", "3", "0.666666667"),
            ("1", "1", "3", "0.333333333"),
            ("0.000000001", "1", "2", "0.000000001"),
            ("0.000000001", "0.999999999", "2", "0"),
            ("5", "10", "10", "5"),
            ("0", "1", "7", "0"),
            ("1000000000000", "999999999.999999999", "999999999.999999999", "1000000000000"),
            ("999999999999.999999999", "0.000000001", "999999999.999999999", "0.000001"),
        ] {
            assert_eq!(proportional(of(whole), of(part), of(quantity)), Some(of(share)), "{whole} {part}");
        }
    }

    #[test]
    fn what_has_no_part_has_none() {
        for (whole, part, quantity) in
            [("1", "1", "0"), ("1", "2", "1"), ("-1", "1", "1"), ("1", "-1", "1"), ("1.0000000001", "1", "1")]
        {
            assert_eq!(proportional(of(whole), of(part), of(quantity)), None, "{whole} {part} {quantity}");
        }
    }

    #[test]
    fn a_gross_is_cut() {
        assert_eq!(gross(of("0.5"), of("0.000000001")), Some(Amount::ZERO));
        assert_eq!(gross(of("1.5"), of("0.000000002")), Some(of("0.000000003")));
    }
}
