//! Taxpayers and their income sources as the ledger keeps them: whose documents are taken, as whom they are sent, and who
//! changed that. Must not know what a secret says, nor how the authority is reached.

use async_trait::async_trait;
use invoice::event::Family;
use invoice::life::Actor;
use invoice::{Environment, IncomeSource, Profile, Registration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::LedgerError;
use crate::vault::Sealed;

/// A seller in law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taxpayer {
    /// The tax number.
    pub tax_number: String,
    /// For people.
    pub name: String,
    /// The house's own notes, a JSON object; nothing here reads them.
    pub settings: Value,
    /// The revision that last changed it; set by the ledger.
    pub revision: u64,
    /// Set by the ledger.
    pub created_at: Timestamp,
    /// Set by the ledger.
    pub updated_at: Timestamp,
}

impl Taxpayer {
    /// One that is to be registered.
    #[must_use]
    pub fn new(tax_number: &str, name: &str) -> Self {
        Self {
            tax_number: tax_number.to_owned(),
            name: name.to_owned(),
            settings: Value::Object(Map::new()),
            revision: 0,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }
}

/// One income source (activity) of a taxpayer in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisteredSource {
    /// Where its documents go.
    pub environment: Environment,
    /// Tax number and sequence.
    pub source: IncomeSource,
    /// What the seller is registered for; none: every family is taken.
    pub family: Option<Family>,
    /// The user number from the portal.
    pub client_id: String,
    /// The secret key, encrypted; none until there is one. Never shown.
    #[serde(skip)]
    pub secret: Option<Sealed>,
    /// The address of the call; none: the authority's own, or the simulator's.
    pub url: Option<String>,
    /// The way there, as the authority's room reads it.
    pub route: Value,
    /// The readings of the specification.
    pub profile: Profile,
    /// Where its counter starts.
    pub icv_start: u64,
    /// Whether documents are taken and sent.
    pub active: bool,
    /// The next counter, once there is one; read from the ledger, never written by a registration.
    pub next_icv: Option<u64>,
    /// The revision that last changed it; set by the ledger.
    pub revision: u64,
    /// Set by the ledger.
    pub created_at: Timestamp,
    /// Set by the ledger.
    pub updated_at: Timestamp,
}

impl RegisteredSource {
    /// One that is to be registered: the direct way, guide v1.5's readings, counters from 1, active, without credentials.
    #[must_use]
    pub fn new(environment: Environment, source: IncomeSource) -> Self {
        Self {
            environment,
            source,
            family: None,
            client_id: String::new(),
            secret: None,
            url: None,
            route: json!({ "kind": "direct" }),
            profile: Profile::default(),
            icv_start: 1,
            active: true,
            next_icv: None,
            revision: 0,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// What the roles must know of it.
    #[must_use]
    pub fn registration(&self) -> Registration {
        Registration {
            environment: self.environment,
            family: self.family,
            icv_start: self.icv_start,
            profile: self.profile.clone(),
            active: self.active,
        }
    }
}

/// All taxpayers at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Registry {
    /// The number of the last change.
    pub revision: u64,
    /// By tax number.
    pub taxpayers: Vec<Taxpayer>,
    /// By tax number, sequence and environment.
    pub sources: Vec<RegisteredSource>,
}

impl Registry {
    /// One taxpayer.
    #[must_use]
    pub fn taxpayer(&self, tax_number: &str) -> Option<&Taxpayer> {
        self.taxpayers.iter().find(|taxpayer| taxpayer.tax_number == tax_number)
    }

    /// One income source in one environment.
    #[must_use]
    pub fn source(&self, environment: Environment, source: &IncomeSource) -> Option<&RegisteredSource> {
        self.sources.iter().find(|found| found.environment == environment && found.source == *source)
    }
}

/// What a person does to the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryAction {
    /// Registers.
    Add,
    /// Changes settings.
    Set,
    /// Replaces the credentials.
    RotateSecret,
    /// Encrypts the same secret under another master key.
    Reseal,
    /// Takes and sends documents again.
    Activate,
    /// Takes and sends no more documents.
    Deactivate,
}

impl RegistryAction {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Add, Self::Set, Self::RotateSecret, Self::Reseal, Self::Activate, Self::Deactivate];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Set => "set",
            Self::RotateSecret => "rotate_secret",
            Self::Reseal => "reseal",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
        }
    }
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, by a person")]
pub enum Entry {
    /// A taxpayer.
    Taxpayer(Taxpayer),
    /// An income source.
    Source(RegisteredSource),
}

/// One change by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChange {
    /// As it is to be. Its revision is the one that it was based on; 0 for what is new.
    pub entry: Entry,
    /// What is done.
    pub action: RegistryAction,
    /// Who does it, and why.
    pub by: Actor,
}

/// What became of a [`RegistryChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// Written, as this revision.
    Done(u64),
    /// Somebody else has changed (or registered) it meanwhile: nothing was written. Look at it again.
    Outdated,
    /// The same income source is active in another environment already: nothing was written.
    ActiveElsewhere(Environment),
    /// The taxpayer is not registered: nothing was written.
    NoTaxpayer,
    /// Name or reason is missing: nothing was written.
    Unsigned,
}

/// A change by a person as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistryRecord {
    /// Its number.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
    /// Who, and why.
    pub by: Actor,
    /// Whose.
    pub tax_number: String,
    /// Which income source, when it does not concern the taxpayer as such.
    pub environment: Option<Environment>,
    /// Its sequence.
    pub sequence: Option<String>,
    /// What was done.
    pub action: RegistryAction,
    /// What became of each member that changed; of a secret only that it did.
    pub what: Value,
}

