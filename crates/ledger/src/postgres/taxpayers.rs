//! Taxpayers in Postgres. Changes are rare and come one after the other, behind the lock of one row.

use std::collections::BTreeMap;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{Environment, IncomeSource, Profile, Timestamp};
use tracing::error;

use super::PostgresLedger;
use super::codec::{environment, family, fit, read, read_environment, read_family, without_nul};
use super::connection::Connection;
use super::failure::failed;
use super::transaction::in_transaction;
use crate::LedgerError;
use crate::taxpayers::{
    Entry, Registered, RegisteredSource, Registry, RegistryAction, RegistryChange, RegistryRecord, Taxpayer,
    Taxpayers, differences, is_signed,
};
use crate::vault::Sealed;

#[async_trait]
impl Taxpayers for PostgresLedger {
    async fn registry_revision(&self) -> Result<u64, LedgerError> {
        let revision = sqlx::query_scalar!("SELECT revision FROM registry_revision")
            .fetch_one(&mut self.connection().await?)
            .await
            .map_err(failed)?;
        read(revision)
    }

    async fn registry(&self) -> Result<Registry, LedgerError> {
        in_transaction(&self.pool, |connection| {
            Box::pin(async move {
                // One snapshot for the three tables.
                sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                read_registry(connection).await
            })
        })
        .await
    }

    async fn register(&self, change: RegistryChange) -> Result<Registered, LedgerError> {
        if !is_signed(&change.by) {
            return Ok(Registered::Unsigned);
        }
        in_transaction(&self.pool, move |connection| Box::pin(write(connection, change))).await
    }

    async fn registry_history(
        &self,
        tax_number: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RegistryRecord>, LedgerError> {
        let before: Option<i64> = before.map(fit).transpose()?;
        let rows = sqlx::query!(
            r#"
            SELECT revision, at, by_name, by_reason, tax_number, environment, income_source, action, what
            FROM registry_history
            WHERE ($1::text IS NULL OR tax_number = $1) AND ($2::bigint IS NULL OR revision < $2)
            ORDER BY revision DESC
            LIMIT $3
            "#,
            tax_number,
            before,
            i64::from(limit),
        )
        .fetch_all(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(RegistryRecord {
                    revision: read(row.revision)?,
                    at: row.at,
                    by: Actor { name: row.by_name, reason: row.by_reason },
                    tax_number: row.tax_number,
                    environment: row.environment.map(read_environment).transpose()?,
                    sequence: row.income_source,
                    action: read_action(&row.action)?,
                    what: row.what,
                })
            })
            .collect()
    }

    async fn wake(&self, wanted: Environment, source: &IncomeSource, limit: u32) -> Result<u64, LedgerError> {
        // Locked in the order of the keys, as every batch does; what others hold moves by itself.
        let done = sqlx::query!(
            r#"
            WITH parked AS (
                SELECT i.environment, i.uuid
                FROM invoices i
                WHERE i.wake_at > now() AND i.environment = $1 AND i.tax_number = $2 AND i.income_source = $3
                    AND coalesce(i.lease_until, i.due_at, now()) <= now()
                ORDER BY i.environment, i.uuid
                LIMIT $4
                FOR NO KEY UPDATE OF i SKIP LOCKED
            )
            UPDATE invoices i
            SET wake_at = now()
            FROM parked p
            WHERE i.environment = p.environment AND i.uuid = p.uuid
            "#,
            environment(wanted),
            source.tax_number,
            source.sequence,
            i64::from(limit),
        )
        .execute(&mut self.connection().await?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected())
    }
}

