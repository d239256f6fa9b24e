//! What no single stream shows: rows that belong to nobody, counters with holes, counts that are not those of the rows.

use std::collections::BTreeSet;

use super::super::connection::{Connection, Pool};
use chrono::NaiveDate;
use invoice::{IncomeSource, InvoiceKey};

use super::super::codec::{read, read_key};
use super::super::failure::failed;
use super::super::transaction::in_transaction;
use super::{Proof, freeze, start};
use crate::LedgerError;

/// Rows of one table that are looked at together.
const PAGE: i64 = 20_000;

/// An income source as the tables name it.
type Source = (i16, String, String);

pub(super) async fn prove_tables(pool: &Pool) -> Result<Proof, LedgerError> {
    let mut proof = Proof::default();
    let mut after = None;
    loop {
        let (last, page) =
            in_transaction(pool, move |connection| Box::pin(prove_invoices(connection, after))).await?;
        proof.join(page);
        match last {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    let mut after = Some((NaiveDate::default(), None));
    while let Some((month, key)) = after {
        let (next, page) =
            in_transaction(pool, move |connection| Box::pin(prove_events(connection, month, key))).await?;
        proof.join(page);
        after = next;
    }
    let mut sources = BTreeSet::new();
    let mut after = Some(((-1, String::new(), String::new()), -1));
    while let Some((source, icv)) = after {
        let (next, seen, page) =
            in_transaction(pool, move |connection| Box::pin(prove_assignments(connection, source, icv)))
                .await?;
        proof.join(page);
        sources.extend(seen);
        after = next;
    }
    sources.extend(in_transaction(pool, |connection| Box::pin(counters(connection))).await?);
    for source in sources {
        proof
            .join(in_transaction(pool, move |connection| Box::pin(prove_counter(connection, source))).await?);
    }
    proof.join(in_transaction(pool, |connection| Box::pin(prove_counts(connection))).await?);
    Ok(proof)
}

fn is_full(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= PAGE)
}

/// Invoices that have lost their identity, or whose number is not theirs.
async fn prove_invoices(
    connection: &mut Connection,
    after: Option<InvoiceKey>,
) -> Result<(Option<InvoiceKey>, Proof), LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    let (environment, uuid) = start(after);
    let rows = sqlx::query!(
        r#"
        SELECT i.environment, i.uuid, i.icv,
            EXISTS (SELECT FROM identities d WHERE d.environment = i.environment AND d.uuid = i.uuid) AS "known!",
            i.icv IS NULL OR EXISTS (
                SELECT FROM icv_assignments a
                WHERE a.environment = i.environment AND a.tax_number = i.tax_number
                    AND a.income_source = i.income_source AND a.icv = i.icv AND a.uuid = i.uuid) AS "assigned!"
        FROM invoices i
        WHERE (i.environment, i.uuid) > ($1, $2)
        ORDER BY i.environment, i.uuid
        LIMIT $3
        "#,
        environment,
        uuid,
        PAGE,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut last = None;
    let full = is_full(rows.len());
    for row in rows {
        let key = read_key(row.environment, row.uuid)?;
        if !row.known {
            proof.blame(key, None, "the invoice has no identity");
        }
        if !row.assigned {
            let message = format!("counter {} is not assigned to this invoice", row.icv.unwrap_or_default());
            proof.blame(key, None, message);
        }
        last = Some(key);
    }
    Ok((last.filter(|_| full), proof))
}

/// Events that have lost their identity, or stand in another month than it says; gives the place where the next page begins.
async fn prove_events(
    connection: &mut Connection,
    month: NaiveDate,
    after: Option<InvoiceKey>,
) -> Result<(Option<(NaiveDate, Option<InvoiceKey>)>, Proof), LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    if after.is_none() {
        let next =
            sqlx::query_scalar!("SELECT min(accepted_month) FROM events WHERE accepted_month > $1", month)
                .fetch_one(&mut *connection)
                .await
                .map_err(failed)?;
        let Some(month) = next else { return Ok((None, proof)) };
        return prove_month(connection, month, None, &mut proof).await.map(|next| (next, proof));
    }
    let next = prove_month(connection, month, after, &mut proof).await?;
    Ok((next, proof))
}

