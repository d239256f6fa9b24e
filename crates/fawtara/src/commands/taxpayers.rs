//! `fawtara taxpayers`: whose documents are cleared here, and as whom. Knows how to ask and print; what is kept and how stands
//! in the ledger, what seals the secrets in the vault.

mod change;
mod check;
mod input;
mod relocate;
mod rotate;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use broker::Broker;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Subcommand};
use console::Console;
use console::text::clean;
use invoice::event::Family;
use invoice::life::Actor;
use invoice::{Environment, IncomeSource};
use jofotara::Client;
use ledger::Ledger;
use ledger::vault::{Vault, VaultError};

use super::Outcome;
use super::answer::{Answer, changing_desk, environments, reading_desk};
use crate::failure::Misconfigured;
use crate::settings::Settings;
use crate::{vault, wiring};

/// Arguments of `fawtara taxpayers`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a taxpayer's income source in one environment, and the taxpayer with it.
    Add(AddArgs),
    /// List taxpayers and their income sources.
    List(ListArgs),
    /// Show one taxpayer with all income sources.
    Show(ShowArgs),
    /// Change settings of an income source, or of the taxpayer when no sequence is given.
    Set(SetArgs),
    /// Replace the credentials of an income source by a new pair from the portal.
    RotateSecret(RotateSecretArgs),
    /// Take and send no more documents of an income source; nothing is lost, they wait.
    Deactivate(OneChangeArgs),
    /// Take and send documents of an income source again.
    Activate(OneChangeArgs),
    /// Ask the authority whether credentials are accepted; no invoice is sent.
    Check(CheckArgs),
    /// Seal every stored secret under the master key of now; old keys can be put away after it.
    RotateMasterKey(RotateMasterKeyArgs),
    /// Move an invoice to another income source of the same taxpayer: a draft there, its counter here void.
    Move(MoveArgs),
    /// List who changed what, when and why, the latest first.
    History(HistoryArgs),
}

/// Who does it, and why; kept with the change for ever.
#[derive(Debug, clap::Args)]
struct Signature {
    /// Your name.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why you do this.
    #[arg(long)]
    reason: String,
}

impl Signature {
    fn actor(&self) -> Actor {
        Actor { name: self.by.trim().to_owned(), reason: self.reason.trim().to_owned() }
    }
}

/// One income source in one environment.
#[derive(Debug, clap::Args)]
struct Target {
    /// The income source: tax number and sequence.
    #[arg(value_name = "TAX:SEQUENCE", value_parser = income_source)]
    source: IncomeSource,
    /// Which environment, when it is registered in several.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
}

/// Where the secret key is read from; never from an argument, which others could see.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("secret").args(["secret_file", "secret_env", "secret_stdin"])))]
struct SecretArgs {
    /// Read the secret key from this file.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Read the secret key from this environment variable.
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// Read the secret key from standard input.
    #[arg(long)]
    secret_stdin: bool,
}

/// What can be set about an income source.
#[derive(Debug, Default, clap::Args)]
struct SourceArgs {
    /// What the seller is registered for; `any` takes every family.
    #[arg(long, value_parser = families())]
    family: Option<FamilyChoice>,
    /// The user number from the portal's page "link devices".
    #[arg(long, value_name = "USER NUMBER")]
    client_id: Option<String>,
    /// The address of the call; `default` is the authority's own, or the simulator's.
    #[arg(long)]
    url: Option<String>,
    /// The way to the authority as JSON, such as {"kind":"direct"}.
    #[arg(long, value_name = "JSON")]
    route: Option<String>,
    /// Readings of the specification as JSON; those that are left out stay as they are.
    #[arg(long, value_name = "JSON")]
    profile: Option<String>,
    /// Where the counter (ICV) starts, for who has numbered elsewhere before.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=9_000_000_000_000_000_000))]
    icv_start: Option<u64>,
}

