//! Text of strangers within words for people: a terminal or a log must show it, never obey it. Knows no message.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything escaped that moves the cursor or turns the direction of writing: control characters, line ends, and the
/// marks that embed, override or isolate (those that Arabic needs within a word or beside a number stay).
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeyed(c) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "{}", c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// As [`shown`], and no more than the first `most` characters of the text.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", shown(text.get(..end).unwrap_or_default())),
        None => shown(text).into_owned(),
    }
}

fn obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_arabic_is_left_alone() {
        for (text, expected) in [
            ("فاتورة\u{200f} رقم 7", "فاتورة\u{200f} رقم 7"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\u{2028}", "a\\nb\\u{2028}"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("", ""),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(excerpt("متجر الياسمين", 4), "متجر…");
        assert_eq!(excerpt("\0\0\0", 2), "\\u{0}\\u{0}…");
        assert_eq!(excerpt("ab", 2), "ab");
    }
}
