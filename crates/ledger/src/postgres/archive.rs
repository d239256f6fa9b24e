//! What archives are made from: whole invoices in bulk, word for word.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::NaiveDate;
use invoice::InvoiceKey;
use invoice::life::Evidence;
use uuid::Uuid;

use super::PostgresLedger;
use super::checkpoint;
use super::codec::{environment, month, read, read_digest, read_key, read_name};
use super::connection::Connection;
use super::failure::failed;
use super::read::{each_once, stored};
use super::retention::detachments;
use super::transaction::in_transaction;
use crate::archive::{Archive, Detachment, Dossier, Issued, IssuedPage, KeptDocument, KeptEvent};
use crate::{AttemptRecord, Checkpoint, DocumentKind, LedgerError};

#[async_trait]
impl Archive for PostgresLedger {
    async fn issued(
        &self,
        wanted: &Issued,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<IssuedPage, LedgerError> {
        // What was looked at comes back too, so that a page ends after so many rows whether they are wanted or not.
        let rows = sqlx::query!(
            r#"
            SELECT i.environment, i.uuid,
                (i.issue_date BETWEEN $1 AND $2 AND ($3::text IS NULL OR i.tax_number = $3)) AS "wanted!"
            FROM invoices i
            WHERE ($4::smallint IS NULL OR i.environment = $4)
                AND ($5::smallint IS NULL OR (i.environment, i.uuid) > ($5, $6))
            ORDER BY i.environment, i.uuid
            LIMIT $7
            "#,
            wanted.from,
            wanted.to,
            wanted.tax_number.as_deref(),
            wanted.environment.map(environment),
            after.map(|key| environment(key.environment)),
            after.map(|key| key.uuid),
            // One more, to know whether there is more.
            i64::from(limit) + 1,
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let rows = rows.get(..limit).unwrap_or(&rows);
        let next = match rows.last() {
            Some(last) if more => Some(read_key(last.environment, last.uuid)?),
            _ => None,
        };
        let keys = rows.iter().filter(|row| row.wanted).map(|row| read_key(row.environment, row.uuid));
        Ok(IssuedPage { keys: keys.collect::<Result<_, _>>()?, next })
    }

    async fn dossiers(&self, keys: &[InvoiceKey]) -> Result<Vec<Dossier>, LedgerError> {
        let keys = keys.to_vec();
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                // Several queries, one moment: an invoice may move on between them.
                sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                gather(connection, &keys).await
            })
        })
        .await
    }

    async fn detachments(&self) -> Result<Vec<Detachment>, LedgerError> {
        Ok(detachments(&mut self.connection().await?).await?.into_values().collect())
    }

    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        checkpoint::last(&mut self.connection().await?).await
    }
}

async fn gather(connection: &mut Connection, keys: &[InvoiceKey]) -> Result<Vec<Dossier>, LedgerError> {
    let mut dossiers: BTreeMap<InvoiceKey, Dossier> = stored(connection, keys)
        .await?
        .into_iter()
        .map(|row| {
            let dossier = Dossier {
                invoice: row.invoice,
                summary: row.summary,
                contents: Vec::new(),
                events: Vec::new(),
                documents: Vec::new(),
                attempts: Vec::new(),
            };
            (dossier.invoice.key, dossier)
        })
        .collect();
    let environments: Vec<i16> = dossiers.keys().map(|key| environment(key.environment)).collect();
    let uuids: Vec<Uuid> = dossiers.keys().map(|key| key.uuid).collect();
    let months: Vec<NaiveDate> =
        dossiers.values().map(|dossier| month(dossier.invoice.accepted_at)).collect();
    let all = each_once(&months);
    // Half a dossier would be taken for a whole one.
    if let Some(detached) =
        detachments(connection).await?.into_values().find(|gone| all.contains(&gone.month))
    {
        return Err(LedgerError::Refused(format!("{detached}: attach it first")));
    }
    let named = Named { environments, uuids, months, all };
    add_contents(connection, &named, &mut dossiers).await?;
    add_events(connection, &named, &mut dossiers).await?;
    add_documents(connection, &named, &mut dossiers).await?;
    add_attempts(connection, &named, &mut dossiers).await?;
    Ok(dossiers.into_values().collect())
}

/// The invoices of a batch as columns.
struct Named {
    environments: Vec<i16>,
    uuids: Vec<Uuid>,
    months: Vec<NaiveDate>,
    /// Their months, each once.
    all: Vec<NaiveDate>,
}

type Dossiers = BTreeMap<InvoiceKey, Dossier>;

