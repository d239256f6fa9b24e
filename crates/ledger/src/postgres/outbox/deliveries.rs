//! Deliveries to webhooks: taken on lease, attempted, deleted once heard, kept when given up. Knows nothing of HTTP.

use std::time::Duration;

use invoice::Timestamp;
use invoice::life::Actor;
use uuid::Uuid;

use super::millis;
use crate::LedgerError;
use crate::outbox::{Attempted, Delivery, NewDelivery, Which};
use crate::postgres::PostgresLedger;
use crate::postgres::codec::{environment, fit, read, read_key, without_nul};
use crate::postgres::failure::failed;

/// A delivery as its row has it.
struct DeliveryRow {
    webhook: String,
    environment: i16,
    uuid: Uuid,
    version: i32,
    id: Uuid,
    event_type: String,
    at: Timestamp,
    body: String,
    attempts: i32,
    due_at: Option<Timestamp>,
    last_status: Option<i16>,
    last_error: Option<String>,
    asked_by: Option<String>,
    asked_reason: Option<String>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = LedgerError;

    fn try_from(row: DeliveryRow) -> Result<Self, LedgerError> {
        Ok(Self {
            message: NewDelivery {
                webhook: row.webhook,
                key: read_key(row.environment, row.uuid)?,
                version: read(row.version)?,
                id: row.id,
                event_type: row.event_type,
                at: row.at,
                body: row.body,
            },
            attempts: read(row.attempts)?,
            due_at: row.due_at,
            last_status: row.last_status.map(read).transpose()?,
            last_error: row.last_error,
            asked: row.asked_by.zip(row.asked_reason).map(|(name, reason)| Actor { name, reason }),
        })
    }
}

/// What became of attempts, as columns.
#[derive(Default)]
struct Columns {
    webhook: Vec<String>,
    environment: Vec<i16>,
    uuid: Vec<Uuid>,
    version: Vec<i32>,
    heard: Vec<bool>,
    attempts: Vec<i32>,
    again_in: Vec<Option<i64>>,
    status: Vec<Option<i16>>,
    error: Vec<Option<String>>,
}

impl Columns {
    fn of(attempted: &[(Delivery, Attempted)]) -> Result<Self, LedgerError> {
        let mut columns = Self::default();
        for (delivery, attempted) in attempted {
            let message = &delivery.message;
            columns.webhook.push(message.webhook.clone());
            columns.environment.push(environment(message.key.environment));
            columns.uuid.push(message.key.uuid);
            columns.version.push(fit(message.version)?);
            columns.attempts.push(fit(delivery.attempts.saturating_add(1))?);
            let (again_in, status, error) = match attempted {
                Attempted::Heard => (None, None, None),
                Attempted::Unheard { again_in, status, error } => {
                    let status = status.map(fit).transpose()?;
                    (again_in.map(millis), status, Some(without_nul(error)))
                }
            };
            columns.heard.push(*attempted == Attempted::Heard);
            columns.again_in.push(again_in);
            columns.status.push(status);
            columns.error.push(error);
        }
        Ok(columns)
    }
}

