//! A document's discount over its lines, by the largest remainder. Knows what each line can bear, and nothing else of it.

use crate::amount::Amount;
use crate::limits;
use crate::totals::TotalsError;

use super::landing::BILLION;
use super::wide::multiply_divide;

/// Decimals of the units that are dealt out, unless the discount has more: fils.
const FILS: u32 = 3;

/// A line that bears a part of the discount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bearer {
    /// What its part is in proportion to; in whichever unit, the same for all lines.
    pub(super) weight: u128,
    /// The most that it can bear: the same in whole billionths, what is broken cut off. No fair part is above it.
    pub(super) most: i128,
}

/// The parts of `discount`, in billionths, one for each line; they add up to it exactly.
///
/// They are whole fils, or whole units of the discount's own last decimal. Where lines are too small for that (a discount of all
/// that a few lines of broken fils come to), finer units are dealt out until it works.
pub(super) fn spread(discount: Amount, bearers: &[Bearer]) -> Result<Vec<i128>, TotalsError> {
    let not_exact = || TotalsError::NotExact { path: "discount".to_owned() };
    let units = discount.billionths().filter(|units| *units >= 0).ok_or_else(not_exact)?;
    let most = bearers.iter().try_fold(0_i128, |sum, bearer| sum.checked_add(bearer.most));
    let most = most.ok_or_else(not_exact)?;
    if units > most {
        let most = Amount::from_billionths(most).ok_or_else(not_exact)?;
        return Err(TotalsError::DiscountAboveDocument { discount, most });
    }
    if units == 0 {
        return Ok(vec![0; bearers.len()]);
    }
    (discount.decimals().max(FILS)..=limits::DECIMALS)
        .find_map(|decimals| deal(units, 10_i128.pow(limits::DECIMALS - decimals), bearers))
        .ok_or_else(not_exact)
}

/// The parts in whole units of `unit` billionths; none where the lines cannot bear what is left over in such units.
fn deal(discount: i128, unit: i128, bearers: &[Bearer]) -> Option<Vec<i128>> {
    let all = bearers.iter().try_fold(0_u128, |sum, bearer| sum.checked_add(bearer.weight))?;
    let count = u128::try_from(discount / unit).ok()?;
    let mut parts = Vec::with_capacity(bearers.len());
    let mut remainders = Vec::with_capacity(bearers.len());
    for (index, bearer) in bearers.iter().enumerate() {
        let (part, remainder) = multiply_divide(count, bearer.weight, all)?;
        parts.push(i128::try_from(part).ok()?.checked_mul(unit)?);
        remainders.push((std::cmp::Reverse(remainder), index));
    }
    let mut left = discount.checked_sub(parts.iter().sum())?;
    remainders.sort_unstable();
    // One unit each, by the remainders; then, where only the finest units are left, as many as a line can bear.
    for most_now in [unit, if unit == 1 { i128::MAX } else { 0 }] {
        for (_, index) in &remainders {
            let (Some(part), Some(bearer)) = (parts.get_mut(*index), bearers.get(*index)) else { continue };
            let room = (bearer.most - *part) / unit * unit;
            let more = room.min(left).min(most_now);
            *part += more;
            left -= more;
        }
    }
    (left == 0).then_some(parts)
}

