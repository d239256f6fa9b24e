//! Telling others of invoices that have settled: notices go to the exchange of events, and as deliveries to the webhooks.
//! Knows no rule of the life cycle; what is told was noted with the change itself, and so nothing is told that is not so.
//!
//! All of it is at least once. Whatever dies between an effect and its record leaves a lease that runs out, and the same
//! message goes out again under the same id.

mod deliver;
mod dispatch;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use broker::Broker;
use chrono::TimeDelta;
use futures_util::future::join_all;
use ledger::{Ledger, LedgerError, Notice};
use notices::{Webhook, WebhookClient};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// What can be set about telling others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Whether settled invoices are told of on the exchange `fawtara.events`.
    pub exchange: bool,
    /// How often to look for what is to be told, milliseconds.
    pub every_ms: u64,
    /// The most notices told in one go.
    pub batch: u32,
    /// How long a webhook may take for one message, milliseconds.
    pub webhook_timeout_ms: u64,
    /// Messages under way to one webhook at once, at most, for this process.
    pub webhook_in_flight: u16,
    /// The waits after the first, second, … attempt at a message, milliseconds; after the last it is given up.
    pub webhook_retries_ms: Vec<u64>,
    /// How long messages that were not heard are kept, days.
    pub webhook_keep_days: u16,
    /// A PEM file of a private certificate authority to trust besides the system's, for webhooks.
    pub webhook_extra_ca: Option<PathBuf>,
}

impl Default for EventsConfig {
    fn default() -> Self {
        const MINUTE: u64 = 60_000;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            exchange: false,
            every_ms: 500,
            batch: 200,
            webhook_timeout_ms: 15_000,
            webhook_in_flight: 16,
            // The schedule that Standard Webhooks suggests: a little more than three days.
            webhook_retries_ms: vec![
                5_000,
                5 * MINUTE,
                30 * MINUTE,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                14 * HOUR,
                20 * HOUR,
                24 * HOUR,
            ],
            webhook_keep_days: 90,
            webhook_extra_ca: None,
        }
    }
}

/// One webhook, and what it wants to hear.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name in the configuration.
    pub name: String,
    /// Where, and how signed.
    pub webhook: Webhook,
    /// Only these types; all when empty.
    pub types: BTreeSet<String>,
    /// Only invoices of these sellers; all when empty.
    pub tax_numbers: BTreeSet<String>,
}

impl Listener {
    fn wants(&self, event_type: &str, notice: &Notice) -> bool {
        let all_or = |set: &BTreeSet<String>, member: &str| set.is_empty() || set.contains(member);
        all_or(&self.types, event_type) && all_or(&self.tax_numbers, &notice.source.tax_number)
    }
}

/// Whom to tell, and how.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The webhooks.
    pub listeners: Vec<Listener>,
    /// What sends to them.
    pub client: WebhookClient,
    /// The numbers.
    pub config: EventsConfig,
}

/// Whom to tell, of what, and by which broker.
#[derive(Clone, Copy)]
pub(crate) struct Teller<'a> {
    pub(crate) telling: &'a Telling,
    pub(crate) ledger: &'a dyn Ledger,
    pub(crate) broker: &'a dyn Broker,
}

/// Whether there is more to do at once.
type More = Result<bool, LedgerError>;

impl Teller<'_> {
    /// Tells others for as long as it is polled. Each webhook has a loop of its own: a slow one holds up nobody else.
    pub(crate) async fn run(self) {
        let Telling { listeners, config, .. } = self.telling;
        let every = Duration::from_millis(config.every_ms);
        let dispatch = repeat("notices", every, || self.dispatch());
        let deliver = join_all(
            listeners.iter().map(|listener| repeat("webhooks", every, move || self.deliver(listener))),
        );
        let measure = repeat("outbox", Duration::from_secs(15), || self.measure());
        let forget = repeat("forgetting", Duration::from_secs(3_600), || self.forget());
        tokio::join!(dispatch, deliver, measure, forget);
    }

    async fn measure(self) -> More {
        let standing = self.ledger.outbox().outbox_standing().await?;
        let metrics = telemetry::metrics();
        metrics.notices_waiting.record(standing.notices, &[]);
        for webhook in standing.webhooks {
            let label = |state| {
                [telemetry::owned_label("webhook", webhook.webhook.clone()), telemetry::label("state", state)]
            };
            metrics.webhook_messages.record(webhook.waiting, &label("waiting"));
            metrics.webhook_messages.record(webhook.failed, &label("failed"));
        }
        Ok(false)
    }

    /// Bounded in time, since nobody may ever come for what a webhook did not hear.
    async fn forget(self) -> More {
        let keep = TimeDelta::days(i64::from(self.telling.config.webhook_keep_days));
        let Some(before) = self.ledger.now().await?.checked_sub_signed(keep) else { return Ok(false) };
        let count = self.ledger.outbox().forget_deliveries(before).await?;
        if count > 0 {
            info!(count, "messages that no webhook had heard were old enough to be forgotten");
        }
        Ok(false)
    }
}

/// Does something again and again: at once while there is more to do, else at its own pace.
async fn repeat<F, Fut>(what: &'static str, every: Duration, mut work: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = More>,
{
    let mut turns = interval(every.max(Duration::from_millis(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        loop {
            match work().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!(%error, chore = what, "will be tried again");
                    break;
                }
            }
        }
    }
}
