//! Digits as people in Jordan write them, amounts that must agree, and how values are quoted in messages.

use invoice::Amount;
use rust_decimal::{Decimal, RoundingStrategy};

/// Values are quoted in messages up to this many characters.
const QUOTED_CHARS: usize = 40;

/// With Arabic-Indic and Persian digits as 0 to 9, and the Arabic decimal mark as a point. Nothing else changes.
pub(crate) fn plain(text: &str) -> String {
    let digit =
        |c: char, zero: u32| u32::from(c).checked_sub(zero).and_then(|value| char::from_digit(value, 10));
    let western = |c: char| match c {
        '\u{660}'..='\u{669}' => digit(c, 0x660).unwrap_or(c),
        '\u{6f0}'..='\u{6f9}' => digit(c, 0x6f0).unwrap_or(c),
        '\u{66b}' => '.',
        _ => c,
    };
    text.chars().map(western).collect()
}

/// `text`, shortened and with everything unprintable escaped.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// Whether a stated amount is one of those that the lines come to, within the guide's tolerance of 0.001.
pub(crate) fn agrees(stated: Amount, calculated: &[Decimal]) -> bool {
    let tolerance = Decimal::new(1, 3);
    calculated.iter().any(|ours| {
        stated.decimal().checked_sub(*ours).is_some_and(|difference| difference.abs() <= tolerance)
    })
}

/// Half up at three decimals, as tills show amounts.
pub(crate) fn shown(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(3, RoundingStrategy::MidpointAwayFromZero)
}
