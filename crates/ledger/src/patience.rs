//! Waiting out a ledger that is away: a restart or failover must cost time, never an invoice.

use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;

use crate::traits::LedgerError;

/// First pause; doubled each time up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(5);

/// Repeats `call` while the ledger is unavailable, until `give_up` resolves. Every ledger operation may be repeated safely.
///
/// # Errors
/// The last error, once it is none that waiting mends, or `give_up` has resolved.
pub async fn patiently<T, F, Fut>(give_up: impl Future<Output = ()>, mut call: F) -> Result<T, LedgerError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, LedgerError>>,
{
    let mut give_up = std::pin::pin!(give_up);
    let mut pause = SHORTEST;
    loop {
        match call().await {
            Err(LedgerError::Unavailable(reason)) => {
                tracing::warn!(%reason, pause_ms = pause.as_millis(), "the ledger is unavailable; trying again");
                let patient = tokio::select! {
                    biased;
                    () = &mut give_up => false,
                    () = sleep(pause) => true,
                };
                if !patient {
                    return Err(LedgerError::Unavailable(reason));
                }
                pause = (pause * 2).min(LONGEST);
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_out_an_absence_and_nothing_else() {
        let tries = Cell::new(0);
        let answer = patiently(std::future::pending(), || {
            tries.set(tries.get() + 1);
            let tries = tries.get();
            async move { if tries < 4 { Err(LedgerError::Unavailable("restart".into())) } else { Ok(tries) } }
        })
        .await;
        assert!(matches!(answer, Ok(4)));
        let refused: Result<(), _> =
            patiently(std::future::pending(), || async { Err(LedgerError::Refused("no".into())) }).await;
        assert!(matches!(refused, Err(LedgerError::Refused(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_when_told() {
        let gone: Result<(), _> = patiently(sleep(Duration::from_secs(60)), || async {
            Err(LedgerError::Unavailable("gone for good".into()))
        })
        .await;
        assert!(matches!(gone, Err(LedgerError::Unavailable(_))));
    }
}
