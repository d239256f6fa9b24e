//! How the memory adapter keeps API keys.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use invoice::Timestamp;
use invoice::life::Actor;
use serde_json::{Value, json};

use super::MemoryLedger;
use crate::LedgerError;
use crate::keys::{
    ApiKey, KEYS_MAX, KeyAction, KeyChanged, KeyRecord, Keys, Minted, NewKey, Revocation, USE_NOTED_EVERY,
    ValidKeys, end_of_replaced, told_of,
};
use crate::taxpayers::is_signed;

/// Keys, and who changed them.
#[derive(Default)]
pub(super) struct Cabinet {
    revision: u64,
    /// The latest last.
    keys: Vec<ApiKey>,
    history: Vec<KeyRecord>,
}

fn is_valid(key: &ApiKey, now: Timestamp) -> bool {
    key.revoked.is_none() && key.expires_at.is_none_or(|end| end > now)
}

impl Cabinet {
    fn record(&mut self, now: Timestamp, by: &Actor, prefix: &str, action: KeyAction, what: Value) {
        self.revision += 1;
        let (prefix, by) = (prefix.to_owned(), by.clone());
        self.history.push(KeyRecord { revision: self.revision, at: now, by, prefix, action, what });
    }

    /// A key that can still be changed, or why it cannot.
    fn standing(&mut self, prefix: &str) -> Result<&mut ApiKey, KeyChanged> {
        let Some(key) = self.keys.iter_mut().find(|key| key.prefix == prefix) else {
            return Err(KeyChanged::Unknown);
        };
        match &key.revoked {
            Some(revocation) => Err(KeyChanged::RevokedBefore(revocation.clone())),
            None => Ok(key),
        }
    }

    fn create(&mut self, key: NewKey, replaces: Option<String>, now: Timestamp, by: &Actor) -> KeyChanged {
        if self.keys.iter().filter(|key| is_valid(key, now)).count() >= KEYS_MAX {
            return KeyChanged::TooMany;
        }
        if self.keys.iter().any(|known| known.prefix == key.prefix || known.hash == key.hash) {
            return KeyChanged::PrefixTaken;
        }
        let what = told_of(&key, replaces.as_deref());
        self.record(now, by, &key.prefix, KeyAction::Create, what);
        let NewKey { prefix, hash, name, may, scope, amqp_user, expires_at } = key;
        let key = ApiKey {
            prefix,
            hash,
            name,
            may,
            scope,
            amqp_user,
            expires_at,
            created_at: now,
            created_by: by.name.clone(),
            replaces,
            revoked: None,
            last_used_at: None,
        };
        self.keys.push(key.clone());
        KeyChanged::Done(Box::new(key))
    }
}

#[async_trait]
impl Keys for MemoryLedger {
    async fn keys_revision(&self) -> Result<(u64, Timestamp), LedgerError> {
        Ok((self.store().cabinet.revision, self.time()))
    }

    async fn valid_keys(&self) -> Result<ValidKeys, LedgerError> {
        let now = self.time();
        let store = self.store();
        let keys = store.cabinet.keys.iter().rev().filter(|key| is_valid(key, now)).cloned().collect();
        let names_amqp_users = store.cabinet.keys.iter().any(|key| key.amqp_user.is_some());
        Ok(ValidKeys { revision: store.cabinet.revision, names_amqp_users, now, keys })
    }

    async fn all_keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        Ok(self.store().cabinet.keys.iter().rev().cloned().collect())
    }

    async fn create_key(&self, key: NewKey, by: Actor) -> Result<KeyChanged, LedgerError> {
        if !is_signed(&by) {
            return Ok(KeyChanged::Unsigned);
        }
        let now = self.time();
        Ok(self.store().cabinet.create(key, None, now, &by))
    }

    async fn rotate_key(
        &self,
        old: &str,
        minted: &Minted,
        expires_at: Option<Timestamp>,
        overlap: Duration,
        by: Actor,
    ) -> Result<KeyChanged, LedgerError> {
        if !is_signed(&by) {
            return Ok(KeyChanged::Unsigned);
        }
        let now = self.time();
        let mut store = self.store();
        let cabinet = &mut store.cabinet;
        let (key, end) = match cabinet.standing(old) {
            Ok(old) => {
                let key = NewKey {
                    prefix: minted.prefix.clone(),
                    hash: minted.hash,
                    name: old.name.clone(),
                    may: old.may.clone(),
                    scope: old.scope.clone(),
                    amqp_user: old.amqp_user.clone(),
                    expires_at,
                };
                (key, end_of_replaced(now, overlap, old.expires_at))
            }
            Err(refused) => return Ok(refused),
        };
        let created = cabinet.create(key, Some(old.to_owned()), now, &by);
        if let (KeyChanged::Done(_), Ok(replaced)) = (&created, cabinet.standing(old)) {
            replaced.expires_at = Some(end);
            let what = json!({ "replaced_by": minted.prefix, "expires_at": end });
            cabinet.record(now, &by, old, KeyAction::Rotate, what);
        }
        Ok(created)
    }

    async fn revoke_key(&self, prefix: &str, by: Actor) -> Result<KeyChanged, LedgerError> {
        if !is_signed(&by) {
            return Ok(KeyChanged::Unsigned);
        }
        let now = self.time();
        let mut store = self.store();
        let key = match store.cabinet.standing(prefix) {
            Ok(key) => {
                key.revoked = Some(Revocation { at: now, by: by.clone() });
                key.clone()
            }
            Err(refused) => return Ok(refused),
        };
        store.cabinet.record(now, &by, prefix, KeyAction::Revoke, json!({}));
        Ok(KeyChanged::Done(Box::new(key)))
    }

    async fn keys_used(&self, prefixes: &[String]) -> Result<(), LedgerError> {
        let now = self.time();
        let stale = TimeDelta::from_std(USE_NOTED_EVERY).ok().and_then(|age| now.checked_sub_signed(age));
        let mut store = self.store();
        for key in store.cabinet.keys.iter_mut().filter(|key| prefixes.contains(&key.prefix)) {
            if key.last_used_at.is_none_or(|at| Some(at) < stale) {
                key.last_used_at = Some(now);
            }
        }
        Ok(())
    }

    async fn key_history(
        &self,
        prefix: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<KeyRecord>, LedgerError> {
        let wanted = |record: &&KeyRecord| {
            prefix.is_none_or(|wanted| record.prefix == wanted)
                && before.is_none_or(|before| record.revision < before)
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.store().cabinet.history.iter().rev().filter(wanted).take(limit).cloned().collect())
    }
}
