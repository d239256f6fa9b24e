//! Looking at the registry: `list`, `show` and `history`. Changes nothing, opens no secret.

use console::text::{Table, clean, time};
use invoice::Environment;
use invoice::event::Family;
use ledger::vault::sealed_under;
use ledger::{RegisteredSource, Registry, RegistryRecord, Taxpayer};
use serde_json::{Map, Value, json};

use super::{HistoryArgs, ListArgs, Office, Refusal, ShowArgs};
use crate::commands::Outcome;
use crate::commands::answer::Answer;
use crate::settings::SourceSettings;

/// `show` tells so many of the latest changes.
const LATEST: u32 = 5;

pub(super) async fn list(
    args: &ListArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let registry = office.ledger.taxpayers().registry().await?;
    let wanted = |environment: Environment| args.environment.is_none_or(|wanted| wanted == environment);
    let sources: Vec<_> = registry.sources.iter().filter(|source| wanted(source.environment)).collect();
    let of_settings: Vec<_> =
        office.settings.income_sources.iter().filter(|source| wanted(source.environment)).collect();
    let value = json!({
        "revision": registry.revision,
        "taxpayers": registry.taxpayers,
        "income_sources": sources.iter().map(|source| value(source, office)).collect::<Vec<_>>(),
        "of_settings": of_settings.iter().map(|source| settings_value(source, &registry)).collect::<Vec<_>>(),
    });
    answer.either(&value, |_| rows(&registry, &sources, &of_settings))?;
    Ok(Outcome::Done)
}

pub(super) async fn show(
    args: &ShowArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let registry = office.ledger.taxpayers().registry().await?;
    let taxpayer = taxpayer(&registry, &args.tax_number)?;
    let history =
        office.ledger.taxpayers().registry_history(Some(&taxpayer.tax_number), None, LATEST).await?;
    let sources: Vec<_> =
        registry.sources.iter().filter(|source| source.source.tax_number == taxpayer.tax_number).collect();
    let value = json!({
        "taxpayer": taxpayer,
        "income_sources": sources.iter().map(|source| value(source, office)).collect::<Vec<_>>(),
        "latest_changes": history,
    });
    answer.either(&value, |_| {
        let mut text = format!("{}  {}\n", taxpayer.tax_number, clean(&taxpayer.name));
        if taxpayer.settings.as_object().is_some_and(|notes| !notes.is_empty()) {
            text.push_str(&format!("  notes: {}\n", clean(&taxpayer.settings.to_string())));
        }
        for source in &sources {
            text.push('\n');
            text.push_str(&details(source, office));
        }
        text.push_str("\nLatest changes\n");
        text.push_str(&changes(&history));
        text
    })?;
    Ok(Outcome::Done)
}

pub(super) async fn history(
    args: &HistoryArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let taxpayers = office.ledger.taxpayers();
    let history = taxpayers.registry_history(args.tax_number.as_deref(), args.before, args.limit).await?;
    answer.either(&history, |history| {
        let mut text = changes(history);
        if let (Some(last), true) = (history.last(), history.len() == args.limit as usize) {
            text.push_str(&format!("more: --before {}\n", last.revision));
        }
        text
    })?;
    Ok(Outcome::Done)
}

/// One taxpayer, or what to do when it is not there.
pub(super) fn taxpayer<'a>(registry: &'a Registry, tax_number: &str) -> Result<&'a Taxpayer, Refusal> {
    registry.taxpayer(tax_number.trim()).ok_or_else(|| {
        Refusal::new(
            "unknown_taxpayer",
            format!(
                "taxpayer {} is not in the registry: `fawtara taxpayers list` shows all",
                clean(tax_number)
            ),
        )
    })
}

/// What is not real says so.
pub(super) fn place_name(environment: Environment) -> &'static str {
    match environment {
        Environment::Simulation => "SIMULATION",
        Environment::Sandbox => "SANDBOX",
        Environment::Production => "production",
    }
}

fn rows(registry: &Registry, sources: &[&RegisteredSource], of_settings: &[&SourceSettings]) -> String {
    if sources.is_empty() && of_settings.is_empty() {
        return "no income source is registered: `fawtara taxpayers add` registers one\n".to_owned();
    }
    let head =
        ["TAX NUMBER", "SEQUENCE", "WHERE", "STATE", "FAMILY", "ROUTE", "NEXT ICV", "KEPT IN", "TAXPAYER"];
    let mut table = Table::new(&head);
    for source in sources {
        table.row([
            source.source.tax_number.clone(),
            source.source.sequence.clone(),
            place_name(source.environment).to_owned(),
            state(source).to_owned(),
            family(source.family).to_owned(),
            route(source),
            source.next_icv.unwrap_or(source.icv_start).to_string(),
            "ledger".to_owned(),
            registry.taxpayer(&source.source.tax_number).map(|known| known.name.clone()).unwrap_or_default(),
        ]);
    }
    for source in of_settings {
        let counts = overruled(source, registry);
        table.row([
            source.tax_number.clone(),
            source.sequence.clone(),
            place_name(source.environment).to_owned(),
            if counts { "overruled" } else { "active" }.to_owned(),
            family(source.family).to_owned(),
            source.route.kind().to_owned(),
            "-".to_owned(),
            "settings".to_owned(),
            String::new(),
        ]);
    }
    table.render()
}

