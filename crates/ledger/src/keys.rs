//! API keys as the ledger keeps them: who may do what over HTTP and AMQP, for whom, and who gave and took that. A key itself is
//! kept nowhere, only its hash; must not know what a request is.

mod ring;
mod token;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{Digest, Environment, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::ring::KeyRing;
pub use self::token::{MintFailed, Minted, mint};
use crate::LedgerError;

/// The most keys that may be valid at once: every producer holds all of them in memory.
pub const KEYS_MAX: usize = 10_000;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Publish events, in every format; amend what was refused among them.
    Publish,
    /// See invoices.
    Read,
    /// Take cleared invoices back and issue them anew, in one request.
    Correct,
    /// Read the metrics at the admin port.
    Metrics,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Publish, Self::Read, Self::Correct, Self::Metrics];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Read => "read",
            Self::Correct => "correct",
            Self::Metrics => "metrics",
        }
    }
}

/// For whom a key may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Scope {
    /// Tax numbers; none: every taxpayer.
    pub taxpayers: BTreeSet<String>,
    /// Environments; none: each of them.
    pub environments: BTreeSet<Environment>,
}

impl Scope {
    /// Whether it covers documents of this taxpayer in this environment.
    #[must_use]
    pub fn covers(&self, environment: Environment, tax_number: &str) -> bool {
        self.covers_taxpayer(tax_number)
            && (self.environments.is_empty() || self.environments.contains(&environment))
    }

    /// Whether it covers this taxpayer in any environment.
    #[must_use]
    pub fn covers_taxpayer(&self, tax_number: &str) -> bool {
        self.taxpayers.is_empty() || self.taxpayers.contains(tax_number)
    }
}

/// A key that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its public part: eight digits and lower-case letters.
    pub prefix: String,
    /// SHA-256 of the whole key.
    pub hash: Digest,
    /// Whose it is, in the house's own words.
    pub name: String,
    /// What it may be used for; at least one.
    pub may: BTreeSet<Permission>,
    /// For whom.
    pub scope: Scope,
    /// Who publishes over AMQP by this key; none: nobody, it is for HTTP alone.
    pub amqp_user: Option<String>,
    /// Until when; none: until it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// A key as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// Its public part.
    pub prefix: String,
    /// SHA-256 of the whole key; never shown.
    #[serde(skip)]
    pub hash: Digest,
    /// Whose it is.
    pub name: String,
    /// What it may be used for.
    pub may: BTreeSet<Permission>,
    /// For whom.
    #[serde(flatten)]
    pub scope: Scope,
    /// The broker's user whose messages are published by this key.
    pub amqp_user: Option<String>,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// Since when.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The key whose place it takes.
    pub replaces: Option<String>,
    /// When it was revoked, by whom and why.
    pub revoked: Option<Revocation>,
    /// About when it was last used, to ten minutes.
    pub last_used_at: Option<Timestamp>,
}

/// The end of a key by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom, and why.
    pub by: Actor,
}

/// What became of a change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChanged {
    /// Written; the key as it stands now.
    Done(Box<ApiKey>),
    /// No key has this prefix: nothing was written.
    Unknown,
    /// It was revoked before: nothing was written.
    RevokedBefore(Revocation),
    /// Another key has this prefix or hash: mint again.
    PrefixTaken,
    /// [`KEYS_MAX`] keys are valid already: nothing was written.
    TooMany,
    /// Name or reason is missing: nothing was written.
    Unsigned,
}

/// What a person did to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAction {
    /// Made it.
    Create,
    /// Put another in its place, and set its end.
    Rotate,
    /// Ended it.
    Revoke,
}

impl KeyAction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Create, Self::Rotate, Self::Revoke];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::Revoke => "revoke",
        }
    }
}

/// A change by a person as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Its number.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
    /// Who, and why.
    pub by: Actor,
    /// Which key.
    pub prefix: String,
    /// What was done.
    pub action: KeyAction,
    /// What it was like, or what became of it.
    pub what: Value,
}

/// The keys that are valid at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidKeys {
    /// The number of the last change by a person; 0 when no key was ever made.
    pub revision: u64,
    /// Whether any key ever named an AMQP user.
    pub names_amqp_users: bool,
    /// The ledger's time.
    pub now: Timestamp,
    /// Neither revoked nor expired, by prefix.
    pub keys: Vec<ApiKey>,
}

/// The keys. Each method is one unit: it happened wholly or not at all.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The number of the last change, and the ledger's time; cheap, for whoever follows the keys.
    async fn keys_revision(&self) -> Result<(u64, Timestamp), LedgerError>;

    /// The keys that are valid now.
    async fn valid_keys(&self) -> Result<ValidKeys, LedgerError>;

    /// All keys that there ever were, the latest first.
    async fn all_keys(&self) -> Result<Vec<ApiKey>, LedgerError>;

    /// Makes a key.
    async fn create_key(&self, key: NewKey, by: Actor) -> Result<KeyChanged, LedgerError>;

    /// Puts another key in the place of `old`, with the same name, permissions, scope and AMQP user. The old one ends after
    /// `overlap`, unless it ends before. Answers with the new one.
    async fn rotate_key(
        &self,
        old: &str,
        minted: &Minted,
        expires_at: Option<Timestamp>,
        overlap: Duration,
        by: Actor,
    ) -> Result<KeyChanged, LedgerError>;

    /// Ends a key.
    async fn revoke_key(&self, prefix: &str, by: Actor) -> Result<KeyChanged, LedgerError>;

    /// Notes that these keys were used just now, to ten minutes.
    async fn keys_used(&self, prefixes: &[String]) -> Result<(), LedgerError>;

    /// At most `limit` changes, the latest first; of one key, or of all; only those before revision `before`.
    async fn key_history(
        &self,
        prefix: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<KeyRecord>, LedgerError>;
}

/// What a record of a new key holds: all but its hash.
pub(crate) fn told_of(key: &NewKey, replaces: Option<&str>) -> Value {
    json!({
        "name": key.name,
        "may": key.may,
        "taxpayers": key.scope.taxpayers,
        "environments": key.scope.environments,
        "amqp_user": key.amqp_user,
        "expires_at": key.expires_at,
        "replaces": replaces,
    })
}

/// When a key that is replaced ends.
pub(crate) fn end_of_replaced(now: Timestamp, overlap: Duration, expires_at: Option<Timestamp>) -> Timestamp {
    let end = chrono::TimeDelta::from_std(overlap).ok().and_then(|overlap| now.checked_add_signed(overlap));
    let end = end.unwrap_or(now);
    expires_at.map_or(end, |expires_at| expires_at.min(end))
}

/// How old the note of a key's last use must be before it is written anew.
pub(crate) const USE_NOTED_EVERY: Duration = Duration::from_secs(600);
