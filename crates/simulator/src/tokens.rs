//! The tokens that the authority has given out; it must not know documents. No official text knows tokens: this is
//! what one product describes, a client-credentials grant.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most tokens that are kept; the oldest go first.
const MOST_TOKENS: usize = 10_000;

/// How tokens are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenPolicy {
    /// How long a token lives, in seconds.
    pub lifetime_s: u64,
    /// Refuse every grant with this error code, such as `invalid_client`.
    pub refuse: Option<String>,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self { lifetime_s: 3_600, refuse: None }
    }
}

/// All tokens in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) policy: TokenPolicy,
    issued: u64,
    /// By token: whose it is, until when it holds, and when it was given.
    held: BTreeMap<String, (String, DateTime<Utc>, u64)>,
}

impl Tokens {
    /// A new token for a device. The same grants in the same order give the same tokens: nothing here is secret.
    pub(crate) fn issue(&mut self, client_id: &str, now: DateTime<Utc>) -> String {
        self.issued += 1;
        let digest = Sha256::digest(format!("{client_id}/{}", self.issued));
        let token: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let life = i64::try_from(self.policy.lifetime_s).ok().and_then(TimeDelta::try_seconds);
        let until = life.and_then(|life| now.checked_add_signed(life)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        if self.held.len() >= MOST_TOKENS
            && let Some(oldest) =
                self.held.iter().min_by_key(|(_, held)| held.2).map(|(token, _)| token.clone())
        {
            self.held.remove(&oldest);
        }
        self.held.insert(token.clone(), (client_id.to_owned(), until, self.issued));
        token
    }

    /// Whose token a header `Authorization` brings, if it holds.
    pub(crate) fn owner(&self, authorization: Option<&str>, now: DateTime<Utc>) -> Option<&str> {
        let (scheme, token) = authorization?.split_once(' ')?;
        let (owner, until, _) = self.held.get(token.trim())?;
        (scheme.eq_ignore_ascii_case("bearer") && now < *until).then_some(owner.as_str())
    }

    /// Ends all tokens.
    pub(crate) fn revoke_all(&mut self) {
        self.held.clear();
    }

    /// How many were given.
    pub(crate) fn issued(&self) -> u64 {
        self.issued
    }
}

/// The members of a form, names and values decoded.
pub(crate) fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        match rest {
            [] => return String::from_utf8_lossy(&bytes).into_owned(),
            [b'+', tail @ ..] => {
                bytes.push(b' ');
                rest = tail;
            }
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0);
                bytes.push(u8::try_from(value(*high) * 16 + value(*low)).unwrap_or(b'?'));
                rest = tail;
            }
            [byte, tail @ ..] => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_until_its_time_or_its_revocation() {
        let mut tokens =
            Tokens { policy: TokenPolicy { lifetime_s: 60, ..TokenPolicy::default() }, ..Tokens::default() };
        let now = DateTime::UNIX_EPOCH;
        let header = format!("Bearer {}", tokens.issue("متجر-1", now));
        assert_eq!(tokens.owner(Some(&header), now), Some("متجر-1"));
        assert_eq!(tokens.owner(Some(&header), now + TimeDelta::seconds(60)), None);
        for bad in [None, Some(""), Some("Bearer"), Some("Bearer x"), Some(&header[7..])] {
            assert_eq!(tokens.owner(bad, now), None, "{bad:?}");
        }
        assert_ne!(format!("Bearer {}", tokens.issue("متجر-1", now)), header);
        tokens.revoke_all();
        assert_eq!(tokens.owner(Some(&header), now), None);
        assert_eq!(tokens.issued(), 2);
    }

    #[test]
    fn forms_are_decoded() {
        let form = form("a=x+y&b=s3c%2FK%2b7%3D%3D&c=%zz&d&e=%".as_bytes());
        let members: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(members, [("a", "x y"), ("b", "s3c/K+7=="), ("c", "%zz"), ("e", "%")]);
    }
}