impl PostgresLedger {
    pub(super) async fn take_deliveries(
        &self,
        webhook: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let rows = sqlx::query_as!(
            DeliveryRow,
            r#"
            WITH due AS (
                SELECT d.environment, d.uuid, d.version, d.due_at AS was
                FROM webhook_deliveries d
                WHERE d.webhook = $1 AND d.due_at <= now()
                    AND NOT EXISTS (SELECT FROM webhook_switches s WHERE s.webhook = $1 AND s.off)
                    AND NOT (d.attempts = 0 AND EXISTS (
                        SELECT FROM webhook_deliveries e
                        WHERE e.webhook = $1 AND e.environment = d.environment AND e.uuid = d.uuid
                            AND e.version < d.version AND e.attempts = 0 AND e.due_at IS NOT NULL
                    ))
                ORDER BY d.due_at, d.environment, d.uuid
                LIMIT $2
                FOR UPDATE OF d SKIP LOCKED
            ), taken AS (
                UPDATE webhook_deliveries d
                SET due_at = now() + $3::bigint * interval '1 millisecond'
                FROM due
                WHERE d.webhook = $1 AND d.environment = due.environment AND d.uuid = due.uuid AND d.version = due.version
                RETURNING d.*, due.was
            )
            SELECT webhook AS "webhook!", environment AS "environment!", uuid AS "uuid!", version AS "version!",
                id AS "id!", type AS "event_type!", at AS "at!", body AS "body!", attempts AS "attempts!", due_at,
                last_status, last_error, asked_by, asked_reason
            FROM taken
            ORDER BY was, environment, uuid
            "#,
            webhook,
            i64::from(limit),
            millis(lease),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter().map(Delivery::try_from).collect()
    }

    pub(super) async fn note_attempts(&self, attempted: &[(Delivery, Attempted)]) -> Result<(), LedgerError> {
        let columns = Columns::of(attempted)?;
        sqlx::query!(
            r#"
            WITH result AS (
                SELECT * FROM unnest($1::text[], $2::smallint[], $3::uuid[], $4::integer[], $5::boolean[], $6::integer[],
                    $7::bigint[], $8::smallint[], $9::text[])
                    AS r (webhook, environment, uuid, version, heard, attempts, again_in, status, error)
            ), heard AS (
                DELETE FROM webhook_deliveries d
                USING result r
                WHERE r.heard AND d.webhook = r.webhook AND d.environment = r.environment AND d.uuid = r.uuid
                    AND d.version = r.version
            )
            UPDATE webhook_deliveries d
            SET attempts = r.attempts, last_status = r.status, last_error = r.error,
                due_at = now() + r.again_in * interval '1 millisecond'
            FROM result r
            WHERE NOT r.heard AND d.webhook = r.webhook AND d.environment = r.environment AND d.uuid = r.uuid
                AND d.version = r.version
            "#,
            &columns.webhook,
            &columns.environment,
            &columns.uuid,
            &columns.version,
            &columns.heard,
            &columns.attempts,
            &columns.again_in as _,
            &columns.status as _,
            &columns.error as _,
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn read_deliveries(
        &self,
        which: &Which,
        limit: u32,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let rows = sqlx::query_as!(
            DeliveryRow,
            r#"
            SELECT webhook, environment, uuid, version, id, type AS event_type, at, body, attempts, due_at, last_status,
                last_error, asked_by, asked_reason
            FROM webhook_deliveries
            WHERE ($1::text IS NULL OR webhook = $1) AND ($2::uuid IS NULL OR id = $2) AND NOT ($3 AND due_at IS NOT NULL)
            ORDER BY at, environment, uuid, version
            LIMIT $4
            "#,
            which.webhook.as_deref(),
            which.id,
            which.failed,
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter().map(Delivery::try_from).collect()
    }

    pub(super) async fn make_due(&self, which: &Which, by: &Actor) -> Result<u64, LedgerError> {
        let done = sqlx::query!(
            r#"
            UPDATE webhook_deliveries
            SET attempts = 0, due_at = now(), asked_by = $4, asked_reason = $5
            WHERE ($1::text IS NULL OR webhook = $1) AND ($2::uuid IS NULL OR id = $2) AND NOT ($3 AND due_at IS NOT NULL)
            "#,
            which.webhook.as_deref(),
            which.id,
            which.failed,
            without_nul(&by.name),
            without_nul(&by.reason),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected())
    }

    pub(super) async fn switch(
        &self,
        webhook: &str,
        off: bool,
        by: Option<&str>,
        reason: &str,
    ) -> Result<bool, LedgerError> {
        let done = sqlx::query!(
            r#"
            INSERT INTO webhook_switches AS s (webhook, off, changed_at, changed_by, reason)
            SELECT n.webhook, true, clock_timestamp(), $3, $4
            FROM (SELECT $1::text AS webhook) n
            WHERE $2 OR EXISTS (SELECT FROM webhook_switches e WHERE e.webhook = n.webhook)
            ON CONFLICT (webhook) DO UPDATE
                SET off = $2, changed_at = excluded.changed_at, changed_by = excluded.changed_by, reason = excluded.reason
                WHERE s.off <> $2
            "#,
            webhook,
            off,
            by.map(without_nul),
            without_nul(reason),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() == 1)
    }

    pub(super) async fn forget_before(&self, before: Timestamp) -> Result<u64, LedgerError> {
        let done = sqlx::query!("DELETE FROM webhook_deliveries WHERE at < $1", before)
            .execute(&mut self.connection().await?)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected())
    }
}
