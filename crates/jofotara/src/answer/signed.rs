//! The signed document as it travels: Base64, once or several times. Knows nothing of what stands in it.

use std::borrow::Cow;

use base64::Engine as _;

use crate::lenient::TOLERANT;

/// How often Base64 is taken off at most. Once in the answer of 2023, twice in guide v1.5 (specification 1.4).
const MAX_ROUNDS: u32 = 3;

/// Why a signed document cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Neither XML nor Base64.
    #[error("after {rounds} rounds of Base64 it is neither XML nor Base64")]
    NotBase64 {
        /// How often Base64 had been taken off by then.
        rounds: u32,
    },
    /// Base64 all the way down.
    #[error("after {MAX_ROUNDS} rounds of Base64 it is still not XML")]
    TooDeep,
}

/// Takes Base64 off until the text begins with `<`, at most three times. Line breaks within are borne.
///
/// # Errors
/// [`SignedError`] says where it ended; the document may have been cut.
pub fn decode_signed(text: &str) -> Result<Vec<u8>, SignedError> {
    if text.trim().is_empty() {
        return Err(SignedError::Empty);
    }
    let mut current = Cow::Borrowed(text.as_bytes());
    for rounds in 0..MAX_ROUNDS {
        if is_xml(&current) {
            return Ok(current.into_owned());
        }
        if current.iter().any(u8::is_ascii_whitespace) {
            current.to_mut().retain(|byte| !byte.is_ascii_whitespace());
        }
        let decoded = TOLERANT.decode(&current).map_err(|_| SignedError::NotBase64 { rounds })?;
        current = Cow::Owned(decoded);
    }
    if is_xml(&current) { Ok(current.into_owned()) } else { Err(SignedError::TooDeep) }
}

fn is_xml(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().first() == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?><Invoice>فاتورة</Invoice>";

    fn encoded(times: u32) -> String {
        (0..times).fold(XML.to_owned(), |text, _| STANDARD.encode(text))
    }

    #[test]
    fn up_to_three_rounds_are_taken_off() {
        for times in 0..=3 {
            assert_eq!(decode_signed(&encoded(times)).as_deref(), Ok(XML.as_bytes()), "{times}");
        }
        assert_eq!(decode_signed(&encoded(4)), Err(SignedError::TooDeep));
    }

    #[test]
    fn line_breaks_missing_padding_and_a_mark_are_borne() {
        let broken: String =
            encoded(2).as_bytes().chunks(19).map(|c| format!("{}\r\n", str::from_utf8(c).unwrap())).collect();
        assert_eq!(decode_signed(&broken).as_deref(), Ok(XML.as_bytes()));
        assert_eq!(decode_signed(&STANDARD_NO_PAD.encode(XML)).as_deref(), Ok(XML.as_bytes()));
        let marked = format!("\u{feff}\n{XML}");
        assert_eq!(decode_signed(&STANDARD.encode(&marked)).as_deref(), Ok(marked.as_bytes()));
    }

    #[test]
    fn what_is_neither_says_how_far_it_came() {
        assert_eq!(decode_signed(" \n"), Err(SignedError::Empty));
        assert_eq!(decode_signed("ليس وثيقة"), Err(SignedError::NotBase64 { rounds: 0 }));
        assert_eq!(decode_signed(&STANDARD.encode("{}")), Err(SignedError::NotBase64 { rounds: 1 }));
        assert_eq!(decode_signed(&encoded(1)[..41]), Err(SignedError::NotBase64 { rounds: 0 }));
    }
}
