//! Rules for single texts: characters, lengths, digits. Knows no field by name.

use std::ops::RangeInclusive;

use crate::normal::western_digit;

use super::{FaultCode, Faults};

/// Values are quoted in messages up to this many characters.
const QUOTED_CHARS: usize = 40;

/// Whether a text may have several lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// No control character at all.
    OneLine,
    /// Tabs and line ends are welcome.
    Lines,
}

/// `text`, shortened and with everything unprintable escaped, to be shown in a message.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// A text that must be there.
pub(super) fn required(faults: &mut Faults, path: &str, text: &str, max_chars: usize, layout: Layout) {
    if text.trim().is_empty() {
        faults.add(FaultCode::EmptyText, path, "is empty: it must say something");
    } else {
        bounded(faults, path, text, max_chars, layout);
    }
}

/// A text that may be empty, which counts as absent.
pub(super) fn bounded(faults: &mut Faults, path: &str, text: &str, max_chars: usize, layout: Layout) {
    let text = text.trim();
    // A character has at least one byte, so that most texts need no counting.
    let chars = if text.len() > max_chars { text.chars().count() } else { 0 };
    if chars > max_chars {
        faults.add(
            FaultCode::TextTooLong,
            path,
            format!("has {chars} characters: shorten it to {max_chars}"),
        );
    }
    if let Some((place, c)) =
        text.chars().zip(1_usize..).map(|(c, n)| (n, c)).find(|(_, c)| !fits(*c, layout))
    {
        let code = u32::from(c);
        faults.add(
            FaultCode::ForbiddenCharacter,
            path,
            format!("has U+{code:04X} as character {place}, which may not stand there: remove it"),
        );
    }
}

/// XML 1.0 characters (a Rust text holds no surrogates) without control characters.
fn fits(c: char, layout: Layout) -> bool {
    match c {
        '\t' | '\n' | '\r' => layout == Layout::Lines,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => !c.is_control(),
    }
}

/// Characters that nobody sees and that would let two numbers look alike: zero width, direction marks.
pub(super) fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

/// A text of digits 0 to 9, as many as `count` allows.
pub(super) fn digits(faults: &mut Faults, path: &str, text: &str, count: &RangeInclusive<usize>) {
    let text = text.trim();
    let (least, most) = (count.start(), count.end());
    if text.is_empty() {
        faults.add(FaultCode::EmptyText, path, format!("is empty: it must have {least} to {most} digits"));
    } else if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let arabic = text.chars().any(|c| !c.is_ascii() && western_digit(c).is_some());
        let hint = if arabic { " (0 to 9, not ٠ to ٩)" } else { "" };
        faults.add(FaultCode::NotDigits, path, format!("{} may hold digits only{hint}", quoted(text)));
    } else if !count.contains(&text.len()) {
        let found = text.len();
        faults.add(
            FaultCode::DigitCount,
            path,
            format!("has {found} digits: it must have {least} to {most}"),
        );
    }
}
