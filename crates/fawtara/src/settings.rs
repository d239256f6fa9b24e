//! The configuration: defaults, then a TOML file, then the environment, then flags; the later is the stronger.

mod check;
pub mod environment;
mod policy;
mod secret;
mod webhook;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use broker::Ladder;
use invoice::event::Family;
use invoice::life::Policy;
use invoice::{Environment, IncomeSource, Profile, Registration};
use jofotara::Route;
use ledger::Schedule;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use self::policy::TaxpayerPolicy;
pub use self::secret::{Masked, SecretUrl};
pub use self::webhook::WebhookSettings;
use crate::failure::{BlameSettings, Misconfigured};

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the truth is kept.
    pub ledger: LedgerSettings,
    /// Where the hints travel.
    pub broker: BrokerSettings,
    /// How the authority is reached.
    pub authority: AuthoritySettings,
    /// The intake.
    pub producer: producer::Config,
    /// The encoder.
    pub encoder: encoder::Config,
    /// The submitter.
    pub submitter: submitter::Config,
    /// Waiting times and limits of the life cycle.
    pub policy: Policy,
    /// What single taxpayers have otherwise.
    pub policies: Vec<TaxpayerPolicy>,
    /// The sweeper's patience.
    pub schedule: Schedule,
    /// The stand-in for the authority.
    pub simulator: SimulatorSettings,
    /// The admin port of the role.
    pub admin: AdminSettings,
    /// Logs, metrics, traces.
    pub telemetry: telemetry::Settings,
    /// For how long what comes back is kept.
    pub archive: ArchiveSettings,
    /// The registry of taxpayers in the ledger.
    pub taxpayers: TaxpayerSettings,
    /// What others are told of invoices that settle.
    pub events: submitter::EventsConfig,
    /// Who is told over HTTP.
    pub webhooks: Vec<WebhookSettings>,
    /// Whose invoices are cleared here, besides those of the registry.
    pub income_sources: Vec<SourceSettings>,
}

impl Settings {
    /// Refuses a ledger that nobody else can see and that ends with the process.
    ///
    /// # Errors
    /// [`Misconfigured`] when the ledger is in memory.
    pub fn need_shared_ledger(&self) -> anyhow::Result<()> {
        if self.ledger.url.is_memory() {
            return Err(Misconfigured::because(
                "ledger.url is \"memory\", which only `all` and `demo` can use: no other process would see it, and \
                 what it holds ends with the process; name a Postgres database",
            ));
        }
        Ok(())
    }

    /// Refuses a ledger or a broker that nobody else can see.
    ///
    /// # Errors
    /// [`Misconfigured`] when one of them is in memory.
    pub fn need_shared_services(&self) -> anyhow::Result<()> {
        self.need_shared_ledger()?;
        if self.broker.url.is_memory() {
            return Err(Misconfigured::because(
                "broker.url is \"memory\", which only `all` and `demo` can use: the other roles would never hear of \
                 what is put there; name a RabbitMQ virtual host",
            ));
        }
        Ok(())
    }
}

/// Where the truth is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerSettings {
    /// `memory`, or the URL of a Postgres database.
    pub url: SecretUrl,
    /// Connections to it, at most, for this process.
    pub max_connections: u32,
    /// How long a statement may go without an answer before its connection is given up, milliseconds. The server ends statements
    /// after two thirds of it, or after 30 s.
    pub answer_timeout_ms: u64,
    /// The database role taken on after connecting: `auto` is the one of the command at hand (fawtara_producer, fawtara_encoder,
    /// fawtara_submitter, fawtara_operator), with no more rights than it needs, or fawtara_app where that cannot be taken on;
    /// `login` is none but who logs in; else a name.
    pub role: String,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        let url = SecretUrl::new("postgres://postgres@127.0.0.1:5432/fawtara");
        Self { url, max_connections: 10, answer_timeout_ms: 45_000, role: "auto".to_owned() }
    }
}

/// Where the hints travel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerSettings {
    /// `memory`, or the URL of a RabbitMQ virtual host.
    pub url: SecretUrl,
    /// A PEM file of a private certificate authority to trust besides the system's, for `amqps`.
    pub extra_ca: Option<PathBuf>,
    /// The rungs of the retry ladder that have a queue each, milliseconds.
    pub ladder_ms: Ladder,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            url: SecretUrl::new("amqp://guest:guest@127.0.0.1:5672/%2f"),
            extra_ca: None,
            ladder_ms: Ladder::default(),
        }
    }
}

/// How the authority is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthoritySettings {
    /// How long connecting may take, milliseconds.
    pub connect_timeout_ms: u64,
    /// How long a whole call may take, milliseconds.
    pub timeout_ms: u64,
    /// A PEM file of a private certificate authority to trust besides the system's.
    pub extra_ca: Option<PathBuf>,
}

