//! How webhooks and their messages are shown. Asks nothing.

use console::text::clean;
use invoice::Timestamp;
use ledger::{Delivery, OutboxStanding};
use serde::Serialize;
use uuid::Uuid;

use crate::settings::Settings;

/// A webhook as it stands.
#[derive(Debug, Serialize)]
pub(super) struct Webhook {
    name: String,
    /// None: it stands in the ledger only, and nothing is sent to it.
    url: Option<String>,
    on: bool,
    off_since: Option<Timestamp>,
    off_reason: Option<String>,
    waiting: u64,
    failed: u64,
    oldest: Option<Timestamp>,
}

/// A message as it stands.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    id: Uuid,
    webhook: String,
    #[serde(rename = "type")]
    event_type: String,
    uuid: Uuid,
    at: Timestamp,
    attempts: u32,
    status: Option<u16>,
    error: Option<String>,
}

/// Those that are configured, in their order, then those that only the ledger knows.
pub(super) fn webhooks(settings: &Settings, standing: OutboxStanding) -> Vec<Webhook> {
    let mut known = standing.webhooks;
    let mut shown = Vec::new();
    for configured in &settings.webhooks {
        let place = known.iter().position(|webhook| webhook.webhook == configured.name);
        let kept = place.map(|place| known.remove(place));
        shown.push(webhook(configured.name.clone(), Some(configured.url.masked()), kept));
    }
    shown.extend(known.into_iter().map(|kept| webhook(kept.webhook.clone(), None, Some(kept))));
    shown
}

fn webhook(name: String, url: Option<String>, kept: Option<ledger::WebhookStanding>) -> Webhook {
    let (off_since, off_reason) = kept.as_ref().and_then(|kept| kept.off.clone()).unzip();
    let on = url.is_some() && off_since.is_none();
    let (waiting, failed) = kept.as_ref().map_or((0, 0), |kept| (kept.waiting, kept.failed));
    Webhook {
        name,
        url,
        on,
        off_since,
        off_reason,
        waiting,
        failed,
        oldest: kept.and_then(|kept| kept.oldest),
    }
}

pub(super) fn messages(deliveries: Vec<Delivery>) -> Vec<Message> {
    let message = |delivery: Delivery| Message {
        id: delivery.message.id,
        webhook: delivery.message.webhook,
        event_type: delivery.message.event_type,
        uuid: delivery.message.key.uuid,
        at: delivery.message.at,
        attempts: delivery.attempts,
        status: delivery.last_status,
        error: delivery.last_error,
    };
    deliveries.into_iter().map(message).collect()
}

pub(super) fn list(webhooks: &[Webhook]) -> String {
    if webhooks.is_empty() {
        return "no webhooks are configured: add [[webhooks]] to the configuration\n".to_owned();
    }
    let mut text = String::new();
    for webhook in webhooks {
        let url = webhook.url.as_deref().unwrap_or("not configured any more");
        let state = if webhook.on { "on" } else { "off" };
        text += &format!(
            "{}  {state}  waiting {}  given up {}  {url}\n",
            webhook.name, webhook.waiting, webhook.failed
        );
        if let (Some(since), Some(reason)) = (webhook.off_since, &webhook.off_reason) {
            text += &format!("    off since {}: {}\n", since.format("%F %T UTC"), clean(reason));
        }
        if let Some(oldest) = webhook.oldest {
            text += &format!("    the oldest that waits is of {}\n", oldest.format("%F %T UTC"));
        }
    }
    text
}

pub(super) fn failed(messages: &[Message]) -> String {
    if messages.is_empty() {
        return "no message was given up\n".to_owned();
    }
    let line = |message: &Message| {
        format!(
            "{}  {}  {}  invoice {}  {} attempts: {}\n",
            message.id,
            message.webhook,
            message.event_type,
            message.uuid,
            message.attempts,
            clean(message.error.as_deref().unwrap_or("never sent"))
        )
    };
    messages.iter().map(line).collect()
}
