//! Looking at keys: `list` and `history`. Nothing of a key but its prefix is known here.

use console::text::{Table, clean, time};
use invoice::{Environment, Timestamp};
use ledger::Ledger;
use ledger::keys::{ApiKey, KeyRecord, Permission};

use super::{HistoryArgs, ListArgs};
use crate::commands::Outcome;
use crate::commands::answer::Answer;

pub(super) async fn list(
    args: &ListArgs,
    ledger: &dyn Ledger,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let now = ledger.now().await?;
    let mut keys = ledger.keys().all_keys().await?;
    keys.retain(|key| args.all || is_valid(key, now));
    answer.either(&keys, |keys| {
        if keys.is_empty() {
            return "No keys. Make one with: fawtara keys create --name NAME --by YOU --reason WHY\n"
                .to_owned();
        }
        let mut table = Table::new(&[
            "PREFIX",
            "NAME",
            "MAY",
            "TAXPAYERS",
            "ENVIRONMENTS",
            "AMQP USER",
            "MADE",
            "BY",
            "LAST USED",
            "UNTIL",
        ]);
        for key in keys {
            table.row([
                key.prefix.clone(),
                clean(&key.name),
                may(key),
                or_all(key.scope.taxpayers.iter().map(String::as_str)),
                or_all(key.scope.environments.iter().copied().map(Environment::as_str)),
                key.amqp_user.as_deref().map_or_else(|| "none".to_owned(), clean),
                time(key.created_at),
                clean(&key.created_by),
                key.last_used_at.map_or_else(|| "never".to_owned(), |at| format!("about {}", time(at))),
                until(key, now),
            ]);
        }
        table.render()
    })?;
    Ok(Outcome::Done)
}

pub(super) async fn history(
    args: &HistoryArgs,
    ledger: &dyn Ledger,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let history = ledger.keys().key_history(args.prefix.as_deref(), args.before, args.limit).await?;
    answer.either(&history, |history: &Vec<KeyRecord>| {
        let mut table = Table::new(&["REVISION", "AT", "BY", "KEY", "DID", "REASON", "WHAT"]);
        for record in history {
            table.row([
                record.revision.to_string(),
                time(record.at),
                clean(&record.by.name),
                record.prefix.clone(),
                record.action.as_str().to_owned(),
                clean(&record.by.reason),
                clean(&record.what.to_string()),
            ]);
        }
        let mut text = table.render();
        if let (Some(last), true) = (history.last(), history.len() == args.limit as usize) {
            text.push_str(&format!("more: --before {}\n", last.revision));
        }
        text
    })?;
    Ok(Outcome::Done)
}

/// One key in some lines.
pub(super) fn one(key: &ApiKey) -> String {
    let mut text = format!("key {} ({})\n", key.prefix, clean(&key.name));
    text.push_str(&format!("  may           {}\n", may(key)));
    text.push_str(&format!("  taxpayers     {}\n", or_all(key.scope.taxpayers.iter().map(String::as_str))));
    let environments = key.scope.environments.iter().copied().map(Environment::as_str);
    text.push_str(&format!("  environments  {}\n", or_all(environments)));
    if let Some(user) = &key.amqp_user {
        text.push_str(&format!("  AMQP user     {}\n", clean(user)));
    }
    let end = key.expires_at.map_or_else(|| "revoked".to_owned(), time);
    match (&key.revoked, &key.replaces) {
        (Some(revocation), _) => text.push_str(&format!("  revoked       {}\n", time(revocation.at))),
        (None, Some(old)) => text.push_str(&format!("  until         {end}\n  replaces      {old}\n")),
        (None, None) => text.push_str(&format!("  until         {end}\n")),
    }
    text
}

fn is_valid(key: &ApiKey, now: Timestamp) -> bool {
    key.revoked.is_none() && key.expires_at.is_none_or(|end| end > now)
}

fn may(key: &ApiKey) -> String {
    key.may.iter().copied().map(Permission::as_str).collect::<Vec<_>>().join(",")
}

fn or_all<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "all".to_owned() } else { names.join(",") }
}

fn until(key: &ApiKey, now: Timestamp) -> String {
    match (&key.revoked, key.expires_at) {
        (Some(revocation), _) => {
            format!("revoked {} by {}", time(revocation.at), clean(&revocation.by.name))
        }
        (None, Some(end)) if end <= now => format!("expired {}", time(end)),
        (None, Some(end)) => time(end),
        (None, None) => "revoked".to_owned(),
    }
}
