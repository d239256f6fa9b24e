//! How to reach the database, and the bounds set on every session.

use std::fmt;
use std::time::Duration;

use crate::Schedule;

/// The role that the program works as, made by the first migration. It may add events, and change or delete none.
pub const APP_ROLE: &str = "fawtara_app";

/// What a [`crate::PostgresLedger`] needs to know.
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`; never shown.
    pub url: String,
    /// How many connections at most.
    pub max_connections: u32,
    /// How long a call waits for a free connection.
    pub acquire_timeout: Duration,
    /// When the sweeper looks again.
    pub schedule: Schedule,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a session may idle inside a transaction before the server ends it.
    pub idle_in_transaction_timeout: Duration,
    /// Taken on after connecting when it exists and the login may; none to work as who logs in.
    pub role: Option<String>,
    /// Whether notices are kept of invoices that settle (see [`crate::Outbox`]). Then somebody must take them.
    pub notices: bool,
}

impl PostgresConfig {
    /// The usual bounds: 8 connections, 10 s for one to be free, statements 30 s, locks 10 s, idle transactions 30 s.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            schedule: Schedule::default(),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(30),
            role: Some(APP_ROLE.to_owned()),
            notices: false,
        }
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("PostgresConfig")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("schedule", &self.schedule)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("idle_in_transaction_timeout", &self.idle_in_transaction_timeout)
            .field("role", &self.role)
            .field("notices", &self.notices)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let config = PostgresConfig::new("postgres://fawtara:s3cret@db/fawtara");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
