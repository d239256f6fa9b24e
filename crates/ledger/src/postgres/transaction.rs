//! The one place where a transaction of several statements runs, out of reach of whoever drops the waiting future.
//!
//! What is dropped in the middle of a transaction leaves it open for as long as the server allows (pitfalls: cancelled
//! begin). A task of its own is never dropped half way.

use std::pin::Pin;

use super::connection::{Connection, Pool};
use crate::LedgerError;

/// What is done inside: it borrows the connection for as long as the transaction lasts.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'c>>;

/// Runs `work` in a transaction and commits; rolls back when it fails or panics.
/// When the caller is dropped, it goes on to its end by itself.
pub(super) async fn in_transaction<T, F>(pool: &Pool, work: F) -> Result<T, LedgerError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut Connection) -> Work<'c, T> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut connection = pool.connection().await?;
        connection.begin().await?;
        let result = work(&mut connection).await;
        match &result {
            Ok(_) => connection.commit().await?,
            Err(_) => connection.roll_back().await,
        }
        result
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
