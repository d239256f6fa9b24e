//! Being written.

use super::Outcome;
use crate::settings::Settings;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Being written.
///
/// # Errors
/// Always.
pub async fn command(_args: Args, _settings: Settings) -> anyhow::Result<Outcome> {
    anyhow::bail!("not written yet")
}
