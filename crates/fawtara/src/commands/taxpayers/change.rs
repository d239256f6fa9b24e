//! Registering and changing: `add`, `set`, `activate`, `deactivate`. Each change carries a name and a reason.

use anyhow::Context;
use console::text::clean;
use invoice::{Environment, IncomeSource, Profile};
use jofotara::{Credentials, Route};
use ledger::{Entry, Registered, RegisteredSource, Registry, RegistryAction, RegistryChange, Taxpayer};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::view::place_name;
use super::{AddArgs, Office, OneChangeArgs, Refusal, SetArgs, Signature, SourceArgs, input};
use crate::commands::Outcome;
use crate::commands::answer::Answer;
use crate::registry::gated;
use crate::vault::place;

pub(super) async fn add(args: &AddArgs, office: &Office, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let registry = office.ledger.taxpayers().registry().await?;
    if registry.source(args.environment, &args.source).is_some() {
        return Err(Refusal::new(
            "registered",
            format!(
                "{} is registered in {} already: change it with `fawtara taxpayers set` or `rotate-secret`",
                args.source, args.environment
            ),
        )
        .into());
    }
    let secret = input::secret(&args.secret)?;
    if secret.is_none() && !args.inactive {
        return Err(Refusal::new(
            "no_secret",
            "an income source needs its secret key: --secret-file, --secret-env or --secret-stdin; or register it with --inactive",
        )
        .into());
    }
    let mut source = RegisteredSource::new(args.environment, args.source.clone());
    source.active = !args.inactive;
    apply(&mut source, &args.settings)?;
    if let Some(secret) = secret {
        seal(office, &mut source, &secret)?;
    }
    let taxpayer = match (registry.taxpayer(&args.source.tax_number), &args.name) {
        (Some(_), None) => None,
        (Some(known), Some(name)) if known.name == name.trim() => None,
        (Some(known), Some(_)) => {
            return Err(Refusal::new(
                "named",
                format!(
                    "taxpayer {} is registered as {}: rename it with `fawtara taxpayers set {} --name`",
                    known.tax_number,
                    clean(&known.name),
                    known.tax_number
                ),
            )
            .into());
        }
        (None, None) => {
            return Err(Refusal::new(
                "no_name",
                format!("taxpayer {} is new here: give its --name", args.source.tax_number),
            )
            .into());
        }
        (None, Some(name)) => Some(Taxpayer::new(&args.source.tax_number, fit_name(name)?)),
    };
    if args.settings.client_id.is_none() && !args.inactive {
        return Err(Refusal::new("no_client_id", "an income source needs its --client-id").into());
    }
    // Looked at before anything is written, so that a refusal leaves no half behind.
    if let (true, Some(other)) = (source.active, active_elsewhere(&registry, &source)) {
        return Err(elsewhere(&source, other).into());
    }
    if let Some(taxpayer) = taxpayer {
        write(office, Entry::Taxpayer(taxpayer), RegistryAction::Add, &args.signature).await?;
    }
    store(office, source, RegistryAction::Add, &args.signature, answer).await
}

pub(super) async fn set(args: &SetArgs, office: &Office, answer: &mut Answer<'_>) -> anyhow::Result<Outcome> {
    let registry = office.ledger.taxpayers().registry().await?;
    if !args.target.contains(':') {
        return set_taxpayer(args, &registry, office, answer).await;
    }
    if args.name.is_some() || args.notes.is_some() {
        let message = "--name and --notes belong to the taxpayer: leave the sequence out";
        return Err(Refusal::new("wrong_target", message).into());
    }
    let name = super::income_source(&args.target).map_err(|reason| Refusal::new("wrong_target", reason))?;
    let before = find(&registry, &name, args.environment)?;
    let mut source = before.clone();
    apply(&mut source, &args.settings)?;
    if source.icv_start != before.icv_start
        && let Some(next) = before.next_icv
    {
        return Err(Refusal::new(
            "counter_runs",
            format!("the counter of {name} has begun and stands at {next}: where it starts cannot be changed any more"),
        )
        .into());
    }
    if source == *before {
        return Err(nothing_new().into());
    }
    // The gate looks at what is new as if it were sent at once; without a secret that can be opened here, with another one.
    let secret = before
        .secret
        .as_ref()
        .and_then(|sealed| office.vault.open(&place(before.environment, &before.source), sealed).ok());
    gate(office, &source, secret.unwrap_or_else(|| SecretString::from("unknown")))?;
    store(office, source, RegistryAction::Set, &args.signature, answer).await
}

