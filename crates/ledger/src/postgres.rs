//! The Postgres adapter: what production runs. All SQL of the project stands here and in `migrations/`; the rules of the
//! life cycle do not.
//!
//! Batches are single statements over arrays, so nothing is half done and a dropped future leaves no transaction open.
//! The one transaction of several statements, in `encode`, runs in a task of its own. Correctness rests on unique keys
//! and on compare-and-set of one row, never on the isolation level.

mod accept;
mod append;
mod archive;
mod checkpoint;
mod codec;
mod config;
mod connection;
mod encode;
mod examine;
mod failure;
mod fleet;
mod intake;
mod keys;
mod listing;
mod outbox;
mod read;
mod recovery;
mod retention;
mod returns;
mod row;
mod step;
mod sweep;
mod taxpayers;
mod transaction;
mod verify;
mod write;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{InvoiceKey, Timestamp};
use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

pub use config::{APP_ROLE, Part, PostgresConfig};
use connection::{Connection, Pool};
pub use examine::{Examination, SERVER_VERSION_MIN, Setting};
pub(crate) use failure::failed;
pub use retention::MonthStanding;

use crate::migrate::{self, Migration};
use crate::{
    Amendable, Appended, Archive, Arrival, AttemptRecord, Change, Checkpoint, Document, DocumentKind, Encode,
    EncodeOutcome, Filter, Keys, Ledger, LedgerError, Loaded, Outbox, Page, Parked, Reception, RecordedEvent,
    RefusedIntake, Schedule, Standing, Sweep, Swept, Taxpayers, Verification,
};

/// How many months ahead partitions are made.
const MONTHS_AHEAD: i32 = 2;

/// The ledger in a Postgres database. Clones share one pool.
#[derive(Clone)]
pub struct PostgresLedger {
    pool: Pool,
    schedule: Schedule,
    notices: bool,
}

impl fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLedger")
            .field("size", &self.pool.size())
            .field("idle", &self.pool.idle())
            .finish_non_exhaustive()
    }
}

impl PostgresLedger {
    /// Connects to a database that is migrated already. Every session gets the bounds of `config`, and the role if the
    /// login may take it on.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when the URL cannot be understood, else as the first connection failed.
    pub async fn connect(config: PostgresConfig) -> Result<Self, LedgerError> {
        let options = PgConnectOptions::from_str(config.url.expose_secret())
            .map_err(|error| LedgerError::Refused(format!("the database's URL: {error}")))?
            .application_name("fawtara");
        let PostgresConfig { max_connections, acquire_timeout, answer_timeout, schedule, notices, .. } =
            config.clone();
        // The pool would hide why the first connection fails behind a time-out.
        let first = async { options.connect().await?.close().await };
        timeout(acquire_timeout, first).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(failed)?;
        let session = Arc::new(Session::of(config));
        let connections = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(acquire_timeout)
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move { session.begin(connection).await })
            });
        let pool = Pool::new(connections, options, answer_timeout);
        let ledger = Self { pool, schedule, notices };
        drop(ledger.connection().await?);
        Ok(ledger)
    }

    /// Brings the database at `url` up to date, as the owner of its tables, and says what was new.
    /// Several callers at once wait for one another.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database cannot be reached, [`LedgerError::Refused`] when it does not fit this
    /// program's migrations; the message names the one.
    pub async fn migrate(url: &str) -> Result<Vec<Migration>, LedgerError> {
        migrate::run(url).await
    }

    /// Waits for what is in flight and closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn connection(&self) -> Result<Connection, LedgerError> {
        self.pool.connection().await
    }
}

/// What every session begins with.
struct Session {
    statement_timeout: String,
    lock_timeout: String,
    idle_timeout: String,
    roles: Vec<String>,
}

impl Session {
    fn of(config: PostgresConfig) -> Self {
        let ms = |duration: Duration| format!("{}ms", duration.as_millis());
        // The server speaks before we stop listening: its answer says what took effect.
        let statement_timeout = config.statement_timeout.min(config.answer_timeout * 2 / 3);
        Self {
            statement_timeout: ms(statement_timeout),
            lock_timeout: ms(config.lock_timeout.min(statement_timeout)),
            idle_timeout: ms(config.idle_in_transaction_timeout),
            roles: config.roles,
        }
    }