async fn read_registry(connection: &mut Connection) -> Result<Registry, LedgerError> {
    let revision = sqlx::query_scalar!("SELECT revision FROM registry_revision")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let taxpayers = sqlx::query!(
        "SELECT tax_number, name, settings, revision, created_at, updated_at FROM taxpayers ORDER BY tax_number"
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let taxpayers = taxpayers.into_iter().map(|row| {
        Ok(Taxpayer {
            tax_number: row.tax_number,
            name: row.name,
            settings: row.settings,
            revision: read(row.revision)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    });
    let taxpayers = taxpayers.collect::<Result<_, LedgerError>>()?;
    Ok(Registry { revision: read(revision)?, taxpayers, sources: read_sources(connection, None).await? })
}

/// All of them, or the environments of one.
async fn read_sources(
    connection: &mut Connection,
    only: Option<&IncomeSource>,
) -> Result<Vec<RegisteredSource>, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT s.environment, s.tax_number, s.income_source, s.family, s.client_id, s.url, s.route, s.profile, s.icv_start,
            s.active, s.revision, s.created_at, s.updated_at, c.next_icv AS "next_icv?",
            has_column_privilege('income_sources', 'secret', 'SELECT') AS "may_see_secrets!"
        FROM income_sources s
        LEFT JOIN icv_counters c
            ON c.environment = s.environment AND c.tax_number = s.tax_number AND c.income_source = s.income_source
        WHERE $1::text IS NULL OR (s.tax_number = $1 AND s.income_source = $2)
        ORDER BY s.tax_number, s.income_source, s.environment
        "#,
        only.map(|source| source.tax_number.as_str()),
        only.map(|source| source.sequence.as_str()),
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let may_see_secrets = rows.first().is_some_and(|row| row.may_see_secrets);
    let mut secrets = if may_see_secrets { read_secrets(connection, only).await? } else { BTreeMap::new() };
    let mut sources = Vec::with_capacity(rows.len());
    for row in rows {
        let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
        let profile = match serde_json::from_value::<Profile>(row.profile) {
            Ok(profile) => profile,
            Err(error) => {
                // Written by a newer version, say. The others must not suffer from it.
                error!(%source, %error, "the profile of this income source cannot be read; it is passed over");
                continue;
            }
        };
        sources.push(RegisteredSource {
            environment: read_environment(row.environment)?,
            secret: secrets.remove(&(row.environment, source.clone())),
            source,
            family: row.family.as_deref().map(read_family).transpose()?,
            client_id: row.client_id,
            url: row.url,
            route: row.route,
            profile,
            icv_start: read(row.icv_start)?,
            active: row.active,
            next_icv: row.next_icv.map(read).transpose()?,
            revision: read(row.revision)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        });
    }
    Ok(sources)
}

/// The sealed secrets, by where they belong. Producers and encoders have no right to them, and no use.
async fn read_secrets(
    connection: &mut Connection,
    only: Option<&IncomeSource>,
) -> Result<BTreeMap<(i16, IncomeSource), Sealed>, LedgerError> {
    let rows = sqlx::query!(
        r#"
        SELECT environment, tax_number, income_source, secret AS "secret!"
        FROM income_sources
        WHERE secret IS NOT NULL AND ($1::text IS NULL OR (tax_number = $1 AND income_source = $2))
        "#,
        only.map(|source| source.tax_number.as_str()),
        only.map(|source| source.sequence.as_str()),
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
            ((row.environment, source), Sealed::from_bytes(row.secret))
        })
        .collect())
}