async fn add_contents(
    connection: &mut Connection,
    named: &Named,
    dossiers: &mut Dossiers,
) -> Result<(), LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT c.environment, c.uuid, c.normal_form::text AS "normal_form!"
        FROM unnest($1::smallint[], $2::uuid[], $3::date[]) AS n (environment, uuid, month)
        CROSS JOIN LATERAL (
            SELECT * FROM contents c
            WHERE c.accepted_month = ANY ($4::date[]) AND c.accepted_month = n.month
                AND c.environment = n.environment AND c.uuid = n.uuid
            OFFSET 0
        ) c
        ORDER BY c.environment, c.uuid, c.document
        "#,
        &named.environments,
        &named.uuids,
        &named.months,
        &named.all,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in rows {
        if let Some(dossier) = dossiers.get_mut(&read_key(row.environment, row.uuid)?) {
            dossier.contents.push(row.normal_form);
        }
    }
    Ok(())
}

async fn add_events(
    connection: &mut Connection,
    named: &Named,
    dossiers: &mut Dossiers,
) -> Result<(), LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT e.environment, e.uuid, e.version, e.at, e.payload::text AS "payload!", e.hash
        FROM unnest($1::smallint[], $2::uuid[], $3::date[]) AS n (environment, uuid, month)
        CROSS JOIN LATERAL (
            SELECT * FROM events e
            WHERE e.accepted_month = ANY ($4::date[]) AND e.accepted_month = n.month
                AND e.environment = n.environment AND e.uuid = n.uuid
            OFFSET 0
        ) e
        ORDER BY e.environment, e.uuid, e.version
        "#,
        &named.environments,
        &named.uuids,
        &named.months,
        &named.all,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in rows {
        if let Some(dossier) = dossiers.get_mut(&read_key(row.environment, row.uuid)?) {
            dossier.events.push(KeptEvent {
                version: read(row.version)?,
                at: row.at,
                payload: row.payload,
                hash: read_digest(&row.hash)?,
            });
        }
    }
    Ok(())
}

async fn add_documents(
    connection: &mut Connection,
    named: &Named,
    dossiers: &mut Dossiers,
) -> Result<(), LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT d.environment, d.uuid, d.document, d.kind, d.sha256, d.bytes
        FROM unnest($1::smallint[], $2::uuid[], $3::date[]) AS n (environment, uuid, month)
        CROSS JOIN LATERAL (
            SELECT * FROM documents d
            WHERE d.accepted_month = ANY ($4::date[]) AND d.accepted_month = n.month
                AND d.environment = n.environment AND d.uuid = n.uuid
            OFFSET 0
        ) d
        ORDER BY d.environment, d.uuid, d.document, d.version
        "#,
        &named.environments,
        &named.uuids,
        &named.months,
        &named.all,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in rows {
        if let Some(dossier) = dossiers.get_mut(&read_key(row.environment, row.uuid)?) {
            dossier.documents.push(KeptDocument {
                document: read(row.document)?,
                kind: kind(&row.kind)?,
                bytes: row.bytes,
                sha256: read_digest(&row.sha256)?,
            });
        }
    }
    for dossier in dossiers.values_mut() {
        // The sort is stable: what was encoded anew stays in order of time.
        dossier.documents.sort_by_key(|kept| (kept.document, kept.kind));
    }
    Ok(())
}

async fn add_attempts(
    connection: &mut Connection,
    named: &Named,
    dossiers: &mut Dossiers,
) -> Result<(), LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT a.environment, a.uuid, a.attempt, a.document, a.started_at, a.ended_at, a.worker, a.outcome, a.late,
            a.evidence::text AS "evidence!"
        FROM unnest($1::smallint[], $2::uuid[], $3::date[]) AS n (environment, uuid, month)
        CROSS JOIN LATERAL (
            SELECT * FROM attempts a
            WHERE a.accepted_month = ANY ($4::date[]) AND a.accepted_month = n.month
                AND a.environment = n.environment AND a.uuid = n.uuid
            OFFSET 0
        ) a
        ORDER BY a.environment, a.uuid, a.attempt, a.ended_at, a.version
        "#,
        &named.environments,
        &named.uuids,
        &named.months,
        &named.all,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in rows {
        let evidence: Evidence = serde_json::from_str(&row.evidence)
            .map_err(|error| LedgerError::Corrupt(format!("an attempt cannot be read: {error}")))?;
        if let Some(dossier) = dossiers.get_mut(&read_key(row.environment, row.uuid)?) {
            dossier.attempts.push(AttemptRecord {
                attempt: read(row.attempt)?,
                document: read(row.document)?,
                started_at: row.started_at,
                ended_at: row.ended_at,
                worker: row.worker,
                outcome: read_name(&row.outcome)?,
                late: row.late,
                evidence,
            });
        }
    }
    Ok(())
}

fn kind(name: &str) -> Result<DocumentKind, LedgerError> {
    [DocumentKind::Sent, DocumentKind::Signed, DocumentKind::Held]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| LedgerError::Corrupt(format!("unknown kind of document {name:?}")))
}
