//! What `doctor` asks of a database: is it fit, durable, up to date, and are the rights as they must be.

use chrono::{Months, NaiveDate};
use invoice::Timestamp;
use serde::{Deserialize, Serialize};

use super::codec::month;
use super::connection::Connection;
use super::failure::failed;
use super::{Part, PostgresLedger};
use crate::LedgerError;
use crate::migrate::{self, MigrationStanding};

/// The oldest server with all that the migrations use.
pub const SERVER_VERSION_MIN: i32 = 140_000;

/// A setting that durability hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name in `postgresql.conf`.
    pub name: String,
    /// As it stands.
    pub value: String,
    /// Whether a commit survives a crash with it.
    pub durable: bool,
}

/// A database, examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// Such as `15.20`.
    pub server_version: String,
    /// The same as a number, such as 150020; at least [`SERVER_VERSION_MIN`].
    pub server_version_num: i32,
    /// `fsync`, `synchronous_commit`, `full_page_writes`.
    pub durability: Vec<Setting>,
    /// Connections that the server gives to others than superusers, all together.
    pub max_connections: i32,
    /// The server removes by itself what is dead in its tables.
    pub vacuums: bool,
    /// The server archives its log, so that it can be restored to any moment.
    pub archives: bool,
    /// The server finds pages that its disk has damaged.
    pub data_checksums: bool,
    /// This connection is encrypted.
    pub encrypted: bool,
    /// Text is kept as UTF-8.
    pub is_utf8: bool,
    /// What is applied, missing, unknown, altered.
    pub migrations: MigrationStanding,
    /// Who logged in.
    pub login: String,
    /// As whom it works.
    pub role: String,
    /// Rights on append-only tables beyond adding, such as `UPDATE events`; none for the program's own role.
    pub excess_rights: Vec<String>,
    /// Rights that it needs and lacks, such as `INSERT events`.
    pub missing_rights: Vec<String>,
    /// Append-only tables whose guarding triggers are missing or switched off.
    pub unguarded: Vec<String>,
    /// How far the database's clock is ahead of ours, milliseconds.
    pub clock_ahead_ms: i64,
    /// First days of this and the next month, as far as they have no partition.
    pub missing_partitions: Vec<NaiveDate>,
    /// Events had to be kept in the default partition: harmless, but maintenance was not done in time.
    pub strays_in_default: bool,
}

impl Examination {
    /// The tables are there, so that rights and partitions could be examined at all.
    #[must_use]
    pub fn is_migrated(&self) -> bool {
        self.migrations.missing.is_empty()
    }
}

const APPEND_ONLY: [&str; 12] = [
    "identities",
    "contents",
    "events",
    "documents",
    "attempts",
    "checkpoints",
    "checkpoint_heads",
    "registry_history",
    "api_key_history",
    "intake_switches",
    "icv_voids",
    "icv_held",
];

/// Whether a part needs this right on an append-only table. As in migration 0020; whoever works as none of the parts is taken for
/// all of them.
fn needs(part: Part, table: &str, right: &str) -> bool {
    let (keeps_house, is_operator) =
        (matches!(part, Part::Submitter | Part::Operator), part == Part::Operator);
    match (right, table) {
        ("SELECT" | "INSERT", _) if part == Part::Whole => true,
        ("SELECT", "checkpoints" | "checkpoint_heads" | "registry_history" | "api_key_history") => {
            keeps_house
        }
        ("SELECT", _) | ("INSERT", "contents" | "events" | "documents" | "attempts") => true,
        ("INSERT", "identities") => is_operator || part == Part::Producer,
        ("INSERT", "checkpoints" | "checkpoint_heads") => part == Part::Submitter,
        ("INSERT", "icv_held") => keeps_house,
        ("INSERT", _) => is_operator,
        _ => false,
    }
}

