//! What is wrong with an event: where, which rule, and how to mend it. Knows no rule itself.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fault of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// The rule that is broken; stable.
    pub code: FaultCode,
    /// The place, such as `lines[3].unit_price` (counted from 0, as in JSON); empty for the event as a whole.
    pub path: String,
    /// What is wrong with the value seen, and how to mend it. For people; may change.
    pub message: String,
}

impl Fault {
    /// A fault at `path`.
    pub fn new(code: FaultCode, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// Declares the codes once: the variant, its stable name and its meaning.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The rules, by a stable name in `snake_case`. New ones may come; none changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum FaultCode {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl FaultCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

codes! {
    /// More bytes than an event may have.
    TooLarge = "too_large",
    /// Not JSON.
    MalformedJson = "malformed_json",
    /// Not UTF-8, or a surrogate without its other half.
    InvalidUnicode = "invalid_unicode",
    /// Something follows the event.
    TrailingData = "trailing_data",
    /// A member that the format does not know.
    UnknownField = "unknown_field",
    /// A mandatory member is not there.
    MissingField = "missing_field",
    /// A member occurs twice.
    DuplicateField = "duplicate_field",
    /// A value of the wrong kind, or not readable as what it should be.
    InvalidValue = "invalid_value",
    /// Not the version of the format that is understood.
    UnsupportedVersion = "unsupported_version",
    /// Valid, but this build cannot write such a document yet.
    Unsupported = "unsupported",
    /// The nil UUID.
    NilUuid = "nil_uuid",
    /// `amends` is not the number of a document version.
    InvalidAmends = "invalid_amends",
    /// A text that must say something is empty.
    EmptyText = "empty_text",
    /// A text is longer than its bound.
    TextTooLong = "text_too_long",
    /// A character that XML 1.0 or the field does not allow.
    ForbiddenCharacter = "forbidden_character",
    /// Something else than the digits 0 to 9.
    NotDigits = "not_digits",
    /// Too few or too many digits.
    DigitCount = "digit_count",
    /// A currency that the authority does not take.
    UnknownCurrency = "unknown_currency",
    /// A date before the law or beyond reason.
    DateOutOfRange = "date_out_of_range",
    /// The buyer must be named.
    BuyerNameMissing = "buyer_name_missing",
    /// A development-area sale without the buyer's tax number.
    BuyerTaxNumberMissing = "buyer_tax_number_missing",
    /// A document without lines.
    NoLines = "no_lines",
    /// More lines than a document may have.
    TooManyLines = "too_many_lines",
    /// Line numbers are given on some lines only, or not at all on a return.
    LineIdMissing = "line_id_missing",
    /// A line number is 0.
    LineIdZero = "line_id_zero",
    /// Two lines share a number.
    LineIdRepeated = "line_id_repeated",
    /// An amount that must be above 0 is not.
    NotPositive = "not_positive",
    /// An amount that must be 0 or more is below.
    Negative = "negative",
    /// More than 9 decimals.
    TooManyDecimals = "too_many_decimals",
    /// An amount beyond its bound.
    AmountTooLarge = "amount_too_large",
    /// A line's discount exceeds its quantity x price.
    DiscountAboveGross = "discount_above_gross",
    /// A tax that documents of this family do not carry.
    TaxNotAllowed = "tax_not_allowed",
    /// A tax that documents of this family must state on every line.
    TaxMissing = "tax_missing",
    /// A percentage on an exempt or zero-rated line.
    PercentNotZero = "percent_not_zero",
    /// A percentage that is not on the authority's list.
    PercentNotListed = "percent_not_listed",
    /// A line that is not zero-rated though the document's scope asks for it.
    NotZeroRated = "not_zero_rated",
    /// A consumer price on a document whose family knows none.
    ConsumerPriceNotAllowed = "consumer_price_not_allowed",
    /// Consumer prices on some lines only.
    ConsumerPriceMissing = "consumer_price_missing",
    /// A consumer price below the unit price.
    ConsumerPriceBelowPrice = "consumer_price_below_price",
    /// A return that does not say what it returns.
    OriginalMissing = "original_missing",
    /// An invoice that names an original.
    OriginalNotAllowed = "original_not_allowed",
    /// A return of itself.
    OriginalIsItself = "original_is_itself",
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_snake_case_and_what_serde_writes() {
        let mut names = std::collections::BTreeSet::new();
        for code in FaultCode::ALL {
            let name = code.as_str();
            assert!(names.insert(name), "{name} twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(serde_json::to_value(code).expect("json"), name);
        }
    }

    #[test]
    fn a_fault_reads_as_a_sentence_with_its_place() {
        let fault = Fault::new(FaultCode::NotPositive, "lines[0].quantity", "0 is not above 0");
        assert_eq!(fault.to_string(), "lines[0].quantity: 0 is not above 0 (not_positive)");
        assert_eq!(Fault::new(FaultCode::NoLines, "", "no lines").to_string(), "no lines (no_lines)");
    }
}
