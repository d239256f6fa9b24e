//! What returns take back, and who waits for whom. Knows neither documents nor the rules of returns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use invoice::life::{Invoice, State};
use invoice::returns::Returned;
use invoice::{Environment, InvoiceKey, Timestamp};

use super::PostgresLedger;
use super::codec::{environment, fit, keys, month, read, read_environment, read_key};
use super::connection::Connection;
use super::failure::failed;
use super::read::each_once;
use super::row::{Stored, invoice_rows, swept};
use super::step::json;
use crate::originals::{OriginalKey, add};
use crate::{Completed, Description, LedgerError, OriginalStanding, Swept, Told};

/// At most so many returns are woken by one batch of originals; the sweep finds the others.
const DEPENDANTS_MAX: i64 = 10_000;
/// Advisory locks of originals that have no row of their own: "fawtorig", mixed with what they are called.
const ORIGINAL: i64 = i64::from_be_bytes(*b"fawtorig");

/// How a return names its original, and where that was found.
#[derive(Debug)]
pub(super) struct Reference {
    /// Of which document version.
    pub(super) document: u32,
    tax_number: String,
    /// An invoice of ours, as far as could be seen without its lock.
    pub(super) ours: Option<InvoiceKey>,
    /// What else it may be called.
    elsewhere: Option<String>,
}

/// The originals of a batch of returns, under their locks, and what this very batch takes of them.
#[derive(Default)]
pub(super) struct Originals {
    references: BTreeMap<InvoiceKey, Reference>,
    documents: BTreeMap<InvoiceKey, Arc<Vec<u8>>>,
    returned: BTreeMap<OriginalKey, Returned>,
    descriptions: BTreeMap<OriginalKey, Description>,
    new: Vec<Reservation>,
    told: BTreeMap<OriginalKey, Told>,
}

/// What one return takes back.
struct Reservation {
    key: InvoiceKey,
    document: u32,
    version: u32,
    original: OriginalKey,
    lines: String,
}

/// How the returns among these name their originals, without any lock.
pub(super) async fn references(
    connection: &mut Connection,
    wanted: &[InvoiceKey],
) -> Result<BTreeMap<InvoiceKey, Reference>, LedgerError> {
    let (environments, uuids) = keys(wanted);
    // By UUID where one is given. By number otherwise, in the return's own income source only: each has numbers of its own, and the
    // one that is meant may not have arrived yet.
    let rows = sqlx::query!(
        r#"
        SELECT r.environment, r.uuid, r.document, r.tax_number,
            coalesce(named.uuid, numbered.uuid) AS "ours?",
            coalesce(r.original_uuid, outside.original) AS "elsewhere?"
        FROM unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
        JOIN invoices i ON i.environment = n.environment AND i.uuid = n.uuid
        JOIN returns r ON r.environment = i.environment AND r.uuid = i.uuid AND r.document = i.document
        LEFT JOIN identities named ON named.environment = r.environment AND named.tax_number = r.tax_number
            AND named.uuid = CASE
                WHEN r.original_uuid ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
                THEN r.original_uuid::uuid END
        LEFT JOIN identities numbered ON r.original_uuid IS NULL AND numbered.number = r.original_number
            AND numbered.tax_number = r.tax_number AND numbered.income_source = i.income_source
            AND numbered.environment = r.environment
        LEFT JOIN LATERAL (
            SELECT min(o.original) AS original
            FROM outside_originals o
            WHERE r.original_uuid IS NULL AND o.number = r.original_number AND o.tax_number = r.tax_number
                AND o.income_source = i.income_source AND o.environment = r.environment
            HAVING count(*) = 1
        ) outside ON true
        "#,
        &environments,
        &uuids,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let key = read_key(row.environment, row.uuid)?;
            let ours = row.ours.map(|uuid| InvoiceKey { uuid, ..key });
            let reference = Reference {
                document: read(row.document)?,
                tax_number: row.tax_number,
                ours,
                elsewhere: row.elsewhere,
            };
            Ok((key, reference))
        })
        .collect()
}

