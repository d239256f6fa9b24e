//! Telephone numbers as the guide takes them: digits only. Knows no field.

use crate::limits;
use crate::profile::PhoneRule;

/// The digits of a telephone number; Arabic-Indic and Persian digits count as what they mean.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter_map(western_digit).collect()
}

/// `c` as one of 0 to 9, when it is a digit as people in Jordan write them.
pub(crate) fn western_digit(c: char) -> Option<char> {
    let value = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => u32::from(c).checked_sub(0x660)?,
        '\u{6f0}'..='\u{6f9}' => u32::from(c).checked_sub(0x6f0)?,
        _ => return None,
    };
    char::from_digit(value, 10)
}

/// The number as a document writes it: digits, and without the `00` that callers from abroad dial, which says no more than
/// a `+`. A number that would be too short without them keeps them.
pub(crate) fn reduced(text: &str) -> String {
    let digits = digits(text);
    match digits.strip_prefix("00") {
        Some(rest) if rest.len() >= *limits::PHONE_DIGITS.start() && !rest.starts_with('0') => {
            rest.to_owned()
        }
        _ => digits,
    }
}

/// How many digits a number may have by this reading (specification 2.5).
pub(crate) fn lengths(rule: PhoneRule) -> std::ops::RangeInclusive<usize> {
    match rule {
        PhoneRule::NineToFourteen | PhoneRule::OmitUnfit => limits::PHONE_DIGITS,
        PhoneRule::OneToFifteen => limits::PHONE_DIGITS_LAX,
    }
}

/// The number as a document writes it, if it has as many digits as this reading asks for.
pub(crate) fn for_document(text: &str, rule: PhoneRule) -> Option<String> {
    Some(reduced(text)).filter(|digits| lengths(rule).contains(&digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_reduced_to_what_the_guide_allows() {
        for (typed, written) in [
            ("+962 (79) 123-4567", Some("962791234567")),
            ("00962 79 123 4567", Some("962791234567")),
            ("٠٠٩٦٢٧٩١٢٣٤٥٦٧", Some("962791234567")),
            ("۰۷۹۱۲۳۴۵۶۷", Some("0791234567")),
            ("06 5001234 x12", Some("06500123412")),
            ("00123 4567", Some("001234567")),
            ("000962791234567", None),
            ("0777 888", None),
        ] {
            assert_eq!(for_document(typed, PhoneRule::NineToFourteen).as_deref(), written, "{typed}");
        }
        assert_eq!(for_document("911", PhoneRule::OneToFifteen).as_deref(), Some("911"));
        assert_eq!(for_document("911", PhoneRule::OmitUnfit), None);
        assert_eq!(for_document("ext.", PhoneRule::OneToFifteen), None);
    }
}
