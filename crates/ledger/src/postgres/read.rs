//! Reading single invoices and what belongs to them.

use std::collections::BTreeMap;

use invoice::life::{Event, Evidence, Invoice};
use invoice::{InvoiceKey, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::PostgresLedger;
use super::codec::{environment, fit, keys, read, read_digest, read_key, read_name};
use super::failure::failed;
use super::row::{InvoiceRow, Stored, invoice_rows};
use crate::{Amendable, AttemptRecord, Document, DocumentKind, LedgerError, Loaded, RecordedEvent};

/// The time by the database's clock.
pub(super) async fn clock(connection: &mut PgConnection) -> Result<Timestamp, LedgerError> {
    sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(connection).await.map_err(failed)
}

/// The invoices with these keys that exist, in no order.
pub(super) async fn stored(
    connection: &mut PgConnection,
    wanted: &[InvoiceKey],
) -> Result<Vec<Stored>, LedgerError> {
    rows(connection, wanted).await?.into_iter().map(Stored::try_from).collect()
}

/// As [`stored`], unread.
pub(super) async fn rows(
    connection: &mut PgConnection,
    wanted: &[InvoiceKey],
) -> Result<Vec<InvoiceRow>, LedgerError> {
    let (environments, uuids) = keys(wanted);
    invoice_rows!(
        "",
        "FROM unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
        JOIN invoices i ON i.environment = n.environment AND i.uuid = n.uuid",
        &environments,
        &uuids,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)
}

/// The normal forms of these document versions, by key.
pub(super) async fn normal_forms(
    connection: &mut PgConnection,
    wanted: &[(InvoiceKey, u32)],
) -> Result<BTreeMap<InvoiceKey, String>, LedgerError> {
    let (environments, uuids) = keys(&wanted.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    let documents: Vec<i32> = wanted.iter().map(|(_, document)| fit(*document)).collect::<Result<_, _>>()?;
    let rows = sqlx::query!(
        r#"
        SELECT c.environment, c.uuid, c.normal_form::text AS "normal_form!"
        FROM unnest($1::smallint[], $2::uuid[], $3::integer[]) AS n (environment, uuid, document)
        JOIN contents c ON c.environment = n.environment AND c.uuid = n.uuid AND c.document = n.document
        "#,
        &environments,
        &uuids,
        &documents,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter().map(|row| Ok((read_key(row.environment, row.uuid)?, row.normal_form))).collect()
}

/// An event as its JSON says.
pub(super) fn read_event(payload: &str) -> Result<Event, LedgerError> {
    serde_json::from_str(payload)
        .map_err(|error| LedgerError::Corrupt(format!("an event cannot be read: {error}")))
}

impl PostgresLedger {
    pub(super) async fn clock(&self) -> Result<Timestamp, LedgerError> {
        clock(&mut *self.connection().await?).await
    }

    pub(super) async fn load_keys(&self, wanted: &[InvoiceKey]) -> Result<Loaded, LedgerError> {
        let mut connection = self.connection().await?;
        let rows = stored(&mut connection, wanted).await?;
        // The rows bring the time along; without any it has to be asked for.
        let now = match rows.first() {
            Some(row) => row.now,
            None => clock(&mut connection).await?,
        };
        let known: BTreeMap<InvoiceKey, Invoice> =
            rows.into_iter().map(|row| (row.invoice.key, row.invoice)).collect();
        Ok(Loaded { now, invoices: wanted.iter().map(|key| known.get(key).cloned()).collect() })
    }

    pub(super) async fn read_documents(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (environments, uuids) = keys(&wanted.iter().map(|(key, ..)| *key).collect::<Vec<_>>());
        let documents: Vec<i32> =
            wanted.iter().map(|(_, document, _)| fit(*document)).collect::<Result<_, _>>()?;
        let kinds: Vec<String> = wanted.iter().map(|(.., kind)| kind.as_str().to_owned()).collect();
        // A version that was encoded anew has several; the last one counts.
        let rows = sqlx::query!(
            r#"
            SELECT d.sha256 AS "sha256?", d.bytes AS "bytes?"
            FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::text[])
                WITH ORDINALITY AS n (environment, uuid, document, kind, line)
            LEFT JOIN LATERAL (
                SELECT d.sha256, d.bytes FROM documents d
                WHERE d.environment = n.environment AND d.uuid = n.uuid AND d.document = n.document AND d.kind = n.kind
                ORDER BY d.version DESC
                LIMIT 1
            ) d ON true
            ORDER BY n.line
            "#,
            &environments,
            &uuids,
            &documents,
            &kinds,
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| match (row.sha256, row.bytes) {
                (Some(sha256), Some(bytes)) => Ok(Some(Document { sha256: read_digest(&sha256)?, bytes })),
                _ => Ok(None),
            })
            .collect()
    }

    pub(super) async fn read_history(&self, key: InvoiceKey) -> Result<Vec<RecordedEvent>, LedgerError> {
        // The month comes from the narrow table, so that one partition alone is read.
        let rows = sqlx::query!(
            r#"
            SELECT version, at, payload::text AS "payload!", hash
            FROM events
            WHERE environment = $1 AND uuid = $2 AND accepted_month = (
                SELECT d.accepted_month FROM identities d WHERE d.environment = $1 AND d.uuid = $2)
            ORDER BY version
            "#,
            environment(key.environment),
            key.uuid,
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(RecordedEvent {
                    version: read(row.version)?,
                    at: row.at,
                    event: read_event(&row.payload)?,
                    hash: read_digest(&row.hash)?,
                })
            })
            .collect()
    }

    pub(super) async fn read_attempts(&self, key: InvoiceKey) -> Result<Vec<AttemptRecord>, LedgerError> {
        let rows = sqlx::query!(
            r#"
            SELECT attempt, document, started_at, ended_at, worker, outcome, late, evidence::text AS "evidence!"
            FROM attempts
            WHERE environment = $1 AND uuid = $2
            ORDER BY attempt, ended_at, version
            "#,
            environment(key.environment),
            key.uuid,
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let evidence: Evidence = serde_json::from_str(&row.evidence)
                    .map_err(|error| LedgerError::Corrupt(format!("an attempt cannot be read: {error}")))?;
                Ok(AttemptRecord {
                    attempt: read(row.attempt)?,
                    document: read(row.document)?,
                    started_at: row.started_at,
                    ended_at: row.ended_at,
                    worker: row.worker,
                    outcome: read_name(&row.outcome)?,
                    late: row.late,
                    evidence,
                })
            })
            .collect()
    }

    pub(super) async fn read_content(&self, key: InvoiceKey) -> Result<Option<Amendable>, LedgerError> {
        let mut connection = self.connection().await?;
        // An amendment may come between the two reads; its content then stands beside the one that was looked for.
        let Some(row) = stored(&mut connection, &[key]).await?.pop() else { return Ok(None) };
        let mut contents = normal_forms(&mut connection, &[(key, row.invoice.document)]).await?;
        let normal_form = contents.remove(&key).ok_or_else(|| {
            LedgerError::Corrupt(format!(
                "{key} has no content for document version {}",
                row.invoice.document
            ))
        })?;
        Ok(Some(Amendable { invoice: row.invoice, normal_form }))
    }

    pub(super) async fn find_keys(&self, uuid_or_number: &str) -> Result<Vec<InvoiceKey>, LedgerError> {
        let uuid: Option<Uuid> = Uuid::try_parse(uuid_or_number).ok();
        // Postgres takes no NUL; no number has one.
        let number = (!uuid_or_number.contains('\0')).then_some(uuid_or_number);
        let rows = sqlx::query!(
            r#"
            SELECT environment AS "environment!", uuid AS "uuid!" FROM (
                SELECT environment, uuid FROM identities WHERE environment = ANY ('{0,1,2}') AND uuid = $1
                UNION
                SELECT environment, uuid FROM identities WHERE number = $2
            ) found
            ORDER BY environment, uuid
            "#,
            uuid,
            number,
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter().map(|row| read_key(row.environment, row.uuid)).collect()
    }
}
