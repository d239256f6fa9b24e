//! Bodies of forms, `application/x-www-form-urlencoded`. Knows no member's name.

use std::fmt::Write as _;

/// A value as it stands in a form.
pub(crate) fn form_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => value.push('+'),
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*') => {
                value.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            byte => drop(write!(value, "%{byte:02X}")),
        }
    }
    value
}

/// A whole form; names are taken as they are.
pub(crate) fn form(members: &[(&str, &str)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{name}={}", form_value(value))).collect();
    members.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_means_something_in_a_form_is_escaped() {
        assert_eq!(form(&[("a", "x y"), ("b", "s3c/K+7==&é")]), "a=x+y&b=s3c%2FK%2B7%3D%3D%26%C3%A9");
    }
}