async fn prove_month(
    connection: &mut Connection,
    month: NaiveDate,
    after: Option<InvoiceKey>,
    proof: &mut Proof,
) -> Result<Option<(NaiveDate, Option<InvoiceKey>)>, LedgerError> {
    let (environment, uuid) = start(after);
    // A stream that is cut by the end of a page was looked at: what is asked is the same for all its events.
    let rows = sqlx::query!(
        r#"
        SELECT e.environment, e.uuid, e.version,
            EXISTS (
                SELECT FROM identities d
                WHERE d.environment = e.environment AND d.uuid = e.uuid AND d.accepted_month = $1) AS "known!"
        FROM events e
        WHERE e.accepted_month = $1 AND (e.environment, e.uuid) > ($2, $3)
        ORDER BY e.environment, e.uuid, e.version
        LIMIT $4
        "#,
        month,
        environment,
        uuid,
        PAGE,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut last = None;
    let full = is_full(rows.len());
    for row in rows {
        let key = read_key(row.environment, row.uuid)?;
        if !row.known && last != Some(key) {
            proof.blame(key, Some(read(row.version)?), "the events have no identity in their month");
        }
        last = Some(key);
    }
    Ok(Some((month, last.filter(|_| full))))
}

/// Numbers whose invoice does not have them; gives the place where the next page begins, and the income sources that were seen.
async fn prove_assignments(
    connection: &mut Connection,
    (environment, tax_number, income_source): Source,
    icv: i64,
) -> Result<(Option<(Source, i64)>, BTreeSet<Source>, Proof), LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    let rows = sqlx::query!(
        r#"
        SELECT a.environment, a.uuid, a.icv, a.tax_number, a.income_source,
            EXISTS (
                SELECT FROM invoices i
                WHERE i.environment = a.environment AND i.uuid = a.uuid AND i.tax_number = a.tax_number
                    AND i.income_source = a.income_source AND i.icv = a.icv) AS "used!"
        FROM icv_assignments a
        WHERE (a.environment, a.tax_number, a.income_source, a.icv) > ($1, $2, $3, $4)
        ORDER BY a.environment, a.tax_number, a.income_source, a.icv
        LIMIT $5
        "#,
        environment,
        tax_number,
        income_source,
        icv,
        PAGE,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut last = None;
    let mut sources = BTreeSet::new();
    let full = is_full(rows.len());
    for row in rows {
        if !row.used {
            let message = format!("has been assigned counter {}, but does not have it", row.icv);
            proof.blame(read_key(row.environment, row.uuid)?, None, message);
        }
        let source = (row.environment, row.tax_number, row.income_source);
        if !sources.contains(&source) {
            sources.insert(source.clone());
        }
        last = Some((source, row.icv));
    }
    Ok((last.filter(|_| full), sources, proof))
}

async fn counters(connection: &mut Connection) -> Result<BTreeSet<Source>, LedgerError> {
    let rows = sqlx::query!("SELECT environment, tax_number, income_source FROM icv_counters")
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    Ok(rows.into_iter().map(|row| (row.environment, row.tax_number, row.income_source)).collect())
}

/// The numbers of one income source: between the first and the last there is no hole that is not on record, and nothing that
/// was skipped has been drawn.
async fn prove_counter(connection: &mut Connection, source: Source) -> Result<Proof, LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    let (environment, tax_number, income_source) = source;
    let holes = sqlx::query!(
        r#"
        SELECT environment AS "environment!", uuid AS "uuid?", tax_number AS "tax_number!",
            income_source AS "income_source!", icv AS "icv!"
        FROM (
            SELECT r.environment, r.uuid, r.tax_number, r.income_source, r.icv,
                coalesce(
                    lead(r.first) OVER (PARTITION BY r.environment, r.tax_number, r.income_source ORDER BY r.first, r.icv),
                    c.next_icv) AS next
            FROM (
                SELECT environment, tax_number, income_source, icv AS first, icv, uuid FROM icv_assignments
                WHERE environment = $1 AND tax_number = $2 AND income_source = $3
                UNION ALL
                SELECT environment, tax_number, income_source, first_icv, last_icv, NULL FROM icv_voids
                WHERE environment = $1 AND tax_number = $2 AND income_source = $3
                UNION ALL
                SELECT environment, tax_number, income_source, first_icv - 1, first_icv - 1, NULL FROM icv_counters
                WHERE environment = $1 AND tax_number = $2 AND income_source = $3
            ) r
            LEFT JOIN icv_counters c ON c.environment = r.environment AND c.tax_number = r.tax_number
                AND c.income_source = r.income_source
        ) runs
        WHERE next IS DISTINCT FROM icv + 1
        LIMIT 1000
        "#,
        environment,
        tax_number,
        income_source,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in holes {
        let key = row.uuid.map(|uuid| read_key(row.environment, uuid)).transpose()?;
        let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
        proof.blame(
            key,
            None,
            format!("there is a hole or an overlap in the counters of {source} after {}", row.icv),
        );
    }
    Ok(proof)
}

/// What is told of the settled without reading them.
async fn prove_counts(connection: &mut Connection) -> Result<Proof, LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    let wrong = sqlx::query!(
        r#"
        SELECT coalesce(r.state, c.state) AS "state!", coalesce(r.count, 0) AS "rows!", coalesce(c.count, 0)::bigint AS "counted!"
        FROM (
            SELECT state, cause, count(*) AS count FROM invoices WHERE state IN ('abandoned', 'cleared') GROUP BY state, cause
        ) r
        FULL JOIN (
            SELECT state, cause, sum(count) AS count FROM settled_counts GROUP BY state, cause
        ) c ON r.state = c.state AND coalesce(r.cause, '') = coalesce(c.cause, '')
        WHERE coalesce(r.count, 0) <> coalesce(c.count, 0)
        "#
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in wrong {
        let message = format!(
            "{} invoices are {}, but {} are counted; if rows were restored or mended by hand, count again as the owner: SELECT \
             fawtara_recount_settled()",
            row.rows, row.state, row.counted
        );
        proof.blame(None, None, message);
    }
    Ok(proof)
}
