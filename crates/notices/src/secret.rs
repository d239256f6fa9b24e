//! The secrets that webhooks are signed with, by the rules of Standard Webhooks. Must not know where they are kept.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use uuid::Uuid;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// The least and the most bytes of a secret.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// While a secret is being replaced there are two; more is a mistake.
const SECRETS_MAX: usize = 2;

/// A key that messages are signed with; never shown.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

/// Why a text is not a secret. The text itself is never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSecret {
    /// It begins otherwise.
    #[error("it does not begin with whsec_; make one with: echo whsec_$(openssl rand -base64 32)")]
    Prefix,
    /// What follows is no Base64.
    #[error("what follows whsec_ is not Base64")]
    Base64,
    /// Too short to be safe, or longer than receivers take.
    #[error("a secret must be of 24 to 64 bytes, written as Base64 after whsec_; this one has {0}")]
    Length(usize),
    /// None at all, or more than receivers can be changing between.
    #[error("there must be one secret, or two while one is being replaced; here are {0}")]
    Count(usize),
}

/// Reads one secret, or two while one is being replaced (the new one first), separated by blanks or line ends.
///
/// # Errors
/// [`BadSecret`], which says what is wrong without telling the secret.
pub fn secrets(text: &str) -> Result<Vec<SigningSecret>, BadSecret> {
    let secrets = text.split_whitespace().map(SigningSecret::parse).collect::<Result<Vec<_>, _>>()?;
    if (1..=SECRETS_MAX).contains(&secrets.len()) {
        Ok(secrets)
    } else {
        Err(BadSecret::Count(secrets.len()))
    }
}

impl SigningSecret {
    /// Reads `whsec_` and Base64.
    ///
    /// # Errors
    /// [`BadSecret`].
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadSecret::Prefix)?;
        let bytes = BASE64.decode(encoded).map_err(|_| BadSecret::Base64)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(BadSecret::Length(bytes.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The signature of a message: `v1,` and Base64.
    #[must_use]
    pub fn sign(&self, id: Uuid, timestamp: i64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        format!("v1,{}", BASE64.encode(hmac::sign(&self.0, signed.as_bytes())))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The expected one was computed by another program (Python's hmac).
    #[test]
    fn a_signature_is_what_the_standard_says() {
        let id = Uuid::from_u128(0x1234_5678_1234_5678_1234_5678_1234_5678);
        let signature = SigningSecret::parse(ONE).unwrap().sign(id, 1_614_265_330, r#"{"رقم":1}"#);
        assert_eq!(signature, "v1,BwUCMSiyaLnn8ccAufHx9mBeYENANjohnCcTT5Qn+zw=");
    }

    #[test]
    fn one_or_two_secrets_are_read() {
        assert_eq!(secrets(ONE).unwrap().len(), 1);
        assert_eq!(secrets(&format!("{ONE}\n{ONE}\n")).unwrap().len(), 2);
        for (text, wrong) in [
            ("", BadSecret::Count(0)),
            (&*format!("{ONE} {ONE} {ONE}"), BadSecret::Count(3)),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", BadSecret::Prefix),
            ("whsec_?", BadSecret::Base64),
            ("whsec_YWJj", BadSecret::Length(3)),
        ] {
            assert_eq!(secrets(text).unwrap_err(), wrong, "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", secrets(ONE).unwrap());
        assert!(!shown.contains("MfKQ") && shown.contains("***"), "{shown}");
    }
}
