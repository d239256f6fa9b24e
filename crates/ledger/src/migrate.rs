//! The migrations, compiled in: bringing a database up to date, and saying what it lacks. Knows nothing of invoices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, PgConnection, PgExecutor};

use crate::LedgerError;
use crate::postgres::failed;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// One migration, by the number and words of its file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
}

/// How the migrations of a database compare with those of this program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationStanding {
    /// In the database, as this program knows them.
    pub applied: Vec<Migration>,
    /// Known here, missing there: `fawtara migrate` brings them.
    pub missing: Vec<Migration>,
    /// In the database, unknown here: it was migrated by a newer program.
    pub unknown: Vec<Migration>,
    /// In the database, but with other contents, or broken off half way.
    pub altered: Vec<Migration>,
}

/// Brings the database at `url` up to date, as the owner of its tables, and says what was new.
/// Several callers at once wait for one another.
///
/// # Errors
/// [`LedgerError::Unavailable`] when the database cannot be reached, [`LedgerError::Refused`] when a migration fails or the
/// database does not fit this program (its message names the migration).
pub(crate) async fn run(url: &str) -> Result<Vec<Migration>, LedgerError> {
    let mut connection = PgConnection::connect(url).await.map_err(failed)?;
    let before = known_to(&mut connection).await?;
    MIGRATOR.run_direct(None, &mut connection, false).await.map_err(refused)?;
    let after = known_to(&mut connection).await?;
    // Whatever was done is done: how the connection ends does not matter.
    let _ = connection.close().await;
    Ok(after
        .into_iter()
        .filter(|(version, _)| !before.contains_key(version))
        .map(|(_, row)| row.migration)
        .collect())
}

/// Compares the migrations of a database with those of this program.
pub(crate) async fn standing<C>(connection: &mut C) -> Result<MigrationStanding, LedgerError>
where
    for<'c> &'c mut C: PgExecutor<'c>,
{
    let mut there = known_to(connection).await?;
    let mut standing = MigrationStanding::default();
    for known in MIGRATOR.iter() {
        let migration = Migration { version: known.version, description: known.description.to_string() };
        match there.remove(&known.version) {
            None => standing.missing.push(migration),
            Some(row) if row.success && row.checksum == *known.checksum => standing.applied.push(migration),
            Some(_) => standing.altered.push(migration),
        }
    }
    standing.unknown.extend(there.into_values().map(|row| row.migration));
    Ok(standing)
}

/// A row of sqlx's own table.
struct Row {
    migration: Migration,
    success: bool,
    checksum: Vec<u8>,
}

async fn known_to<C>(connection: &mut C) -> Result<BTreeMap<i64, Row>, LedgerError>
where
    for<'c> &'c mut C: PgExecutor<'c>,
{
    // The table is sqlx's and may not exist yet, so this cannot be checked at compile time.
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !there {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, String, bool, Vec<u8>)> = sqlx::query_as(
        "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version",
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    Ok(rows
        .into_iter()
        .map(|(version, description, success, checksum)| {
            (version, Row { migration: Migration { version, description }, success, checksum })
        })
        .collect())
}

fn refused(error: MigrateError) -> LedgerError {
    match error {
        MigrateError::Execute(error) => failed(error),
        other => LedgerError::Refused(other.to_string()),
    }
}
