//! What people type: secrets, JSON, numbers. Must not know what is done with them.

use std::io::Read as _;

use anyhow::Context;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::{Refusal, SecretArgs};
use crate::vault::{FILE_BYTES_MAX, read_secret};

/// JSON on the command line is no longer, bytes.
const JSON_BYTES_MAX: usize = 65_536;

/// Whether a number has the digits that it must have.
pub(super) fn digits(
    what: &str,
    number: &str,
    allowed: &std::ops::RangeInclusive<usize>,
) -> Result<(), String> {
    if number.bytes().all(|digit| digit.is_ascii_digit()) && allowed.contains(&number.len()) {
        return Ok(());
    }
    Err(format!(
        "{what} {number:?} must have {} to {} digits and nothing else",
        allowed.start(),
        allowed.end()
    ))
}

/// The secret key from where it is said to be; none when nothing is said.
pub(super) fn secret(args: &SecretArgs) -> anyhow::Result<Option<SecretString>> {
    let secret = if let Some(file) = &args.secret_file {
        read_secret(file).context("--secret-file")?
    } else if let Some(name) = &args.secret_env {
        let text = std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => anyhow::anyhow!("--secret-env: the variable {name} is not set"),
            // Its own words would repeat the value.
            std::env::VarError::NotUnicode(_) => {
                anyhow::anyhow!("--secret-env: the variable {name} is no text")
            }
        })?;
        SecretString::from(Zeroizing::new(text).trim())
    } else if args.secret_stdin {
        let mut text = Zeroizing::new(String::new());
        let input = std::io::stdin().lock().take(FILE_BYTES_MAX + 1);
        { input }.read_to_string(&mut text).context("--secret-stdin")?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            anyhow::bail!("--secret-stdin: more than {FILE_BYTES_MAX} bytes are no secret key");
        }
        SecretString::from(text.trim())
    } else {
        return Ok(None);
    };
    if secret.expose_secret().is_empty() {
        return Err(
            Refusal::new("no_secret", "the secret key is empty; copy it from the portal again").into()
        );
    }
    Ok(Some(secret))
}

/// A JSON object that an option gives.
pub(super) fn object(option: &str, text: &str) -> Result<Map<String, Value>, Refusal> {
    let refuse = |reason: String| {
        Refusal::new(
            "not_json",
            format!("{option} must be a JSON object, such as {{\"key\": \"value\"}}: {reason}"),
        )
    };
    if text.len() > JSON_BYTES_MAX {
        return Err(refuse(format!("it is longer than {JSON_BYTES_MAX} bytes")));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(refuse("it is something else".to_owned())),
        Err(error) => Err(refuse(error.to_string())),
    }
}
