//! Connections that cannot hang: every statement ends with the server's answer, or after a while without one. Knows no query.
//!
//! A host that vanishes, or a firewall that forgets a connection, tells nobody, and sqlx asks the kernel for no sign of life:
//! whoever waits for an answer then would wait for ever. The server's own limits are shorter, so they speak first.

use std::cell::Cell;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt, poll_fn};
use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection as _, Describe, Either, Execute, Executor, PgPool, Postgres, SqlStr};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::failure::{failed, no_connection};
use crate::LedgerError;

/// What reads a whole table may take so long.
const WHOLE_TABLE: Duration = Duration::from_secs(3_600);

/// A connection that has been idle for this long is asked for a sign of life before it is used.
const IDLE_SUSPECT: Duration = Duration::from_secs(2);
/// It has so long to give one: several may have to be asked while somebody waits for a connection.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// No connection grows older.
const AGE_MAX: Duration = Duration::from_secs(1_800);

tokio::task_local! {
    /// What the pool says of the connection that it is about to hand out.
    static HANDED_OUT: Cell<Option<PoolConnectionMetadata>>;
}

/// The pool, and how long its connections wait for an answer.
#[derive(Clone)]
pub(super) struct Pool {
    connections: PgPool,
    patience: Duration,
}

impl Pool {
    pub(super) fn new(pool: PgPoolOptions, options: PgConnectOptions, patience: Duration) -> Self {
        // The pool's own ways to test and to end connections wait for the other end: over TLS even the end of what fell silent
        // would be waited for in vain, and its place be lost.
        let connections = pool
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .before_acquire(|_, of| {
                let _ = HANDED_OUT.try_with(|handed_out| handed_out.set(Some(of)));
                Box::pin(async { Ok(true) })
            })
            .connect_lazy_with(options);
        Self { connections, patience }
    }

    pub(super) fn size(&self) -> u32 {
        self.connections.size()
    }

    pub(super) fn idle(&self) -> usize {
        self.connections.num_idle()
    }

    /// A connection that is alive, as far as can be known without a round trip each time.
    pub(super) async fn connection(&self) -> Result<Connection, LedgerError> {
        loop {
            let acquire = async {
                let inner = self.connections.acquire().await;
                (inner, HANDED_OUT.with(Cell::take))
            };
            let (inner, of) = HANDED_OUT.scope(Cell::new(None), acquire).await;
            let mut inner = inner.map_err(|error| no_connection(&self.connections, error))?;
            if of.as_ref().is_some_and(|of| of.age >= AGE_MAX) {
                inner.close_on_drop();
                continue;
            }
            if of.is_some_and(|of| of.idle_for >= IDLE_SUSPECT)
                && !matches!(timeout(SIGN_OF_LIFE, inner.ping()).await, Ok(Ok(())))
            {
                drop(inner.return_to_pool());
                continue;
            }
            return Ok(Connection { inner, patience: self.patience, silent: false, open: false });
        }
    }

    /// Waits for what is in flight and closes all connections; those that are silent are left.
    pub(super) async fn close(&self) {
        let _ = timeout(self.patience, self.connections.close()).await;
    }
}

/// A connection of the pool. It goes back there, unless it fell silent: then it is closed.
#[derive(Debug)]
pub(super) struct Connection {
    inner: PoolConnection<Postgres>,
    patience: Duration,
    /// An answer did not come.
    silent: bool,
    /// A transaction has begun and not ended.
    open: bool,
}

impl Connection {
    /// From now on, statements read whole tables.
    pub(super) fn be_patient(&mut self) {
        self.patience = self.patience.max(WHOLE_TABLE);
    }

    pub(super) async fn begin(&mut self) -> Result<(), LedgerError> {
        self.open = true;
        self.say("BEGIN").await
    }

    pub(super) async fn commit(&mut self) -> Result<(), LedgerError> {
        self.say("COMMIT").await?;
        self.open = false;
        Ok(())
    }

    /// What cannot be rolled back is closed.
    pub(super) async fn roll_back(&mut self) {
        if !self.silent && self.say("ROLLBACK").await.is_ok() {
            self.open = false;
        }
    }

    async fn say(&mut self, statement: &'static str) -> Result<(), LedgerError> {
        sqlx::raw_sql(statement).execute(self).await.map(drop).map_err(failed)
    }

    /// What is asked of the connection, or an error when it does not answer in time.
    async fn in_time<T>(
        patience: Duration,
        silent: &mut bool,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        timeout(patience, answer).await.unwrap_or_else(|_| {
            *silent = true;
            Err(silence(patience))
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Returning asks for a sign of life, after what a dropped call may have left on the way: that has to end as well. A return
        // that is dropped closes the connection.
        let returned = self.inner.return_to_pool();
        if !self.silent
            && !self.open
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(self.patience, returned));
        }
    }
}

fn silence(patience: Duration) -> sqlx::Error {
    let text = format!("no answer within {patience:?}: the connection is given up");
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Connection { inner, patience, silent, .. } = self;
        let patience = *patience;
        let mut answer = inner.fetch_many(query);
        let mut alarm: Pin<Box<_>> = Box::pin(sleep(patience));
        poll_fn(move |context| {
            let row = answer.poll_next_unpin(context);
            if row.is_pending() && alarm.as_mut().poll(context).is_ready() {
                *silent = true;
                return Some(Err(silence(patience))).into();
            }
            row
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Connection { inner, patience, silent, .. } = self;
        Box::pin(Connection::in_time(*patience, silent, inner.fetch_optional(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let Connection { inner, patience, silent, .. } = self;
        Box::pin(Connection::in_time(*patience, silent, inner.prepare_with(sql, parameters)))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        let Connection { inner, patience, silent, .. } = self;
        Box::pin(Connection::in_time(*patience, silent, inner.describe(sql)))
    }
}
