//! Checkpoints: sealing the heads of the streams that changed.

use invoice::Timestamp;

use super::PostgresLedger;
use super::codec::{environment, fit, micros, read, read_digest, read_key};
use super::connection::Connection;
use super::failure::failed;
use super::read::clock;
use crate::{Checkpoint, GENESIS, Head, LedgerError, seal};

/// How many steps of each stream are looked at.
const STEPS: i64 = 8;
/// How many amounts are folded into one at a time.
const FOLDED_MAX: i64 = 100_000;
/// How often a checkpoint begins again because another one came first.
const TRIES: usize = 5;

impl PostgresLedger {
    pub(super) async fn seal_heads(&self, limit: u32) -> Result<Option<Checkpoint>, LedgerError> {
        let mut connection = self.connection().await?;
        fold_settled(&mut connection).await?;
        for _ in 0..TRIES {
            let at = micros(clock(&mut connection).await?);
            let (number, previous) = match last(&mut connection).await? {
                Some(last) => (last.number + 1, last.hash),
                None => (1, GENESIS),
            };
            let (heads, steps) = unsealed(&mut connection, limit).await?;
            if heads.is_empty() {
                return Ok(None);
            }
            let hash = seal(&previous, number, at, &heads);
            let checkpoint = Checkpoint { number, at, streams: read(heads.len())?, hash };
            if keep(&mut connection, &checkpoint, &heads, &steps).await? {
                return Ok(Some(checkpoint));
            }
        }
        Err(LedgerError::Unavailable("other checkpoints kept coming first".to_owned()))
    }
}

pub(super) async fn last(connection: &mut Connection) -> Result<Option<Checkpoint>, LedgerError> {
    let row = sqlx::query!("SELECT number, at, streams, hash FROM checkpoints ORDER BY number DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.map(|row| checkpoint(row.number, row.at, row.streams, &row.hash)).transpose()
}

pub(super) fn checkpoint(
    number: i64,
    at: Timestamp,
    streams: i64,
    hash: &[u8],
) -> Result<Checkpoint, LedgerError> {
    Ok(Checkpoint { number: read(number)?, at, streams: read(streams)?, hash: read_digest(hash)? })
}

/// Heads as they stand, and the steps that led to them. They may move on before they are kept: what is sealed then is still
/// true, and the steps that came later bring them again.
async fn unsealed(connection: &mut Connection, limit: u32) -> Result<(Vec<Head>, Vec<i64>), LedgerError> {
    // Few streams have more steps than that between two checkpoints; if they do, fewer are sealed at a time.
    let steps_max = i64::from(limit).saturating_mul(STEPS);
    let rows = sqlx::query!(
        r#"
        WITH oldest AS (
            SELECT id, environment, uuid FROM unsealed ORDER BY id LIMIT $2
        ), streams AS (
            SELECT environment, uuid, array_agg(id) AS steps
            FROM oldest
            GROUP BY environment, uuid
            ORDER BY min(id)
            LIMIT $1
        )
        SELECT i.environment, i.uuid, i.version, i.head, s.steps AS "steps!"
        FROM streams s
        JOIN invoices i ON i.environment = s.environment AND i.uuid = s.uuid
        "#,
        i64::from(limit),
        steps_max,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut steps = Vec::with_capacity(rows.len());
    let heads = rows
        .into_iter()
        .map(|row| {
            steps.extend(row.steps);
            Ok(Head {
                key: read_key(row.environment, row.uuid)?,
                version: read(row.version)?,
                hash: read_digest(&row.head)?,
            })
        })
        .collect::<Result<_, LedgerError>>()?;
    Ok((heads, steps))
}

/// False when another checkpoint took the number; nothing is kept then.
async fn keep(
    connection: &mut Connection,
    checkpoint: &Checkpoint,
    heads: &[Head],
    steps: &[i64],
) -> Result<bool, LedgerError> {
    let environments: Vec<i16> = heads.iter().map(|head| environment(head.key.environment)).collect();
    let uuids: Vec<_> = heads.iter().map(|head| head.key.uuid).collect();
    let versions: Vec<i32> = heads.iter().map(|head| fit(head.version)).collect::<Result<_, _>>()?;
    let hashes: Vec<&[u8]> = heads.iter().map(|head| head.hash.as_bytes().as_slice()).collect();
    let kept = sqlx::query_scalar!(
        r#"
        WITH input AS (
            SELECT * FROM unnest($5::smallint[], $6::uuid[], $7::integer[], $8::bytea[]) AS n (environment, uuid, version, hash)
        ), kept AS (
            INSERT INTO checkpoints (number, at, streams, hash)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING
            RETURNING number
        ), heads AS (
            INSERT INTO checkpoint_heads (number, environment, uuid, version, hash)
            SELECT k.number, n.environment, n.uuid, n.version, n.hash FROM input n, kept k
        ), sealed AS (
            DELETE FROM unsealed u USING kept k WHERE u.id = ANY ($9::bigint[])
        )
        SELECT number FROM kept
        "#,
        fit::<i64, _>(checkpoint.number)?,
        checkpoint.at,
        fit::<i64, _>(checkpoint.streams)?,
        checkpoint.hash.as_bytes(),
        &environments,
        &uuids,
        &versions,
        &hashes as _,
        steps,
    )
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    Ok(kept.is_some())
}

/// Adds up the small amounts of what has settled. Two at once take different ones.
async fn fold_settled(connection: &mut Connection) -> Result<(), LedgerError> {
    sqlx::query!(
        r#"
        WITH taken AS (
            SELECT id FROM settled_counts
            WHERE (SELECT count(*) FROM (SELECT FROM settled_counts LIMIT 100) few) = 100
            ORDER BY id LIMIT $1
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM settled_counts s USING taken t WHERE s.id = t.id RETURNING s.state, s.cause, s.count
        )
        INSERT INTO settled_counts (state, cause, count)
        SELECT state, cause, sum(count) FROM gone GROUP BY state, cause HAVING sum(count) <> 0
        "#,
        FOLDED_MAX,
    )
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}
