//! Amounts as whole numbers of their ninth decimal, and their rounding to three without losing a fils. Knows no
//! document.

use std::fmt;

/// One, in units.
const ONE: i128 = 1_000_000_000;
/// A thousandth, in units.
const MILLI: i128 = 1_000_000;
/// The most digits before the point; more is no amount of money or goods.
const WHOLE_DIGITS: usize = 15;
/// The decimals that the profile allows (guide v1.5).
const DECIMALS: usize = 9;

/// An exact decimal with nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Amount(i128);

impl Amount {
    /// Reads a plain decimal that is not negative.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part = part.trim_end_matches('0');
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let empty = whole.is_empty() && part.is_empty();
        if empty || whole.len() > WHOLE_DIGITS || part.len() > DECIMALS || !digits(whole) || !digits(part) {
            return None;
        }
        format!("{whole}{part:0<DECIMALS$}").parse().ok().map(Self)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, if it is not negative.
    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|rest| *rest >= 0).map(Self)
    }

    /// Half-up to three decimals.
    pub(super) fn rounded(self) -> Self {
        Self((self.0 + MILLI / 2) / MILLI * MILLI)
    }

    /// Whether the two are nearer than two thousandths: as much as three roundings of one sum may lie apart.
    pub(super) fn near(self, other: Self) -> bool {
        self.0.abs_diff(other.0) < MILLI.unsigned_abs() * 2
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / ONE, self.0 % ONE);
        let part = format!("{part:09}");
        // Three decimals at least, as the gateway's example has them.
        let kept = part.trim_end_matches('0').len().max(3);
        write!(f, "{whole}.{}", part.get(..kept).unwrap_or(&part))
    }
}

/// Each amount to three decimals, none of them moved by a whole thousandth, so that they add up to `total`: what is
/// left of cutting goes to those that lost most by it. None when no such amounts exist.
pub(super) fn share_out(amounts: &[Amount], total: Amount) -> Option<Vec<Amount>> {
    let mut shares: Vec<i128> = amounts.iter().map(|amount| amount.0 / MILLI).collect();
    let cut: i128 = shares.iter().sum();
    let missing = usize::try_from((total.0 / MILLI).checked_sub(cut)?).ok()?;
    let mut losers: Vec<(usize, i128)> = amounts
        .iter()
        .enumerate()
        .map(|(place, amount)| (place, amount.0 % MILLI))
        .filter(|(_, lost)| *lost > 0)
        .collect();
    if missing > losers.len() {
        return None;
    }
    losers.sort_by_key(|(place, lost)| (std::cmp::Reverse(*lost), *place));
    for (place, _) in losers.into_iter().take(missing) {
        if let Some(share) = shares.get_mut(place) {
            *share += 1;
        }
    }
    Some(shares.into_iter().map(|share| Amount(share * MILLI)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(texts: &[&str]) -> Vec<Amount> {
        texts.iter().map(|text| Amount::read(text).unwrap()).collect()
    }

    #[test]
    fn amounts_are_read_and_shown_exactly() {
        for (text, shown) in [
            ("5", "5.000"),
            ("0.215", "0.215"),
            ("93.965517241", "93.965517241"),
            ("1.50000000000", "1.500"),
            (".5", "0.500"),
            (" 999999999999999.999999999 ", "999999999999999.999999999"),
        ] {
            assert_eq!(Amount::read(text).unwrap().to_string(), shown);
        }
        for bad in ["", ".", "-1", "1e3", "1,0", "0.0000000001", "9999999999999999", "١"] {
            assert_eq!(Amount::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_gateways_own_example_is_rounded_as_it_shows() {
        let taxes = amounts(&["0.2859", "0.0645", "0.1299", "0.0974"]);
        let total = taxes.iter().fold(Amount::default(), |sum, tax| sum.plus(*tax)).rounded();
        assert_eq!(total.to_string(), "0.578");
        assert_eq!(share_out(&taxes, total).unwrap(), amounts(&["0.286", "0.065", "0.130", "0.097"]));
    }

    #[test]
    fn shares_add_up_and_none_moves_by_a_thousandth() {
        for count in 1..60u32 {
            let exact: Vec<Amount> =
                (0..count).map(|n| Amount(i128::from(n * 7_919 % 4_001) * 250_317)).collect();
            let total = exact.iter().fold(Amount::default(), |sum, one| sum.plus(*one)).rounded();
            let shares = share_out(&exact, total).unwrap();
            let sum = shares.iter().fold(Amount::default(), |sum, one| sum.plus(*one));
            assert_eq!(sum, total, "{count}");
            for (share, exact) in shares.iter().zip(&exact) {
                assert!(share.0.abs_diff(exact.0) < MILLI.unsigned_abs(), "{share} {exact}");
            }
        }
    }

    #[test]
    fn a_total_that_no_shares_could_reach_is_told() {
        let exact = amounts(&["1.0005", "2"]);
        assert_eq!(share_out(&exact, Amount::read("3.002").unwrap()), None);
        assert_eq!(share_out(&exact, Amount::read("2.999").unwrap()), None);
    }
}