impl PostgresLedger {
    /// Examines the database; `local` is the caller's clock just before.
    ///
    /// # Errors
    /// When it cannot be asked. What it answers is no error, however bad.
    pub async fn examine(&self, local: Timestamp) -> Result<Examination, LedgerError> {
        let mut connection = self.connection().await?;
        let server = sqlx::query!(
            r#"
            SELECT current_setting('server_version') AS "version!",
                current_setting('server_version_num')::integer AS "version_num!",
                current_setting('fsync') AS "fsync!",
                current_setting('synchronous_commit') AS "synchronous_commit!",
                current_setting('full_page_writes') AS "full_page_writes!",
                current_setting('autovacuum') = 'on' AND current_setting('track_counts') = 'on' AS "vacuums!",
                current_setting('server_encoding') = 'UTF8' AS "is_utf8!",
                current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                    AS "max_connections!",
                current_setting('wal_level') AS "wal_level!",
                current_setting('archive_mode') AS "archive_mode!",
                current_setting('data_checksums') = 'on' AS "data_checksums!",
                coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) AS "encrypted!",
                session_user::text AS "login!",
                current_user::text AS "role!",
                clock_timestamp() AS "now!"
            "#
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        let mut examination = Examination {
            server_version: server.version,
            server_version_num: server.version_num,
            durability: [
                ("fsync", server.fsync),
                ("synchronous_commit", server.synchronous_commit),
                ("full_page_writes", server.full_page_writes),
            ]
            .into_iter()
            .map(|(name, value)| Setting { name: name.to_owned(), durable: value != "off", value })
            .collect(),
            max_connections: server.max_connections,
            vacuums: server.vacuums,
            archives: server.wal_level != "minimal" && server.archive_mode != "off",
            data_checksums: server.data_checksums,
            encrypted: server.encrypted,
            is_utf8: server.is_utf8,
            migrations: migrate::standing(&mut connection).await?,
            login: server.login,
            role: server.role,
            excess_rights: Vec::new(),
            missing_rights: Vec::new(),
            unguarded: Vec::new(),
            clock_ahead_ms: (server.now - local).num_milliseconds(),
            missing_partitions: Vec::new(),
            strays_in_default: false,
        };
        if examination.is_migrated() {
            rights(&mut connection, &mut examination).await?;
            partitions(&mut connection, server.now, &mut examination).await?;
        }
        Ok(examination)
    }
}

async fn rights(connection: &mut Connection, examination: &mut Examination) -> Result<(), LedgerError> {
    let tables: Vec<String> = APPEND_ONLY.map(str::to_owned).into();
    let part = Part::ALL.into_iter().find(|part| part.role() == examination.role).unwrap_or(Part::Whole);
    let rows = sqlx::query!(
        r#"
        SELECT t.name AS "name!", r.name AS "right!", has_table_privilege(t.name, r.name) AS "granted!"
        FROM unnest($1::text[]) AS t (name),
            unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS r (name)
        "#,
        &tables,
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    for row in rows {
        let needed = needs(part, &row.name, &row.right);
        let right = format!("{} {}", row.right, row.name);
        match (needed, row.granted) {
            (true, false) => examination.missing_rights.push(right),
            (false, true) => examination.excess_rights.push(right),
            (true, true) | (false, false) => {}
        }
    }
    examination.unguarded = sqlx::query_scalar!(
        r#"
        SELECT t.name AS "name!"
        FROM unnest($1::text[]) AS t (name)
        WHERE (
            SELECT count(*) FROM pg_trigger g
            WHERE g.tgrelid = to_regclass(t.name) AND g.tgname IN ('append_only', 'append_only_truncate')
                AND g.tgenabled IN ('O', 'A')
        ) < 2
        "#,
        &tables,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn partitions(
    connection: &mut Connection,
    now: Timestamp,
    examination: &mut Examination,
) -> Result<(), LedgerError> {
    let this = month(now);
    for first_day in [Some(this), this.checked_add_months(Months::new(1))].into_iter().flatten() {
        let name = format!("events_{}", first_day.format("%Y_%m"));
        let there = sqlx::query_scalar!(
            r#"
            SELECT EXISTS (
                SELECT FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid
                WHERE p.inhparent = to_regclass('events') AND c.relname = $1
            ) AS "there!"
            "#,
            name,
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
        if !there {
            examination.missing_partitions.push(first_day);
        }
    }
    // Asked through the parent: the program's role has no rights on single partitions.
    examination.strays_in_default = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM events WHERE tableoid = to_regclass('events_default')) AS "strays!""#
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    Ok(())
}
