//! The content of an internal message: which invoice, as of which version. Never a document.

use bytes::Bytes;
use invoice::{Environment, InvoiceKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// "Look at this invoice": the ledger says what there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// Where it goes.
    pub environment: Environment,
    /// Its UUID (or that of a refused-intake record, in the dead-letter queue).
    pub uuid: Uuid,
    /// The stream's version when the hint was written.
    pub version: u32,
}

/// A message that is no hint. It can have come from nobody of ours.
#[derive(Debug, thiserror::Error)]
#[error("not a hint: {}", invoice::excerpt(&.0.to_string(), WORDS))]
pub struct NotAHint(#[from] serde_json::Error);

/// Characters of what is wrong with a message, at most: the reader's words repeat whatever stands there.
const WORDS: usize = 200;

impl Hint {
    /// A hint for an invoice.
    #[must_use]
    pub fn new(key: InvoiceKey, version: u32) -> Self {
        Self { environment: key.environment, uuid: key.uuid, version }
    }

    /// The invoice meant.
    #[must_use]
    pub fn key(&self) -> InvoiceKey {
        InvoiceKey { environment: self.environment, uuid: self.uuid }
    }

    /// The message body.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        format!(
            r#"{{"environment":"{}","uuid":"{}","version":{}}}"#,
            self.environment, self.uuid, self.version
        )
        .into()
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// [`NotAHint`] when it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAHint> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() -> Result<(), NotAHint> {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(7) };
        let hint = Hint::new(key, 3);
        assert_eq!(Hint::from_bytes(&hint.to_bytes())?, hint);
        assert!(Hint::from_bytes(b"{}").is_err());
        let long = format!("{{\"\u{202e}{}\":1}}", "x".repeat(5_000));
        let told = Hint::from_bytes(long.as_bytes()).map_err(|error| error.to_string());
        assert!(
            told.is_err_and(|told| told.len() < 400 && told.contains("\\u{202e}")),
            "strangers' words are cut and shown"
        );
        Ok(())
    }
}
