//! The Postgres adapter passes the ledger's conformance suite, each case in databases of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; the lints spare only functions that are tests themselves"
)]

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger::conformance::Harness;
use ledger::testing::TestDatabase;
use ledger::{Ledger, PostgresConfig, PostgresLedger, Schedule};

#[derive(Default)]
struct Postgres {
    made: Mutex<Vec<(TestDatabase, PostgresLedger)>>,
}

impl Postgres {
    async fn made(&self, config: impl FnOnce(&str) -> PostgresConfig) -> Arc<dyn Ledger> {
        let database = TestDatabase::create().await.expect("a database for the test");
        let ledger = PostgresLedger::connect(config(database.url())).await.expect("a ledger in it");
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push((database, ledger.clone()));
        Arc::new(ledger)
    }
}

#[async_trait]
impl Harness for Postgres {
    async fn fresh_with(&self, schedule: Schedule) -> Arc<dyn Ledger> {
        self.made(|url| PostgresConfig { schedule, ..PostgresConfig::new(url) }).await
    }

    async fn fresh_noting(&self) -> Arc<dyn Ledger> {
        self.made(|url| PostgresConfig { notices: true, ..PostgresConfig::new(url) }).await
    }

    async fn finish(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for (database, ledger) in made {
            ledger.close().await;
            database.remove().await.expect("the database is removed");
        }
    }
}

ledger::conformance_suite!(Postgres::default());
