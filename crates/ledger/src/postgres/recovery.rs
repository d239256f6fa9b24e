//! Recovery in Postgres. What touches a counter holds the lock of its row, as drawing does.

use std::collections::BTreeMap;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{Environment, IncomeSource, InvoiceKey};

use super::PostgresLedger;
use super::codec::{environment, fit, keys, read, read_environment, read_key, without_nul};
use super::connection::Connection;
use super::failure::failed;
use super::transaction::in_transaction;
use crate::LedgerError;
use crate::recovery::{
    Advance, Advanced, CounterStanding, HeldNoted, IntakeSwitch, Recovery, UNKNOWN_MAX, UnknownHint,
    VoidRange, held_reason,
};

#[async_trait]
impl Recovery for PostgresLedger {
    async fn intake_switch(&self) -> Result<Option<IntakeSwitch>, LedgerError> {
        Ok(self.intake_history(1).await?.pop())
    }

    async fn switch_intake(&self, closed: bool, by: Actor) -> Result<bool, LedgerError> {
        // Two who turn it at the same moment may both be written down: the last one counts either way.
        let done = sqlx::query!(
            r#"
            INSERT INTO intake_switches (closed, at, by_name, by_reason)
            SELECT $1, now(), $2, $3
            WHERE $1 <> coalesce((SELECT closed FROM intake_switches ORDER BY number DESC LIMIT 1), false)
            "#,
            closed,
            without_nul(&by.name),
            without_nul(&by.reason),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn intake_history(&self, limit: u32) -> Result<Vec<IntakeSwitch>, LedgerError> {
        let rows = sqlx::query!(
            "SELECT closed, at, by_name, by_reason FROM intake_switches ORDER BY number DESC LIMIT $1",
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(rows
            .into_iter()
            .map(|row| IntakeSwitch {
                closed: row.closed,
                at: row.at,
                by: Actor { name: row.by_name, reason: row.by_reason },
            })
            .collect())
    }

    async fn advance_counter(&self, advance: Advance) -> Result<Advanced, LedgerError> {
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let Advance { environment, source, start, margin, again, by } = advance;
                let next = lock_counter(connection, environment, &source, start).await?;
                if let Some(before) = last_void(connection, environment, &source).await?
                    && !again
                    && before.last.checked_add(1) == Some(next)
                {
                    return Ok(Advanced::Already(before));
                }
                let last = margin.max(1) - 1;
                let last = next
                    .checked_add(last)
                    .ok_or_else(|| LedgerError::Refused(format!("{margin} is too large a margin")))?;
                skip(connection, environment, &source, next, last, &by).await.map(Advanced::Done)
            })
        })
        .await
    }

    async fn note_held(
        &self,
        key: InvoiceKey,
        source: &IncomeSource,
        icv: u64,
        by: &Actor,
    ) -> Result<HeldNoted, LedgerError> {
        let (source, by) = (source.clone(), by.clone());
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move { note_held(connection, key, &source, icv, &by).await })
        })
        .await
    }

    async fn counters(&self) -> Result<Vec<CounterStanding>, LedgerError> {
        let mut connection = self.connection().await?;
        let mut voids = voids(&mut connection).await?;
        let rows = sqlx::query!(
            r#"
            SELECT c.environment AS "environment!", c.tax_number AS "tax_number!",
                c.income_source AS "income_source!", c.next_icv AS "next_icv!",
                count(h.icv) AS "held!", max(h.icv) AS highest_held,
                count(h.icv) FILTER (WHERE NOT EXISTS (
                    SELECT FROM icv_voids v
                    WHERE v.environment = h.environment AND v.tax_number = h.tax_number
                        AND v.income_source = h.income_source AND h.icv BETWEEN v.first_icv AND v.last_icv
                )) AS "held_outside!",
                count(h.icv) FILTER (WHERE EXISTS (
                    SELECT FROM icv_assignments a
                    WHERE a.environment = h.environment AND a.tax_number = h.tax_number
                        AND a.income_source = h.income_source AND a.icv = h.icv AND a.uuid <> h.uuid
                )) AS "clashes!"
            FROM icv_counters c
            LEFT JOIN icv_held h ON h.environment = c.environment AND h.tax_number = c.tax_number
                AND h.income_source = c.income_source
            GROUP BY c.environment, c.tax_number, c.income_source, c.next_icv
            ORDER BY c.environment, c.tax_number, c.income_source
            "#
        )
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let environment = read_environment(row.environment)?;
                let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
                Ok(CounterStanding {
                    environment,
                    voids: voids.remove(&(environment, source.clone())).unwrap_or_default(),
                    source,
                    next_icv: read(row.next_icv)?,
                    held: read(row.held)?,
                    highest_held: row.highest_held.map(read).transpose()?,
                    held_outside: read(row.held_outside)?,
                    clashes: read(row.clashes)?,
                })
            })
            .collect()
    }

    async fn note_unknown(&self, hints: &[(InvoiceKey, u32)]) -> Result<(), LedgerError> {
        if hints.is_empty() {
            return Ok(());
        }
        // One row for a key, in the order of the keys: several who note the same must not wait for one another in a circle.
        let mut latest = BTreeMap::new();
        for (key, version) in hints {
            let known: &mut u32 = latest.entry(*key).or_default();
            *known = (*version).max(*known);
        }
        let named: Vec<_> = latest.keys().copied().collect();
        let (environments, uuids) = keys(&named);
        let versions: Vec<i32> = latest.values().map(|version| fit(*version)).collect::<Result<_, _>>()?;
        sqlx::query!(
            r#"
            INSERT INTO unknown_hints (environment, uuid, version, first_seen, last_seen)
            SELECT n.environment, n.uuid, n.version, now(), now()
            FROM unnest($1::smallint[], $2::uuid[], $3::integer[]) AS n (environment, uuid, version)
            WHERE (SELECT count(*) FROM (SELECT FROM unknown_hints LIMIT $4) AS kept) < $4
            ORDER BY n.environment, n.uuid
            ON CONFLICT (environment, uuid) DO UPDATE
            SET last_seen = excluded.last_seen, version = greatest(unknown_hints.version, excluded.version)
            "#,
            &environments,
            &uuids,
            &versions,
            i64::from(UNKNOWN_MAX),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn unknown_hints(
        &self,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<Vec<UnknownHint>, LedgerError> {
        let rows = sqlx::query!(
            r#"
            SELECT h.environment, h.uuid, h.version, h.first_seen, h.last_seen,
                EXISTS (SELECT FROM identities i WHERE i.environment = h.environment AND i.uuid = h.uuid) AS "known!"
            FROM unknown_hints h
            WHERE $1::smallint IS NULL OR (h.environment, h.uuid) > ($1, $2::uuid)
            ORDER BY h.environment, h.uuid
            LIMIT $3
            "#,
            after.map(|key| environment(key.environment)),
            after.map(|key| key.uuid),
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let InvoiceKey { environment, uuid } = read_key(row.environment, row.uuid)?;
                Ok(UnknownHint {
                    environment,
                    uuid,
                    version: read(row.version)?,
                    first_seen: row.first_seen,
                    last_seen: row.last_seen,
                    known: row.known,
                })
            })
            .collect()
    }
}

async fn note_held(
    connection: &mut Connection,
    key: InvoiceKey,
    source: &IncomeSource,
    icv: u64,
    by: &Actor,
) -> Result<HeldNoted, LedgerError> {
    let next = lock_counter(connection, key.environment, source, icv).await?;
    let (place, number) = (environment(key.environment), fit::<i64, _>(icv)?);
    sqlx::query!(
        r#"
        INSERT INTO icv_held (environment, tax_number, income_source, icv, uuid, at)
        VALUES ($1, $2, $3, $4, $5, now())
        ON CONFLICT DO NOTHING
        "#,
        place,
        source.tax_number,
        source.sequence,
        number,
        key.uuid,
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    let advanced = if icv >= next {
        Some(skip(connection, key.environment, source, next, icv, by).await?)
    } else {
        None
    };
    sqlx::query!(
        r#"
        UPDATE icv_assignments
        SET void_reason = $5
        WHERE environment = $1 AND tax_number = $2 AND income_source = $3 AND uuid = $4 AND icv <> $6
            AND void_reason IS NULL
        "#,
        place,
        source.tax_number,
        source.sequence,
        key.uuid,
        held_reason(icv),
        number,
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    let found = sqlx::query!(
        r#"
        SELECT
            EXISTS (
                SELECT FROM icv_voids
                WHERE environment = $1 AND tax_number = $2 AND income_source = $3
                    AND $4 BETWEEN first_icv AND last_icv
            ) AS "is_void!",
            (
                SELECT uuid FROM icv_assignments
                WHERE environment = $1 AND tax_number = $2 AND income_source = $3 AND icv = $4 AND uuid <> $5
            ) AS clash
        "#,
        place,
        source.tax_number,
        source.sequence,
        number,
        key.uuid,
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(HeldNoted { is_void: found.is_void, advanced, clash: found.clash })
}

/// Locks the counter and gives its next number; one that was never drawn from begins at `start`.
async fn lock_counter(
    connection: &mut Connection,
    wanted: Environment,
    source: &IncomeSource,
    start: u64,
) -> Result<u64, LedgerError> {
    sqlx::query!(
        r#"
        INSERT INTO icv_counters (environment, tax_number, income_source, first_icv, next_icv)
        VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT DO NOTHING
        "#,
        environment(wanted),
        source.tax_number,
        source.sequence,
        fit::<i64, _>(start)?,
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    let next = sqlx::query_scalar!(
        r#"
        SELECT next_icv FROM icv_counters
        WHERE environment = $1 AND tax_number = $2 AND income_source = $3
        FOR UPDATE
        "#,
        environment(wanted),
        source.tax_number,
        source.sequence,
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    read(next)
}

/// Makes these numbers void and moves the counter past them; its row is locked.
async fn skip(
    connection: &mut Connection,
    wanted: Environment,
    source: &IncomeSource,
    first: u64,
    last: u64,
    by: &Actor,
) -> Result<VoidRange, LedgerError> {
    let next = last
        .checked_add(1)
        .ok_or_else(|| LedgerError::Refused(format!("{last} is the last number there is")))?;
    let at = sqlx::query_scalar!(
        r#"
        WITH moved AS (
            UPDATE icv_counters SET next_icv = $6
            WHERE environment = $1 AND tax_number = $2 AND income_source = $3
        )
        INSERT INTO icv_voids (environment, tax_number, income_source, first_icv, last_icv, at, by_name, by_reason)
        VALUES ($1, $2, $3, $4, $5, now(), $7, $8)
        RETURNING at
        "#,
        environment(wanted),
        source.tax_number,
        source.sequence,
        fit::<i64, _>(first)?,
        fit::<i64, _>(last)?,
        fit::<i64, _>(next)?,
        without_nul(&by.name),
        without_nul(&by.reason),
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(VoidRange { first, last, at, by: by.clone() })
}

async fn last_void(
    connection: &mut Connection,
    wanted: Environment,
    source: &IncomeSource,
) -> Result<Option<VoidRange>, LedgerError> {
    let row = sqlx::query!(
        r#"
        SELECT first_icv, last_icv, at, by_name, by_reason FROM icv_voids
        WHERE environment = $1 AND tax_number = $2 AND income_source = $3
        ORDER BY first_icv DESC
        LIMIT 1
        "#,
        environment(wanted),
        source.tax_number,
        source.sequence,
    )
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    row.map(|row| {
        let by = Actor { name: row.by_name, reason: row.by_reason };
        Ok(VoidRange { first: read(row.first_icv)?, last: read(row.last_icv)?, at: row.at, by })
    })
    .transpose()
}

async fn voids(
    connection: &mut Connection,
) -> Result<BTreeMap<(Environment, IncomeSource), Vec<VoidRange>>, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT environment, tax_number, income_source, first_icv, last_icv, at, by_name, by_reason
        FROM icv_voids
        ORDER BY environment, tax_number, income_source, first_icv
        "#
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut voids: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
        let by = Actor { name: row.by_name, reason: row.by_reason };
        let range = VoidRange { first: read(row.first_icv)?, last: read(row.last_icv)?, at: row.at, by };
        voids.entry((read_environment(row.environment)?, source)).or_default().push(range);
    }
    Ok(voids)
}
