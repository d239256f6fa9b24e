//! `fawtara keys`: who may come in over HTTP and AMQP, and for whom. Knows how to ask and print; what is kept stands in the ledger.

#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use chrono::{NaiveDate, NaiveTime};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use invoice::life::Actor;
use invoice::{Environment, Timestamp};
use ledger::Ledger;
use ledger::keys::{KeyChanged, Minted, NewKey, Permission, Scope, mint};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::Outcome;
use super::answer::{Answer, environments};
use crate::settings::Settings;
use crate::wiring;

/// Another prefix is tried as often when one is taken already; one in 10^12 is.
const TRIES: usize = 3;
/// A taxpayer's number has no more digits.
const TAX_NUMBER_CHARS: usize = 20;
const NAME_CHARS: usize = 200;
/// The property user_id of a message has no room for more.
const AMQP_USER_BYTES: usize = 255;

/// Arguments of `fawtara keys`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key, and print it: this once, since only its hash is kept.
    #[command(
        after_help = "Example: fawtara keys create --name \"POS Amman\" --taxpayer 12345678 --by Rana --reason \"new shop\""
    )]
    Create(CreateArgs),
    /// List the keys: for whom, what for, since when, until when, last used.
    List(ListArgs),
    /// End a key; producers refuse it within seconds.
    #[command(after_help = "Example: fawtara keys revoke 3k7m9q2x --by Rana --reason \"till was stolen\"")]
    Revoke(RevokeArgs),
    /// Make a key that takes the place of another, which goes on for a while.
    #[command(
        after_help = "Example: fawtara keys rotate 3k7m9q2x --overlap-hours 48 --by Rana --reason \"yearly\""
    )]
    Rotate(RotateArgs),
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
    fn actor(&self) -> anyhow::Result<Actor> {
        let actor = Actor { name: self.by.trim().to_owned(), reason: self.reason.trim().to_owned() };
        if actor.name.is_empty() || actor.reason.is_empty() {
            bail!("--by and --reason must not be empty: who does it, and why, is kept with the change");
        }
        Ok(actor)
    }
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Whose key it is, such as the shop or the system.
    #[arg(long)]
    name: String,
    /// Only for documents of this taxpayer; may be repeated. Left out: for every taxpayer.
    #[arg(long = "taxpayer", value_name = "TAX", value_parser = tax_number)]
    taxpayers: Vec<String>,
    /// Only in this environment; may be repeated. Left out: in each.
    #[arg(long = "environment", value_parser = environments())]
    environments: Vec<Environment>,
    /// What it is for.
    #[arg(long, value_delimiter = ',', default_value = "publish,read", value_parser = permissions())]
    may: Vec<Permission>,
    /// The RabbitMQ user whose messages in the intake queue are published by this key. From the first such key on, every message
    /// must name its user in the property user_id.
    #[arg(long, value_name = "USER", value_parser = amqp_user)]
    amqp_user: Option<String>,
    /// The last day on which it is valid (UTC). Left out: until it is revoked.
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<NaiveDate>,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Those that were revoked or have expired as well.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// The key's prefix, as `list` tells it.
    prefix: String,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RotateArgs {
    /// The prefix of the key whose place is to be taken.
    prefix: String,
    /// For how long the old key goes on.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=8_760))]
    overlap_hours: u64,
    /// The last day on which the new key is valid (UTC). Left out: until it is revoked.
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<NaiveDate>,
    #[command(flatten)]
    signature: Signature,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct HistoryArgs {
    /// Only this key.
    prefix: Option<String>,
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
            Self::Create(args) => args.json,
            Self::List(args) => args.json,
            Self::Revoke(args) => args.json,
            Self::Rotate(args) => args.json,
            Self::History(args) => args.json,
        }
    }
}

fn permissions() -> impl TypedValueParser<Value = Permission> {
    PossibleValuesParser::new(Permission::ALL.map(Permission::as_str)).try_map(|name| {
        Permission::ALL.into_iter().find(|one| one.as_str() == name).ok_or("is no permission")
    })
}

fn tax_number(text: &str) -> Result<String, &'static str> {
    let is_one =
        !text.is_empty() && text.len() <= TAX_NUMBER_CHARS && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(text.to_owned()) } else { Err("a tax number has digits only, 20 at most") }
}

fn amqp_user(text: &str) -> Result<String, &'static str> {
    let is_one = (1..=AMQP_USER_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if is_one {
        Ok(text.to_owned())
    } else {
        Err("a user of RabbitMQ has 1 to 255 bytes, and no control characters")
    }
}

/// `fawtara keys`.
///
/// # Errors
/// A ledger that is away, an input that makes no sense, or a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let ledger = wiring::ledger(&settings).await?;
    run(&args, &*ledger, &mut std::io::stdout()).await
}

