//! A database with a ledger in it, and the hands of somebody who can reach its tables.

use std::sync::Arc;
use std::time::Duration;

use invoice::InvoiceKey;
use invoice::life::{Event, Invoice};
use ledger::conformance::{Numbering, arrival};
use ledger::testing::TestDatabase;
use ledger::{Change, Ledger, PostgresLedger, Schedule};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A database, a ledger in it, and a session of its owner beside.
pub(crate) struct Room {
    pub(crate) database: TestDatabase,
    pub(crate) ledger: PostgresLedger,
    pub(crate) owner: PgConnection,
}

impl Room {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await.unwrap();
        let ledger = database.ledger(Schedule::default()).await.unwrap();
        let owner = PgConnection::connect(database.url()).await.unwrap();
        Self { database, ledger, owner }
    }

    /// With this many encoded invoices, numbered from 0.
    pub(crate) async fn with(invoices: u64) -> Self {
        let room = Self::new().await;
        let batch = (0..invoices).map(arrival).collect();
        room.ledger.accept(batch).await.unwrap();
        let keys = (0..invoices).map(|n| arrival(n).key).collect();
        room.ledger.encode(keys, Arc::new(Numbering::default())).await.unwrap();
        room
    }

    pub(crate) async fn owner(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.owner).await.map(|done| done.rows_affected())
    }

    /// As somebody who can switch the guards off.
    pub(crate) async fn tamper(&mut self, sql: &str) {
        self.owner("SET session_replication_role = replica").await.unwrap();
        assert!(self.owner(sql).await.unwrap() > 0, "{sql}: nothing was there to tamper with");
        self.owner("SET session_replication_role = origin").await.unwrap();
    }

    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.owner).await.unwrap()
    }

    /// Until a session of this database waits for a lock.
    pub(crate) async fn until_somebody_waits(&mut self) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while self.count(waiting).await == 0 {
            assert!(tokio::time::Instant::now() < deadline, "nobody waits for a lock");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the proof says, as text.
    pub(crate) async fn violations(&self) -> Vec<(Option<InvoiceKey>, String)> {
        let verification = self.ledger.verify().await.unwrap();
        verification.violations.into_iter().map(|violation| (violation.key, violation.message)).collect()
    }

    pub(crate) async fn remove(self) {
        self.ledger.close().await;
        self.owner.close().await.unwrap();
        self.database.remove().await.unwrap();
    }
}

pub(crate) fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned()
}

pub(crate) fn started(invoice: &Invoice, at: invoice::Timestamp) -> Change {
    let event = Event::SubmissionStarted {
        attempt: invoice.attempt + 1,
        document: invoice.document,
        lease_until: at + chrono::TimeDelta::seconds(80),
        worker: "submitter-1".to_owned(),
        xml: invoice.xml.unwrap(),
    };
    Change { invoice: invoice.clone(), events: vec![event], at, documents: Vec::new(), attempt: None }
}
