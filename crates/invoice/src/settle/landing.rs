//! One line's way from shop prices to net ones, so that it lands on the shop's total (specification, section 3.5). Whole numbers
//! throughout: billionths, and finer units where products need them. Knows no document.

use crate::profile::Rounding;

use super::spread::Bearer;

/// Units of the ninth decimal in one.
pub(super) const BILLION: i128 = 1_000_000_000;
/// A price is raised by at most so many units of the ninth decimal to make a broken quantity land. A weight of three decimals
/// needs 138 at most at 16 %.
pub(super) const STEPS: i128 = 256;
/// Units of 10^-20, in which a base of 10^-18 times 100 + percent is counted, in one billionth.
const HUNDRED_BILLION: i128 = 100 * BILLION;

/// What a shop says of a line, in billionths; the total after all discounts, and both with all taxes.
pub(super) struct Shop {
    pub(super) quantity: i128,
    pub(super) unit_price: i128,
    pub(super) total: i128,
    pub(super) special_tax: i128,
    pub(super) percent: i128,
}

/// The net price and the discount of a line, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landed {
    pub(super) unit_price: i128,
    pub(super) discount: i128,
}

impl Shop {
    /// What the total is without the special tax and the general tax on it, in units of 10^-20: LE (1 + r).
    pub(super) fn base(&self) -> Option<i128> {
        self.total.checked_mul(HUNDRED_BILLION)?.checked_sub(self.special_tax_with_tax()?)
    }

    /// What a discount can be taken off.
    pub(super) fn bearer(&self) -> Option<Bearer> {
        let base = self.base()?;
        Some(Bearer { weight: u128::try_from(base).ok()?, most: base / HUNDRED_BILLION })
    }

    /// In units of 10^-20.
    fn special_tax_with_tax(&self) -> Option<i128> {
        self.special_tax.checked_mul(BILLION)?.checked_mul(self.factor())
    }

    fn factor(&self) -> i128 {
        100 + self.percent
    }

    /// Net price and discount; none where a number is beyond what can be counted.
    pub(super) fn land(&self, rounding: Rounding) -> Option<Landed> {
        let divisor = self.quantity.checked_mul(self.factor())?;
        // LE before discounts, x (1 + r), in units of 10^-20.
        let gross = self
            .quantity
            .checked_mul(self.unit_price)?
            .checked_mul(100)?
            .checked_sub(self.special_tax_with_tax()?)?
            .max(0);
        let base = self.base()?;
        // A total that the shop rounded up may be above quantity x price: the price must reach it.
        let up = ceiling(gross, divisor).max(ceiling(base, divisor)).max(1);
        let down = gross / divisor;
        if (1..up).contains(&down)
            && let Some((landed, true)) = self.at(down, base, rounding)
            && landed.discount == 0
        {
            return Some(landed);
        }
        let (first, lands) = self.at(up, base, rounding)?;
        // Only a broken quantity times another price has another ninth decimal's fraction, and only if it is kept.
        let broken = self.quantity % BILLION != 0 && rounding == Rounding::Once;
        if lands || !broken {
            return Some(first);
        }
        (1..=STEPS)
            .filter_map(|step| self.at(up + step, base, rounding))
            .find_map(|(landed, lands)| lands.then_some(landed))
            .or(Some(first))
    }

    /// The line at this net price with the discount that brings it nearest to the shop's total, and whether it lands there.
    fn at(&self, unit_price: i128, base: i128, rounding: Rounding) -> Option<(Landed, bool)> {
        let gross = self.quantity.checked_mul(unit_price)?;
        let gross = match rounding {
            Rounding::Once => gross,
            Rounding::SumOfLines => rounded(gross)?.checked_mul(BILLION)?,
        };
        let factor = self.factor();
        let above = gross.checked_mul(factor)?.checked_sub(base)?;
        let unit = factor.checked_mul(BILLION)?;
        // Rounded half-up, and within what there is to take off.
        let discount = (above.checked_add(unit / 2)?).div_euclid(unit).clamp(0, gross / BILLION);
        let extension = gross.checked_sub(discount.checked_mul(BILLION)?)?;
        let with_tax = extension.checked_mul(factor)?.checked_add(self.special_tax_with_tax()?)?;
        let printed = with_tax.checked_add(HUNDRED_BILLION / 2)? / HUNDRED_BILLION;
        Some((Landed { unit_price, discount }, printed == self.total))
    }
}

/// Units of 10^-18 in billionths, rounded half-up (away from zero).
pub(super) fn rounded(units: i128) -> Option<i128> {
    Some(units.checked_add(BILLION / 2 * units.signum())? / BILLION)
}

/// Of what is not negative.
fn ceiling(dividend: i128, divisor: i128) -> i128 {
    dividend / divisor + i128::from(dividend % divisor != 0)
}