/// Whether the ledger has the say of it, whatever the settings are.
fn overruled(source: &SourceSettings, registry: &Registry) -> bool {
    registry.sources.iter().any(|known| known.source == source.source())
}

fn state(source: &RegisteredSource) -> &'static str {
    match (source.active, &source.secret) {
        (true, Some(_)) => "active",
        (true, None) => "no secret",
        (false, _) => "deactivated",
    }
}

fn family(family: Option<Family>) -> &'static str {
    match family {
        None => "any",
        Some(Family::Income) => "income",
        Some(Family::GeneralSales) => "general_sales",
        Some(Family::SpecialSales) => "special_sales",
    }
}

fn route(source: &RegisteredSource) -> String {
    source.route.get("kind").and_then(Value::as_str).unwrap_or("?").to_owned()
}

fn details(source: &RegisteredSource, office: &Office) -> String {
    let counter = match source.next_icv {
        Some(next) => format!("next {next} (started at {})", source.icv_start),
        None => format!("starts at {}", source.icv_start),
    };
    let readings = readings(source);
    let readings = if readings.is_empty() {
        "all as guide v1.5 has them".to_owned()
    } else {
        Value::Object(readings).to_string()
    };
    let lines = [
        ("state", state(source).to_owned()),
        ("family", family(source.family).to_owned()),
        ("counter", counter),
        ("client id", if source.client_id.is_empty() { "-".to_owned() } else { source.client_id.clone() }),
        ("secret key", secret(source, office)),
        ("address", source.url.clone().unwrap_or_else(|| "the usual one".to_owned())),
        ("route", source.route.to_string()),
        ("readings", readings),
        ("changed", format!("{} (revision {})", time(source.updated_at), source.revision)),
    ];
    let mut text = format!("  {} {}\n", source.source.sequence, place_name(source.environment));
    for (name, value) in lines {
        text.push_str(&format!("    {name:<11} {}\n", clean(&value)));
    }
    text
}

/// Under which key the secret is, never what it says.
fn secret(source: &RegisteredSource, office: &Office) -> String {
    let Some(sealed) = &source.secret else { return "none yet".to_owned() };
    match (sealed_under(sealed), office.vault.is_current(sealed)) {
        (Ok(id), Ok(true)) => format!("sealed under master key {id}, the one of now"),
        (Ok(id), Ok(false)) => {
            format!("sealed under master key {id}: run `fawtara taxpayers rotate-master-key`")
        }
        (Ok(id), Err(_)) => format!("sealed under master key {id}; no master key is set here"),
        (Err(error), _) => error.to_string(),
    }
}

/// Only what differs from guide v1.5.
fn readings(source: &RegisteredSource) -> Map<String, Value> {
    let usual = json!(invoice::Profile::default());
    match json!(source.profile) {
        Value::Object(members) => {
            members.into_iter().filter(|(name, value)| usual.get(name) != Some(value)).collect()
        }
        _ => Map::new(),
    }
}

fn value(source: &RegisteredSource, office: &Office) -> Value {
    let mut value = json!(source);
    if let Value::Object(members) = &mut value {
        let id = source.secret.as_ref().and_then(|sealed| sealed_under(sealed).ok());
        let current = source.secret.as_ref().map(|sealed| office.vault.is_current(sealed) == Ok(true));
        members.insert("secret_sealed_under".to_owned(), json!(id));
        members.insert("secret_is_under_current_key".to_owned(), json!(current));
    }
    value
}

fn settings_value(source: &SourceSettings, registry: &Registry) -> Value {
    let mut value = json!(source);
    if let Value::Object(members) = &mut value {
        members.insert("overruled_by_ledger".to_owned(), json!(overruled(source, registry)));
    }
    value
}

fn changes(history: &[RegistryRecord]) -> String {
    if history.is_empty() {
        return "  nothing was changed yet\n".to_owned();
    }
    let mut text = String::new();
    for record in history {
        let target = match (record.environment, &record.sequence) {
            (Some(environment), Some(sequence)) => {
                format!("{}:{sequence} {}", record.tax_number, place_name(environment))
            }
            _ => record.tax_number.clone(),
        };
        text.push_str(&format!(
            "  {:>4}  {}  {:<13}  {target}  by {}: {}\n",
            record.revision,
            time(record.at),
            record.action.as_str(),
            clean(&record.by.name),
            clean(&record.by.reason),
        ));
        for (name, what) in record.what.as_object().into_iter().flatten() {
            let told = match (what.get("from"), what.get("to")) {
                (Some(Value::Null), Some(to)) => format!("{to}"),
                (Some(from), Some(to)) => format!("{from} → {to}"),
                _ => what.as_str().unwrap_or_default().to_owned(),
            };
            text.push_str(&format!("        {name}: {}\n", clean(&told)));
        }
    }
    text
}