async fn set_taxpayer(
    args: &SetArgs,
    registry: &Registry,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    if !args.settings.is_empty() {
        let message = "what is to be set belongs to an income source: name it as TAX:SEQUENCE";
        return Err(Refusal::new("wrong_target", message).into());
    }
    let before = super::view::taxpayer(registry, &args.target)?;
    let mut taxpayer = before.clone();
    if let Some(name) = &args.name {
        fit_name(name)?.clone_into(&mut taxpayer.name);
    }
    if let Some(notes) = &args.notes {
        taxpayer.settings = Value::Object(input::object("--notes", notes)?);
    }
    if taxpayer == *before {
        return Err(nothing_new().into());
    }
    let (tax_number, name) = (taxpayer.tax_number.clone(), taxpayer.name.clone());
    let revision = write(office, Entry::Taxpayer(taxpayer), RegistryAction::Set, &args.signature).await?;
    let done = json!({ "revision": revision, "tax_number": tax_number, "action": RegistryAction::Set });
    answer.either(&done, |_| format!("taxpayer {tax_number} {} is changed\n", clean(&name)))?;
    Ok(Outcome::Done)
}

pub(super) async fn activate(
    args: &OneChangeArgs,
    active: bool,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let registry = office.ledger.taxpayers().registry().await?;
    let before = find(&registry, &args.target.source, args.target.environment)?;
    if before.active == active {
        let state = if active { "active" } else { "deactivated" };
        let message = format!("{} is {state} in {} already", before.source, before.environment);
        return Err(Refusal::new("nothing_new", message).into());
    }
    if active && before.secret.is_none() {
        let message = format!(
            "{} has no secret key yet: enter it with `fawtara taxpayers rotate-secret`",
            before.source
        );
        return Err(Refusal::new("no_secret", message).into());
    }
    let source = RegisteredSource { active, ..before.clone() };
    let action = if active { RegistryAction::Activate } else { RegistryAction::Deactivate };
    store(office, source, action, &args.signature, answer).await
}

/// The income source that is meant: in the environment that was named, or the only one.
pub(super) fn find<'a>(
    registry: &'a Registry,
    name: &IncomeSource,
    environment: Option<Environment>,
) -> Result<&'a RegisteredSource, Refusal> {
    let found: Vec<_> = registry
        .sources
        .iter()
        .filter(|source| {
            source.source == *name && environment.is_none_or(|wanted| source.environment == wanted)
        })
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(Refusal::new(
            "unknown_income_source",
            format!(
                "{name} is not in the registry: `fawtara taxpayers list` shows all; those of the settings file are changed there"
            ),
        )),
        _ => {
            let environments: Vec<_> = found.iter().map(|source| source.environment.as_str()).collect();
            let message =
                format!("{name} is registered in {}: say which --environment", environments.join(" and "));
            Err(Refusal::new("ambiguous", message))
        }
    }
}

/// Encrypts the secret for this income source, once the gate has let everything pass.
pub(super) fn seal(
    office: &Office,
    source: &mut RegisteredSource,
    secret: &SecretString,
) -> anyhow::Result<()> {
    gate(office, source, secret.clone())?;
    let sealed = office.vault.seal(&place(source.environment, &source.source), secret);
    source.secret = Some(sealed.map_err(super::key_fault)?);
    Ok(())
}

/// Refuses what the gate would refuse when documents are to be sent.
fn gate(office: &Office, source: &RegisteredSource, secret_key: SecretString) -> anyhow::Result<()> {
    let route: Route = serde_json::from_value(source.route.clone())
        .map_err(|error| Refusal::new("wrong_route", format!("--route cannot be read: {error}")))?;
    let credentials = Credentials { client_id: source.client_id.clone(), secret_key };
    gated(&office.settings, source.environment, source.url.as_deref(), &route, credentials)
        .map(|_| ())
        .map_err(|error| Refusal::new("refused_by_gate", format!("{error:#}")).into())
}

