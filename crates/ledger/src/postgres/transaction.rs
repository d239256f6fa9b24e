//! The one place where a transaction of several statements runs, out of reach of whoever drops the waiting future.
//!
//! sqlx 0.9 leaves a transaction open when the future of `begin` is dropped at the wrong moment (pitfalls: cancelled
//! begin). A task of its own is never dropped half way.

use std::pin::Pin;

use sqlx::{Connection, PgConnection, PgPool};

use super::failure::{failed, no_connection};
use crate::LedgerError;

/// What is done inside: it borrows the connection for as long as the transaction lasts.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'c>>;

/// Runs `work` in a transaction and commits; rolls back when it fails or panics.
/// When the caller is dropped, it goes on to its end by itself.
pub(super) async fn in_transaction<T, F>(pool: &PgPool, work: F) -> Result<T, LedgerError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut connection = pool.acquire().await.map_err(|error| no_connection(&pool, error))?;
        let mut transaction = connection.begin().await.map_err(failed)?;
        let result = work(&mut transaction).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(result)
    });
    match task.await {
        Ok(result) => result,
        // The batch made our own code panic: split down, the culprit shows (promise 14).
        Err(error) if error.is_panic() => {
            Err(LedgerError::Refused("a panic inside the transaction".to_owned()))
        }
        Err(_) => Err(LedgerError::Unavailable("the runtime is shutting down".to_owned())),
    }
}
