//! What the measurement of growth does to a filled database besides what the ledger offers.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use super::TestDatabase;
use crate::LedgerError;
use crate::postgres::failed;

/// What a filled database takes, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// All of it.
    pub database: u64,
    /// The indexes that every new invoice touches at random places.
    pub random: u64,
    /// Invoices in it.
    pub invoices: u64,
}

impl TestDatabase {
    /// How long it takes to count every invoice by state, as the metrics once did.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn count_every_invoice(&self) -> Result<Duration, LedgerError> {
        let mut owner = PgConnection::connect(self.url()).await.map_err(failed)?;
        let start = Instant::now();
        sqlx::query("SELECT state, cause, count(*), min(updated_at) FROM invoices GROUP BY state, cause")
            .fetch_all(&mut owner)
            .await
            .map_err(failed)?;
        let took = start.elapsed();
        owner.close().await.map_err(failed)?;
        Ok(took)
    }

    /// Puts back the indexes that were dropped for the sake of growth, in the place of those that took over.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn index_as_before(&self) -> Result<(), LedgerError> {
        let mut owner = PgConnection::connect(self.url()).await.map_err(failed)?;
        sqlx::raw_sql(
            "DROP INDEX invoices_settled, invoices_settled_of;
             CREATE INDEX before_standing ON invoices (state, cause, updated_at);
             CREATE INDEX before_unsealed ON invoices (environment, uuid) WHERE version > attempt - 1000;",
        )
        .execute(&mut owner)
        .await
        .map_err(failed)?;
        owner.close().await.map_err(failed)
    }

    /// What it takes.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn sizes(&self) -> Result<Sizes, LedgerError> {
        let mut owner = PgConnection::connect(self.url()).await.map_err(failed)?;
        let (database, random, invoices): (i64, i64, i64) = sqlx::query_as(
            "SELECT pg_database_size(current_database()),
                pg_relation_size('invoices_pkey') + pg_relation_size('identities_pkey')
                    + pg_relation_size('icv_assignments_environment_uuid_tax_number_income_source_key'),
                (SELECT count(*) FROM identities)",
        )
        .fetch_one(&mut owner)
        .await
        .map_err(failed)?;
        owner.close().await.map_err(failed)?;
        let bytes = |number: i64| u64::try_from(number).unwrap_or_default();
        Ok(Sizes { database: bytes(database), random: bytes(random), invoices: bytes(invoices) })
    }
}
