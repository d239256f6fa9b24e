//! Notices: taken in order, handed over to the webhooks' deliveries, deleted. Knows nothing of what happens between.

use std::time::Duration;

use invoice::{Amount, IncomeSource, InvoiceKey, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::millis;
use crate::LedgerError;
use crate::outbox::{NewDelivery, Notice, OutboxStanding, WebhookStanding};
use crate::postgres::PostgresLedger;
use crate::postgres::codec::{environment, fit, read, read_key, read_kind, read_name, without_nul};
use crate::postgres::failure::failed;

/// A notice as its row has it.
struct NoticeRow {
    environment: i16,
    uuid: Uuid,
    version: i32,
    at: Timestamp,
    state: String,
    tax_number: String,
    income_source: String,
    number: String,
    kind: String,
    document: i32,
    icv: Option<i64>,
    qr: Option<String>,
    cause: Option<String>,
    codes: Option<String>,
    message: Option<String>,
    currency: String,
    payable: Decimal,
    traceparent: Option<String>,
}

impl TryFrom<NoticeRow> for Notice {
    type Error = LedgerError;

    fn try_from(row: NoticeRow) -> Result<Self, LedgerError> {
        let codes = row.codes.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            key: read_key(row.environment, row.uuid)?,
            version: read(row.version)?,
            at: row.at,
            state: read_name(&row.state)?,
            source: IncomeSource { tax_number: row.tax_number, sequence: row.income_source },
            number: row.number,
            kind: read_kind(&row.kind)?,
            document: read(row.document)?,
            icv: row.icv.map(read).transpose()?,
            qr: row.qr,
            cause: row.cause.as_deref().map(read_name).transpose()?,
            codes: codes.map_err(|error| LedgerError::Corrupt(error.to_string()))?.unwrap_or_default(),
            message: row.message,
            currency: row.currency,
            payable: Amount::from(row.payable),
            traceparent: row.traceparent,
        })
    }
}

impl PostgresLedger {
    pub(super) async fn take_notices(&self, limit: u32, lease: Duration) -> Result<Vec<Notice>, LedgerError> {
        let rows = sqlx::query_as!(
            NoticeRow,
            r#"
            WITH free AS (
                SELECT n.environment, n.uuid, n.version, n.due_at AS was
                FROM notices n
                WHERE n.due_at <= now() AND NOT EXISTS (
                    SELECT FROM notices e
                    WHERE e.environment = n.environment AND e.uuid = n.uuid AND e.version < n.version
                )
                ORDER BY n.due_at, n.environment, n.uuid
                LIMIT $1
                FOR UPDATE OF n SKIP LOCKED
            ), taken AS (
                UPDATE notices n
                SET due_at = now() + $2::bigint * interval '1 millisecond'
                FROM free f
                WHERE n.environment = f.environment AND n.uuid = f.uuid AND n.version = f.version
                RETURNING n.*, f.was
            )
            SELECT environment AS "environment!", uuid AS "uuid!", version AS "version!", at AS "at!", state AS "state!",
                tax_number AS "tax_number!", income_source AS "income_source!", number AS "number!", kind AS "kind!",
                document AS "document!", icv, qr, cause, codes, message, currency AS "currency!", payable AS "payable!",
                traceparent
            FROM taken
            ORDER BY was, environment, uuid
            "#,
            i64::from(limit),
            millis(lease),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter().map(Notice::try_from).collect()
    }

    /// In one statement, so that no notice goes without its deliveries.
    pub(super) async fn hand_over(
        &self,
        told: &[(InvoiceKey, u32)],
        deliveries: &[NewDelivery],
    ) -> Result<(), LedgerError> {
        let told_environments: Vec<i16> = told.iter().map(|(key, _)| environment(key.environment)).collect();
        let told_uuids: Vec<Uuid> = told.iter().map(|(key, _)| key.uuid).collect();
        let told_versions: Vec<i32> =
            told.iter().map(|(_, version)| fit(*version)).collect::<Result<_, _>>()?;
        let webhooks: Vec<String> = deliveries.iter().map(|new| without_nul(&new.webhook)).collect();
        let environments: Vec<i16> = deliveries.iter().map(|new| environment(new.key.environment)).collect();
        let uuids: Vec<Uuid> = deliveries.iter().map(|new| new.key.uuid).collect();
        let versions: Vec<i32> = deliveries.iter().map(|new| fit(new.version)).collect::<Result<_, _>>()?;
        let ids: Vec<Uuid> = deliveries.iter().map(|new| new.id).collect();
        let types: Vec<String> = deliveries.iter().map(|new| without_nul(&new.event_type)).collect();
        let times: Vec<Timestamp> = deliveries.iter().map(|new| new.at).collect();
        let bodies: Vec<String> = deliveries.iter().map(|new| without_nul(&new.body)).collect();
        sqlx::query!(
            r#"
            WITH kept AS (
                INSERT INTO webhook_deliveries (webhook, environment, uuid, version, id, type, at, body, due_at)
                SELECT d.webhook, d.environment, d.uuid, d.version, d.id, d.type, d.at, d.body, now()
                FROM unnest($4::text[], $5::smallint[], $6::uuid[], $7::integer[], $8::uuid[], $9::text[],
                    $10::timestamptz[], $11::text[])
                    AS d (webhook, environment, uuid, version, id, type, at, body)
                ORDER BY d.webhook, d.environment, d.uuid, d.version
                ON CONFLICT DO NOTHING
            )
            DELETE FROM notices n
            USING unnest($1::smallint[], $2::uuid[], $3::integer[]) AS t (environment, uuid, version)
            WHERE n.environment = t.environment AND n.uuid = t.uuid AND n.version = t.version
            "#,
            &told_environments,
            &told_uuids,
            &told_versions,
            &webhooks,
            &environments,
            &uuids,
            &versions,
            &ids,
            &types,
            &times,
            &bodies,
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn count_outbox(&self) -> Result<OutboxStanding, LedgerError> {
        let mut connection = self.connection().await?;
        let notices = sqlx::query!(r#"SELECT count(*) AS "count!", min(at) AS oldest FROM notices"#)
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        let rows = sqlx::query!(
            r#"
            SELECT coalesce(d.webhook, s.webhook) AS "webhook!", coalesce(d.waiting, 0) AS "waiting!",
                coalesce(d.failed, 0) AS "failed!", d.oldest, s.changed_at AS "off_since?", s.reason AS "off_reason?"
            FROM (
                SELECT webhook, count(due_at) AS waiting, count(*) - count(due_at) AS failed,
                    min(at) FILTER (WHERE due_at IS NOT NULL) AS oldest
                FROM webhook_deliveries
                GROUP BY webhook
            ) d
            FULL JOIN (SELECT webhook, changed_at, reason FROM webhook_switches WHERE off) s ON s.webhook = d.webhook
            ORDER BY 1
            "#
        )
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
        let webhooks = rows.into_iter().map(|row| {
            Ok(WebhookStanding {
                webhook: row.webhook,
                waiting: read(row.waiting)?,
                failed: read(row.failed)?,
                oldest: row.oldest,
                off: row.off_since.zip(row.off_reason),
            })
        });
        Ok(OutboxStanding {
            notices: read(notices.count)?,
            oldest: notices.oldest,
            webhooks: webhooks.collect::<Result<_, LedgerError>>()?,
        })
    }
}