/// Billionths are the finest units of all amounts.
const _: () = assert!(BILLION == 10_i128.pow(limits::DECIMALS));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect("an amount")
    }

    fn parts(discount: &str, bases: &[&str]) -> Vec<String> {
        let bearers: Vec<_> = bases
            .iter()
            .map(|base| {
                let most = amount(base).billionths().expect("nine decimals");
                Bearer { weight: u128::try_from(most).expect("positive"), most }
            })
            .collect();
        let parts = spread(amount(discount), &bearers).expect("a spread");
        parts.into_iter().map(|part| Amount::from_billionths(part).expect("an amount").to_string()).collect()
    }

    #[test]
    fn parts_are_whole_fils_by_the_largest_remainder() {
        assert_eq!(parts("1", &["10", "10", "10"]), ["0.334", "0.333", "0.333"], "a tie goes to the earlier");
        assert_eq!(parts("0.5", &["1.771", "2.2", "0.32"]), ["0.207", "0.256", "0.037"]);
        assert_eq!(parts("10", &["64", "45"]), ["5.872", "4.128"]);
        assert_eq!(parts("0.001", &["1", "2", "3"]), ["0", "0", "0.001"]);
        assert_eq!(parts("109", &["64", "45"]), ["64", "45"], "all of it");
        assert_eq!(parts("0", &["64", "45"]), ["0", "0"]);
        assert_eq!(parts("5", &["0", "45"]), ["0", "5"]);
    }

    #[test]
    fn a_finer_discount_is_dealt_out_in_its_own_units() {
        assert_eq!(parts("0.0005", &["1", "1"]), ["0.0003", "0.0002"]);
        assert_eq!(parts("0.000000003", &["1", "1"]), ["0.000000002", "0.000000001"]);
    }

    #[test]
    fn no_line_bears_more_than_it_comes_to() {
        assert_eq!(parts("0.001", &["0.0005", "0.0005"]), ["0.0005", "0.0005"]);
        assert_eq!(parts("0.002", &["0.0015", "0.0005"]), ["0.0015", "0.0005"]);
        assert_eq!(parts("1", &["0.999999999", "0.000000001"]), ["0.999999999", "0.000000001"]);
    }

    #[test]
    fn what_broken_billionths_cannot_bear_goes_to_the_others() {
        // Three lines of 0.9 billionths can bear nothing, so that the fourth bears more than its fair 3.24 of 5.
        let small = Bearer { weight: 900_000_000, most: 0 };
        let large = Bearer { weight: 5_000_000_000, most: 5 };
        let parts = spread(amount("0.000000005"), &[small, small, small, large]).expect("a spread");
        assert_eq!(parts, [0, 0, 0, 5]);
    }

    #[test]
    fn more_than_the_lines_come_to_is_an_error() {
        let bearers = [Bearer { weight: 10, most: 10 }, Bearer { weight: 5, most: 5 }];
        let error = spread(amount("0.000000016"), &bearers).expect_err("an error");
        assert_eq!(
            error.to_string(),
            "the discount 0.000000016 is more than its lines can bear, 0.000000015"
        );
        assert!(spread(amount("1"), &[]).is_err());
        assert!(spread(amount("1"), &[Bearer { weight: 0, most: 0 }]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_parts_are_fair(
            bases in proptest::collection::vec((0_u64..10_u64.pow(18), 0_u32..=9), 1..20),
            share in 0_u64..=1_000_000,
            decimals in 0_u32..=9,
        ) {
            // In units of 10^-18, so that what a line can bear is cut.
            let bearers: Vec<_> = bases
                .iter()
                .map(|(base, power)| {
                    let weight = u128::from(*base) * 10_u128.pow(*power);
                    Bearer { weight, most: i128::try_from(weight).expect("small") / BILLION }
                })
                .collect();
            let most: i128 = bearers.iter().map(|bearer| bearer.most).sum();
            let step = 10_i128.pow(9 - decimals);
            let wanted = most * i128::from(share) / 1_000_000 / step * step;
            let discount = Amount::from_billionths(wanted).expect("an amount");
            let parts = spread(discount, &bearers).expect("a spread");
            prop_assert_eq!(parts.iter().sum::<i128>(), wanted);
            let all: u128 = bearers.iter().map(|bearer| bearer.weight).sum();
            let coarsest = 10_i128.pow(6);
            for (part, bearer) in parts.iter().zip(&bearers) {
                prop_assert!((0..=bearer.most).contains(part));
                let (exact, _) = multiply_divide(u128::try_from(wanted).expect("positive"), bearer.weight, all.max(1))
                    .expect("small");
                let exact = i128::try_from(exact).expect("small");
                prop_assert!((part - exact).abs() <= coarsest, "{} instead of {}", part, exact);
            }
        }
    }
}