    async fn begin(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        // Batches differ in size and tables grow quickly: a plan made once for all fits none of them. The role is set for
        // the session if it exists and may be taken on; a login that is that role already needs nothing. Roles belong to the
        // whole cluster: one that another database's migrations made has no rights here before this one is migrated.
        sqlx::query!(
            r#"
            SELECT set_config('statement_timeout', $1, false) AS a, set_config('lock_timeout', $2, false) AS b,
                set_config('idle_in_transaction_session_timeout', $3, false) AS c,
                set_config('plan_cache_mode', 'force_custom_plan', false) AS d,
                (SELECT set_config('role', r.name, false) FROM (
                    SELECT r.rolname AS name FROM pg_roles r
                    WHERE r.rolname = ANY ($4) AND pg_has_role(session_user, r.oid, 'MEMBER')
                        AND (r.rolname = $5 OR coalesce(has_table_privilege(r.oid, to_regclass('api_keys'), 'SELECT'), false))
                    ORDER BY array_position($4, r.rolname::text)
                    LIMIT 1
                ) r WHERE r.name <> session_user) AS e
            "#,
            self.statement_timeout,
            self.lock_timeout,
            self.idle_timeout,
            &self.roles,
            APP_ROLE,
        )
        .fetch_one(connection)
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    async fn now(&self) -> Result<Timestamp, LedgerError> {
        self.clock().await
    }

    async fn accept(&self, batch: Vec<Arrival>) -> Result<Vec<Reception>, LedgerError> {
        self.accept_batch(batch).await
    }

    async fn load(&self, keys: &[InvoiceKey]) -> Result<Loaded, LedgerError> {
        self.load_keys(keys).await
    }

    async fn append(&self, batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError> {
        self.append_batch(batch).await
    }

    async fn encode(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: Arc<dyn Encode>,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        self.encode_batch(keys, encoder).await
    }

    async fn dependants(&self, originals: &[InvoiceKey]) -> Result<Vec<Swept>, LedgerError> {
        self.find_dependants(originals).await
    }

    async fn documents(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError> {
        self.read_documents(wanted).await
    }

    async fn history(&self, key: InvoiceKey) -> Result<Vec<RecordedEvent>, LedgerError> {
        self.read_history(key).await
    }

    async fn attempts(&self, key: InvoiceKey) -> Result<Vec<AttemptRecord>, LedgerError> {
        self.read_attempts(key).await
    }

    async fn content(&self, key: InvoiceKey) -> Result<Option<Amendable>, LedgerError> {
        self.read_content(key).await
    }

    async fn find(&self, uuid_or_number: &str) -> Result<Vec<InvoiceKey>, LedgerError> {
        self.find_keys(uuid_or_number).await
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<(Timestamp, InvoiceKey)>,
        limit: u32,
    ) -> Result<Page, LedgerError> {
        self.list_page(filter, after, limit).await
    }

    async fn refuse_intake(&self, batch: Vec<RefusedIntake>) -> Result<(), LedgerError> {
        self.keep_refused(&batch).await
    }

    async fn refused_intake(&self, limit: u32) -> Result<Vec<RefusedIntake>, LedgerError> {
        self.read_refused(limit).await
    }

    async fn refused_ids(&self, limit: u32) -> Result<Vec<Uuid>, LedgerError> {
        self.read_refused_ids(limit).await
    }

    async fn resolve_intake(&self, id: Uuid, by: Actor) -> Result<bool, LedgerError> {
        self.resolve_refused(id, &by).await
    }

    async fn sweep(&self, wanted: Sweep, limit: u32) -> Result<Vec<Swept>, LedgerError> {
        self.sweep_due(&wanted, limit).await
    }

    async fn parked(&self, at_most: u32) -> Result<Parked, LedgerError> {
        self.count_parked(at_most).await
    }

    async fn park(&self, invoices: &[InvoiceKey], until: Timestamp) -> Result<(), LedgerError> {
        self.park_until(invoices, until).await
    }

    async fn standing(&self) -> Result<Standing, LedgerError> {
        self.count_standing().await
    }

    async fn checkpoint(&self, limit: u32) -> Result<Option<Checkpoint>, LedgerError> {
        self.seal_heads(limit).await
    }

    async fn verify(&self) -> Result<Verification, LedgerError> {
        self.prove().await
    }

    fn archive(&self) -> &dyn Archive {
        self
    }

    fn fleet(&self) -> &dyn crate::Fleet {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn taxpayers(&self) -> &dyn Taxpayers {
        self
    }

    fn recovery(&self) -> &dyn crate::Recovery {
        self
    }

    fn keys(&self) -> &dyn Keys {
        self
    }

    async fn maintain(&self) -> Result<(), LedgerError> {
        sqlx::query_scalar!("SELECT fawtara_ensure_partitions($1)", MONTHS_AHEAD)
            .fetch_one(&mut self.connection().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }
}