/// A family, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FamilyChoice(Option<Family>);

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// The income source: tax number and sequence.
    #[arg(value_name = "TAX:SEQUENCE", value_parser = income_source)]
    source: IncomeSource,
    /// Where its documents go.
    #[arg(long, value_parser = environments())]
    environment: Environment,
    /// The taxpayer's name; needed for the first income source of a taxpayer.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    settings: SourceArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Register it without taking documents yet.
    #[arg(long)]
    inactive: bool,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only this environment.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The taxpayer.
    #[arg(value_name = "TAX")]
    tax_number: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// The income source (tax number and sequence), or the taxpayer alone.
    #[arg(value_name = "TAX[:SEQUENCE]")]
    target: String,
    /// Which environment, when the income source is registered in several.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// The taxpayer's name.
    #[arg(long)]
    name: Option<String>,
    /// Your own notes about the taxpayer, a JSON object; Fawtara does not read them.
    #[arg(long, value_name = "JSON")]
    notes: Option<String>,
    #[command(flatten)]
    settings: SourceArgs,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RotateSecretArgs {
    #[command(flatten)]
    target: Target,
    /// The new user number, when the portal gave a new one.
    #[arg(long, value_name = "USER NUMBER")]
    client_id: Option<String>,
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct OneChangeArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Income sources; all active ones when left out.
    #[arg(value_name = "TAX:SEQUENCE", value_parser = income_source)]
    sources: Vec<IncomeSource>,
    /// Only this environment.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RotateMasterKeyArgs {
    /// Change nothing; say what would be sealed anew.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct MoveArgs {
    /// UUID or number of the invoice.
    #[arg(value_name = "UUID|NUMBER")]
    name: String,
    /// Where to: tax number and sequence.
    #[arg(long, value_name = "TAX:SEQUENCE", value_parser = income_source)]
    to: IncomeSource,
    /// Where it goes, when the same UUID or number exists in several environments.
    #[arg(long, value_parser = environments())]
    environment: Option<Environment>,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct HistoryArgs {
    /// Only this taxpayer.
    #[arg(value_name = "TAX")]
    tax_number: Option<String>,
    /// At most so many, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Only changes before this one: go on where an earlier page ended.
    #[arg(long, value_name = "REVISION")]
    before: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Command {
    fn is_json(&self) -> bool {
        match self {
            Self::Add(args) => args.json,
            Self::List(args) => args.json,
            Self::Show(args) => args.json,
            Self::Set(args) => args.json,
            Self::RotateSecret(args) => args.json,
            Self::Deactivate(args) | Self::Activate(args) => args.json,
            Self::Check(args) => args.json,
            Self::RotateMasterKey(args) => args.json,
            Self::Move(args) => args.json,
            Self::History(args) => args.json,
        }
    }
}

/// What the commands work with.
pub(super) struct Office {
    pub(super) ledger: Arc<dyn Ledger>,
    /// The hints; only `move` gives one.
    pub(super) broker: Arc<dyn Broker>,
    pub(super) vault: Vault,
    pub(super) settings: Settings,
    /// The way to the authority; only `check` goes it.
    pub(super) client: Client,
}

/// `fawtara taxpayers`.
///
/// # Errors
/// A ledger that is away, a master key or an input that cannot be read, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let Console { ledger, broker, .. } = match &args.command {
        Command::Move(_) => changing_desk(&settings).await?,
        _ => reading_desk(&settings).await?,
    };
    let office = Office {
        ledger,
        broker,
        vault: vault::vault(&settings.taxpayers)?,
        client: Client::new(wiring::http_transport(&settings)?),
        settings,
    };
    let outcome = run(&args, &office, &mut std::io::stdout()).await;
    office.broker.close().await;
    outcome
}

/// Runs it; the outcome is no when what was asked for was refused, or does not hold.
///
/// # Errors
/// The ledger's, an input that cannot be read, and what `out` refuses.
async fn run(args: &Args, office: &Office, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.command.is_json());
    let result = match &args.command {
        Command::Add(args) => change::add(args, office, &mut answer).await,
        Command::List(args) => view::list(args, office, &mut answer).await,
        Command::Show(args) => view::show(args, office, &mut answer).await,
        Command::Set(args) => change::set(args, office, &mut answer).await,
        Command::RotateSecret(args) => rotate::secret(args, office, &mut answer).await,
        Command::Deactivate(args) => change::activate(args, false, office, &mut answer).await,
        Command::Activate(args) => change::activate(args, true, office, &mut answer).await,
        Command::Check(args) => check::check(args, office, &mut answer).await,
        Command::RotateMasterKey(args) => rotate::master_key(args, office, &mut answer).await,
        Command::Move(args) => relocate::relocate(args, office, &mut answer).await,
        Command::History(args) => view::history(args, office, &mut answer).await,
    };
    match result.map_err(anyhow::Error::downcast::<Refusal>) {
        Ok(outcome) => Ok(outcome),
        Err(Ok(refusal)) => {
            let value = serde_json::json!({ "error": refusal.code, "message": refusal.message });
            answer.either(&value, |_| format!("{}\n", clean(&refusal.message)))?;
            Ok(Outcome::No)
        }
        Err(Err(error)) => Err(error),
    }
}

/// A no to what was asked for: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    /// Stable, for scripts.
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// A missing master key is the configuration's fault.
fn key_fault(error: VaultError) -> anyhow::Error {
    match error {
        VaultError::NoKey => Misconfigured::because(error.to_string()),
        other => Refusal::new("not_sealed", other.to_string()).into(),
    }
}

impl SourceArgs {
    fn is_empty(&self) -> bool {
        let Self { family, client_id, url, route, profile, icv_start } = self;
        family.is_none()
            && client_id.is_none()
            && url.is_none()
            && route.is_none()
            && profile.is_none()
            && icv_start.is_none()
    }
}

fn families() -> impl TypedValueParser<Value = FamilyChoice> {
    PossibleValuesParser::new(["any", "income", "general_sales", "special_sales"]).map(|name| {
        FamilyChoice(match name.as_str() {
            "income" => Some(Family::Income),
            "general_sales" => Some(Family::GeneralSales),
            "special_sales" => Some(Family::SpecialSales),
            _ => None,
        })
    })
}

/// `TAX:SEQUENCE`, with the digits that events must have.
pub(super) fn income_source(text: &str) -> Result<IncomeSource, String> {
    let Some((tax_number, sequence)) = text.split_once(':') else {
        return Err(format!("{text:?} is not TAX:SEQUENCE, such as 12345678:9932895"));
    };
    input::digits("the tax number", tax_number, &invoice::limits::TAX_NUMBER_DIGITS)?;
    input::digits("the sequence", sequence, &invoice::limits::INCOME_SOURCE_DIGITS)?;
    Ok(IncomeSource { tax_number: tax_number.to_owned(), sequence: sequence.to_owned() })
}