/// The registry of taxpayers. Each method is one unit: it happened wholly or not at all.
#[async_trait]
pub trait Taxpayers: Send + Sync {
    /// The number of the last change; cheap, for whoever follows the registry.
    async fn registry_revision(&self) -> Result<u64, LedgerError>;

    /// Everything, as of one moment.
    async fn registry(&self) -> Result<Registry, LedgerError>;

    /// Writes one change and its record, by compare-and-set on the entry's revision.
    async fn register(&self, change: RegistryChange) -> Result<Registered, LedgerError>;

    /// At most `limit` changes, the latest first; of one taxpayer, or of all; only those before revision `before`.
    async fn registry_history(
        &self,
        tax_number: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RegistryRecord>, LedgerError>;

    /// Lets the sweeper look at once at open invoices of this income source that were parked, those whose own time has not
    /// come left out; at most `limit`, and how many it were.
    async fn wake(
        &self,
        environment: Environment,
        source: &IncomeSource,
        limit: u32,
    ) -> Result<u64, LedgerError>;
}

/// A name and a reason, as every change by a person needs them.
pub(crate) fn is_signed(by: &Actor) -> bool {
    !by.name.trim().is_empty() && !by.reason.trim().is_empty()
}

/// What differs between two entries, member by member, those of objects each by itself. A secret is named, never told; of
/// something new the readings are told that differ from guide v1.5.
pub(crate) fn differences(before: Option<&Entry>, after: &Entry) -> Value {
    let known = match (before, after) {
        (Some(before), _) => members(before),
        (None, Entry::Source(_)) => {
            let usual = json!({ "profile": Profile::default() });
            flattened(usual.as_object().cloned().unwrap_or_default())
        }
        // A taxpayer has no readings.
        (None, Entry::Taxpayer(_)) => Map::new(),
    };
    let new = members(after);
    let mut what = Map::new();
    for name in known.keys().chain(new.keys()) {
        let of = |members: &Map<String, Value>| members.get(name).cloned().unwrap_or(Value::Null);
        let (from, to) = (of(&known), of(&new));
        if from == to {
            continue;
        }
        let told = match (name.as_str(), from.is_null()) {
            ("secret", true) => json!("entered"),
            ("secret", false) => json!("replaced"),
            _ => json!({ "from": from, "to": to }),
        };
        what.insert(name.clone(), told);
    }
    Value::Object(what)
}

fn members(entry: &Entry) -> Map<String, Value> {
    let value = match entry {
        Entry::Taxpayer(taxpayer) => json!({ "name": taxpayer.name, "settings": taxpayer.settings }),
        Entry::Source(source) => json!({
            "family": source.family,
            "client_id": source.client_id,
            "secret": source.secret.as_ref().map(Sealed::fingerprint),
            "url": source.url,
            "route": source.route,
            "profile": source.profile,
            "icv_start": source.icv_start,
            "active": source.active,
        }),
    };
    match value {
        Value::Object(members) => flattened(members),
        _ => Map::new(),
    }
}

/// `{"route": {"kind": …}}` as `{"route.kind": …}`.
fn flattened(members: Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in members {
        match value {
            Value::Object(inner) => {
                flat.extend(inner.into_iter().map(|(member, value)| (format!("{name}.{member}"), value)));
            }
            value => {
                flat.insert(name, value);
            }
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_what_changed_and_never_tell_a_secret() {
        let source = IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() };
        let before = RegisteredSource::new(Environment::Production, source);
        let sealed = Sealed::from_bytes(b"ciphertext-of-it".to_vec());
        let after = RegisteredSource { secret: Some(sealed), client_id: "u-1".to_owned(), ..before.clone() };
        let (before, after) = (Entry::Source(before), Entry::Source(after));
        let what = differences(Some(&before), &after);
        assert_eq!(what, json!({ "client_id": { "from": "", "to": "u-1" }, "secret": "entered" }));
        assert_eq!(differences(Some(&after), &after), json!({}));
        let Entry::Source(mut routed) = after.clone() else { unreachable!() };
        routed.route = json!({ "kind": "token", "token_url": "https://x.example/" });
        routed.profile.taxable_amount = true;
        let what = differences(Some(&after), &Entry::Source(routed));
        let expected = json!({
            "route.kind": { "from": "direct", "to": "token" },
            "route.token_url": { "from": null, "to": "https://x.example/" },
            "profile.taxable_amount": { "from": false, "to": true },
        });
        assert_eq!(what, expected);
        let new = differences(None, &after);
        assert_eq!(new["active"], json!({ "from": null, "to": true }));
        assert!(!new.to_string().contains("ciphertext"), "{new}");
        assert!(!new.to_string().contains("profile"), "{new}");
        let mut taxpayer = Taxpayer::new("12345678", "متجر الياسمين");
        taxpayer.settings = json!({ "branch": "عمّان" });
        let expected = json!({
            "name": { "from": null, "to": "متجر الياسمين" }, "settings.branch": { "from": null, "to": "عمّان" }
        });
        assert_eq!(differences(None, &Entry::Taxpayer(taxpayer)), expected);
    }

    #[test]
    fn actions_have_the_names_that_they_serialise_as() {
        for action in RegistryAction::ALL {
            assert_eq!(json!(action), json!(action.as_str()));
        }
    }
}
