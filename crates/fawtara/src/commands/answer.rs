//! How the console's commands answer: text for people or JSON for scripts, and an exit code that means something.

use std::io::Write;
use std::sync::Arc;

use broker::MemoryBroker;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use console::text::clean;
use console::{Console, ConsoleError};
use invoice::Environment;
use invoice::life::{Cause, State};
use serde::Serialize;
use serde_json::json;

use super::Outcome;
use crate::registry;
use crate::settings::Settings;
use crate::wiring;

/// A desk that only reads: it must work while the broker is away.
pub(super) async fn reading_desk(settings: &Settings) -> anyhow::Result<Console> {
    let ledger = wiring::ledger(settings).await?;
    let registry = ledger.taxpayers().registry().await?;
    Ok(Console {
        ledger,
        broker: Arc::new(MemoryBroker::default()),
        policy: settings.policy.clone(),
        registrations: Arc::new(registry::merged(settings, &registry)),
    })
}

/// A desk that changes things. Without a broker it still does: the sweeper hints what could not be hinted.
pub(super) async fn changing_desk(settings: &Settings) -> anyhow::Result<Console> {
    let mut desk = reading_desk(settings).await?;
    match wiring::broker(settings, "console").await {
        Ok(broker) => desk.broker = broker,
        Err(error) => {
            eprintln!("fawtara: changes are made, but nobody is told before the next sweep: {error:#}");
            desk.broker.close().await;
        }
    }
    Ok(desk)
}

/// Where the answer goes, and in which form.
pub(super) struct Answer<'a> {
    out: &'a mut dyn Write,
    json: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self { out, json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    pub(super) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.out.write_all(bytes)?)
    }

    /// JSON if that was asked for, text otherwise.
    pub(super) fn either<T: Serialize>(
        &mut self,
        value: &T,
        render: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(value)? + "\n" } else { render(value) };
        self.text(&text)
    }

    /// What the console refuses is an answer with what to do; what the ledger cannot do is an error of the command.
    pub(super) fn error(&mut self, error: anyhow::Error) -> anyhow::Result<Outcome> {
        match error.downcast::<ConsoleError>() {
            Ok(error) if matches!(error, ConsoleError::Ledger(_)) => Err(of_ledger(error)),
            Ok(error) => {
                self.either(&refusal(&error), |_| {
                    format!("{}\n{}\n", clean(&error.to_string()), error.what_to_do())
                })?;
                Ok(Outcome::No)
            }
            Err(other) => Err(other),
        }
    }
}

/// Bares the ledger's own error, so that the exit code can tell an absence from a fault.
pub(super) fn of_ledger(error: ConsoleError) -> anyhow::Error {
    let what_to_do = error.what_to_do();
    match error {
        ConsoleError::Ledger(inner) => anyhow::Error::new(inner).context(what_to_do),
        other => other.into(),
    }
}

/// A refusal for scripts.
pub(super) fn refusal(error: &ConsoleError) -> serde_json::Value {
    let mut value = json!({
        "error": error.code(),
        "message": error.to_string(),
        "what_to_do": error.what_to_do(),
    });
    let extra = match error {
        ConsoleError::Ambiguous { candidates, .. } => Some(("candidates", json!(candidates))),
        ConsoleError::Refused { invoice, .. } | ConsoleError::Overtaken { invoice, .. } => {
            Some(("invoice", json!(invoice)))
        }
        ConsoleError::Invalid(faults) => Some(("faults", json!(faults))),
        _ => None,
    };
    if let (Some((name, extra)), Some(members)) = (extra, value.as_object_mut()) {
        members.insert(name.to_owned(), extra);
    }
    value
}

pub(super) fn environments() -> impl TypedValueParser<Value = Environment> {
    PossibleValuesParser::new(["simulation", "sandbox", "production"])
        .try_map(|name| name.parse::<Environment>())
}

/// The states that wait for a person.
pub(super) fn states() -> impl TypedValueParser<Value = State> {
    let waiting = State::ALL.iter().copied().filter(|state| state.waits_for_person()).map(State::as_str);
    PossibleValuesParser::new(waiting).try_map(|name| name.parse::<State>())
}

/// The states that are on their way.
pub(super) fn open_states() -> impl TypedValueParser<Value = State> {
    let open = State::ALL.iter().copied().filter(|state| !state.is_settled()).map(State::as_str);
    PossibleValuesParser::new(open).try_map(|name| name.parse::<State>())
}

pub(super) fn causes() -> impl TypedValueParser<Value = Cause> {
    PossibleValuesParser::new(Cause::ALL.iter().copied().map(Cause::as_str))
        .try_map(|name| name.parse::<Cause>())
}
