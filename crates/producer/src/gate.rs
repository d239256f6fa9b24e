//! Whether events are taken at all: the switch that a person turns in the ledger, followed by every way in.

use std::sync::Arc;
use std::time::Duration;

use ledger::{IntakeSwitch, Ledger, LedgerError};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::intake::Refused;

/// Follows the intake's switch. Clones follow the same one.
#[derive(Debug, Clone)]
pub struct Gate(watch::Receiver<Option<IntakeSwitch>>);

impl Gate {
    /// One that nobody closes, for what has a ledger of its own.
    #[must_use]
    pub fn open() -> Self {
        Self(watch::channel(None).1)
    }

    /// Reads the switch, and follows it until nobody looks any more: it is obeyed within `every`.
    ///
    /// # Errors
    /// The ledger's, at the first reading; later ones are waited out, with what was known last.
    pub async fn follow(ledger: &Arc<dyn Ledger>, every: Duration) -> Result<Self, LedgerError> {
        let first = ledger.recovery().intake_switch().await?;
        tell(first.as_ref());
        let (sender, receiver) = watch::channel(first);
        tokio::spawn(keep_up(Arc::clone(ledger), every, sender));
        Ok(Self(receiver))
    }

    /// Why nothing is taken now; none while it is open.
    pub(crate) fn refusal(&self) -> Option<Refused> {
        let switch = self.0.borrow();
        let closed = switch.as_ref().filter(|switch| switch.closed)?;
        Some(Refused::Closed { since: closed.at, reason: closed.by.reason.clone() })
    }

    fn is_closed(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|switch| switch.closed)
    }

    /// Waits until it is open; at once when it is.
    pub(crate) async fn opened(&mut self) {
        self.stands(false).await;
    }

    /// Waits until it is closed.
    pub(crate) async fn closed(&mut self) {
        self.stands(true).await;
    }

    async fn stands(&mut self, closed: bool) {
        while self.is_closed() != closed {
            if self.0.changed().await.is_err() {
                // Nobody turns it any more: it stays as it is for ever.
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn keep_up(ledger: Arc<dyn Ledger>, every: Duration, sender: watch::Sender<Option<IntakeSwitch>>) {
    let mut away = false;
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(every) => {}
        }
        match ledger.recovery().intake_switch().await {
            Ok(switch) => {
                away = false;
                let turned = sender.send_if_modified(|known| {
                    let turned = *known != switch;
                    known.clone_from(&switch);
                    turned
                });
                if turned {
                    tell(switch.as_ref());
                }
            }
            // What was known last holds on: with the ledger away nothing is taken anyway.
            Err(error) if !away => {
                warn!(%error, "the intake's switch cannot be read");
                away = true;
            }
            Err(_) => {}
        }
    }
}

fn tell(switch: Option<&IntakeSwitch>) {
    match switch {
        Some(IntakeSwitch { closed: true, by, .. }) => {
            warn!(
                by = by.name,
                reason = by.reason,
                "intake is closed: nothing is taken until it is opened again"
            );
        }
        Some(IntakeSwitch { by, .. }) => info!(by = by.name, "intake is open"),
        None => {}
    }
}

#[cfg(test)]
mod tests;
