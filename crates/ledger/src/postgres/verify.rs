//! Proving the ledger honest: every chain, every fold, every digest, every checkpoint. Believes nothing but the events.

mod stream;
mod tables;

use invoice::InvoiceKey;

use super::PostgresLedger;
use super::codec::{environment, fit, read, read_digest, read_key};
use super::connection::Connection;
use super::failure::failed;
use super::retention::detachments;
use super::transaction::in_transaction;
use crate::{Checkpoint, GENESIS, Head, LedgerError, Verification, Violation, seal};

/// Streams read at a time.
const PAGE: i64 = 500;
/// How many violations are told.
const VIOLATIONS_MAX: usize = 1_000;

/// What a part of the proof found.
#[derive(Debug, Default)]
struct Proof {
    streams: u64,
    events: u64,
    checkpoints: u64,
    violations: Vec<Violation>,
}

impl Proof {
    fn blame(
        &mut self,
        key: impl Into<Option<InvoiceKey>>,
        version: Option<u32>,
        message: impl Into<String>,
    ) {
        self.violations.push(Violation { key: key.into(), version, message: message.into() });
    }

    fn join(&mut self, other: Self) {
        self.streams += other.streams;
        self.events += other.events;
        self.checkpoints += other.checkpoints;
        self.violations.extend(other.violations);
        self.violations.truncate(VIOLATIONS_MAX);
    }
}

impl PostgresLedger {
    pub(super) async fn prove(&self) -> Result<Verification, LedgerError> {
        let mut proof = Proof::default();
        // Page by page, here and below, each with a snapshot of its own: a proof that takes hours holds no old rows alive.
        let mut after = None;
        loop {
            let (last, page) =
                in_transaction(&self.pool, move |connection| Box::pin(stream::prove_page(connection, after)))
                    .await?;
            proof.join(page);
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        proof.join(tables::prove_tables(&self.pool).await?);
        let mut previous = None;
        loop {
            let last: Option<Checkpoint> = previous.clone();
            let (next, page) =
                in_transaction(&self.pool, move |connection| Box::pin(prove_next(connection, last))).await?;
            proof.join(page);
            match next {
                Some(next) => previous = Some(next),
                None => break,
            }
        }
        let detached = detachments(&mut self.connection().await?).await?.into_values().collect();
        let Proof { streams, events, checkpoints, violations } = proof;
        Ok(Verification { streams, events, checkpoints, detached, violations })
    }
}

/// One snapshot for all reads of the transaction that has just begun.
async fn freeze(connection: &mut Connection) -> Result<(), LedgerError> {
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    // A whole table may take longer than what answers a person.
    connection.be_patient();
    sqlx::query!("SET LOCAL statement_timeout = 0").execute(connection).await.map_err(failed)?;
    Ok(())
}

/// Proves the checkpoint behind this one, and gives it; none at the end.
async fn prove_next(
    connection: &mut Connection,
    last: Option<Checkpoint>,
) -> Result<(Option<Checkpoint>, Proof), LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    let (number, previous) = last.map_or((0, GENESIS), |last| (last.number, last.hash));
    let row = sqlx::query!(
        "SELECT number, at, streams, hash FROM checkpoints WHERE number > $1 ORDER BY number LIMIT 1",
        fit::<i64, _>(number)?,
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok((None, proof)) };
    let checkpoint = super::checkpoint::checkpoint(row.number, row.at, row.streams, &row.hash)?;
    proof.checkpoints += 1;
    if checkpoint.number != number + 1 {
        proof.blame(None, None, format!("checkpoint {} is missing", number + 1));
        return Ok((None, proof));
    }
    prove_checkpoint(connection, &previous, &checkpoint, &mut proof).await?;
    Ok((Some(checkpoint), proof))
}

async fn prove_checkpoint(
    connection: &mut Connection,
    previous: &invoice::Digest,
    checkpoint: &Checkpoint,
    proof: &mut Proof,
) -> Result<(), LedgerError> {
    // The event that was sealed must stand there still; its month comes from the identity, which must as well. Asked for by a
    // subquery: a join with a partition without statistics, as a new month's is, reads the whole month for each head.
    let rows = sqlx::query!(
        r#"
        SELECT h.environment AS "environment!", h.uuid AS "uuid!", h.version AS "version!", h.hash AS "hash!",
            d.accepted_month AS "month?",
            (
                SELECT e.hash FROM events e
                WHERE e.accepted_month = d.accepted_month AND e.environment = h.environment
                    AND e.uuid = h.uuid AND e.version = h.version
            ) AS "found?"
        FROM checkpoint_heads h
        LEFT JOIN identities d ON d.environment = h.environment AND d.uuid = h.uuid
        WHERE h.number = $1
        "#,
        fit::<i64, _>(checkpoint.number)?,
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let detached = detachments(connection).await?;
    let mut heads = Vec::with_capacity(rows.len());
    for row in rows {
        let head = Head {
            key: read_key(row.environment, row.uuid)?,
            version: read(row.version)?,
            hash: read_digest(&row.hash)?,
        };
        let is_detached = row.month.is_some_and(|month| detached.contains_key(&month));
        if row.found.as_deref() != Some(head.hash.as_bytes()) && !is_detached {
            let message =
                format!("checkpoint {} sealed another event here, or it is missing", checkpoint.number);
            proof.blame(head.key, Some(head.version), message);
        }
        heads.push(head);
    }
    let complete = u64::try_from(heads.len()).is_ok_and(|count| count == checkpoint.streams);
    if !complete || seal(previous, checkpoint.number, checkpoint.at, &heads) != checkpoint.hash {
        proof.blame(None, None, format!("checkpoint {} does not match what it seals", checkpoint.number));
    }
    Ok(())
}

/// Where a page begins.
fn start(after: Option<InvoiceKey>) -> (i16, uuid::Uuid) {
    // Before every key there is: no environment is negative.
    after.map_or((-1, uuid::Uuid::nil()), |key| (environment(key.environment), key.uuid))
}