impl Originals {
    /// Reads what is needed of them. The rows of those that are ours are locked by now; the others are locked here, in order.
    pub(super) async fn read(
        connection: &mut Connection,
        mut references: BTreeMap<InvoiceKey, Reference>,
        rows: &BTreeMap<InvoiceKey, Stored>,
    ) -> Result<Self, LedgerError> {
        // A return that was amended since names another original, whose lock nobody has: its own hint brings it again.
        references.retain(|key, reference| {
            rows.get(key).is_some_and(|row| row.invoice.document == reference.document)
        });
        let mut originals = Self { references, ..Self::default() };
        let mut all = BTreeSet::new();
        let mut cleared = Vec::new();
        let mut elsewhere = BTreeSet::new();
        for (key, reference) in &originals.references {
            let Some(original) = reference.original(key.environment, rows) else { continue };
            match reference.row(rows) {
                Some(row) if row.invoice.state == State::Cleared => {
                    cleared.push(&row.invoice);
                }
                Some(_) => {}
                None => {
                    elsewhere.insert(original.clone());
                }
            }
            all.insert(original);
        }
        lock_elsewhere(connection, &elsewhere).await?;
        originals.documents = documents(connection, &cleared).await?;
        originals.returned = reserved(connection, &all).await?;
        originals.descriptions = descriptions(connection, &elsewhere, &originals.returned).await?;
        Ok(originals)
    }

    /// What is known of the original of this return; none when the return has moved on.
    pub(super) fn standing(
        &self,
        key: &InvoiceKey,
        rows: &BTreeMap<InvoiceKey, Stored>,
    ) -> Option<OriginalStanding> {
        let reference = self.references.get(key)?;
        let original = reference.original(key.environment, rows);
        let returned =
            original.as_ref().and_then(|original| self.returned.get(original)).cloned().unwrap_or_default();
        Some(match reference.row(rows) {
            Some(row) => OriginalStanding::Ours {
                invoice: Box::new(row.invoice.clone()),
                kind: row.summary.kind,
                document: self.documents.get(&row.invoice.key).cloned(),
                returned,
            },
            None => OriginalStanding::Elsewhere {
                description: original.and_then(|original| self.descriptions.get(&original).cloned()),
                returned,
            },
        })
    }

    /// Takes down what a return takes back, for those behind it in the batch and for the tables.
    pub(super) fn take(
        &mut self,
        key: InvoiceKey,
        version: u32,
        completed: Completed,
        rows: &BTreeMap<InvoiceKey, Stored>,
    ) -> Result<(), LedgerError> {
        let lost = || LedgerError::Corrupt(format!("{key} was completed without an original"));
        let reference = self.references.get(&key).ok_or_else(lost)?;
        let original = reference.original(key.environment, rows).ok_or_else(lost)?;
        let document = reference.document;
        let lines = json(&completed.returned)?;
        let beyond =
            || LedgerError::Refused(format!("the returns of {} cannot be counted", original.original));
        add(self.returned.entry(original.clone()).or_default(), &completed.returned).ok_or_else(beyond)?;
        if let Some(told) = completed.description {
            let description = Description { text: told.text.clone(), fixed: true };
            self.descriptions.insert(original.clone(), description);
            self.told.insert(original.clone(), told);
        } else if let Some(description) = self.descriptions.get_mut(&original) {
            description.fixed = true;
        }
        self.new.push(Reservation { key, document, version, original, lines });
        Ok(())
    }

