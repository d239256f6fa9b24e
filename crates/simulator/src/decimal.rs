//! An exact decimal as printed in a document, held as a rational; it must not know which amount it is.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use serde::{Deserialize, Serialize};

/// The longest text that is read as a decimal; longer ones are refused before any arithmetic is done.
const MAX_CHARACTERS: usize = 48;

/// A decimal number, exact to the last digit, with the number of decimals that it was written with.
///
/// In configuration it is a string (`"0.001"`), never a float.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal {
    text: String,
    value: BigRational,
    decimals: usize,
}

/// The text is not of the form of `xsd:decimal`, or is longer than any amount can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number")]
pub struct NotADecimal;

impl Decimal {
    /// The number `units` / 10^`decimals`: `scaled(1, 3)` is 0.001.
    pub fn scaled(units: u64, decimals: u32) -> Self {
        let value = BigRational::new(BigInt::from(units), BigInt::from(10u8).pow(decimals));
        let width = usize::try_from(decimals).unwrap_or(0);
        let digits = format!("{units:0>fill$}", fill = width + 1);
        let (whole, part) = digits.split_at(digits.len() - width);
        let text = if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") };
        Self { text, value, decimals: width }
    }

    /// The exact value.
    pub fn value(&self) -> &BigRational {
        &self.value
    }

    /// How many decimals were written, trailing zeros included.
    pub fn decimals(&self) -> usize {
        self.decimals
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if text.len() > MAX_CHARACTERS {
            return Err(NotADecimal);
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{part}");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotADecimal);
        }
        let magnitude = BigInt::from_str(&digits).map_err(|_| NotADecimal)?;
        let numerator = if negative { -magnitude } else { magnitude };
        let exponent = u32::try_from(part.len()).map_err(|_| NotADecimal)?;
        let value = BigRational::new(numerator, BigInt::from(10u8).pow(exponent));
        Ok(Self { text: text.to_owned(), value, decimals: part.len() })
    }
}

impl TryFrom<String> for Decimal {
    type Error = NotADecimal;

    fn try_from(text: String) -> Result<Self, NotADecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.text
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Zero, as a rational.
pub(crate) fn zero() -> BigRational {
    BigRational::from_integer(BigInt::from(0u8))
}

/// One hundred, as a rational.
pub(crate) fn hundred() -> BigRational {
    BigRational::from_integer(BigInt::from(100u8))
}

/// Whether `printed` is within `tolerance` of `exact`, both ends included.
pub(crate) fn near(printed: &BigRational, exact: &BigRational, tolerance: &BigRational) -> bool {
    let difference = printed - exact;
    difference <= *tolerance && -difference <= *tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_schema_calls_a_decimal_and_nothing_else() {
        for good in ["0", "7.00", "-0.000000001", "+3", ".5", "5.", " 12.5 "] {
            assert!(good.parse::<Decimal>().is_ok(), "{good}");
        }
        for bad in ["", ".", "-", "1e3", "1,000", "١٢", "0x1", "1.2.3", "NaN", "1 2"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        assert!("9".repeat(MAX_CHARACTERS + 1).parse::<Decimal>().is_err());
    }

    #[test]
    fn is_exact() {
        let third: Decimal = "0.333333333".parse().unwrap();
        let rest: Decimal = "0.000000001".parse().unwrap();
        let sum = third.value() + third.value() + third.value() + rest.value();
        assert_eq!(sum, BigRational::from_integer(BigInt::from(1)));
        assert_eq!(third.decimals(), 9);
    }

    #[test]
    fn scaled_equals_parsed() {
        for (units, decimals, text) in [(1, 3, "0.001"), (10_000, 0, "10000"), (5, 10, "0.0000000005")] {
            assert_eq!(Decimal::scaled(units, decimals), text.parse().unwrap());
        }
    }

    #[test]
    fn tolerance_includes_its_ends() {
        let [printed, exact, tolerance] = ["1.001", "1", "0.001"].map(|t| t.parse::<Decimal>().unwrap());
        assert!(near(printed.value(), exact.value(), tolerance.value()));
        assert!(near(exact.value(), printed.value(), tolerance.value()));
        let further: Decimal = "1.001000001".parse().unwrap();
        assert!(!near(further.value(), exact.value(), tolerance.value()));
        assert!(!near(exact.value(), further.value(), tolerance.value()));
    }
}
