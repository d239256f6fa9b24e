//! What the codes and numbers of a document mean. Knows no place.

use chrono::NaiveDate;
use invoice::Amount;
use invoice::event::{Family, Governorate, IdentificationScheme, Kind, Payment, Scope, TaxCategory};

/// `xs:decimal` of at most 28 digits, such as `4.480`, `+.5` or `7.`.
pub(crate) fn decimal(text: &str) -> Option<Amount> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{sign}0{whole}.{fraction}0").parse().ok()
}

/// The total in a text that people read: some programs group its thousands with commas.
pub(crate) fn grouped(text: &str) -> Option<Amount> {
    if let Some(amount) = decimal(text) {
        return Some(amount);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let fits =
        !fraction.contains(',') && (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    if fits { decimal(&text.replace(',', "")) } else { None }
}

/// `yyyy-mm-dd`; a time zone, which `xs:date` allows, is not in the profile.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if shaped { text.parse().ok() } else { None }
}

/// 388 or 381.
pub(crate) fn kind(text: &str) -> Option<Kind> {
    match text {
        "388" => Some(Kind::Invoice),
        "381" => Some(Kind::Return),
        _ => None,
    }
}

/// The three digits of the type code's name.
pub(crate) fn type_name(text: &str) -> (Option<Scope>, Option<Payment>, Option<Family>) {
    let [scope, payment, family] = text.as_bytes() else { return (None, None, None) };
    let scope = match scope {
        b'0' => Some(Scope::Local),
        b'1' => Some(Scope::Export),
        b'2' => Some(Scope::DevelopmentArea),
        b'3' => Some(Scope::Transit),
        b'4' => Some(Scope::ForeignTrade),
        b'5' => Some(Scope::FreeZone),
        _ => None,
    };
    let payment = match payment {
        b'1' => Some(Payment::Cash),
        b'2' => Some(Payment::Receivable),
        _ => None,
    };
    let family = match family {
        b'1' => Some(Family::Income),
        b'2' => Some(Family::GeneralSales),
        b'3' => Some(Family::SpecialSales),
        _ => None,
    };
    (scope, payment, family)
}

/// Z, O or S.
pub(crate) fn category(text: &str) -> Option<TaxCategory> {
    match text {
        "Z" => Some(TaxCategory::Z),
        "O" => Some(TaxCategory::O),
        "S" => Some(TaxCategory::S),
        _ => None,
    }
}

/// NIN, PN or TN; `TIN`, which one kit writes, means the last.
pub(crate) fn scheme(text: &str) -> Option<IdentificationScheme> {
    match text {
        "NIN" => Some(IdentificationScheme::NIN),
        "PN" => Some(IdentificationScheme::PN),
        "TN" | "TIN" => Some(IdentificationScheme::TN),
        _ => None,
    }
}

/// One of the twelve.
pub(crate) fn governorate(text: &str) -> Option<Governorate> {
    Some(match text {
        "JO-BA" => Governorate::Balqa,
        "JO-MN" => Governorate::Maan,
        "JO-MD" => Governorate::Madaba,
        "JO-MA" => Governorate::Mafraq,
        "JO-KA" => Governorate::Karak,
        "JO-JA" => Governorate::Jerash,
        "JO-IR" => Governorate::Irbid,
        "JO-AZ" => Governorate::Zarqa,
        "JO-AT" => Governorate::Tafilah,
        "JO-AQ" => Governorate::Aqaba,
        "JO-AM" => Governorate::Amman,
        "JO-AJ" => Governorate::Ajloun,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_as_xml_has_them() {
        for (text, value) in
            [("4.480", "4.48"), ("+.5", "0.5"), ("7.", "7"), ("-0.0", "0"), ("007", "7"), ("-1.5", "-1.5")]
        {
            assert_eq!(decimal(text).map(|amount| amount.to_string()).as_deref(), Some(value), "{text}");
        }
        for text in ["", ".", "1e3", "1,000", "٥", "1.2.3", "--1", "NaN", "12345678901234567890123456789012"]
        {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn totals_may_be_grouped_by_commas() {
        for (text, value) in [("1,234.50", "1234.5"), ("12,345,678", "12345678"), ("64.000", "64")] {
            assert_eq!(grouped(text).map(|amount| amount.to_string()).as_deref(), Some(value), "{text}");
        }
        for text in ["1,23", ",123", "1234,567", "1,234,5", "1.234,50"] {
            assert_eq!(grouped(text), None, "{text}");
        }
    }

    #[test]
    fn dates_have_ten_characters() {
        assert_eq!(date("2026-02-28").map(|date| date.to_string()).as_deref(), Some("2026-02-28"));
        for text in ["2026-02-30", "20-02-2026", "2026-2-3", "2026-02-28Z", "+2026-02-2"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
