//! How a batch is gathered, the same in both adapters. It knows no queue and no broker, only what there is to see.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What a subscription sees when it looks at its buffer.
pub(crate) struct Sight {
    /// How many deliveries wait to be handed out.
    pub(crate) buffered: usize,
    /// No more can come before something is settled.
    pub(crate) full: bool,
    /// When something may arrive by the clock alone.
    pub(crate) next_due: Option<Instant>,
}

/// Waits until there is a batch to be taken; false when the subscription has ended. It takes nothing itself: whoever
/// cancels it loses nothing. Every change of what can be seen must notify `wake`.
pub(crate) async fn gather(
    wake: &Notify,
    max: usize,
    linger: Duration,
    mut look: impl FnMut() -> Option<Sight> + Send,
) -> bool {
    let mut until = None;
    tokio::task::coop::consume_budget().await;
    loop {
        let now = Instant::now();
        let Some(sight) = look() else { return false };
        if sight.buffered == 0 {
            until = None;
        } else {
            let until = *until.get_or_insert_with(|| after(now, linger));
            if sight.buffered >= max || sight.full || now >= until {
                return true;
            }
        }
        match until.into_iter().chain(sight.next_due).min() {
            None => wake.notified().await,
            Some(alarm) => tokio::select! {
                biased;
                () = wake.notified() => {}
                () = sleep_until(alarm) => {}
            },
        }
    }
}

/// The time after a wait; a year stands for waits that no clock can hold.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now + wait.min(FAR)
}
