//! An exact decimal from outside: JSON string or JSON number, never by way of a float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An exact, normalised decimal: `1.00` is `1`, and `-0` is `0`.
///
/// What it may be (sign, decimals, size) is the validation's business, so that every fault gets its path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAmount {
    /// Not a plain decimal number.
    #[error("{0:?} is not a decimal number: write digits with at most one point, such as \"12.500\"")]
    Malformed(String),
    /// More digits than can be kept exactly.
    #[error("{0:?} has more digits than can be kept exactly (28)")]
    TooManyDigits(String),
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The decimal behind it, normalised.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// In units of the ninth decimal; none when it has more decimals, or is too large.
    pub(crate) fn billionths(self) -> Option<i128> {
        let factor = 10_i128.checked_pow(crate::limits::DECIMALS.checked_sub(self.0.scale())?)?;
        self.0.mantissa().checked_mul(factor)
    }

    /// So many units of the ninth decimal.
    pub(crate) fn from_billionths(units: i128) -> Option<Self> {
        Decimal::try_from_i128_with_scale(units, crate::limits::DECIMALS).ok().map(Self::from)
    }

    /// How many decimals it needs (trailing zeros do not count).
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.0.scale()
    }
}

impl From<Decimal> for Amount {
    fn from(value: Decimal) -> Self {
        let value = value.normalize();
        // rust_decimal prints a negative zero as "-0".
        Self(if value.is_zero() { Decimal::ZERO } else { value })
    }
}

impl FromStr for Amount {
    type Err = NotAnAmount;

    /// Plain decimals and, since JSON numbers may be written so, a decimal exponent. Nothing is rounded.
    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let malformed = || NotAnAmount::Malformed(text.chars().take(60).collect());
        let too_many = || NotAnAmount::TooManyDigits(text.chars().take(60).collect());
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| malformed())?),
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || exponent.unsigned_abs() > 60 {
            return Err(malformed());
        }
        // Trailing zeros carry no value; cut them so that 1.000…0 is never "too long".
        let fraction = fraction.trim_end_matches('0');
        let coefficient = format!("{whole}{fraction}");
        let coefficient = coefficient.trim_start_matches('0');
        if coefficient.is_empty() {
            return Ok(Self::ZERO);
        }
        let significant = coefficient.trim_end_matches('0');
        let shifted = i64::try_from(coefficient.len() - significant.len()).map_err(|_| too_many())?;
        let fraction_len = i64::try_from(fraction.len()).map_err(|_| too_many())?;
        // value = significant x 10^power
        let power = i64::from(exponent) + shifted - fraction_len;
        let mut number: i128 = if significant.len() <= 29 {
            significant.parse().map_err(|_| too_many())?
        } else {
            return Err(too_many());
        };
        let scale = if power < 0 {
            u32::try_from(-power).map_err(|_| too_many())?
        } else {
            let factor = u32::try_from(power)
                .ok()
                .and_then(|power| 10_i128.checked_pow(power))
                .ok_or_else(too_many)?;
            number = number.checked_mul(factor).ok_or_else(too_many)?;
            0
        };
        if mantissa.starts_with('-') {
            number = -number;
        }
        Decimal::try_from_i128_with_scale(number, scale).map(Self::from).map_err(|_| too_many())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// As a JSON string: every reader keeps it exact.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json's `arbitrary_precision` keeps the digits of a number as they were written.
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            other => {
                let kind = match other {
                    serde_json::Value::Null => "null",
                    serde_json::Value::Bool(_) => "a boolean",
                    serde_json::Value::Array(_) => "a list",
                    _ => "an object",
                };
                return Err(de::Error::custom(format_args!(
                    "expected a decimal as a string or a number, found {kind}"
                )));
            }
        };
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An exact decimal, as a string (best) or a number; never rounded on the way in.",
            "type": ["string", "number"],
            "pattern": "^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(json: &str) -> Result<Amount, String> {
        serde_json::from_str::<Amount>(json).map_err(|error| error.to_string())
    }

    #[test]
    fn strings_and_numbers_are_exact() {
        for (json, text) in [
            ("\"123456789.123456789\"", "123456789.123456789"),
            ("123456789.123456789", "123456789.123456789"),
            ("1.00", "1"),
            ("\"1.500\"", "1.5"),
            ("1e3", "1000"),
            ("12.5e-1", "1.25"),
            ("-0.0", "0"),
            ("0.000000001", "0.000000001"),
            ("1.0000000000000000000000000000000000000", "1"),
            ("100", "100"),
            ("\"007.10\"", "7.1"),
        ] {
            assert_eq!(amount(json).map(|value| value.to_string()), Ok(text.to_owned()), "{json}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for json in [
            "\"1_000\"",
            "\"1,5\"",
            "\"\"",
            "\".5\"",
            "\"+1\"",
            "\"١٢\"",
            "null",
            "true",
            "\"NaN\"",
            "[1]",
            "\"1e999\"",
        ] {
            assert!(amount(json).is_err(), "{json}");
        }
        // The forty digits that rust_decimal's own parser would round in silence.
        assert!(amount("\"1.234567890123456789012345678901234567891\"").is_err());
    }
}
