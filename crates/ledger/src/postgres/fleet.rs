//! Shares of submitters in Postgres: one renewal at a time for each endpoint, behind an advisory lock.

use async_trait::async_trait;

use super::PostgresLedger;
use super::codec::{fit, read};
use super::connection::Connection;
use super::failure::failed;
use super::transaction::in_transaction;
use crate::LedgerError;
use crate::fleet::{Fleet, Granted, ShareRequest, SubmitterShare, grant};

/// The first half of the advisory locks: "fwsh". The second is the hash of the endpoint's name.
const SHARES: i32 = i32::from_be_bytes(*b"fwsh");

#[async_trait]
impl Fleet for PostgresLedger {
    async fn renew(&self, request: &ShareRequest) -> Result<Option<Granted>, LedgerError> {
        let request = request.clone();
        in_transaction(&self.pool, move |connection| Box::pin(renew(connection, request))).await
    }

    async fn leave(&self, worker: &str) -> Result<(), LedgerError> {
        sqlx::query!("DELETE FROM submitter_shares WHERE worker = $1", worker)
            .execute(&mut self.connection().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn submitters(&self) -> Result<Vec<SubmitterShare>, LedgerError> {
        let rows = sqlx::query!(
            "SELECT endpoint, worker, version, granted, in_flight, seen_at, until
            FROM submitter_shares
            WHERE until > now()
            ORDER BY endpoint, worker
            LIMIT 1000"
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(SubmitterShare {
                    endpoint: row.endpoint,
                    worker: row.worker,
                    version: row.version,
                    granted: read(row.granted)?,
                    in_flight: read(row.in_flight)?,
                    seen_at: row.seen_at,
                    until: row.until,
                })
            })
            .collect()
    }
}

async fn renew(connection: &mut Connection, request: ShareRequest) -> Result<Option<Granted>, LedgerError> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1, hashtext($2))", SHARES, request.endpoint)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    // A statement of its own, so that it sees what was committed while the lock was waited for; for the same reason the time
    // is that of the statement, not of the transaction.
    let rows = sqlx::query!(
        r#"
        SELECT worker, turn, granted, until > statement_timestamp() AS "counts!"
        FROM submitter_shares
        WHERE endpoint = $1
        "#,
        request.endpoint,
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let turn: i64 = fit(request.turn)?;
    let (mut own, mut others) = (0, Vec::with_capacity(rows.len()));
    for row in rows.into_iter().filter(|row| row.counts) {
        if row.worker != request.worker {
            others.push((row.worker, read(row.granted)?));
        } else if row.turn >= turn {
            return Ok(None);
        } else {
            own = read(row.granted)?;
        }
    }
    let granted = grant(&request, own, &others);
    let lasts_ms: i64 = fit(request.lasts.as_millis())?;
    let (held, in_flight): (i32, i32) = (fit(granted.granted)?, fit(request.in_flight)?);
    sqlx::query!(
        "INSERT INTO submitter_shares (endpoint, worker, version, turn, granted, in_flight, seen_at, until)
        VALUES ($1, $2, $3, $4, $5, $6, statement_timestamp(), statement_timestamp() + $7::bigint * interval '1 millisecond')
        ON CONFLICT (endpoint, worker) DO UPDATE SET version = excluded.version, turn = excluded.turn,
            granted = excluded.granted, in_flight = excluded.in_flight, seen_at = excluded.seen_at, until = excluded.until",
        request.endpoint,
        request.worker,
        request.version,
        turn,
        held,
        in_flight,
        lasts_ms,
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query!(
        "DELETE FROM submitter_shares WHERE endpoint = $1 AND until <= statement_timestamp()",
        request.endpoint
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    Ok(Some(granted))
}
