//! What is wrong with an event: where, which rule, and how to mend it. Knows no rule itself.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::Language;
use crate::shown;

/// One fault of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// The rule that is broken; stable.
    pub code: FaultCode,
    /// The place, such as `lines[3].unit_price` (counted from 0, as in JSON); empty for the event as a whole.
    pub path: String,
    /// What is wrong with the value seen, and how to mend it, in English. For people; may change.
    pub message: String,
    /// The same in Arabic. Empty in faults that were recorded before there was one.
    #[serde(default)]
    pub message_ar: String,
}

impl Fault {
    /// A fault at `path`. A message in English alone gets the rule's own sentence for its Arabic. What place and message repeat of
    /// the event is escaped where a terminal would obey it.
    pub fn new(code: FaultCode, path: impl Into<String>, message: impl Into<Message>) -> Self {
        let Message { en, ar } = message.into();
        let ar = if ar.is_empty() { code.rule().title.ar.to_owned() } else { ar };
        let safe = |text: String| match shown(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(safe) => safe,
        };
        Self { code, path: safe(path.into()), message: safe(en), message_ar: safe(ar) }
    }

    /// The message in that language.
    #[must_use]
    pub fn message_in(&self, language: Language) -> &str {
        match language {
            Language::En => &self.message,
            Language::Ar if self.message_ar.is_empty() => self.code.rule().title.ar,
            Language::Ar => &self.message_ar,
        }
    }

    /// The fault as a line in that language: place, message, code.
    #[must_use]
    pub fn line_in(&self, language: Language) -> String {
        let (path, message, code) = (&self.path, self.message_in(language), self.code);
        if path.is_empty() { format!("{message} ({code})") } else { format!("{path}: {message} ({code})") }
    }
}

/// A sentence for people in both languages, with the same facts in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// English.
    pub en: String,
    /// Arabic; empty when there is none.
    pub ar: String,
}

impl From<&str> for Message {
    fn from(en: &str) -> Self {
        Self { en: en.to_owned(), ar: String::new() }
    }
}

impl From<String> for Message {
    fn from(en: String) -> Self {
        Self { en, ar: String::new() }
    }
}

/// A [`Message`] of two format strings, English and Arabic, which name the same variables.
macro_rules! both {
    ($en:literal, $ar:literal $(,)?) => {
        $crate::validate::Message {
            en: std::fmt::format(format_args!($en)),
            ar: std::fmt::format(format_args!($ar)),
        }
    };
}
pub(crate) use both;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line_in(Language::En))
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
    /// The document's discount exceeds what its lines can bear.
    DiscountAboveDocument = "discount_above_document",
    /// A line states a shop total though prices are before tax.
    TotalNotAllowed = "total_not_allowed",
    /// A stated total is not what quantities, prices and discounts come to.
    TotalMismatch = "total_mismatch",
    /// Prices with tax on a document whose tax rests on consumer prices.
    TaxIncludedNotAllowed = "tax_included_not_allowed",
    /// The special tax of a line is more than its price with tax can hold.
    SpecialTaxAbovePrice = "special_tax_above_price",
    /// A scope that the taxpayer's family may not use, by its settings.
    ScopeNotAllowed = "scope_not_allowed",
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
    /// A return states something else than its original.
    DiffersFromOriginal = "differs_from_original",
    /// A line comes back that its original does not have.
    LineNotInOriginal = "line_not_in_original",
    /// More of a line comes back than is left of it.
    MoreThanLeft = "more_than_left",
    /// Everything of the original has come back already.
    NothingLeft = "nothing_left",
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
    fn what_a_fault_repeats_cannot_deceive() {
        let fault = Fault::new(FaultCode::UnknownField, "seller.\u{202e}x", format!("{} is odd", '\u{1b}'));
        assert_eq!(fault.to_string(), "seller.\\u{202e}x: \\u{1b} is odd (unknown_field)");
    }

    #[test]
    fn a_fault_reads_as_a_sentence_with_its_place() {
        let fault = Fault::new(FaultCode::NotPositive, "lines[0].quantity", "0 is not above 0");
        assert_eq!(fault.to_string(), "lines[0].quantity: 0 is not above 0 (not_positive)");
        assert_eq!(Fault::new(FaultCode::NoLines, "", "no lines").to_string(), "no lines (no_lines)");
    }
}
