//! Reading single invoices and what belongs to them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use invoice::life::{Event, Evidence, Invoice};
use invoice::{InvoiceKey, Timestamp};
use tracing::error;
use uuid::Uuid;

use super::PostgresLedger;
use super::codec::{environment, fit, keys, month, read, read_digest, read_key, read_name};
use super::connection::Connection;
use super::failure::failed;
use super::retention::detachments;
use super::row::{InvoiceRow, Stored, invoice_rows};
use crate::{Amendable, AttemptRecord, Document, DocumentKind, LedgerError, Loaded, RecordedEvent};

/// The time by the database's clock.
pub(super) async fn clock(connection: &mut Connection) -> Result<Timestamp, LedgerError> {
    sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(connection).await.map_err(failed)
}

/// The invoices with these keys that exist, in no order.
pub(super) async fn stored(
    connection: &mut Connection,
    wanted: &[InvoiceKey],
) -> Result<Vec<Stored>, LedgerError> {
    rows(connection, wanted).await?.into_iter().map(Stored::try_from).collect()
}

/// As [`stored`], unread.
pub(super) async fn rows(
    connection: &mut Connection,
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

/// The normal forms of the current document versions of these invoices, by key. Those of detached months are [`DETACHED`].
///
/// Here and wherever else months are read: the months are named once more for all rows, so that the planner sees those
/// partitions alone, however many there are; and OFFSET 0 keeps it from reading a whole month that has no statistics yet.
pub(super) async fn normal_forms(
    connection: &mut Connection,
    wanted: &[&Invoice],
) -> Result<BTreeMap<InvoiceKey, String>, LedgerError> {
    let (environments, uuids) = keys(&wanted.iter().map(|invoice| invoice.key).collect::<Vec<_>>());
    let documents: Vec<i32> = wanted.iter().map(|invoice| fit(invoice.document)).collect::<Result<_, _>>()?;
    let months: Vec<NaiveDate> = wanted.iter().map(|invoice| month(invoice.accepted_at)).collect();
    let rows = sqlx::query!(
        r#"
        SELECT n.environment AS "environment!", n.uuid AS "uuid!", c.normal_form AS "normal_form!"
        FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::date[]) AS n (environment, uuid, document, month)
        CROSS JOIN LATERAL (
            SELECT c.normal_form::text AS normal_form FROM contents c
            WHERE c.accepted_month = ANY ($5::date[]) AND c.accepted_month = n.month
                AND c.environment = n.environment AND c.uuid = n.uuid AND c.document = n.document
            OFFSET 0
        ) c
        "#,
        &environments,
        &uuids,
        &documents,
        &months,
        &each_once(&months),
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let mut found: BTreeMap<InvoiceKey, String> = rows
        .into_iter()
        .map(|row| Ok((read_key(row.environment, row.uuid)?, row.normal_form)))
        .collect::<Result<_, LedgerError>>()?;
    if found.len() < wanted.len() {
        let detached = detachments(connection).await?;
        for invoice in wanted.iter().filter(|invoice| detached.contains_key(&month(invoice.accepted_at))) {
            found.entry(invoice.key).or_insert_with(|| DETACHED.to_owned());
        }
    }
    Ok(found)
}

/// What stands for a content whose month was detached: no event at all.
const DETACHED: &str = "null";

pub(super) fn no_content(invoice: &Invoice) -> LedgerError {
    let Invoice { key, document, .. } = invoice;
    LedgerError::Corrupt(format!("{key} has no content for document version {document}"))
}

/// Months, for the planner.
pub(super) fn each_once(months: &[NaiveDate]) -> Vec<NaiveDate> {
    months.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The months of acceptance of the invoices with these keys that exist.
pub(super) async fn months(
    connection: &mut Connection,
    wanted: &[InvoiceKey],
) -> Result<BTreeMap<InvoiceKey, NaiveDate>, LedgerError> {
    let (environments, uuids) = keys(wanted);
    let rows = sqlx::query!(
        r#"
        SELECT d.environment, d.uuid, d.accepted_month
        FROM unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
        JOIN identities d ON d.environment = n.environment AND d.uuid = n.uuid
        "#,
        &environments,
        &uuids,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter().map(|row| Ok((read_key(row.environment, row.uuid)?, row.accepted_month))).collect()
}

/// An event as its JSON says.
pub(super) fn read_event(payload: &str) -> Result<Event, LedgerError> {
    serde_json::from_str(payload)
        .map_err(|error| LedgerError::Corrupt(format!("an event cannot be read: {error}")))
}

impl PostgresLedger {
    pub(super) async fn clock(&self) -> Result<Timestamp, LedgerError> {
        clock(&mut self.connection().await?).await
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

    /// One by one where not all can be read: a document that is damaged stands in nobody's way (promise 14).
    pub(super) async fn read_documents(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError> {
        match self.read_together(wanted).await {
            Err(LedgerError::Corrupt(_)) => {}
            answer => return answer,
        }
        let mut documents = Vec::with_capacity(wanted.len());
        for one in wanted {
            documents.push(match self.read_together(std::slice::from_ref(one)).await {
                Err(LedgerError::Corrupt(reason)) => {
                    let (key, document, kind) = one;
                    error!(invoice = %key, document, kind = kind.as_str(), %reason, "skipped; run `fawtara verify`");
                    None
                }
                answer => answer?.pop().flatten(),
            });
        }
        Ok(documents)
    }

    async fn read_together(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let wanted_keys: Vec<InvoiceKey> = wanted.iter().map(|(key, ..)| *key).collect();
        let (environments, uuids) = keys(&wanted_keys);
        let documents: Vec<i32> =
            wanted.iter().map(|(_, document, _)| fit(*document)).collect::<Result<_, _>>()?;
        let kinds: Vec<String> = wanted.iter().map(|(.., kind)| kind.as_str().to_owned()).collect();
        let mut connection = self.connection().await?;
        let known = months(&mut connection, &wanted_keys).await?;
        let months: Vec<Option<NaiveDate>> = wanted_keys.iter().map(|key| known.get(key).copied()).collect();
        let all: Vec<NaiveDate> = known.into_values().collect();
        // A version that was encoded anew has several; the last one counts.
        let rows = sqlx::query!(
            r#"
            SELECT d.sha256 AS "sha256?", d.bytes AS "bytes?"
            FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::text[], $5::date[])
                WITH ORDINALITY AS n (environment, uuid, document, kind, month, line)
            LEFT JOIN LATERAL (
                SELECT d.sha256, d.bytes FROM documents d
                WHERE d.accepted_month = ANY ($6::date[]) AND d.accepted_month = n.month AND d.environment = n.environment AND d.uuid = n.uuid AND d.document = n.document AND d.kind = n.kind
                ORDER BY d.version DESC
                LIMIT 1
            ) d ON true
            ORDER BY n.line
            "#,
            &environments,
            &uuids,
            &documents,
            &kinds,
            &months as _,
            &each_once(&all),
        )
        .fetch_all(&mut connection)
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
        let mut connection = self.connection().await?;
        let Some(month) = months(&mut connection, &[key]).await?.remove(&key) else { return Ok(Vec::new()) };
        let rows = sqlx::query!(
            r#"
            SELECT version, at, payload::text AS "payload!", hash
            FROM events
            WHERE environment = $1 AND uuid = $2 AND accepted_month = $3
            ORDER BY version
            "#,
            environment(key.environment),
            key.uuid,
            month,
        )
        .fetch_all(&mut connection)
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
        let mut connection = self.connection().await?;
        let Some(month) = months(&mut connection, &[key]).await?.remove(&key) else { return Ok(Vec::new()) };
        let rows = sqlx::query!(
            r#"
            SELECT attempt, document, started_at, ended_at, worker, outcome, late, evidence::text AS "evidence!"
            FROM attempts
            WHERE environment = $1 AND uuid = $2 AND accepted_month = $3
            ORDER BY attempt, ended_at, version
            "#,
            environment(key.environment),
            key.uuid,
            month,
        )
        .fetch_all(&mut connection)
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
        let mut contents = normal_forms(&mut connection, &[&row.invoice]).await?;
        let normal_form = contents.remove(&key).ok_or_else(|| no_content(&row.invoice))?;
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
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter().map(|row| read_key(row.environment, row.uuid)).collect()
    }
}