    /// Writes what was taken down.
    pub(super) async fn write(self, connection: &mut Connection) -> Result<(), LedgerError> {
        if self.new.is_empty() {
            return Ok(());
        }
        let (environments, uuids) = keys(&self.new.iter().map(|new| new.key).collect::<Vec<_>>());
        let documents: Vec<i32> = self.new.iter().map(|new| fit(new.document)).collect::<Result<_, _>>()?;
        let versions: Vec<i32> = self.new.iter().map(|new| fit(new.version)).collect::<Result<_, _>>()?;
        let tax_numbers: Vec<String> = self.new.iter().map(|new| new.original.tax_number.clone()).collect();
        let originals: Vec<String> = self.new.iter().map(|new| new.original.original.clone()).collect();
        let lines: Vec<String> = self.new.iter().map(|new| new.lines.clone()).collect();
        sqlx::query!(
            r#"
            INSERT INTO reservations (environment, uuid, document, version, tax_number, original, lines)
            SELECT n.environment, n.uuid, n.document, n.version, n.tax_number, n.original, n.lines::json
            FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[])
                AS n (environment, uuid, document, version, tax_number, original, lines)
            "#,
            &environments,
            &uuids,
            &documents,
            &versions,
            &tax_numbers,
            &originals,
            &lines,
        )
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
        if self.told.is_empty() {
            return Ok(());
        }
        let Names { environments, tax_numbers, originals } = Names::of(self.told.keys());
        let sequences: Vec<String> = self.told.values().map(|told| told.income_source.clone()).collect();
        let (texts, numbers): (Vec<String>, Vec<String>) =
            self.told.into_values().map(|told| (told.text, told.number)).unzip();
        sqlx::query!(
            r#"
            INSERT INTO outside_originals (environment, tax_number, original, number, income_source, description)
            SELECT n.environment, n.tax_number, n.original, n.number, n.income_source, n.description::json
            FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
                AS n (environment, tax_number, original, number, income_source, description)
            ON CONFLICT (environment, tax_number, original) DO UPDATE
                SET number = excluded.number, income_source = excluded.income_source, description = excluded.description
            "#,
            &environments,
            &tax_numbers,
            &originals,
            &numbers,
            &sequences,
            &texts,
        )
        .execute(connection)
        .await
        .map_err(failed)?;
        Ok(())
    }
}

impl Reference {
    /// Its original's row, if it is ours and its lock is held.
    fn row<'a>(&self, rows: &'a BTreeMap<InvoiceKey, Stored>) -> Option<&'a Stored> {
        rows.get(self.ours.as_ref()?)
    }

    /// What all returns of the original share; none when nobody knows what it is called.
    fn original(&self, environment: Environment, rows: &BTreeMap<InvoiceKey, Stored>) -> Option<OriginalKey> {
        let original = match self.row(rows) {
            Some(row) => row.invoice.key.uuid.to_string(),
            None => self.elsewhere.clone()?,
        };
        Some(OriginalKey { environment, tax_number: self.tax_number.clone(), original })
    }
}

/// Names of originals as columns.
struct Names {
    environments: Vec<i16>,
    tax_numbers: Vec<String>,
    originals: Vec<String>,
}

impl Names {
    fn of<'a>(names: impl Iterator<Item = &'a OriginalKey>) -> Self {
        let mut columns = Self { environments: Vec::new(), tax_numbers: Vec::new(), originals: Vec::new() };
        for name in names {
            columns.environments.push(environment(name.environment));
            columns.tax_numbers.push(name.tax_number.clone());
            columns.originals.push(name.original.clone());
        }
        columns
    }
}

