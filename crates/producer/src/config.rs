//! What can be set about the producer, and which income sources it takes events for.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use invoice::event::Family;
use invoice::{Digest, Environment, IncomeSource};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// What the producer must know of an income source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Where its invoices go.
    pub environment: Environment,
    /// The family that the seller is registered for; the authority refuses any other. None: every family is taken.
    pub family: Option<Family>,
}

/// The income sources that are configured.
pub type Sources = BTreeMap<IncomeSource, Registration>;

/// What can be set about the producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the HTTP intake listens. Anything but loopback needs at least one key.
    pub listen: SocketAddr,
    /// Hashes of the bearer keys that may publish: `sha256:` and 64 hexadecimal digits.
    pub keys: Vec<KeyHash>,
    /// Requests worked on at once, at most; the next one hears 429.
    pub max_requests: usize,
    /// The most events made durable in one round trip.
    pub batch: usize,
    /// How long to gather a batch, milliseconds.
    pub linger_ms: u64,
    /// Whether to take events from the broker's intake queue too.
    pub amqp_intake: bool,
    /// Messages of the intake queue held unsettled at most.
    pub prefetch: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            keys: Vec::new(),
            max_requests: 512,
            batch: 256,
            linger_ms: 2,
            amqp_intake: true,
            prefetch: 512,
        }
    }
}

/// The SHA-256 of a bearer key. The key itself is kept nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(Digest);

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
        Digest::of(key.as_bytes()).as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

impl FromStr for KeyHash {
    type Err = NotAKeyHash;

    fn from_str(text: &str) -> Result<Self, NotAKeyHash> {
        let digits = text.strip_prefix("sha256:").ok_or(NotAKeyHash)?;
        digits.parse().map(Self).map_err(|_| NotAKeyHash)
    }
}

impl Serialize for KeyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("sha256:{}", self.0))
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
        let hash: KeyHash = format!("sha256:{}", Digest::of(b"mafateeh")).parse()?;
        assert!(hash.admits("mafateeh"));
        assert!(!hash.admits("mafateeh "));
        assert_eq!("mafateeh".parse::<KeyHash>(), Err(NotAKeyHash));
        Ok(())
    }
}