impl Default for AuthoritySettings {
    fn default() -> Self {
        Self { connect_timeout_ms: 10_000, timeout_ms: 50_000, extra_ca: None }
    }
}

/// The stand-in for the authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatorSettings {
    /// Where it listens. Others may reach it only when `exposed` says so.
    pub listen: SocketAddr,
    /// Listen on an address that others can reach. Whoever can reach it can make it misbehave: for test networks only.
    pub exposed: bool,
    /// The seed of its misbehaviour.
    pub seed: u64,
    /// Smallest difference that it takes for a wrong amount; the guide says 0.001.
    pub tolerance: String,
    /// Certificate and key; none: HTTP without TLS. Its address begins with https then, and `authority.extra_ca` names who signed it.
    pub tls: Option<telemetry::listen::TlsFiles>,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8090)),
            exposed: false,
            seed: 1,
            tolerance: "0.001".to_owned(),
            tls: None,
        }
    }
}

/// The admin port of a role.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSettings {
    /// Where probes and metrics are served; none: nowhere.
    pub listen: Option<SocketAddr>,
    /// Hashes of the bearer keys that may read the metrics, as in `producer.keys`. Any address but loopback needs one, here or in
    /// the ledger (`fawtara keys create --may metrics`).
    pub keys: Vec<telemetry::KeyHash>,
    /// Certificate and key of the port; none: HTTP without TLS.
    pub tls: Option<telemetry::listen::TlsFiles>,
}

/// For how long what comes back is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveSettings {
    /// How many years after its date of issue nothing of an invoice may be deleted. Sources ask for 4 or 5; the department
    /// names no period. Nothing is deleted today; this bounds whatever may come to delete, and every archive states it.
    pub retention_years: u32,
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self { retention_years: 5 }
    }
}

/// The registry of taxpayers in the ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaxpayerSettings {
    /// How often the roles ask whether it has changed, milliseconds.
    pub refresh_ms: u64,
    /// The file that holds the master key of the stored secrets; or the environment variable FAWTARA_MASTER_KEY does.
    pub master_key_file: Option<PathBuf>,
    /// Files of master keys that were in use before: they open what nobody has sealed anew yet.
    pub old_master_key_files: Vec<PathBuf>,
}

impl Default for TaxpayerSettings {
    fn default() -> Self {
        Self { refresh_ms: 5_000, master_key_file: None, old_master_key_files: Vec::new() }
    }
}

/// One income source of one taxpayer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// The seller's tax number.
    pub tax_number: String,
    /// The income-source sequence from the portal.
    pub sequence: String,
    /// Where its invoices go.
    pub environment: Environment,
    /// What the seller is registered for; none: every family is taken.
    #[serde(default)]
    pub family: Option<Family>,
    /// The first counter.
    #[serde(default = "one")]
    pub icv_start: u64,
    /// The readings of the specification, where sources differ; all as guide v1.5 has them when left out.
    #[serde(default)]
    pub profile: Profile,
    /// The address of the call; the authority's own when the environment is production.
    #[serde(default)]
    pub url: Option<String>,
    /// The way to the authority; the direct one when left out.
    #[serde(default)]
    pub route: Route,
    /// The user number from the portal.
    #[serde(default)]
    pub client_id: String,
    /// The secret key itself: only for the simulation.
    #[serde(default)]
    pub secret_key: Option<Masked>,
    /// The file that holds the secret key.
    #[serde(default)]
    pub secret_key_file: Option<PathBuf>,
    /// The environment variable that holds the secret key.
    #[serde(default)]
    pub secret_key_env: Option<String>,
}

fn one() -> u64 {
    1
}

impl SourceSettings {
    /// Its name.
    #[must_use]
    pub fn source(&self) -> IncomeSource {
        IncomeSource { tax_number: self.tax_number.clone(), sequence: self.sequence.clone() }
    }

    /// What the roles must know of it.
    #[must_use]
    pub fn registration(&self) -> Registration {
        Registration {
            environment: self.environment,
            family: self.family,
            icv_start: self.icv_start,
            profile: self.profile.clone(),
            active: true,
        }
    }