/// Runs it; the outcome is no when what was asked for was refused.
async fn run(args: &Args, ledger: &dyn Ledger, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.command.is_json());
    match &args.command {
        Command::Create(args) => create(args, ledger, &mut answer).await,
        Command::List(args) => view::list(args, ledger, &mut answer).await,
        Command::Revoke(args) => revoke(args, ledger, &mut answer).await,
        Command::Rotate(args) => rotate(args, ledger, &mut answer).await,
        Command::History(args) => view::history(args, ledger, &mut answer).await,
    }
}

async fn create(args: &CreateArgs, ledger: &dyn Ledger, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let name = args.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS {
        bail!("--name must say whose key it is, in {NAME_CHARS} characters at most");
    }
    if args.amqp_user.is_some() && !args.may.contains(&Permission::Publish) {
        bail!("--amqp-user is for publishing: add publish to --may, or leave it out");
    }
    let by = args.signature.actor()?;
    let expires_at = expiry(args.expires, ledger).await?;
    let (mut minted, mut changed) = (mint()?, KeyChanged::PrefixTaken);
    for _ in 0..TRIES {
        let key = NewKey {
            prefix: minted.prefix.clone(),
            hash: minted.hash,
            name: name.to_owned(),
            may: args.may.iter().copied().collect(),
            scope: Scope {
                taxpayers: args.taxpayers.iter().cloned().collect(),
                environments: args.environments.iter().copied().collect::<BTreeSet<_>>(),
            },
            amqp_user: args.amqp_user.clone(),
            expires_at,
        };
        changed = ledger.keys().create_key(key, by.clone()).await?;
        if changed != KeyChanged::PrefixTaken {
            break;
        }
        minted = mint()?;
    }
    told(changed, Some(&minted), answer)
}

async fn rotate(args: &RotateArgs, ledger: &dyn Ledger, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let by = args.signature.actor()?;
    let expires_at = expiry(args.expires, ledger).await?;
    let overlap = Duration::from_secs(args.overlap_hours * 3_600);
    let minted = mint()?;
    let changed = ledger.keys().rotate_key(prefix(&args.prefix)?, &minted, expires_at, overlap, by).await?;
    told(changed, Some(&minted), answer)
}

async fn revoke(args: &RevokeArgs, ledger: &dyn Ledger, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let changed = ledger.keys().revoke_key(prefix(&args.prefix)?, args.signature.actor()?).await?;
    told(changed, None, answer)
}

/// A whole key in the place of its prefix would stand in the shell's history, and in the process list.
fn prefix(text: &str) -> anyhow::Result<&str> {
    if text.len() > 16 {
        bail!(
            "give the key's prefix (the eight characters after fwt_), not the key; if that was a key, others may have seen it \
             now: rotate it"
        );
    }
    Ok(text)
}

/// The end of that day, UTC.
async fn expiry(date: Option<NaiveDate>, ledger: &dyn Ledger) -> anyhow::Result<Option<Timestamp>> {
    let Some(date) = date else { return Ok(None) };
    let end = date.succ_opt().unwrap_or(date).and_time(NaiveTime::MIN).and_utc();
    if end <= ledger.now().await? {
        bail!("--expires {date} is over already");
    }
    Ok(Some(end))
}

/// What else changes with a key that names an AMQP user.
const AMQP_NOTE: &str = "Over AMQP nobody needs it: the user's messages are known by their property user_id. From now on the intake \
    queue takes only messages that name a user with a key; of the others records are kept.\n";

/// What became of it; a new key is told here, and never again.
fn told(changed: KeyChanged, minted: Option<&Minted>, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let (code, message) = match changed {
        KeyChanged::Done(key) => {
            let mut value = json!(*key);
            if let (Some(minted), Some(members)) = (minted, value.as_object_mut()) {
                members.insert("key".to_owned(), json!(minted.key.expose_secret()));
            }
            answer.either(&value, |value: &Value| {
                let mut text = view::one(&key);
                let Some(secret) = value.get("key").and_then(Value::as_str) else { return text };
                text.push_str(&format!("\n  {secret}\n\nKeep it now: it is not shown again.\n"));
                if key.amqp_user.is_some() {
                    text.push_str(AMQP_NOTE);
                }
                text
            })?;
            return Ok(Outcome::Done);
        }
        KeyChanged::Unknown => {
            ("unknown_key", "no key has this prefix; `fawtara keys list --all` shows them".to_owned())
        }
        KeyChanged::RevokedBefore(revocation) => {
            let by = console::text::clean(&revocation.by.name);
            ("revoked", format!("it was revoked before, {} by {by}", console::text::time(revocation.at)))
        }
        KeyChanged::PrefixTaken => ("prefix_taken", "no free prefix was found; try again".to_owned()),
        KeyChanged::TooMany => {
            let most = ledger::keys::KEYS_MAX;
            ("too_many_keys", format!("{most} keys are valid already: revoke some that nobody uses"))
        }
        KeyChanged::Unsigned => ("unsigned", "name and reason are needed".to_owned()),
    };
    answer.either(&json!({ "error": code, "message": message }), |_| format!("{message}\n"))?;
    Ok(Outcome::No)
}
