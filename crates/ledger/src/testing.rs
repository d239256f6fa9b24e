//! For tests: a database of one's own on the server that the tests were given. Knows nothing of invoices.

mod fill;
mod growth;

pub use fill::EVENTS;
pub use growth::Sizes;
use sqlx::Postgres;
use sqlx::migrate::MigrateDatabase;
use uuid::Uuid;

use crate::postgres::{PostgresConfig, PostgresLedger, failed};
use crate::{LedgerError, Schedule};

/// Where the tests' server is when `FAWTARA_TEST_DATABASE_URL` does not say.
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A database that nobody else uses. It is removed with [`TestDatabase::remove`], or at the latest when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    removed: bool,
}

impl TestDatabase {
    /// A new database with all migrations in it, on the server of `FAWTARA_TEST_DATABASE_URL`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn create() -> Result<Self, LedgerError> {
        let database = Self::create_bare().await?;
        PostgresLedger::migrate(&database.url).await?;
        Ok(database)
    }

    /// A new database without any table.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn create_bare() -> Result<Self, LedgerError> {
        let server = std::env::var("FAWTARA_TEST_DATABASE_URL").unwrap_or_else(|_| DEFAULT_SERVER.to_owned());
        let url = renamed(&server, &name());
        Postgres::create_database(&url).await.map_err(failed)?;
        Ok(Self { url, removed: false })
    }

    /// Its URL, as its owner.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A ledger in it, with few connections.
    ///
    /// # Errors
    /// As [`PostgresLedger::connect`].
    pub async fn ledger(&self, schedule: Schedule) -> Result<PostgresLedger, LedgerError> {
        PostgresLedger::connect(PostgresConfig { schedule, ..PostgresConfig::new(&self.url) }).await
    }

    /// Ends all its sessions and removes it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn remove(mut self) -> Result<(), LedgerError> {
        self.removed = true;
        Postgres::force_drop_database(&self.url).await.map_err(failed)
    }
}

impl Drop for TestDatabase {
    /// A test that failed must not leave its database behind; here nothing can be awaited, hence the thread.
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        let url = self.url.clone();
        let remover = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime
                && let Err(error) = runtime.block_on(Postgres::force_drop_database(&url))
            {
                tracing::warn!(%error, "a test database stays behind");
            }
        });
        let _ = remover.join();
    }
}

/// With the run's own mark, if there is one: whoever started the run removes what is left of it.
fn name() -> String {
    let unique = Uuid::new_v4().simple();
    match std::env::var("FAWTARA_TEST_RUN") {
        Ok(run) => format!("fawtara_test_{run}_{unique}"),
        Err(_) => format!("fawtara_test_{unique}"),
    }
}

/// The URL of another database on the same server.
fn renamed(server: &str, name: &str) -> String {
    let (address, query) = match server.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (server, String::new()),
    };
    let host_begins = address.find("://").map_or(0, |colon| colon + 3);
    let host_ends = address
        .get(host_begins..)
        .and_then(|rest| rest.find('/'))
        .map_or(address.len(), |at| host_begins + at);
    format!("{}/{name}{query}", address.get(..host_ends).unwrap_or(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_is_another() {
        assert_eq!(renamed("postgres://a:b@c:5/d", "x"), "postgres://a:b@c:5/x");
        assert_eq!(renamed("postgres://a@c/d?sslmode=disable", "x"), "postgres://a@c/x?sslmode=disable");
        assert_eq!(renamed("postgres://a@c", "x"), "postgres://a@c/x");
    }
}
