//! Waking what stands still, in turn over taxpayers, and letting sleep what cannot be worked on.

use invoice::{InvoiceKey, Timestamp};

use super::PostgresLedger;
use super::codec::{environment, keys, micros, read};
use super::failure::failed;
use super::row::{invoice_rows, swept};
use crate::sweep::{Parked, Sources, Stage};
use crate::{LedgerError, Schedule, Sweep, Swept};

/// The advisory lock of the sweepers: "fawtswee".
const SWEEPER: i64 = i64::from_be_bytes(*b"fawtswee");

impl PostgresLedger {
    /// The recursion goes from one income source that has open invoices to the next, by one step down the index each, however
    /// many invoices lie between. It starts at the first one and once more at random: so where there are more than fit into
    /// one sweep, none is always left out.
    pub(super) async fn sweep_due(&self, wanted: &Sweep, limit: u32) -> Result<Vec<Swept>, LedgerError> {
        let stages: Vec<i32> = wanted.stages().into_iter().map(number).collect();
        if stages.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let (included, named) = match &wanted.sources {
            Sources::All => (false, &[][..]),
            Sources::Except(named) => (false, named.as_slice()),
            Sources::Only(named) => (true, named.as_slice()),
        };
        let environments: Vec<i16> = named.iter().map(|(named, _)| environment(*named)).collect();
        let tax_numbers: Vec<&str> = named.iter().map(|(_, source)| source.tax_number.as_str()).collect();
        let sequences: Vec<&str> = named.iter().map(|(_, source)| source.sequence.as_str()).collect();
        let rows = invoice_rows!(
            "WITH RECURSIVE turn AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock($1) AS mine
            ), lanes AS (
                SELECT s.stage, first.*, 1 AS hops
                FROM turn
                CROSS JOIN unnest($2::integer[]) AS s (stage)
                CROSS JOIN (VALUES (''), (lpad((random() * 99999999)::bigint::text, 8, '0'))) AS o (start)
                CROSS JOIN LATERAL (
                    SELECT i.tax_number, i.environment, i.income_source, i.wake_at
                    FROM invoices i
                    WHERE i.wake_at IS NOT NULL AND i.tax_number >= o.start
                        AND (CASE WHEN i.state <> 'draft' THEN 2 WHEN i.xml IS NULL THEN 0 ELSE 1 END) = s.stage
                    ORDER BY i.tax_number, i.environment, i.income_source, i.wake_at
                    LIMIT 1
                ) AS first
                WHERE turn.mine
                UNION ALL
                SELECT l.stage, next.*, l.hops + 1
                FROM lanes l
                CROSS JOIN LATERAL (
                    SELECT i.tax_number, i.environment, i.income_source, i.wake_at
                    FROM invoices i
                    WHERE i.wake_at IS NOT NULL
                        AND (CASE WHEN i.state <> 'draft' THEN 2 WHEN i.xml IS NULL THEN 0 ELSE 1 END) = l.stage
                        AND (i.tax_number, i.environment, i.income_source) > (l.tax_number, l.environment, l.income_source)
                    ORDER BY i.tax_number, i.environment, i.income_source, i.wake_at
                    LIMIT 1
                ) AS next
                WHERE l.hops < 2048
            ), due_lanes AS MATERIALIZED (
                SELECT DISTINCT l.stage, l.tax_number, l.environment, l.income_source
                FROM lanes l
                WHERE l.wake_at <= now()
                    AND $4::boolean = EXISTS (
                        SELECT FROM unnest($5::smallint[], $6::text[], $7::text[]) AS n (environment, tax_number, income_source)
                        WHERE n.environment = l.environment AND n.tax_number = l.tax_number
                            AND n.income_source = l.income_source)
            ), picked AS MATERIALIZED (
                SELECT p.environment, p.uuid, p.wake_at,
                    row_number() OVER (PARTITION BY l.tax_number ORDER BY p.wake_at, p.uuid) AS place
                FROM due_lanes l
                CROSS JOIN LATERAL (
                    SELECT i.environment, i.uuid, i.wake_at
                    FROM invoices i
                    WHERE i.wake_at <= now() AND i.tax_number = l.tax_number
                        AND (CASE WHEN i.state <> 'draft' THEN 2 WHEN i.xml IS NULL THEN 0 ELSE 1 END) = l.stage
                        AND i.environment = l.environment AND i.income_source = l.income_source
                    ORDER BY i.wake_at, i.uuid
                    -- All from one, a few from each of many.
                    LIMIT (SELECT greatest(2 * $3::bigint / greatest(count(*), 1), 16) FROM due_lanes)
                ) AS p
                ORDER BY place, p.wake_at, p.uuid
                LIMIT $3
            ), due AS (
                SELECT v.environment, v.uuid, p.place, p.wake_at AS was
                FROM picked p
                JOIN invoices v ON v.environment = p.environment AND v.uuid = p.uuid
                WHERE v.wake_at <= now()
                ORDER BY v.environment, v.uuid
                FOR NO KEY UPDATE OF v SKIP LOCKED
            ), i AS (
                UPDATE invoices i
                SET hints = i.hints + 1,
                    -- A return that waits is woken by its original; the sweep is only for what went wrong with that.
                    wake_at = now() + ($8::bigint[])[CASE WHEN i.waiting_since IS NULL
                        THEN least(i.hints + 1, cardinality($8::bigint[])) ELSE cardinality($8::bigint[]) END] * interval '1 millisecond'
                FROM due
                WHERE i.environment = due.environment AND i.uuid = due.uuid
                RETURNING i.*, due.place, due.was
            )",
            "FROM i ORDER BY i.place, i.was, i.uuid",
            SWEEPER,
            &stages,
            i64::from(limit),
            included,
            &environments,
            &tax_numbers as _,
            &sequences as _,
            &pauses(&self.schedule),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(swept(rows))
    }

