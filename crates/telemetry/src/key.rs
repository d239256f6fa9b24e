//! Bearer keys, known by their hashes only: for every listener that others can reach.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a bearer key. The key itself is kept nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

/// Not `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key is configured by its hash: \"sha256:\" and 64 hexadecimal digits (printf %s \"$KEY\" | sha256sum)"
)]
pub struct NotAKeyHash;

impl KeyHash {
    /// Whether this is the hash of `key`; takes as long when it is not.
    #[must_use]
    pub fn admits(&self, key: &str) -> bool {
        Sha256::digest(key.as_bytes()).ct_eq(&self.0).into()
    }
}

impl FromStr for KeyHash {
    type Err = NotAKeyHash;

    fn from_str(text: &str) -> Result<Self, NotAKeyHash> {
        let digits = text.strip_prefix("sha256:").ok_or(NotAKeyHash)?;
        let mut hash = [0_u8; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(NotAKeyHash);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotAKeyHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotAKeyHash)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl KeyHash {
    /// Whether `authorization` (the header's value) carries a key that one of `hashes` admits. Every hash is compared, so
    /// that the time says nothing of which one fits. Without any hash nobody is admitted.
    #[must_use]
    pub fn any_admits(hashes: &[Self], authorization: Option<&str>) -> bool {
        let Some(key) = authorization.and_then(bearer) else { return false };
        hashes.iter().fold(false, |admitted, hash| admitted | hash.admits(key))
    }
}

/// The key in the value of a header `Authorization`.
#[must_use]
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, key) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

impl Serialize for KeyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash() -> Result<(), NotAKeyHash> {
        let hash: KeyHash = format!("sha256:{:x}", Sha256::digest(b"mafateeh")).parse()?;
        assert!(hash.admits("mafateeh"));
        assert!(!hash.admits("mafateeh "));
        assert!(KeyHash::any_admits(&[hash], Some("Bearer mafateeh")));
        assert!(!KeyHash::any_admits(&[hash], Some("Basic mafateeh")));
        assert!(!KeyHash::any_admits(&[hash], None));
        assert!(!KeyHash::any_admits(&[], Some("Bearer mafateeh")));
        assert_eq!("mafateeh".parse::<KeyHash>(), Err(NotAKeyHash));
        Ok(())
    }
}