/// One transaction at a time for each original without a row; in the order of the locks, which every transaction keeps.
async fn lock_elsewhere(
    connection: &mut Connection,
    elsewhere: &BTreeSet<OriginalKey>,
) -> Result<(), LedgerError> {
    if elsewhere.is_empty() {
        return Ok(());
    }
    let Names { environments, tax_numbers, originals } = Names::of(elsewhere.iter());
    sqlx::query!(
        r#"
        WITH locks AS MATERIALIZED (
            SELECT DISTINCT hashtextextended(n.environment || ':' || n.tax_number || ':' || n.original, $4) AS lock
            FROM unnest($1::smallint[], $2::text[], $3::text[]) AS n (environment, tax_number, original)
            ORDER BY lock
        )
        SELECT count(*) FROM (SELECT pg_advisory_xact_lock(lock) FROM locks) held
        "#,
        &environments,
        &tax_numbers,
        &originals,
        ORIGINAL,
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

/// What the authority holds of these: the bytes that were cleared, or what was found there when a person adopted it.
async fn documents(
    connection: &mut Connection,
    cleared: &[&Invoice],
) -> Result<BTreeMap<InvoiceKey, Arc<Vec<u8>>>, LedgerError> {
    if cleared.is_empty() {
        return Ok(BTreeMap::new());
    }
    // Several returns may have the same original.
    let cleared: BTreeMap<InvoiceKey, &Invoice> =
        cleared.iter().map(|invoice| (invoice.key, *invoice)).collect();
    let (environments, uuids) = keys(&cleared.keys().copied().collect::<Vec<_>>());
    let documents: Vec<i32> = cleared
        .values()
        .map(|invoice| fit(invoice.cleared_document.unwrap_or(invoice.document)))
        .collect::<Result<_, _>>()?;
    let months: Vec<NaiveDate> = cleared.values().map(|invoice| month(invoice.accepted_at)).collect();
    let rows = sqlx::query!(
        r#"
        SELECT n.environment AS "environment!", n.uuid AS "uuid!", held.bytes
        FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::date[]) AS n (environment, uuid, document, month)
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT FROM events e
                WHERE e.accepted_month = ANY ($5::date[]) AND e.accepted_month = n.month
                    AND e.environment = n.environment AND e.uuid = n.uuid AND e.type = 'adopted'
                OFFSET 0
            ) AS adopted
        ) a
        CROSS JOIN LATERAL (
            SELECT d.bytes FROM documents d
            WHERE d.accepted_month = ANY ($5::date[]) AND d.accepted_month = n.month
                AND d.environment = n.environment AND d.uuid = n.uuid
                AND CASE WHEN a.adopted THEN d.kind = 'held' ELSE d.kind = 'sent' AND d.document = n.document END
            ORDER BY d.document DESC, d.version DESC
            LIMIT 1
        ) held
        "#,
        &environments,
        &uuids,
        &documents,
        &months,
        &each_once(&months),
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter().map(|row| Ok((read_key(row.environment, row.uuid)?, Arc::new(row.bytes)))).collect()
}

