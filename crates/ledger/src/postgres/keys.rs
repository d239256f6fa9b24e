//! API keys in Postgres. Changes are rare and come one after the other, behind the lock of one row.

use std::time::Duration;

use async_trait::async_trait;
use invoice::Timestamp;
use invoice::life::Actor;
use serde_json::{Value, json};

use super::PostgresLedger;
use super::codec::{environment, fit, read, read_digest, read_environment, without_nul};
use super::connection::Connection;
use super::failure::failed;
use super::transaction::in_transaction;
use crate::LedgerError;
use crate::keys::{
    ApiKey, KEYS_MAX, KeyAction, KeyChanged, KeyRecord, Keys, Minted, NewKey, Permission, Revocation, Scope,
    USE_NOTED_EVERY, ValidKeys, end_of_replaced, told_of,
};
use crate::taxpayers::is_signed;

#[async_trait]
impl Keys for PostgresLedger {
    async fn keys_revision(&self) -> Result<(u64, Timestamp), LedgerError> {
        let row = sqlx::query!(r#"SELECT revision, clock_timestamp() AS "now!" FROM api_key_revision"#)
            .fetch_one(&mut self.connection().await?)
            .await
            .map_err(failed)?;
        Ok((read(row.revision)?, row.now))
    }

    async fn valid_keys(&self) -> Result<ValidKeys, LedgerError> {
        in_transaction(&self.pool, |connection| {
            Box::pin(async move {
                // One snapshot for the two tables: keys never look newer than the revision that is told with them.
                sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                let row = sqlx::query!(
                    r#"
                    SELECT revision, now() AS "now!",
                        EXISTS (SELECT FROM api_keys WHERE amqp_user IS NOT NULL) AS "names_amqp_users!"
                    FROM api_key_revision
                    "#
                )
                .fetch_one(&mut *connection)
                .await
                .map_err(failed)?;
                let keys = read_keys(connection, None, true).await?;
                let (revision, names_amqp_users) = (read(row.revision)?, row.names_amqp_users);
                Ok(ValidKeys { revision, names_amqp_users, now: row.now, keys })
            })
        })
        .await
    }

    async fn all_keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        read_keys(&mut self.connection().await?, None, false).await
    }

