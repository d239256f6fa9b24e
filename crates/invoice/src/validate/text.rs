//! Rules for single texts: characters, lengths, digits. Knows no field by name.

use std::ops::RangeInclusive;

use crate::phone::western_digit;

use super::{FaultCode, Faults, both};

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
        let message = both!("is empty: it must say something", "فارغ: يجب أن يُكتب فيه شيء");
        faults.add(FaultCode::EmptyText, path, message);
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
        let message = both!(
            "has {chars} characters: shorten it to {max_chars}",
            "عدد أحرفه {chars}: اختصره إلى {max_chars} حرفاً على الأكثر"
        );
        faults.add(FaultCode::TextTooLong, path, message);
    }
    if let Some((place, c)) =
        text.chars().zip(1_usize..).map(|(c, n)| (n, c)).find(|(_, c)| !fits(*c, layout))
    {
        let code = format!("U+{:04X}", u32::from(c));
        let message = both!(
            "has {code} as character {place}, which may not stand there: remove it",
            "الحرف رقم {place} فيه هو {code} ولا يجوز في هذا الموضع: احذفه"
        );
        faults.add(FaultCode::ForbiddenCharacter, path, message);
    }
}

/// A text that people compare by eye: nothing invisible may stand in it.
pub(super) fn visible(faults: &mut Faults, path: &str, text: &str) {
    if let Some(c) = text.chars().find(|c| invisible(*c)) {
        let code = format!("U+{:04X}", u32::from(c));
        let message = both!(
            "has the invisible character {code}: remove it, or two numbers look alike",
            "فيه الحرف غير المرئي {code}: احذفه، وإلا تشابه رقمان في النظر"
        );
        faults.add(FaultCode::ForbiddenCharacter, path, message);
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
fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

/// A text of digits 0 to 9, as many as `count` allows.
pub(super) fn digits(faults: &mut Faults, path: &str, text: &str, count: &RangeInclusive<usize>) {
    let text = text.trim();
    let (least, most) = (count.start(), count.end());
    if text.is_empty() {
        let message = both!(
            "is empty: it must have {least} to {most} digits",
            "فارغ: يجب أن يتكوّن من {least} إلى {most} خانة رقمية"
        );
        faults.add(FaultCode::EmptyText, path, message);
    } else if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let arabic = text.chars().any(|c| !c.is_ascii() && western_digit(c).is_some());
        let (hint, hint_ar) = if arabic {
            (" (0 to 9, not ٠ to ٩)", " (0 إلى 9 وليس ٠ إلى ٩)")
        } else {
            ("", "")
        };
        let shown = quoted(text);
        let message = both!("{shown} may hold digits only{hint}", "{shown} يجب أن يحوي أرقاماً فقط{hint_ar}");
        faults.add(FaultCode::NotDigits, path, message);
    } else {
        length(faults, path, text.len(), count);
    }
}

/// A text of digits 0 to 9 and letters A to Z, as many as `count` allows.
pub(super) fn alphanumeric(faults: &mut Faults, path: &str, text: &str, count: &RangeInclusive<usize>) {
    let text = text.trim();
    if text.is_empty() || !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        digits(faults, path, text, count);
    } else if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let shown = quoted(text);
        let message = both!(
            "{shown} may hold digits and the letters A to Z only",
            "{shown} يجب أن يحوي أرقاماً وأحرفاً لاتينية من A إلى Z فقط"
        );
        faults.add(FaultCode::NotDigits, path, message);
    } else {
        length(faults, path, text.len(), count);
    }
}

fn length(faults: &mut Faults, path: &str, found: usize, count: &RangeInclusive<usize>) {
    if !count.contains(&found) {
        let (least, most) = (count.start(), count.end());
        let message = both!(
            "has {found} digits: it must have {least} to {most}",
            "عدد خاناته {found}: يجب أن يكون من {least} إلى {most}"
        );
        faults.add(FaultCode::DigitCount, path, message);
    }
}
