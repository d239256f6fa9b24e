//! `fawtara migrate`: creates or updates the ledger's tables.

use anyhow::Context;
use ledger::PostgresLedger;

use super::{Outcome, say};
use crate::settings::Settings;

/// Applies what is missing. Needs the owner's rights.
///
/// # Errors
/// A database that is away, or a migration that fails (it is rolled back).
pub async fn run(settings: &Settings) -> anyhow::Result<Outcome> {
    settings.need_shared_ledger()?;
    let url = settings.ledger.url.masked();
    PostgresLedger::migrate(settings.ledger.url.expose()).await.with_context(|| {
        format!("the ledger at {url} (setting ledger.url) cannot be migrated; `fawtara doctor` says more")
    })?;
    say!("the ledger at {url} is up to date")?;
    Ok(Outcome::Done)
}
