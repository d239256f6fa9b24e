//! How the parts of a link tell its supervisor that it is broken, and one another that it is over. The first reason counts.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Rung once in the life of a link. Clones are the same alarm.
#[derive(Clone, Default)]
pub(super) struct Alarm {
    token: CancellationToken,
    why: Arc<OnceLock<String>>,
}

impl Alarm {
    /// The link is broken, or no longer wanted.
    pub(super) fn ring(&self, why: impl Into<String>) {
        // Only the first reason is of interest: the others follow from it.
        self.why.get_or_init(|| why.into());
        self.token.cancel();
    }

    /// Waits for the end of the link.
    pub(super) async fn rung(&self) {
        self.token.cancelled().await;
    }

    /// Why it ended.
    pub(super) fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_else(|| "the connection was lost".to_owned())
    }
}