/// Everything is looked at before anything is written, behind the lock of the revision.
async fn write(connection: &mut Connection, change: RegistryChange) -> Result<Registered, LedgerError> {
    let RegistryChange { entry, action, by } = change;
    let last =
        sqlx::query!("SELECT revision, clock_timestamp() AS \"now!\" FROM registry_revision FOR UPDATE")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
    let now = last.now;
    let (before, based_on) = match &entry {
        Entry::Taxpayer(new) => {
            (read_taxpayer(connection, &new.tax_number).await?.map(Entry::Taxpayer), new.revision)
        }
        Entry::Source(new) => {
            if read_taxpayer(connection, &new.source.tax_number).await?.is_none() {
                return Ok(Registered::NoTaxpayer);
            }
            let all = read_sources(connection, Some(&new.source)).await?;
            let (own, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|source| source.environment == new.environment);
            let own = own.into_iter().next();
            // Whoever decided on an older state must look again before being told anything else.
            let is_based_on_it = own.as_ref().map_or(0, |own| own.revision) == new.revision;
            if let (true, true, Some(other)) =
                (is_based_on_it, new.active, others.iter().find(|other| other.active))
            {
                return Ok(Registered::ActiveElsewhere(other.environment));
            }
            (own.map(Entry::Source), new.revision)
        }
    };
    let had = match &before {
        Some(Entry::Taxpayer(old)) => old.revision,
        Some(Entry::Source(old)) => old.revision,
        None => 0,
    };
    if had != based_on {
        return Ok(Registered::Outdated);
    }
    let what = differences(before.as_ref(), &entry);
    let revision: i64 = last.revision + 1;
    sqlx::query!("UPDATE registry_revision SET revision = $1", revision)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let (tax_number, place) = match &entry {
        Entry::Taxpayer(taxpayer) => {
            write_taxpayer(connection, taxpayer, revision, now).await?;
            (&taxpayer.tax_number, None)
        }
        Entry::Source(source) => {
            write_source(connection, source, revision, now).await?;
            let place = (environment(source.environment), source.source.sequence.as_str());
            (&source.source.tax_number, Some(place))
        }
    };
    let (environment, sequence) = place.unzip();
    sqlx::query!(
        r#"
        INSERT INTO registry_history
            (revision, at, by_name, by_reason, tax_number, environment, income_source, action, what)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        revision,
        now,
        without_nul(&by.name),
        without_nul(&by.reason),
        tax_number,
        environment,
        sequence,
        action.as_str(),
        what,
    )
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(Registered::Done(read(revision)?))
}

async fn read_taxpayer(
    connection: &mut Connection,
    tax_number: &str,
) -> Result<Option<Taxpayer>, LedgerError> {
    let row = sqlx::query!(
        r#"
        SELECT tax_number, name, settings, revision, created_at, updated_at FROM taxpayers WHERE tax_number = $1
        "#,
        tax_number
    )
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    row.map(|row| {
        Ok(Taxpayer {
            tax_number: row.tax_number,
            name: row.name,
            settings: row.settings,
            revision: read(row.revision)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    })
    .transpose()
}

async fn write_taxpayer(
    connection: &mut Connection,
    taxpayer: &Taxpayer,
    revision: i64,
    now: Timestamp,
) -> Result<(), LedgerError> {
    sqlx::query!(
        r#"
        INSERT INTO taxpayers (tax_number, name, settings, revision, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (tax_number) DO UPDATE
            SET name = excluded.name, settings = excluded.settings, revision = excluded.revision,
                updated_at = excluded.updated_at
        "#,
        taxpayer.tax_number,
        taxpayer.name,
        taxpayer.settings,
        revision,
        now,
    )
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn write_source(
    connection: &mut Connection,
    source: &RegisteredSource,
    revision: i64,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let profile = serde_json::to_value(&source.profile)
        .map_err(|error| LedgerError::Refused(format!("the profile of {}: {error}", source.source)))?;
    let icv_start: i64 = fit(source.icv_start)?;
    sqlx::query!(
        r#"
        INSERT INTO income_sources (environment, tax_number, income_source, family, client_id, secret, url, route, profile,
            icv_start, active, revision, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
        ON CONFLICT (environment, tax_number, income_source) DO UPDATE
            SET family = excluded.family, client_id = excluded.client_id, secret = excluded.secret, url = excluded.url,
                route = excluded.route, profile = excluded.profile, icv_start = excluded.icv_start,
                active = excluded.active, revision = excluded.revision, updated_at = excluded.updated_at
        "#,
        environment(source.environment),
        source.source.tax_number,
        source.source.sequence,
        source.family.map(family),
        source.client_id,
        source.secret.as_ref().map(Sealed::as_bytes),
        source.url,
        source.route,
        profile,
        icv_start,
        source.active,
        revision,
        now,
    )
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

fn read_action(name: &str) -> Result<RegistryAction, LedgerError> {
    RegistryAction::ALL
        .into_iter()
        .find(|action| action.as_str() == name)
        .ok_or_else(|| LedgerError::Corrupt(format!("registry action {name:?} is unknown")))
}
