//! Months that are set aside, and brought back. As the owner of the tables; the program's own role only reads which are.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use invoice::life::Actor;
use sqlx::{Connection as _, PgConnection};
use tokio::time::sleep;

use super::PostgresLedger;
use super::codec::read;
use super::connection::Connection;
use super::failure::failed;
use crate::{Detachment, LedgerError};

/// How often a month is tried when others hold its tables.
const TRIES: u32 = 20;
/// The pause before the second try; twice as long before the third, and so on.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A month of acceptance, as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthStanding {
    /// Its first day.
    pub month: NaiveDate,
    /// How many of its invoices are open or wait for a person.
    pub unfinished: u64,
    /// What its events, contents, documents and attempts take on disk, indexes included.
    pub bytes: u64,
}

impl PostgresLedger {
    /// The months that have partitions of their own, the earliest first.
    ///
    /// # Errors
    /// As any reading.
    pub async fn months(&self) -> Result<Vec<MonthStanding>, LedgerError> {
        // Of the unfinished there are few, and both have indexes of their own.
        let rows = sqlx::query!(
            r#"
            WITH unfinished AS (
                SELECT u.accepted_month, count(*) AS count
                FROM (
                    SELECT accepted_month FROM invoices WHERE wake_at IS NOT NULL
                    UNION ALL
                    SELECT accepted_month FROM invoices WHERE state IN ('rejected', 'dead_lettered')
                ) u
                GROUP BY u.accepted_month
            ), parts AS (
                SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month, sum(pg_total_relation_size(c.oid)) AS bytes
                FROM pg_inherits p
                JOIN pg_class c ON c.oid = p.inhrelid
                WHERE p.inhparent IN ('events'::regclass, 'contents'::regclass, 'documents'::regclass, 'attempts'::regclass)
                    AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
                GROUP BY 1
            )
            SELECT m.month AS "month!", coalesce(u.count, 0) AS "unfinished!", m.bytes::bigint AS "bytes!"
            FROM parts m
            LEFT JOIN unfinished u ON u.accepted_month = m.month
            ORDER BY m.month
            "#
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(MonthStanding {
                    month: row.month,
                    unfinished: read(row.unfinished)?,
                    bytes: read(row.bytes)?,
                })
            })
            .collect()
    }

    /// Sets a month aside: its events, contents, documents and attempts move to the schema `fawtara_detached`, all or none,
    /// and who did it is kept. Writes wait for half a second at most, and it tries again until it finds a gap between them.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when invoices of the month are open or wait for a person, or when there is no such month;
    /// [`LedgerError::Unavailable`] when others hold the tables for long, or the login is not their owner.
    pub async fn detach(url: &str, month: NaiveDate, by: &Actor) -> Result<(), LedgerError> {
        patiently(url, Act::Detach, month, by).await
    }

    /// Brings a month back from the schema `fawtara_detached`.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when its tables are not there; else as [`PostgresLedger::detach`].
    pub async fn attach(url: &str, month: NaiveDate, by: &Actor) -> Result<(), LedgerError> {
        patiently(url, Act::Attach, month, by).await
    }
}

/// What is done with a month.
#[derive(Clone, Copy)]
enum Act {
    Detach,
    Attach,
}

/// Until it gets its locks, or has tried for about two minutes.
async fn patiently(url: &str, act: Act, month: NaiveDate, by: &Actor) -> Result<(), LedgerError> {
    let mut connection = PgConnection::connect(url).await.map_err(failed)?;
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match once(&mut connection, act, month, by).await {
            Err(error) if is_locked_out(&error) => sleep(pause).await,
            result => return result.map_err(failed),
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    once(&mut connection, act, month, by).await.map_err(failed)
}

async fn once(
    connection: &mut PgConnection,
    act: Act,
    month: NaiveDate,
    by: &Actor,
) -> Result<(), sqlx::Error> {
    let query = match act {
        Act::Detach => {
            sqlx::query!("SELECT fawtara_detach_month($1, $2, $3) AS done", month, by.name, by.reason)
                .execute(connection)
                .await
        }
        Act::Attach => {
            sqlx::query!("SELECT fawtara_attach_month($1, $2, $3) AS done", month, by.name, by.reason)
                .execute(connection)
                .await
        }
    };
    query.map(drop)
}

/// A lock was not to be had in time, or two waited for each other.
fn is_locked_out(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}

/// The months that are set aside, by their first day. There are few: a dozen a year.
pub(super) async fn detachments(
    connection: &mut Connection,
) -> Result<BTreeMap<NaiveDate, Detachment>, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT month AS "month!", at AS "at!", by_name AS "by_name!", by_reason AS "by_reason!", invoices AS "invoices!"
        FROM (SELECT DISTINCT ON (month) * FROM retention_history ORDER BY month, id DESC) last
        WHERE action = 'detached'
        "#
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let by = Actor { name: row.by_name, reason: row.by_reason };
            let detachment = Detachment { month: row.month, at: row.at, by, invoices: read(row.invoices)? };
            Ok((row.month, detachment))
        })
        .collect()
}
