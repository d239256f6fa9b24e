//! Where the master keys come from. Must not know what they seal.

use std::path::Path;

use anyhow::Context;
use invoice::{Environment, IncomeSource};
use ledger::vault::{MasterKey, Place, Vault};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::failure::{BlameSettings, Misconfigured};
use crate::settings::TaxpayerSettings;

/// The environment variable of the master key.
pub const MASTER_KEY: &str = "FAWTARA_MASTER_KEY";
/// No file of a key or of a secret is longer, bytes.
pub const FILE_BYTES_MAX: u64 = 8_192;

/// The vault of these settings. Without any key it is empty, and says so when it is asked for something.
///
/// # Errors
/// A key that is named and cannot be read, or is no key.
pub fn vault(settings: &TaxpayerSettings) -> anyhow::Result<Vault> {
    let current = match (std::env::var(MASTER_KEY), &settings.master_key_file) {
        (Ok(_), Some(_)) => {
            return Err(Misconfigured::because(format!(
                "both {MASTER_KEY} and taxpayers.master_key_file name a master key: leave one of them out"
            )));
        }
        (Ok(text), None) => Some(parse(&SecretString::from(text), MASTER_KEY)?),
        (Err(std::env::VarError::NotUnicode(_)), _) => {
            return Err(Misconfigured::because(format!("{MASTER_KEY} is no text")));
        }
        (Err(std::env::VarError::NotPresent), Some(file)) => Some(read(file, "taxpayers.master_key_file")?),
        (Err(std::env::VarError::NotPresent), None) => None,
    };
    let old = settings.old_master_key_files.iter();
    let old = old.map(|file| read(file, "taxpayers.old_master_key_files")).collect::<anyhow::Result<_>>()?;
    Ok(Vault::new(current, old))
}

/// The place of an income source's secret key.
#[must_use]
pub fn place(environment: Environment, source: &IncomeSource) -> Place<'_> {
    Place { environment, source, field: "secret_key" }
}

/// A small text file with a secret in it.
///
/// # Errors
/// Why it cannot be read; never what it says.
pub fn read_secret(file: &Path) -> anyhow::Result<SecretString> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    let opened = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    opened
        .take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| anyhow::anyhow!("{}: {}", file.display(), error.kind()))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        anyhow::bail!("{} is longer than {FILE_BYTES_MAX} bytes: it holds no secret key", file.display());
    }
    Ok(SecretString::from(text.trim()))
}

fn read(file: &Path, setting: &str) -> anyhow::Result<MasterKey> {
    let text = read_secret(file).with_context(|| setting.to_owned()).blame_settings()?;
    parse(&text, setting)
}

fn parse(text: &SecretString, setting: &str) -> anyhow::Result<MasterKey> {
    MasterKey::parse(text).with_context(|| setting.to_owned()).blame_settings()
}
