//! The ledger's API keys, kept up to date while a role works: a key that is made opens, and one that is revoked ends, within
//! [`REFRESH`] and the time that one question to the ledger takes. Knows no request.

use std::sync::Arc;
use std::time::Duration;

use ledger::{KeyRing, Keys, Ledger, LedgerError, Live};
use telemetry::OtherKeys;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

/// How often the ledger is asked whether keys have changed.
pub const REFRESH: Duration = Duration::from_secs(2);
/// How often it is told which of them were used.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Reads the keys, and follows them until nobody looks any more.
///
/// # Errors
/// The ledger's, at the first reading; later ones are waited out, with what was known last: without the ledger nothing is taken
/// and nothing is shown either way.
pub async fn follow(ledger: &Arc<dyn Ledger>, refresh: Duration) -> Result<Live<KeyRing>, LedgerError> {
    let first = KeyRing::new(ledger.keys().valid_keys().await?);
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(keep_up(Arc::clone(ledger), refresh, sender));
    Ok(receiver)
}

async fn keep_up(ledger: Arc<dyn Ledger>, refresh: Duration, sender: watch::Sender<Arc<KeyRing>>) {
    let (mut away, mut noted) = (false, Instant::now());
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(refresh) => {}
        }
        let ring = Arc::clone(&sender.borrow());
        let found = newer(ledger.keys(), &ring).await;
        if let Ok(Some(newer)) = &found {
            info!(from = ring.revision(), to = newer.revision(), "the API keys have changed");
        }
        let is_over = matches!(found, Ok(Some(_)));
        if is_over || noted.elapsed() >= NOTED_EVERY {
            noted = Instant::now();
            let used = ring.take_used();
            // Only a note: what cannot be written now is written at the next use.
            if !used.is_empty()
                && let Err(error) = ledger.keys().keys_used(&used).await
            {
                warn!(%error, "which keys were used could not be noted");
            }
        }
        match found {
            Ok(newer) => {
                away = false;
                if let Some(newer) = newer {
                    sender.send_replace(Arc::new(newer));
                }
            }
            Err(error) => {
                if !away {
                    warn!(%error, "the API keys cannot be asked for; those that were known last hold on");
                }
                away = true;
            }
        }
    }
}

async fn newer(keys: &dyn Keys, known: &KeyRing) -> Result<Option<KeyRing>, LedgerError> {
    let (revision, now) = keys.keys_revision().await?;
    if revision == known.revision() && !known.is_outlived(now) {
        return Ok(None);
    }
    keys.valid_keys().await.map(|valid| Some(KeyRing::new(valid)))
}

/// The admin port's question to these keys: none of them was ever made, or may this one read the metrics?
#[must_use]
pub fn for_metrics(keys: Option<Live<KeyRing>>) -> OtherKeys {
    Arc::new(move |presented| {
        let ring = keys.as_ref()?.borrow();
        let may = |key: Arc<ledger::keys::ApiKey>| key.may.contains(&ledger::keys::Permission::Metrics);
        ring.guards().then(|| ring.find(presented).is_some_and(may))
    })
}

#[cfg(test)]
mod tests {
    use invoice::life::Actor;
    use ledger::keys::{KeyChanged, NewKey, Permission, Scope, mint};
    use ledger::{MemoryLedger, Schedule};
    use secrecy::ExposeSecret as _;

    use super::*;

    fn by() -> Actor {
        Actor { name: "ليلى".to_owned(), reason: "اختبار".to_owned() }
    }

    async fn until(receiver: &mut Live<KeyRing>, wanted: impl FnMut(&Arc<KeyRing>) -> bool) {
        tokio::time::timeout(Duration::from_secs(20), receiver.wait_for(wanted)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn keys_open_and_end_without_a_restart() {
        let ledger: Arc<dyn Ledger> =
            Arc::new(MemoryLedger::new(crate::wiring::wall_clock(), Schedule::default()));
        let mut ring = follow(&ledger, Duration::from_millis(5)).await.unwrap();
        let asked = for_metrics(Some(ring.clone()));
        assert_eq!(asked(""), None, "no key was ever made");
        let minted = mint().unwrap();
        let key = minted.key.expose_secret();
        let end = ledger.now().await.unwrap() + chrono::TimeDelta::seconds(5);
        let new = |may| NewKey {
            prefix: minted.prefix.clone(),
            hash: minted.hash,
            name: "Prometheus".to_owned(),
            may: [may].into(),
            scope: Scope::default(),
            amqp_user: None,
            expires_at: Some(end),
        };
        let made = ledger.keys().create_key(new(Permission::Metrics), by()).await.unwrap();
        assert!(matches!(made, KeyChanged::Done(_)));
        until(&mut ring, |ring| ring.find(key).is_some()).await;
        assert_eq!((asked(key), asked("guess")), (Some(true), Some(false)));
        // Nobody changes anything, and yet it ends.
        until(&mut ring, |ring| ring.find(key).is_none()).await;
        assert!(ledger.now().await.unwrap() >= end);
        assert_eq!(asked(key), Some(false), "and the door does not open for everybody again");
        let used = ledger.keys().all_keys().await.unwrap();
        assert!(used.iter().all(|key| key.last_used_at.is_some()), "{used:?}");
        assert_eq!(for_metrics(None)(key), None);
    }
}
