//! Waking what stands still, and letting sleep what cannot be worked on.

use invoice::{InvoiceKey, Timestamp};

use super::PostgresLedger;
use super::codec::{keys, micros};
use super::failure::failed;
use super::row::{Stored, invoice_rows};
use crate::{LedgerError, Schedule, Sweep, Swept};

/// The advisory lock of the sweepers: "fawtswee".
const SWEEPER: i64 = i64::from_be_bytes(*b"fawtswee");

impl PostgresLedger {
    pub(super) async fn sweep_due(&self, wanted: Sweep, limit: u32) -> Result<Vec<Swept>, LedgerError> {
        let rows = invoice_rows!(
            "WITH turn AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock($1) AS mine
            ), due AS (
                SELECT i.environment, i.uuid, i.wake_at AS was
                FROM invoices i, turn
                WHERE turn.mine AND i.wake_at <= now()
                    AND CASE WHEN i.state = 'draft' AND i.xml IS NULL THEN $2::boolean
                        WHEN i.state = 'draft' THEN $3::boolean ELSE $4::boolean END
                ORDER BY i.wake_at, i.environment, i.uuid
                LIMIT $5
                FOR NO KEY UPDATE OF i SKIP LOCKED
            ), i AS (
                UPDATE invoices i
                SET hints = i.hints + 1,
                    -- A return that waits is woken by its original; the sweep is only for what went wrong with that.
                    wake_at = now() + ($6::bigint[])[CASE WHEN i.waiting_since IS NULL
                        THEN least(i.hints + 1, cardinality($6::bigint[])) ELSE cardinality($6::bigint[]) END] * interval '1 millisecond'
                FROM due
                WHERE i.environment = due.environment AND i.uuid = due.uuid
                RETURNING i.*, due.was
            )",
            "FROM i ORDER BY i.was, i.environment, i.uuid",
            SWEEPER,
            wanted.unencoded,
            wanted.unsent,
            wanted.under_way,
            i64::from(limit),
            &pauses(&self.schedule),
        )
        .fetch_all(&mut *self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let Stored { invoice, traceparent, .. } = Stored::try_from(row)?;
                Ok(Swept { invoice, traceparent })
            })
            .collect()
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
        .execute(&mut *self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
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