    pub(super) async fn count_parked(&self, at_most: u32) -> Result<Parked, LedgerError> {
        let rows = sqlx::query!(
            r#"
            SELECT s.stage AS "stage!", (
                SELECT count(*) FROM (
                    SELECT FROM invoices i
                    WHERE i.wake_at <= now()
                        AND (CASE WHEN i.state <> 'draft' THEN 2 WHEN i.xml IS NULL THEN 0 ELSE 1 END) = s.stage
                    LIMIT $1
                ) AS due
            ) AS "count!"
            FROM generate_series(0, 2) AS s (stage)
            "#,
            i64::from(at_most),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        let count = |stage| {
            let row = rows.iter().find(|row| row.stage == number(stage));
            row.map_or(Ok(0), |row| read(row.count))
        };
        Ok(Parked {
            unencoded: count(Stage::Unencoded)?,
            unsent: count(Stage::Unsent)?,
            under_way: count(Stage::UnderWay)?,
        })
    }

    pub(super) async fn park_until(
        &self,
        invoices: &[InvoiceKey],
        until: Timestamp,
    ) -> Result<(), LedgerError> {
        let (environments, uuids) = keys(invoices);
        // Locked in the order of the keys, as every batch does.
        sqlx::query!(
            r#"
            WITH locked AS (
                SELECT i.environment, i.uuid
                FROM invoices i
                JOIN unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
                    ON i.environment = n.environment AND i.uuid = n.uuid
                WHERE i.wake_at IS NOT NULL
                ORDER BY i.environment, i.uuid
                FOR NO KEY UPDATE OF i
            )
            UPDATE invoices i
            SET wake_at = $3
            FROM locked l
            WHERE i.environment = l.environment AND i.uuid = l.uuid
            "#,
            &environments,
            &uuids,
            micros(until),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
    }
}

/// As the index `invoices_turns` numbers them.
fn number(stage: Stage) -> i32 {
    match stage {
        Stage::Unencoded => 0,
        Stage::Unsent => 1,
        Stage::UnderWay => 2,
    }
}

/// The pause after the first, second, … hint, milliseconds, until they grow no more: the schedule's own, so that SQL need
/// not know its formula.
fn pauses(schedule: &Schedule) -> Vec<i64> {
    let start = Timestamp::UNIX_EPOCH;
    let mut pauses = Vec::new();
    for hints in 1.. {
        let pause = (schedule.next_wake(start, hints) - start).num_milliseconds();
        let grows = pauses.last().is_none_or(|last| pause > *last);
        pauses.push(pause);
        if !grows || hints >= 40 {
            break;
        }
    }
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_the_schedules() {
        let schedule = Schedule { grace_ms: 1_000, pause_max_ms: 10_000 };
        assert_eq!(pauses(&schedule), [2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(pauses(&Schedule { grace_ms: 0, pause_max_ms: 0 }), [0, 0]);
        assert!(pauses(&Schedule { grace_ms: 1, pause_max_ms: u64::MAX }).len() <= 40);
    }
}
