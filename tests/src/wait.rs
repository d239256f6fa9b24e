//! Waiting for a condition with a deadline; never for luck.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Polls `condition` until it gives a value, at most `deadline` long.
///
/// # Panics
/// When the deadline passes: with `what` and nothing else to say.
pub async fn until<T, F, Fut>(what: &str, deadline: Duration, mut condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < end, "still waiting for {what} after {deadline:?}");
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}
