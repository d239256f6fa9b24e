//! Texts, spelt from one random number each: patterns are read anew for every text, and cost more than all the rest.

use proptest::prelude::{Strategy, any};

const ARABIC: &str = "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةى";
const LATIN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const NOT_ZERO: &str = "123456789";
/// What XML must escape, and what people mix.
const HOSTILE: &str = "AZaz09 &<>\"'.،٠٩]-/%";
const OTHERS: &str = "🧀é漢ß";

/// A stream of small numbers from one large one (splitmix64).
pub(super) struct Spelling(u64);

impl Spelling {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `least..=most`.
    pub(super) fn number(&mut self, least: usize, most: usize) -> usize {
        let span = u64::try_from(most - least + 1).unwrap_or(1);
        least + usize::try_from(self.next() % span).unwrap_or_default()
    }

    /// So many characters of an alphabet.
    fn some(&mut self, alphabet: &str, least: usize, most: usize, text: &mut String) {
        let count = alphabet.chars().count();
        for _ in 0..self.number(least, most) {
            let place = self.number(0, count - 1);
            text.extend(alphabet.chars().nth(place));
        }
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        match self.number(0, 2) {
            0 => {
                for word in 0..self.number(1, 4) {
                    text.push_str(if word == 0 { "" } else { " " });
                    self.some(ARABIC, 1, 12, &mut text);
                }
            }
            1 => {
                self.some(LATIN, 1, 1, &mut text);
                self.some(HOSTILE, 0, 30, &mut text);
                self.some(SMALL, 1, 1, &mut text);
            }
            _ => self.some(OTHERS, 1, 4, &mut text),
        }
        text
    }
}

/// A text spelt by `spell`.
pub(super) fn spelt(spell: impl Fn(&mut Spelling, &mut String)) -> impl Strategy<Value = String> {
    any::<u64>().prop_map(move |seed| {
        let mut text = String::new();
        spell(&mut Spelling(seed), &mut text);
        text
    })
}

/// A text of one line: Arabic, English, digits, and what XML must escape.
pub fn text() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(|seed| Spelling(seed).text())
}

/// So many digits, the first of them not 0.
pub(super) fn digits(least: usize, most: usize) -> impl Strategy<Value = String> {
    spelt(move |spelling, text| {
        spelling.some(NOT_ZERO, 1, 1, text);
        spelling.some(DIGITS, least - 1, most - 1, text);
    })
}

/// A seller's number of a document, such as `MC-2026`, some with a slash.
pub(super) fn document_number() -> impl Strategy<Value = String> {
    spelt(|spelling, text| {
        spelling.some(CAPITALS, 1, 3, text);
        spelling.some("-/", 0, 1, text);
        spelling.some(DIGITS, 1, 9, text);
    })
}

/// A short name of a member.
pub(super) fn name() -> impl Strategy<Value = String> {
    spelt(|spelling, text| spelling.some(SMALL, 1, 8, text))
}

/// A postal code.
pub(super) fn postal_code() -> impl Strategy<Value = String> {
    spelt(|spelling, text| {
        spelling.some(CAPITALS, 0, 2, text);
        spelling.some(DIGITS, 1, 3, text);
    })
}

/// A telephone number as people type it; with 9 to 14 digits even where a leading 00 is dropped.
pub(super) fn phone() -> impl Strategy<Value = String> {
    spelt(|spelling, text| {
        let prefix = spelling.number(0, 2);
        text.push_str(["", "+", "00"].get(prefix).copied().unwrap_or_default());
        spelling.some("12345678٩٦٧", 3, 3, text);
        spelling.some(" -", 0, 1, text);
        spelling.some(DIGITS, 6, 9, text);
    })
}