/// Writes it and says so.
pub(super) async fn store(
    office: &Office,
    source: RegisteredSource,
    action: RegistryAction,
    signature: &Signature,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let (name, environment) = (source.source.clone(), source.environment);
    let revision = write(office, Entry::Source(source), action, signature).await?;
    let refresh_ms = office.settings.taxpayers.refresh_ms;
    let done = json!({
        "revision": revision,
        "tax_number": name.tax_number,
        "sequence": name.sequence,
        "environment": environment,
        "action": action,
        "known_to_the_fleet_within_ms": refresh_ms,
    });
    let what = match action {
        RegistryAction::Add => "is registered",
        RegistryAction::Set => "is changed",
        RegistryAction::RotateSecret => "has its new credentials",
        RegistryAction::Reseal => "is sealed anew",
        RegistryAction::Activate => "is active",
        RegistryAction::Deactivate => "is deactivated; its open invoices wait",
    };
    answer.either(&done, |_| {
        let place = place_name(environment);
        format!("{name} ({place}) {what}; the fleet knows it within {} s\n", refresh_ms.div_ceil(1_000))
    })?;
    Ok(Outcome::Done)
}

/// One change, as this revision.
pub(super) async fn write(
    office: &Office,
    entry: Entry,
    action: RegistryAction,
    signature: &Signature,
) -> anyhow::Result<u64> {
    let target = match &entry {
        Entry::Taxpayer(_) => None,
        Entry::Source(source) => Some(source.clone()),
    };
    let change = RegistryChange { entry, action, by: signature.actor() };
    let refusal = match (office.ledger.taxpayers().register(change).await?, target) {
        (Registered::Done(revision), _) => return Ok(revision),
        (Registered::ActiveElsewhere(other), Some(source)) => elsewhere(&source, other),
        (Registered::Unsigned, _) => Refusal::new(
            "unsigned",
            "a change needs a name and a reason: --by and --reason must say something",
        ),
        (Registered::NoTaxpayer, _) => Refusal::new("unknown_taxpayer", "the taxpayer is not registered"),
        (Registered::Outdated | Registered::ActiveElsewhere(_), _) => {
            Refusal::new("overtaken", "somebody else has changed it at this moment: look at it and try again")
        }
    };
    Err(refusal.into())
}

fn active_elsewhere(registry: &Registry, source: &RegisteredSource) -> Option<Environment> {
    let other = |other: &&RegisteredSource| {
        other.source == source.source && other.environment != source.environment && other.active
    };
    registry.sources.iter().find(other).map(|other| other.environment)
}

fn elsewhere(source: &RegisteredSource, other: Environment) -> Refusal {
    let name = &source.source;
    Refusal::new(
        "active_elsewhere",
        format!(
            "{name} is active in {other}, and an event does not state its environment: deactivate it there first with \
             `fawtara taxpayers deactivate {name} --environment {other}`"
        ),
    )
}

fn nothing_new() -> Refusal {
    Refusal::new("nothing_new", "it is so already, or nothing was said that could be set")
}

fn fit_name(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    let chars = name.chars().count();
    if (1..=invoice::limits::NAME_CHARS).contains(&chars) && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    let message = format!("a name is one line of 1 to {} characters", invoice::limits::NAME_CHARS);
    Err(Refusal::new("wrong_name", message))
}

/// Puts in what was given and leaves the rest.
fn apply(source: &mut RegisteredSource, given: &SourceArgs) -> anyhow::Result<()> {
    if let Some(family) = given.family {
        source.family = family.0;
    }
    if let Some(client_id) = &given.client_id {
        client_id.trim().clone_into(&mut source.client_id);
    }
    if let Some(url) = &given.url {
        source.url = (url != "default").then(|| url.trim().to_owned());
    }
    if let Some(route) = &given.route {
        let route = Value::Object(input::object("--route", route)?);
        let read: Route = serde_json::from_value(route)
            .map_err(|error| Refusal::new("wrong_route", format!("--route cannot be read: {error}")))?;
        source.route = serde_json::to_value(read).context("a route that was just read")?;
    }
    if let Some(profile) = &given.profile {
        source.profile = profile_with(&source.profile, input::object("--profile", profile)?)?;
    }
    if let Some(icv_start) = given.icv_start {
        source.icv_start = icv_start;
    }
    Ok(())
}

fn profile_with(before: &Profile, given: Map<String, Value>) -> anyhow::Result<Profile> {
    let mut whole = serde_json::to_value(before).context("a profile")?;
    if let Value::Object(members) = &mut whole {
        members.extend(given);
    }
    serde_json::from_value(whole)
        .map_err(|error| Refusal::new("wrong_profile", format!("--profile cannot be read: {error}")).into())
}
