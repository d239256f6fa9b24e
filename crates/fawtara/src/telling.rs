//! From settings to whoever is told of settled invoices. Must not know what they are told.

use std::time::Duration;

use anyhow::Context;
use notices::WebhookClient;
use submitter::{Listener, Telling};

use crate::failure::BlameSettings;
use crate::settings::Settings;

/// Whether anybody wants to be told: then every process must note what settles.
#[must_use]
pub fn is_wanted(settings: &Settings) -> bool {
    settings.events.exchange || !settings.webhooks.is_empty()
}

/// Whom to tell, and how; none when nobody wants to be told.
///
/// # Errors
/// A secret or certificate that cannot be read.
pub fn of(settings: &Settings) -> anyhow::Result<Option<Telling>> {
    if !is_wanted(settings) {
        return Ok(None);
    }
    let listeners = settings.webhooks.iter().map(|webhook| {
        Ok(Listener {
            name: webhook.name.clone(),
            webhook: webhook.webhook()?,
            types: webhook.types.iter().cloned().collect(),
            tax_numbers: webhook.tax_numbers.iter().cloned().collect(),
        })
    });
    let listeners = listeners.collect::<anyhow::Result<_>>()?;
    Ok(Some(Telling { listeners, client: client(settings)?, config: settings.events.clone() }))
}

/// What sends to webhooks.
///
/// # Errors
/// A certificate that cannot be read.
pub fn client(settings: &Settings) -> anyhow::Result<WebhookClient> {
    let extra_ca = settings.events.webhook_extra_ca.as_deref().map(|file| {
        std::fs::read(file).with_context(|| format!("events.webhook_extra_ca {}", file.display()))
    });
    let extra_ca = extra_ca.transpose().blame_settings()?;
    let timeout = Duration::from_millis(settings.events.webhook_timeout_ms);
    WebhookClient::new(timeout, extra_ca.as_deref()).context("events.webhook_extra_ca").blame_settings()
}