    /// Reads the secret key from where it is said to be.
    ///
    /// # Errors
    /// [`Misconfigured`] when it is nowhere, or in clear where it must not be.
    pub fn secret(&self) -> anyhow::Result<SecretString> {
        let source = self.source();
        if let Some(Masked(secret)) = &self.secret_key {
            if self.environment != Environment::Simulation {
                return Err(Misconfigured::because(format!(
                    "income source {source}: secret_key may stand in the configuration only for the simulation; \
                     use secret_key_file or secret_key_env"
                )));
            }
            return Ok(secret.clone());
        }
        if let Some(file) = &self.secret_key_file {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("income source {source}: secret_key_file {}", file.display()))
                .blame_settings()?;
            return Ok(SecretString::from(text.trim()));
        }
        if let Some(name) = &self.secret_key_env {
            let text = secret::variable(name)
                .with_context(|| format!("income source {source}: secret_key_env names {name}"))
                .blame_settings()?;
            return Ok(SecretString::from(text));
        }
        Err(Misconfigured::because(format!(
            "income source {source} has no secret key: set secret_key_file or secret_key_env"
        )))
    }
}

/// Reads the configuration: `file` (or `fawtara.toml` here, when there is one), then `FAWTARA__SECTION__KEY`, then `overrides`.
///
/// # Errors
/// Which setting is wrong, what stands there, and where it came from.
pub fn read(file: Option<&Path>, overrides: &[(String, String)]) -> anyhow::Result<Settings> {
    let mut builder = config::Config::builder();
    builder = match file {
        Some(file) => {
            builder.add_source(config::File::from(file).required(true).format(config::FileFormat::Toml))
        }
        None => builder.add_source(
            config::File::from(Path::new("fawtara.toml")).required(false).format(config::FileFormat::Toml),
        ),
    };
    builder = builder.add_source(
        config::Environment::with_prefix("FAWTARA")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("producer.keys")
            .with_list_parse_key("admin.keys")
            .with_list_parse_key("events.webhook_retries_ms")
            .with_list_parse_key("broker.ladder_ms")
            .with_list_parse_key("policy.ladder_ms")
            .with_list_parse_key("policy.suspect_ms")
            .with_list_parse_key("taxpayers.old_master_key_files"),
    );
    for (key, value) in overrides {
        builder = builder.set_override(key, parse(value)).with_context(|| format!("--set {key}={value}"))?;
    }
    let settings: Settings = builder.build()?.try_deserialize()?;
    check::check(&settings)?;
    Ok(settings)
}

/// Reads the configuration from the text of its file alone: neither the environment nor flags have a say.
///
/// # Errors
/// As for [`read`].
pub fn read_text(toml: &str) -> anyhow::Result<Settings> {
    let file = config::File::from_str(toml, config::FileFormat::Toml);
    let settings: Settings = config::Config::builder().add_source(file).build()?.try_deserialize()?;
    check::check(&settings)?;
    Ok(settings)
}

/// A flag's value: a number or boolean where it looks like one, a list where it has commas in brackets, else text.
fn parse(value: &str) -> config::Value {
    if let Some(list) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let items: Vec<config::Value> =
            list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect();
        return config::Value::from(items);
    }
    if let Ok(number) = value.parse::<i64>() {
        return config::Value::from(number);
    }
    match value {
        "true" => config::Value::from(true),
        "false" => config::Value::from(false),
        text => config::Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_stronger_than_defaults_and_errors_name_the_setting() -> anyhow::Result<()> {
        let overrides = [("submitter.max_in_flight".to_owned(), "7".to_owned())];
        assert_eq!(read(None, &overrides)?.submitter.max_in_flight, 7);
        let overrides = [("submitter.max_in_flight".to_owned(), "many".to_owned())];
        let error = read(None, &overrides).map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains("submitter.max_in_flight"), "{error:#}");
        let overrides = [("submitter.max_inflight".to_owned(), "7".to_owned())];
        assert!(read(None, &overrides).is_err(), "an unknown setting is an error");
        Ok(())
    }

    #[test]
    fn the_shipped_configurations_are_valid() -> anyhow::Result<()> {
        for name in ["fawtara.example.toml", "fawtara.compose.toml"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
            let settings = read(Some(&file), &[])?;
            assert_eq!(crate::wiring::endpoints(&settings)?.len(), 2, "{name}");
        }
        Ok(())
    }

    #[test]
    fn secrets_in_clear_are_for_the_simulation_only() {
        let mut source = SourceSettings {
            tax_number: "12345678".into(),
            sequence: "9932895".into(),
            environment: Environment::Simulation,
            family: None,
            icv_start: 1,
            profile: Profile::default(),
            url: None,
            route: Route::Direct,
            client_id: "id".into(),
            secret_key: Some(Masked(SecretString::from("clear"))),
            secret_key_file: None,
            secret_key_env: None,
        };
        assert!(source.secret().is_ok());
        source.environment = Environment::Production;
        assert!(source.secret().is_err());
        assert!(!serde_json::to_string(&source).unwrap().contains("clear\""));
    }
}
