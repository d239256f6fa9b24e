//! Checkpoints: sealing the heads of the streams that changed.

use invoice::Timestamp;
use sqlx::PgConnection;

use super::PostgresLedger;
use super::codec::{environment, fit, micros, read, read_digest, read_key};
use super::failure::failed;
use super::read::clock;
use crate::{Checkpoint, GENESIS, Head, LedgerError, seal};

/// How often a checkpoint begins again because another one came first.
const TRIES: usize = 5;

impl PostgresLedger {
    pub(super) async fn seal_heads(&self, limit: u32) -> Result<Option<Checkpoint>, LedgerError> {
        let mut connection = self.connection().await?;
        for _ in 0..TRIES {
            let at = micros(clock(&mut connection).await?);
            let (number, previous) = match last(&mut connection).await? {
                Some(last) => (last.number + 1, last.hash),
                None => (1, GENESIS),
            };
            let heads = unsealed(&mut connection, limit).await?;
            if heads.is_empty() {
                return Ok(None);
            }
            let hash = seal(&previous, number, at, &heads);
            let checkpoint = Checkpoint { number, at, streams: read(heads.len())?, hash };
            if keep(&mut connection, &checkpoint, &heads).await? {
                return Ok(Some(checkpoint));
            }
        }
        Err(LedgerError::Unavailable("other checkpoints kept coming first".to_owned()))
    }
}

pub(super) async fn last(connection: &mut PgConnection) -> Result<Option<Checkpoint>, LedgerError> {
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

/// Heads as they stand. They may move on before they are kept: what is sealed then is still true, and they come again.
async fn unsealed(connection: &mut PgConnection, limit: u32) -> Result<Vec<Head>, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT environment, uuid, version, head
        FROM invoices
        WHERE version > checkpointed_version
        ORDER BY environment, uuid
        LIMIT $1
        "#,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            Ok(Head {
                key: read_key(row.environment, row.uuid)?,
                version: read(row.version)?,
                hash: read_digest(&row.head)?,
            })
        })
        .collect()
}

/// False when another checkpoint took the number; nothing is kept then.
async fn keep(
    connection: &mut PgConnection,
    checkpoint: &Checkpoint,
    heads: &[Head],
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
        ), locked AS (
            SELECT i.environment, i.uuid, n.version
            FROM invoices i
            JOIN input n ON n.environment = i.environment AND n.uuid = i.uuid
            JOIN kept k ON true
            WHERE i.checkpointed_version < n.version
            ORDER BY i.environment, i.uuid
            FOR NO KEY UPDATE OF i
        ), sealed AS (
            UPDATE invoices i
            SET checkpointed_version = l.version
            FROM locked l
            WHERE i.environment = l.environment AND i.uuid = l.uuid
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
    )
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    Ok(kept.is_some())
}
