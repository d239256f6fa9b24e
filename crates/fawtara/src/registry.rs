//! Which income sources there are, kept up to date while the roles work: those of the settings, and those of the ledger,
//! which may change at any moment. Knows no queue and no invoice.
//!
//! An income source that stands in the ledger is the ledger's alone: what the settings say of it no longer counts for new
//! events, so that nobody who deactivates it there is contradicted by a file somewhere.

mod endpoints;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use invoice::{Environment, IncomeSource};
use ledger::{Ledger, LedgerError, Live, Registrations, Registry};
use tokio::sync::watch;
use tracing::{error, info, warn};

pub(crate) use self::endpoints::gated;
pub use self::endpoints::{AddressBook, endpoint};
use crate::settings::Settings;

/// The most invoices woken in one round trip, and in so many of them: the sweeper finds the rest in its own time.
const WAKE_BATCH: u32 = 1_000;
const WAKE_ROUNDS: u32 = 200;

/// An income source in one environment.
pub type Name = (Environment, IncomeSource);

/// Reads the ledger's registry, and follows it until nobody looks any more.
///
/// # Errors
/// The ledger's, at the first reading; later ones are waited out, with what was known last.
pub async fn follow(ledger: &Arc<dyn Ledger>, refresh: Duration) -> Result<Live<Registry>, LedgerError> {
    let first = ledger.taxpayers().registry().await?;
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(keep_up(Arc::clone(ledger), refresh, sender));
    Ok(receiver)
}

async fn keep_up(ledger: Arc<dyn Ledger>, refresh: Duration, sender: watch::Sender<Arc<Registry>>) {
    let mut away = false;
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(refresh) => {}
        }
        let known = sender.borrow().revision;
        match newer(&*ledger, known).await {
            Ok(None) => {}
            Ok(Some(registry)) => {
                info!(from = known, to = registry.revision, "the registry of income sources has changed");
                sender.send_replace(Arc::new(registry));
            }
            Err(error) if !away => {
                warn!(%error, "the registry of income sources cannot be asked; what was known last holds on");
                away = true;
                continue;
            }
            Err(_) => continue,
        }
        away = false;
    }
}

async fn newer(ledger: &dyn Ledger, known: u64) -> Result<Option<Registry>, LedgerError> {
    if ledger.taxpayers().registry_revision().await? == known {
        return Ok(None);
    }
    ledger.taxpayers().registry().await.map(Some)
}

/// The income sources of settings and ledger, as intake and encoder need them.
#[must_use]
pub fn merged(settings: &Settings, registry: &Registry) -> Registrations {
    let own: BTreeSet<&IncomeSource> = registry.sources.iter().map(|source| &source.source).collect();
    let of_settings = settings.income_sources.iter().map(|source| {
        let (name, mut registration) = (source.source(), source.registration());
        registration.active = !own.contains(&name);
        (name, registration)
    });
    let of_ledger = registry.sources.iter().map(|source| (source.source.clone(), source.registration()));
    of_settings.chain(of_ledger).collect()
}

/// [`merged`], and again whenever the registry changes. With `wakes`, invoices that were left because of what has changed
/// are looked at again at once.
#[must_use]
pub fn registrations(
    settings: &Settings,
    registry: &Live<Registry>,
    wakes: Option<Arc<dyn Ledger>>,
) -> Live<Registrations> {
    let settings = settings.clone();
    let mut registry = registry.clone();
    let first = merged(&settings, &registry.borrow_and_update());
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(async move {
        while changed(&mut registry, &sender).await {
            let now = Arc::new(merged(&settings, &registry.borrow_and_update()));
            let before = sender.send_replace(Arc::clone(&now));
            if let Some(ledger) = &wakes {
                let names = now.iter().filter(|(source, registration)| {
                    before.of(registration.environment, source) != Some(*registration)
                });
                let names = names.map(|(source, registration)| (registration.environment, source.clone()));
                wake(&**ledger, names.collect()).await;
            }
        }
    });
    receiver
}

/// Waits for the next change; false when nobody looks any more, or there will be none.
async fn changed<T>(registry: &mut Live<Registry>, sender: &watch::Sender<Arc<T>>) -> bool {
    tokio::select! {
        () = sender.closed() => false,
        changed = registry.changed() => changed.is_ok(),
    }
}

/// Lets the sweeper look at once at what was parked for these income sources. Bounded; what is left comes by itself.
async fn wake(ledger: &dyn Ledger, names: Vec<Name>) {
    for (environment, source) in names {
        let mut woken = 0;
        for _ in 0..WAKE_ROUNDS {
            match ledger.taxpayers().wake(environment, &source, WAKE_BATCH).await {
                Ok(count) => {
                    woken += count;
                    if count < u64::from(WAKE_BATCH) {
                        break;
                    }
                }
                Err(error) => {
                    error!(%source, %environment, %error, "parked invoices could not be woken; they come by themselves");
                    break;
                }
            }
        }
        if woken > 0 {
            info!(%source, %environment, woken, "parked invoices are looked at again");
        }
    }
}
