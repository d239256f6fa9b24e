//! How a key looks: `fwt_`, its prefix, `_`, and 256 random bits in hexadecimal digits. Made and read here, kept nowhere.

use std::fmt;

use aws_lc_rs::rand;
use invoice::Digest;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// What every key begins with, so that people and scanners know one when they see it.
const MARK: &str = "fwt_";
const PREFIX_CHARS: usize = 8;
const SECRET_BYTES: usize = 32;
/// 32 of them: five bits choose one without bias. None looks like another (no i, l, o, u).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// There are no random numbers to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers, so no key can be made")]
pub struct MintFailed;

/// A new key: the only moment at which it is known.
#[derive(Clone)]
pub struct Minted {
    /// Its public part.
    pub prefix: String,
    /// The key itself, to be shown once.
    pub key: SecretString,
    /// SHA-256 of it.
    pub hash: Digest,
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Makes a key.
///
/// # Errors
/// [`MintFailed`] when the system gives no random numbers.
pub fn mint() -> Result<Minted, MintFailed> {
    let mut name = [0_u8; PREFIX_CHARS];
    let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
    rand::fill(&mut name).map_err(|_| MintFailed)?;
    rand::fill(&mut secret[..]).map_err(|_| MintFailed)?;
    let prefix: String = name
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|character| char::from(*character))
        .collect();
    let digits: Zeroizing<String> =
        Zeroizing::new(secret.iter().fold(String::with_capacity(SECRET_BYTES * 2), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
            text
        }));
    let key = SecretString::from(format!("{MARK}{prefix}_{}", digits.as_str()));
    let hash = Digest::of(key.expose_secret().as_bytes());
    Ok(Minted { prefix, key, hash })
}

/// The public part of what may be a key; none when it is none of ours.
pub(super) fn prefix_of(presented: &str) -> Option<&str> {
    let (prefix, secret) = presented.strip_prefix(MARK)?.split_once('_')?;
    let is_whole = prefix.len() == PREFIX_CHARS && secret.len() == SECRET_BYTES * 2;
    is_whole.then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_itself_and_hides_the_rest() {
        let (one, other) = (mint().unwrap(), mint().unwrap());
        assert_ne!(one.hash, other.hash);
        let text = one.key.expose_secret();
        assert_eq!(prefix_of(text), Some(one.prefix.as_str()), "{text}");
        assert_eq!(text.len(), 4 + 8 + 1 + 64);
        assert!(one.prefix.bytes().all(|byte| ALPHABET.contains(&byte)), "{}", one.prefix);
        assert_eq!(one.hash, Digest::of(text.as_bytes()));
        let (_, secret) = text.rsplit_once('_').unwrap();
        assert!(!format!("{one:?}").contains(secret));
    }

    #[test]
    fn what_is_no_key_has_no_prefix() {
        let digits = "0".repeat(64);
        for text in [
            "".to_owned(),
            "fwt_".to_owned(),
            format!("fwt_short_{digits}"),
            format!("fwt_12345678{digits}"),
            format!("fwt_12345678_{digits}0"),
            format!("FWT_12345678_{digits}"),
            format!("fwt_مفتاح_{digits}"),
        ] {
            assert_eq!(prefix_of(&text), None, "{text}");
        }
    }
}
