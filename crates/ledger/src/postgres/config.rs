//! How to reach the database, and the bounds set on every session.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use crate::Schedule;

/// The role of a process that does everything, made by the first migration. It may add events, and change or delete none.
pub const APP_ROLE: &str = "fawtara_app";

/// A part of the fleet, each with a role of its own in the database that has no more rights than its work needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Takes events.
    Producer,
    /// Fixes counters and bytes.
    Encoder,
    /// Sends, and keeps house.
    Submitter,
    /// A person, by the command line.
    Operator,
    /// All of them in one process.
    Whole,
}

impl Part {
    /// The parts that have a role of their own.
    pub const ALL: [Self; 4] = [Self::Producer, Self::Encoder, Self::Submitter, Self::Operator];

    /// Its role.
    #[must_use]
    pub fn role(self) -> &'static str {
        match self {
            Self::Producer => "fawtara_producer",
            Self::Encoder => "fawtara_encoder",
            Self::Submitter => "fawtara_submitter",
            Self::Operator => "fawtara_operator",
            Self::Whole => APP_ROLE,
        }
    }

    /// Its role, and the one to take on where that cannot be had: one that was never made, or not granted to the login.
    #[must_use]
    pub fn roles(self) -> Vec<String> {
        let mut roles = vec![self.role().to_owned()];
        if self != Self::Whole {
            roles.push(APP_ROLE.to_owned());
        }
        roles
    }
}

/// What a [`crate::PostgresLedger`] needs to know.
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`; never shown, and wiped when it is dropped.
    pub url: SecretString,
    /// How many connections at most.
    pub max_connections: u32,
    /// How long a call waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement may go without an answer before its connection is given up; the server's own limits are kept shorter.
    pub answer_timeout: Duration,
    /// When the sweeper looks again.
    pub schedule: Schedule,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a session may idle inside a transaction before the server ends it.
    pub idle_in_transaction_timeout: Duration,
    /// The first of these that exists, has rights in this database and may be taken on by the login is; none of them to work as who
    /// logs in.
    pub roles: Vec<String>,
    /// Whether notices are kept of invoices that settle (see [`crate::Outbox`]). Then somebody must take them.
    pub notices: bool,
}

impl PostgresConfig {
    /// The usual bounds: 8 connections, 10 s for one to be free, 45 s for an answer, statements 30 s, locks 10 s, idle
    /// transactions 30 s.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(45),
            schedule: Schedule::default(),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(30),
            roles: Part::Whole.roles(),
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
            .field("answer_timeout", &self.answer_timeout)
            .field("schedule", &self.schedule)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("idle_in_transaction_timeout", &self.idle_in_transaction_timeout)
            .field("roles", &self.roles)
            .field("notices", &self.notices)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles for what is overwritten when it is dropped.
    fn is_wiped(_: &impl secrecy::zeroize::ZeroizeOnDrop) {}

    #[test]
    fn a_password_is_never_shown() {
        let config = PostgresConfig::new("postgres://fawtara:s3cret@db/fawtara");
        assert!(!format!("{config:?}").contains("s3cret"));
        is_wiped(&config.url);
    }
}
