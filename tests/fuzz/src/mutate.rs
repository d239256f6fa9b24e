//! Inputs made from inputs, by a seed: for the short attack in every run of the tests. Knows no format.

use crate::Target;

/// A stream of numbers that one seed fixes (SplitMix64).
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 when that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or_default()
    }
}

/// What breaks readers wherever it stands: numbers at limits, broken and odd Unicode, marks of every format.
const HARD: &[&[u8]] = &[
    b"0",
    b"-0",
    b"1e999999999",
    b"-1e-999999999",
    b"79228162514264337593543950336",
    b"0.0000000000000000000000000001",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"4294967296",
    b"NaN",
    b"Infinity",
    b"1.0",
    b"00",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"\\ud800",
    b"\\u0000",
    b"\\u202e",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    "٣٫٥".as_bytes(),
    "ﷺ".as_bytes(),
    "\u{200f}".as_bytes(),
    "\u{10ffff}".as_bytes(),
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\0",
    b"\r\n",
    b"\n",
    b"\t",
    b",",
    b";",
    b"\"",
    b"'",
    b"<",
    b">",
    b"&amp;",
    b"&#0;",
    b"&#x110000;",
    b"&lol;",
    b"<!DOCTYPE a [<!ENTITY l SYSTEM \"file:///etc/passwd\">]>",
    b"<![CDATA[",
    b"]]>",
    b"<?x?>",
    b"<!--",
    b"-->",
    b"xmlns=\"\"",
    b"xmlns:cbc=\"x\"",
    b"{\"",
    b"\":",
    b"[[[[[[[[",
    b"]]]]",
    b"====",
];

/// One input, changed in one to six places.
pub fn mutate(dice: &mut Dice, target: &Target, corpus: &[Vec<u8>]) -> Vec<u8> {
    let pick = |dice: &mut Dice| corpus.get(dice.below(corpus.len())).cloned().unwrap_or_default();
    let mut bytes = pick(dice);
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let reach = 1 << dice.below(8);
        let until = (at + 1 + dice.below(reach)).min(bytes.len());
        let at = at.min(until);
        match dice.below(9) {
            0 => drop(bytes.splice(at..until, [])),
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            2 => {
                let hard = HARD.get(dice.below(HARD.len())).copied().unwrap_or_default();
                drop(bytes.splice(at..at, hard.iter().copied()));
            }
            3 => {
                let hard = HARD.get(dice.below(HARD.len())).copied().unwrap_or_default();
                drop(bytes.splice(at..until, hard.iter().copied()));
            }
            4 | 5 => {
                let words = target.words.get(dice.below(target.words.len())).copied().unwrap_or_default();
                let word = words.get(dice.below(words.len())).copied().unwrap_or_default();
                drop(bytes.splice(at..until, word.bytes()));
            }
            6 => {
                let piece: Vec<u8> = bytes.get(at..until).unwrap_or_default().repeat(1 + dice.below(40));
                drop(bytes.splice(at..at, piece));
            }
            7 => {
                let other = pick(dice);
                let from = dice.below(other.len());
                let to = (from + 1 + dice.below(200)).min(other.len());
                drop(bytes.splice(at..until, other.get(from..to).unwrap_or_default().iter().copied()));
            }
            _ => bytes.truncate(at),
        }
        bytes.truncate(target.longest);
    }
    bytes
}
