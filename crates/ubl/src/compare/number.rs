//! Equality of decimals as written, of any length, without turning them into numbers (and so without rounding).

/// Whether both are decimals (`xs:decimal`) of the same value.
pub(super) fn equal(ours: &str, theirs: &str) -> bool {
    match (canonical(ours), canonical(theirs)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => false,
    }
}

/// Below zero?, digits before the point without leading zeros, digits after it without trailing ones.
fn canonical(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let zero = whole.is_empty() && fraction.is_empty();
    Some((negative && !zero, whole, fraction))
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn the_same_value_in_other_digits() {
        for (ours, theirs) in [
            ("4.480", "4.48"),
            ("7.00", "7"),
            ("0.000", "0"),
            ("-0.0", "0"),
            ("+1.5", "01.500"),
            (".5", "0.5"),
            ("5.", "5"),
            ("12345678901234567890123456789012345678901", "12345678901234567890123456789012345678901.0"),
        ] {
            assert!(equal(ours, theirs), "{ours} {theirs}");
        }
    }

    #[test]
    fn another_value_and_no_number_at_all() {
        for (ours, theirs) in [
            ("4.480", "4.481"),
            ("1", "-1"),
            ("10", "1"),
            ("0.01", "0.1"),
            // Equal once rounded to the 28 digits of a Decimal.
            ("1.0000000000000000000000000000000000001", "1.0000000000000000000000000000000000002"),
            ("1e2", "100"),
            ("1,000", "1000"),
            ("", ""),
            (".", "0"),
            ("٥", "5"),
        ] {
            assert!(!equal(ours, theirs), "{ours} {theirs}");
        }
    }
}