    async fn create_key(&self, key: NewKey, by: Actor) -> Result<KeyChanged, LedgerError> {
        if !is_signed(&by) {
            return Ok(KeyChanged::Unsigned);
        }
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let Turn { revision, now } = turn(connection).await?;
                create(connection, &key, None, revision, now, &by).await
            })
        })
        .await
    }

    async fn rotate_key(
        &self,
        old: &str,
        minted: &Minted,
        expires_at: Option<Timestamp>,
        overlap: Duration,
        by: Actor,
    ) -> Result<KeyChanged, LedgerError> {
        if !is_signed(&by) {
            return Ok(KeyChanged::Unsigned);
        }
        let (old, prefix, hash) = (old.to_owned(), minted.prefix.clone(), minted.hash);
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let Turn { revision, now } = turn(connection).await?;
                let old = match standing(connection, &old).await? {
                    Ok(old) => old,
                    Err(refused) => return Ok(refused),
                };
                let (replaced, end) = (old.prefix, end_of_replaced(now, overlap, old.expires_at));
                let ApiKey { name, may, scope, amqp_user, .. } = old;
                let key = NewKey { prefix, hash, name, may, scope, amqp_user, expires_at };
                let created = create(connection, &key, Some(&replaced), revision, now, &by).await?;
                if !matches!(created, KeyChanged::Done(_)) {
                    return Ok(created);
                }
                sqlx::query!("UPDATE api_keys SET expires_at = $2 WHERE prefix = $1", replaced, end)
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                let what = json!({ "replaced_by": key.prefix, "expires_at": end });
                record(connection, revision + 1, now, &by, &replaced, KeyAction::Rotate, what).await?;
                Ok(created)
            })
        })
        .await
    }

    async fn revoke_key(&self, prefix: &str, by: Actor) -> Result<KeyChanged, LedgerError> {
        if !is_signed(&by) {
            return Ok(KeyChanged::Unsigned);
        }
        let prefix = prefix.to_owned();
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let Turn { revision, now } = turn(connection).await?;
                if let Err(refused) = standing(connection, &prefix).await? {
                    return Ok(refused);
                }
                sqlx::query!(
                    "UPDATE api_keys SET revoked_at = $2, revoked_by = $3, revoked_reason = $4 WHERE prefix = $1",
                    prefix,
                    now,
                    without_nul(&by.name),
                    without_nul(&by.reason),
                )
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
                record(connection, revision, now, &by, &prefix, KeyAction::Revoke, json!({})).await?;
                done(connection, &prefix).await
            })
        })
        .await
    }

    async fn keys_used(&self, prefixes: &[String]) -> Result<(), LedgerError> {
        // Locked in order: several producers note the same keys at about the same time.
        sqlx::query!(
            r#"
            WITH stale AS (
                SELECT prefix FROM api_keys
                WHERE prefix = ANY ($1) AND coalesce(last_used_at < now() - make_interval(secs => $2), true)
                ORDER BY prefix
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE api_keys k SET last_used_at = now() FROM stale s WHERE k.prefix = s.prefix
            "#,
            prefixes,
            USE_NOTED_EVERY.as_secs_f64(),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn key_history(
        &self,
        prefix: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<KeyRecord>, LedgerError> {
        let before: Option<i64> = before.map(fit).transpose()?;
        let rows = sqlx::query!(
            r#"
            SELECT revision, at, by_name, by_reason, prefix, action, what
            FROM api_key_history
            WHERE ($1::text IS NULL OR prefix = $1) AND ($2::bigint IS NULL OR revision < $2)
            ORDER BY revision DESC
            LIMIT $3
            "#,
            prefix,
            before,
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(KeyRecord {
                    revision: read(row.revision)?,
                    at: row.at,
                    by: Actor { name: row.by_name, reason: row.by_reason },
                    prefix: row.prefix,
                    action: read_action(&row.action)?,
                    what: row.what,
                })
            })
            .collect()
    }
}

/// The next number, and the time of the change.
struct Turn {
    revision: i64,
    now: Timestamp,
}

/// Waits for all changes before this one.
async fn turn(connection: &mut Connection) -> Result<Turn, LedgerError> {
    let row = sqlx::query!(
        r#"SELECT revision + 1 AS "revision!", clock_timestamp() AS "now!" FROM api_key_revision FOR UPDATE"#
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(Turn { revision: row.revision, now: row.now })
}

/// A key that can still be changed, or why it cannot.
async fn standing(
    connection: &mut Connection,
    prefix: &str,
) -> Result<Result<ApiKey, KeyChanged>, LedgerError> {
    let Some(key) = read_keys(connection, Some(prefix), false).await?.pop() else {
        return Ok(Err(KeyChanged::Unknown));
    };
    Ok(match &key.revoked {
        Some(revocation) => Err(KeyChanged::RevokedBefore(revocation.clone())),
        None => Ok(key),
    })
}

async fn create(
    connection: &mut Connection,
    key: &NewKey,
    replaces: Option<&str>,
    revision: i64,
    now: Timestamp,
    by: &Actor,
) -> Result<KeyChanged, LedgerError> {
    let valid = sqlx::query_scalar!(
        r#"SELECT count(*) AS "valid!" FROM api_keys WHERE revoked_at IS NULL AND coalesce(expires_at > $1, true)"#,
        now,
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if usize::try_from(valid).unwrap_or(usize::MAX) >= KEYS_MAX {
        return Ok(KeyChanged::TooMany);
    }
    let may: Vec<String> = key.may.iter().map(|may| may.as_str().to_owned()).collect();
    let taxpayers: Vec<String> = key.scope.taxpayers.iter().cloned().collect();
    let environments: Vec<i16> = key.scope.environments.iter().map(|one| environment(*one)).collect();
    let inserted = sqlx::query!(
        r#"
        INSERT INTO api_keys
            (prefix, hash, name, may, taxpayers, environments, expires_at, created_at, created_by, replaces, amqp_user)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT DO NOTHING
        "#,
        key.prefix,
        key.hash.as_bytes(),
        without_nul(&key.name),
        &may,
        &taxpayers,
        &environments,
        key.expires_at,
        now,
        without_nul(&by.name),
        replaces,
        key.amqp_user.as_deref().map(without_nul),
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    if inserted.rows_affected() == 0 {
        return Ok(KeyChanged::PrefixTaken);
    }
    record(connection, revision, now, by, &key.prefix, KeyAction::Create, told_of(key, replaces)).await?;
    done(connection, &key.prefix).await
}

async fn record(
    connection: &mut Connection,
    revision: i64,
    now: Timestamp,
    by: &Actor,
    prefix: &str,
    action: KeyAction,
    what: Value,
) -> Result<(), LedgerError> {
    sqlx::query!("UPDATE api_key_revision SET revision = $1", revision)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query!(
        r#"
        INSERT INTO api_key_history (revision, at, by_name, by_reason, prefix, action, what)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        revision,
        now,
        without_nul(&by.name),
        without_nul(&by.reason),
        prefix,
        action.as_str(),
        what,
    )
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn done(connection: &mut Connection, prefix: &str) -> Result<KeyChanged, LedgerError> {
    let key = read_keys(connection, Some(prefix), false).await?.pop();
    let missing = || LedgerError::Corrupt(format!("key {prefix} was written and is not there"));
    key.map(|key| KeyChanged::Done(Box::new(key))).ok_or_else(missing)
}

/// All of them or one, the latest first; on request only those that are valid now.
async fn read_keys(
    connection: &mut Connection,
    only: Option<&str>,
    valid: bool,
) -> Result<Vec<ApiKey>, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT prefix, hash, name, may, taxpayers, environments, expires_at, created_at, created_by, replaces, revoked_at,
            revoked_by, revoked_reason, last_used_at, amqp_user
        FROM api_keys
        WHERE ($1::text IS NULL OR prefix = $1)
            AND (NOT $2 OR (revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), true)))
        ORDER BY created_at DESC, prefix
        "#,
        only,
        valid,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let revoked = match (row.revoked_at, row.revoked_by, row.revoked_reason) {
                (Some(at), Some(name), Some(reason)) => Some(Revocation { at, by: Actor { name, reason } }),
                _ => None,
            };
            let environments = row.environments.into_iter().map(read_environment);
            Ok(ApiKey {
                prefix: row.prefix,
                hash: read_digest(&row.hash)?,
                name: row.name,
                may: row.may.iter().map(|name| read_permission(name)).collect::<Result<_, _>>()?,
                scope: Scope {
                    taxpayers: row.taxpayers.into_iter().collect(),
                    environments: environments.collect::<Result<_, _>>()?,
                },
                amqp_user: row.amqp_user,
                expires_at: row.expires_at,
                created_at: row.created_at,
                created_by: row.created_by,
                replaces: row.replaces,
                revoked,
                last_used_at: row.last_used_at,
            })
        })
        .collect()
}

fn read_permission(name: &str) -> Result<Permission, LedgerError> {
    Permission::ALL
        .into_iter()
        .find(|permission| permission.as_str() == name)
        .ok_or_else(|| LedgerError::Corrupt(format!("permission {name:?} of a key is unknown")))
}

fn read_action(name: &str) -> Result<KeyAction, LedgerError> {
    KeyAction::ALL
        .into_iter()
        .find(|action| action.as_str() == name)
        .ok_or_else(|| LedgerError::Corrupt(format!("key action {name:?} is unknown")))
}
