//! The valid keys in memory, for whoever lets requests in: found by prefix, compared in constant time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use invoice::{Digest, Timestamp};

use super::token::prefix_of;
use super::{ApiKey, ValidKeys};

/// The keys that are valid now, and which of them were used.
#[derive(Debug, Default)]
pub struct KeyRing {
    revision: u64,
    keys: BTreeMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    key: Arc<ApiKey>,
    used: AtomicBool,
}

impl KeyRing {
    /// A ring of these.
    #[must_use]
    pub fn new(valid: ValidKeys) -> Self {
        let held =
            |key: ApiKey| (key.prefix.clone(), Held { key: Arc::new(key), used: AtomicBool::new(false) });
        Self { revision: valid.revision, keys: valid.keys.into_iter().map(held).collect() }
    }

    /// The number of the last change; 0 when no key was ever made.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether any key was ever made here. From then on nobody comes in without one, even after the last is revoked.
    #[must_use]
    pub fn guards(&self) -> bool {
        self.revision > 0
    }

    /// The key that was presented, if it is one of these. How long the comparison takes tells nothing of the secret part;
    /// the prefix is no secret.
    #[must_use]
    pub fn find(&self, presented: &str) -> Option<Arc<ApiKey>> {
        let held = self.keys.get(prefix_of(presented)?)?;
        let hash = Digest::of(presented.as_bytes());
        verify_slices_are_equal(hash.as_bytes(), held.key.hash.as_bytes()).ok()?;
        held.used.store(true, Ordering::Relaxed);
        Some(Arc::clone(&held.key))
    }

    /// Whether one of these has expired by `now`.
    #[must_use]
    pub fn is_outlived(&self, now: Timestamp) -> bool {
        self.keys.values().any(|held| held.key.expires_at.is_some_and(|end| end <= now))
    }

    /// The keys that were used since this was last asked.
    #[must_use]
    pub fn take_used(&self) -> Vec<String> {
        let used = self.keys.values().filter(|held| held.used.swap(false, Ordering::Relaxed));
        used.map(|held| held.key.prefix.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::ExposeSecret as _;

    use super::super::{Minted, Permission, Scope, mint};
    use super::*;

    fn key(minted: &Minted) -> ApiKey {
        ApiKey {
            prefix: minted.prefix.clone(),
            hash: minted.hash,
            name: "صندوق عمّان".to_owned(),
            may: [Permission::Publish].into(),
            scope: Scope::default(),
            expires_at: Some(Timestamp::UNIX_EPOCH),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "هند".to_owned(),
            replaces: None,
            revoked: None,
            last_used_at: None,
        }
    }

    #[test]
    fn only_the_whole_key_opens() {
        let (mine, other) = (mint().unwrap(), mint().unwrap());
        let ring =
            KeyRing::new(ValidKeys { revision: 1, now: Timestamp::UNIX_EPOCH, keys: vec![key(&mine)] });
        let text = mine.key.expose_secret();
        assert!(ring.find(text).is_some());
        assert_eq!(ring.take_used(), std::slice::from_ref(&mine.prefix));
        assert_eq!(ring.take_used(), [""; 0]);
        // The right prefix with another secret, and the other way round.
        let (_, secret) = other.key.expose_secret().rsplit_once('_').unwrap();
        assert!(ring.find(&format!("fwt_{}_{secret}", mine.prefix)).is_none());
        let (_, secret) = text.rsplit_once('_').unwrap();
        assert!(ring.find(&format!("fwt_{}_{secret}", other.prefix)).is_none());
        assert!(ring.find(&text[..text.len() - 1]).is_none());
        assert_eq!(ring.take_used(), [""; 0], "who did not come in did not use it");
        assert!(ring.guards() && !KeyRing::default().guards());
        assert!(ring.is_outlived(Timestamp::UNIX_EPOCH));
        assert!(!ring.is_outlived(Timestamp::UNIX_EPOCH - chrono::TimeDelta::seconds(1)));
    }

    #[test]
    fn a_scope_without_names_covers_everybody() {
        use invoice::Environment::{Production, Simulation};
        assert!(Scope::default().covers(Production, "12345678"));
        let scope = Scope { taxpayers: ["12345678".to_owned()].into(), environments: BTreeSet::new() };
        assert!(scope.covers(Production, "12345678") && !scope.covers(Production, "1234567"));
        let scope = Scope { environments: [Simulation].into(), ..scope };
        assert!(scope.covers(Simulation, "12345678") && !scope.covers(Production, "12345678"));
        assert!(scope.covers_taxpayer("12345678") && !scope.covers_taxpayer("87654321"));
    }
}
