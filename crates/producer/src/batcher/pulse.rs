//! Whether the commits of a producer come to an end. Knows nothing of what is committed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The ledger's own limits are shorter while it answers at all.
const OVERDUE: Duration = Duration::from_secs(15);

/// Feels whether the batch at hand is made durable. Clones feel the same one.
#[derive(Debug, Clone)]
pub struct Pulse(watch::Sender<Option<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Pulse {
    /// For readiness: whoever publishes now would wait in vain.
    ///
    /// # Errors
    /// For how long the batch at hand has waited for the ledger, when that is too long.
    pub fn check(&self) -> Result<(), String> {
        match self.0.borrow().map(|since| since.elapsed()) {
            Some(long) if long > OVERDUE => {
                Err(format!("the ledger has not answered the batch at hand for {} s", long.as_secs()))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn begun(&self) {
        self.0.send_replace(Some(Instant::now()));
    }

    pub(crate) fn ended(&self) {
        self.0.send_replace(None);
    }
}
