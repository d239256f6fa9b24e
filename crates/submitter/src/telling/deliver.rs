//! From deliveries to a webhook, and what becomes of them: heard, again later, given up. Knows nothing of what they say.

use std::time::Duration;

use futures_util::future::join_all;
use invoice::Digest;
use ledger::{Attempted, Delivery};
use notices::Answer;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Listener, More, Teller};
use crate::desk::later;

/// What a lease adds to the time-out of a message.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

impl Teller<'_> {
    /// Sends one batch of what is due; whether there may be more at once.
    pub(super) async fn deliver(self, listener: &Listener) -> More {
        let Self { telling, ledger, .. } = self;
        let outbox = ledger.outbox();
        let limit = u32::from(telling.config.webhook_in_flight);
        let lease = telling.client.timeout() + LEASE_MARGIN;
        let due = outbox.claim_deliveries(&listener.name, limit, lease).await?;
        if due.is_empty() {
            return Ok(false);
        }
        // The ledger's clock, carried on by our own count.
        let (now, asked) = (ledger.now().await?, Instant::now());
        let whole = u32::try_from(due.len()).is_ok_and(|count| count >= limit);
        let attempts = due.into_iter().map(|delivery| async move {
            let now = later(now, asked.elapsed());
            let message = &delivery.message;
            let answer = telling.client.send(&listener.webhook, message.id, now, &message.body).await;
            (delivery, answer)
        });
        let mut attempted = Vec::new();
        let mut gone = false;
        for (delivery, answer) in join_all(attempts).await {
            gone |= answer == Answer::Gone;
            let result = judge(&delivery, answer, &telling.config.webhook_retries_ms);
            count(listener, &delivery, &result);
            attempted.push((delivery, result));
        }
        outbox.record_deliveries(attempted).await?;
        if gone && outbox.switch_webhook(&listener.name, true, None, "the receiver answered 410 Gone").await?
        {
            warn!(
                webhook = listener.name,
                "the receiver answered 410: nothing is sent to it until somebody says `fawtara webhooks enable`"
            );
        }
        Ok(whole && !gone)
    }
}

/// What an answer means for a delivery.
fn judge(delivery: &Delivery, answer: Answer, retries_ms: &[u64]) -> Attempted {
    let (status, error) = match answer {
        Answer::Heard { .. } => return Attempted::Heard,
        // Not charged: it waits for the person who switches the webhook on again.
        Answer::Gone => {
            let error = "410 Gone".to_owned();
            return Attempted::Unheard { again_in: Some(Duration::ZERO), status: Some(410), error };
        }
        Answer::Refused { status, excerpt } => (Some(status), format!("HTTP {status}: {excerpt}")),
        Answer::Silent { reason } => (None, reason),
    };
    let place = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
    let again_in = retries_ms.get(place).map(|wait_ms| spread(delivery, *wait_ms));
    Attempted::Unheard { again_in, status, error }
}

/// A wait with up to a fifth more, computed from message and attempt: what failed together does not come back together.
pub(super) fn spread(delivery: &Delivery, wait_ms: u64) -> Duration {
    let message = &delivery.message;
    let parts = [message.id.as_bytes(), message.webhook.as_bytes(), &delivery.attempts.to_be_bytes()[..]];
    let draw = Digest::of_parts(&parts).as_bytes().first().copied().unwrap_or_default();
    Duration::from_millis(wait_ms.saturating_add(wait_ms / 5 * u64::from(draw) / 255))
}

fn count(listener: &Listener, delivery: &Delivery, result: &Attempted) {
    let (id, webhook) = (delivery.message.id, listener.name.as_str());
    let label = match result {
        Attempted::Heard => "heard",
        Attempted::Unheard { again_in: Some(wait), error, .. } => {
            info!(webhook, %id, error, again_in_s = wait.as_secs(), "a webhook did not hear a message");
            "unheard"
        }
        Attempted::Unheard { again_in: None, error, .. } => {
            warn!(webhook, %id, error, "a message to a webhook is given up; `fawtara webhooks failed` lists it");
            "given_up"
        }
    };
    let labels =
        [telemetry::owned_label("webhook", listener.name.clone()), telemetry::label("result", label)];
    telemetry::metrics().webhook_attempts.add(1, &labels);
}
