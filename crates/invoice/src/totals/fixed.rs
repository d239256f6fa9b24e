//! Exact fixed-point arithmetic for totals: 20 decimals in an `i128`. Refuses rather than rounds; knows no tax rule.

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::limits;

/// Decimals kept: quantity and price have at most 9 each, and a percentage divides by 100.
const SCALE: u32 = 20;

/// A value in units of 10^-20.
///
/// Within the bounds of [`limits`] a line is below 10^13 and a document of 10,000 lines below 10^17, which is 10^37
/// units; an `i128` holds 1.7 x 10^38. Outside them every operation answers `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Fixed(i128);

impl Fixed {
    pub(crate) const ZERO: Self = Self(0);

    /// The amount itself.
    pub(crate) fn of(amount: Amount) -> Option<Self> {
        let decimal = amount.decimal();
        Self::scaled(decimal.mantissa(), decimal.scale())
    }

    /// The exact product of two amounts.
    pub(crate) fn product(a: Amount, b: Amount) -> Option<Self> {
        let (a, b) = (a.decimal(), b.decimal());
        Self::scaled(a.mantissa().checked_mul(b.mantissa())?, a.scale().checked_add(b.scale())?)
    }

    fn scaled(mantissa: i128, scale: u32) -> Option<Self> {
        let factor = 10_i128.checked_pow(SCALE.checked_sub(scale)?)?;
        mantissa.checked_mul(factor).map(Self)
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// That many percent of it; `None` also when the result needs more than 20 decimals.
    pub(crate) fn percent(self, percent: i128) -> Option<Self> {
        let hundredfold = self.0.checked_mul(percent)?;
        (hundredfold.checked_rem(100)? == 0).then_some(Self(hundredfold / 100))
    }

    /// Rounded once, half-up (away from zero), at 9 decimals; normalised.
    pub(crate) fn rounded(self) -> Option<Decimal> {
        let unit = 10_i128.checked_pow(SCALE.checked_sub(limits::DECIMALS)?)?;
        let half = (unit / 2).checked_mul(self.0.signum())?;
        let units = self.0.checked_add(half)?.checked_div(unit)?;
        Decimal::try_from_i128_with_scale(units, limits::DECIMALS)
            .ok()
            .map(|value| Amount::from(value).decimal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect("an amount")
    }

    #[test]
    fn ties_go_away_from_zero() {
        for (a, b, rounded) in [
            ("0.000000001", "0.5", "0.000000001"),
            ("0.000000001", "0.499999999", "0"),
            ("-0.000000001", "0.5", "-0.000000001"),
            ("-0.000000001", "0.499999999", "0"),
            ("0.000000003", "0.5", "0.000000002"),
        ] {
            let product = Fixed::product(amount(a), amount(b)).and_then(Fixed::rounded);
            assert_eq!(product.map(|value| value.to_string()).as_deref(), Some(rounded), "{a} x {b}");
        }
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        let tiny = amount("0.00000000001");
        assert_eq!(Fixed::product(tiny, tiny), None, "22 decimals");
        let huge = amount("9999999999999999999999999999");
        assert_eq!(Fixed::of(huge), None, "48 digits");
        assert_eq!(Fixed::product(huge, huge), None, "56 digits");
        let nineteen = Fixed::product(amount("0.0000000001"), amount("0.000000001"));
        assert_eq!(nineteen.and_then(|value| value.percent(1)), None, "21 decimals");
        assert_eq!(Fixed(i128::MAX).plus(Fixed(1)), None);
        assert_eq!(Fixed(i128::MIN).minus(Fixed(1)), None);
        assert_eq!(Fixed(i128::MAX).rounded(), None);
    }
}
