//! What could not be taken. Here everything must fit that fits nowhere else.

use std::collections::BTreeSet;

use invoice::life::Actor;
use uuid::Uuid;

use super::PostgresLedger;
use super::codec::{read_digest, without_nul};
use super::failure::failed;
use crate::{LedgerError, RefusedIntake};

impl PostgresLedger {
    pub(super) async fn keep_refused(&self, batch: &[RefusedIntake]) -> Result<(), LedgerError> {
        // PostgreSQL updates no row twice in one statement: of records with one name the first counts.
        let mut names = BTreeSet::new();
        let batch: Vec<&RefusedIntake> = batch.iter().filter(|record| names.insert(record.id)).collect();
        let texts = |of: fn(&RefusedIntake) -> &str| -> Vec<String> {
            batch.iter().map(|record| without_nul(of(record))).collect()
        };
        let options = |of: fn(&RefusedIntake) -> Option<&str>| -> Vec<Option<String>> {
            batch.iter().map(|record| of(record).map(without_nul)).collect()
        };
        let ids: Vec<Uuid> = batch.iter().map(|record| record.id).collect();
        let uuids: Vec<Option<Uuid>> = batch.iter().map(|record| record.uuid).collect();
        let digests: Vec<&[u8]> = batch.iter().map(|record| record.sha256.as_bytes().as_slice()).collect();
        let bodies: Vec<&[u8]> = batch.iter().map(|record| record.body.as_slice()).collect();
        sqlx::query!(
            r#"
            INSERT INTO refused_intake (id, at, via, code, message, faults, uuid, number, sha256, body)
            SELECT n.id, clock_timestamp(), n.via, n.code, n.message, n.faults, n.uuid, n.number, n.sha256, n.body
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::bytea[],
                $9::bytea[]) AS n (id, via, code, message, faults, uuid, number, sha256, body)
            ORDER BY n.id
            ON CONFLICT (id) DO UPDATE
                SET at = excluded.at, resolved_at = NULL, resolved_by = NULL, resolved_reason = NULL
                WHERE refused_intake.resolved_at IS NOT NULL
            "#,
            &ids,
            &texts(|record| &record.via),
            &texts(|record| &record.code),
            &texts(|record| &record.message),
            &options(|record| record.faults.as_deref()) as _,
            &uuids as _,
            &options(|record| record.number.as_deref()) as _,
            &digests as _,
            &bodies as _,
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn read_refused(&self, limit: u32) -> Result<Vec<RefusedIntake>, LedgerError> {
        let rows = sqlx::query!(
            r#"
            SELECT id, at, via, code, message, faults, uuid, number, sha256, body
            FROM refused_intake
            WHERE resolved_at IS NULL
            ORDER BY at, id
            LIMIT $1
            "#,
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(RefusedIntake {
                    id: row.id,
                    at: row.at,
                    via: row.via,
                    code: row.code,
                    message: row.message,
                    faults: row.faults,
                    uuid: row.uuid,
                    number: row.number,
                    sha256: read_digest(&row.sha256)?,
                    body: row.body,
                })
            })
            .collect()
    }

    pub(super) async fn read_refused_ids(&self, limit: u32) -> Result<Vec<Uuid>, LedgerError> {
        sqlx::query_scalar!(
            "SELECT id FROM refused_intake WHERE resolved_at IS NULL ORDER BY at, id LIMIT $1",
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)
    }

    pub(super) async fn resolve_refused(&self, id: Uuid, by: &Actor) -> Result<bool, LedgerError> {
        let done = sqlx::query!(
            r#"
            UPDATE refused_intake
            SET resolved_at = clock_timestamp(), resolved_by = $2, resolved_reason = $3
            WHERE id = $1 AND resolved_at IS NULL
            "#,
            id,
            without_nul(&by.name),
            without_nul(&by.reason),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() == 1)
    }
}