/// What counts as taken back of each, by where the returns stand (see the table's own words).
async fn reserved(
    connection: &mut Connection,
    originals: &BTreeSet<OriginalKey>,
) -> Result<BTreeMap<OriginalKey, Returned>, LedgerError> {
    if originals.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Names { environments, tax_numbers, originals } = Names::of(originals.iter());
    let rows = sqlx::query!(
        r#"
        SELECT v.environment, v.tax_number, v.original, v.uuid, v.lines::text AS "lines!"
        FROM unnest($1::smallint[], $2::text[], $3::text[]) AS n (environment, tax_number, original)
        JOIN reservations v ON v.original = n.original AND v.tax_number = n.tax_number AND v.environment = n.environment
        JOIN invoices i ON i.environment = v.environment AND i.uuid = v.uuid
        WHERE v.document = CASE WHEN i.state = 'cleared' THEN i.cleared_document ELSE i.document END
            AND (i.state = 'cleared' OR i.state <> 'abandoned' AND i.xml IS NOT NULL)
            AND NOT EXISTS (
                SELECT FROM reservations w
                WHERE w.environment = v.environment AND w.uuid = v.uuid AND w.document = v.document
                    AND w.version > v.version)
        "#,
        &environments,
        &tax_numbers,
        &originals,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut all: BTreeMap<OriginalKey, Returned> = BTreeMap::new();
    for row in rows {
        let environment = read_environment(row.environment)?;
        let original = OriginalKey { environment, tax_number: row.tax_number, original: row.original };
        let lines: Returned = serde_json::from_str(&row.lines).map_err(|error| {
            LedgerError::Corrupt(format!("the reservation of {} cannot be read: {error}", row.uuid))
        })?;
        let beyond =
            || LedgerError::Corrupt(format!("the returns of {} cannot be counted", original.original));
        let counted = add(all.entry(original.clone()).or_default(), &lines);
        counted.ok_or_else(beyond)?;
    }
    Ok(all)
}

async fn descriptions(
    connection: &mut Connection,
    elsewhere: &BTreeSet<OriginalKey>,
    returned: &BTreeMap<OriginalKey, Returned>,
) -> Result<BTreeMap<OriginalKey, Description>, LedgerError> {
    if elsewhere.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Names { environments, tax_numbers, originals } = Names::of(elsewhere.iter());
    let rows = sqlx::query!(
        r#"
        SELECT o.environment, o.tax_number, o.original, o.description::text AS "description!"
        FROM unnest($1::smallint[], $2::text[], $3::text[]) AS n (environment, tax_number, original)
        JOIN outside_originals o ON o.environment = n.environment AND o.tax_number = n.tax_number
            AND o.original = n.original
        "#,
        &environments,
        &tax_numbers,
        &originals,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let environment = read_environment(row.environment)?;
            let original = OriginalKey { environment, tax_number: row.tax_number, original: row.original };
            let fixed = returned.contains_key(&original);
            Ok((original, Description { text: row.description, fixed }))
        })
        .collect()
}

impl PostgresLedger {
    pub(super) async fn find_dependants(&self, originals: &[InvoiceKey]) -> Result<Vec<Swept>, LedgerError> {
        if originals.is_empty() {
            return Ok(Vec::new());
        }
        let (environments, uuids) = keys(originals);
        let start = Timestamp::UNIX_EPOCH;
        let grace_ms = (self.schedule.soon(start) - start).num_milliseconds();
        let rows = invoice_rows!(
            "WITH settled AS (
                SELECT d.environment, d.uuid, d.tax_number, d.number
                FROM unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
                JOIN identities d ON d.environment = n.environment AND d.uuid = n.uuid
            ), named AS (
                SELECT r.environment, r.uuid, r.document FROM settled s
                JOIN returns r ON r.original_uuid = s.uuid::text AND r.tax_number = s.tax_number
                    AND r.environment = s.environment
                UNION
                SELECT r.environment, r.uuid, r.document FROM settled s
                JOIN returns r ON r.original_uuid IS NULL AND r.original_number = s.number AND r.tax_number = s.tax_number
                    AND r.environment = s.environment
            ), due AS (
                SELECT i.environment, i.uuid
                FROM named r
                JOIN invoices i ON i.environment = r.environment AND i.uuid = r.uuid AND i.document = r.document
                WHERE i.state = 'draft' AND i.xml IS NULL
                ORDER BY i.environment, i.uuid
                LIMIT $3
                FOR NO KEY UPDATE OF i
            ), i AS (
                UPDATE invoices i
                SET hints = 0, wake_at = least(i.wake_at, now() + $4::bigint * interval '1 millisecond')
                FROM due
                WHERE i.environment = due.environment AND i.uuid = due.uuid
                RETURNING i.*
            )",
            "FROM i ORDER BY i.environment, i.uuid",
            &environments,
            &uuids,
            DEPENDANTS_MAX,
            grace_ms,
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(swept(rows))
    }
}

/// The keys that are to be locked together: returns and their originals, each once, in order.
pub(super) fn with_originals(
    wanted: &[InvoiceKey],
    references: &BTreeMap<InvoiceKey, Reference>,
) -> Vec<InvoiceKey> {
    let ours = references.values().filter_map(|reference| reference.ours);
    wanted.iter().copied().chain(ours).collect::<BTreeSet<_>>().into_iter().collect()
}
