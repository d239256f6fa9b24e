//! The valid keys in memory, for whoever lets requests and messages in: found by prefix and compared in constant time, or found
//! by the user that the broker vouches for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use invoice::{Digest, Timestamp};

use super::token::prefix_of;
use super::{ApiKey, Permission, ValidKeys};

/// The keys that are valid now, and which of them were used.
#[derive(Debug, Default)]
pub struct KeyRing {
    revision: u64,
    names_amqp_users: bool,
    keys: BTreeMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    key: Arc<ApiKey>,
    used: AtomicBool,
}

impl Held {
    /// Who publishes by it over AMQP.
    fn amqp_user(&self) -> Option<&str> {
        self.key.amqp_user.as_deref().filter(|_| self.key.may.contains(&Permission::Publish))
    }
}

impl KeyRing {
    /// A ring of these.
    #[must_use]
    pub fn new(valid: ValidKeys) -> Self {
        let held =
            |key: ApiKey| (key.prefix.clone(), Held { key: Arc::new(key), used: AtomicBool::new(false) });
        let ValidKeys { revision, names_amqp_users, keys, now: _ } = valid;
        Self { revision, names_amqp_users, keys: keys.into_iter().map(held).collect() }
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

    /// Whether any key ever named an AMQP user. From then on a message must come from one, even after the last is revoked.
    #[must_use]
    pub fn guards_amqp(&self) -> bool {
        self.names_amqp_users
    }

    /// The AMQP users that may publish.
    #[must_use]
    pub fn amqp_users(&self) -> BTreeSet<&str> {
        self.keys.values().filter_map(Held::amqp_user).collect()
    }

    /// The keys by which this AMQP user publishes: several while one takes the place of another. Whoever asks must know the user
    /// from the broker.
    #[must_use]
    pub fn of_amqp_user(&self, user: &str) -> Vec<Arc<ApiKey>> {
        let theirs = self.keys.values().filter(|held| held.amqp_user() == Some(user));
        theirs
            .map(|held| {
                held.used.store(true, Ordering::Relaxed);
                Arc::clone(&held.key)
            })
            .collect()
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
    use secrecy::ExposeSecret as _;

    use super::super::{Minted, Scope, mint};
    use super::*;

    fn key(minted: &Minted) -> ApiKey {
        ApiKey {
            prefix: minted.prefix.clone(),
            hash: minted.hash,
            name: "صندوق عمّان".to_owned(),
            may: [Permission::Publish].into(),
            scope: Scope::default(),
            amqp_user: None,
            expires_at: Some(Timestamp::UNIX_EPOCH),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "هند".to_owned(),
            replaces: None,
            revoked: None,
            last_used_at: None,
        }
    }

    fn ring(keys: Vec<ApiKey>) -> KeyRing {
        let names_amqp_users = keys.iter().any(|key| key.amqp_user.is_some());
        KeyRing::new(ValidKeys { revision: 1, names_amqp_users, now: Timestamp::UNIX_EPOCH, keys })
    }

    #[test]
    fn only_the_whole_key_opens() {
        let (mine, other) = (mint().unwrap(), mint().unwrap());
        let ring = ring(vec![key(&mine)]);
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
    fn an_amqp_user_has_the_keys_that_name_them_and_may_publish() {
        let minted: Vec<_> = (0..4).map(|_| mint().unwrap()).collect();
        let of = |n: usize, user: &str| ApiKey { amqp_user: Some(user.to_owned()), ..key(&minted[n]) };
        let reader = ApiKey { may: [Permission::Read].into(), ..of(2, "till-2") };
        let ring = ring(vec![of(0, "till-1"), of(1, "till-1"), reader, key(&minted[3])]);
        let found = |user: &str| {
            ring.of_amqp_user(user).iter().map(|key| key.prefix.clone()).collect::<BTreeSet<_>>()
        };
        let both = BTreeSet::from([minted[0].prefix.clone(), minted[1].prefix.clone()]);
        assert_eq!(found("till-1"), both);
        assert_eq!(ring.take_used().into_iter().collect::<BTreeSet<_>>(), both);
        for stranger in ["till-2", "till", "TILL-1", ""] {
            assert_eq!(found(stranger), BTreeSet::new(), "{stranger}");
        }
        assert_eq!(ring.amqp_users(), BTreeSet::from(["till-1"]));
        assert!(ring.guards_amqp() && !super::tests::ring(vec![key(&minted[3])]).guards_amqp());
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
