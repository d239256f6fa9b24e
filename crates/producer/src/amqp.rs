//! Intake from the broker: events that retailers publish straight to the intake queue. What cannot be taken becomes a record
//! of its own and a hint in the dead-letter queue, never a message in circles.

use std::sync::Arc;
use std::time::Duration;

use broker::{BrokerError, Delivery, Hint, Outgoing, Queue, Subscription};
use invoice::{Digest, Environment};
use ledger::{Arrival, KeyRing, LedgerError, Live, RefusedIntake, patiently};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::announcer;
use crate::batcher::take_split;
use crate::caller::Caller;
use crate::config::Config;
use crate::envelope::Message;
use crate::gate::Gate;
use crate::intake::{Intake, Refused, USER_CHARS, count};

/// Before asking an absent broker again, and before giving back what could not be worked on.
const PAUSE: Duration = Duration::from_secs(1);

/// Consumes until `shutdown`; the batch in hand is finished first.
pub(crate) async fn run(
    intake: &Intake,
    config: &Config,
    keys: &Live<KeyRing>,
    shutdown: &CancellationToken,
) -> Result<(), BrokerError> {
    let mut gate = intake.gate.clone();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = gate.opened() => {}
        }
        let Some(events) = subscribe(intake, config, shutdown).await? else { return Ok(()) };
        if consume(intake, config, keys, events, &mut gate, shutdown).await == End::Over {
            return Ok(());
        }
        info!("intake is closed: events stay in the intake queue");
    }
}

/// Why nothing more is consumed.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The role stops, or the broker was closed.
    Over,
    /// A person has closed intake.
    Closed,
}

/// Takes events until intake is closed or the role stops; what is in hand is finished or given back.
async fn consume(
    intake: &Intake,
    config: &Config,
    keys: &Live<KeyRing>,
    mut events: Box<dyn Subscription>,
    gate: &mut Gate,
    shutdown: &CancellationToken,
) -> End {
    let linger = Duration::from_millis(config.linger_ms);
    info!("taking events from the intake queue");
    let mut end = End::Over;
    loop {
        let batch = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            () = gate.closed() => {
                end = End::Closed;
                break;
            }
            batch = events.next_batch(config.batch, linger) => batch,
        };
        if batch.is_empty() {
            break;
        }
        // As they are now: a key that ends while a batch is worked on ends with the next one.
        let ring = Arc::clone(&keys.borrow());
        if let Err(error) = work(intake, &ring, &batch, shutdown).await {
            warn!(%error, size = batch.len(), "giving events back to the intake queue");
            // They come again at once: without a pause they would soon have come as often as the broker allows.
            let _ = timeout(PAUSE, shutdown.cancelled()).await;
            for delivery in &batch {
                // Stale means that it goes back by itself.
                let _ = delivery.settle.requeue().await;
            }
        }
    }
    events.close().await;
    end
}

/// Begins to consume as soon as the broker is there; none when `shutdown` comes first.
async fn subscribe(
    intake: &Intake,
    config: &Config,
    shutdown: &CancellationToken,
) -> Result<Option<Box<dyn Subscription>>, BrokerError> {
    loop {
        let subscribed = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(None),
            subscribed = intake.broker.subscribe(Queue::Intake, config.prefetch) => subscribed,
        };
        let Err(BrokerError::Unavailable(reason)) = subscribed else { return subscribed.map(Some) };
        warn!(%reason, "the intake queue cannot be consumed yet; trying again");
        let _ = timeout(PAUSE, shutdown.cancelled()).await;
    }
}

async fn work(
    intake: &Intake,
    ring: &KeyRing,
    batch: &[Delivery],
    shutdown: &CancellationToken,
) -> Result<(), LedgerError> {
    let mut arrivals = Vec::with_capacity(batch.len());
    let mut taken_from = Vec::with_capacity(batch.len());
    let mut refused = Vec::new();
    let mut unfit = Vec::new();
    for delivery in batch {
        match check(intake, ring, delivery) {
            Ok(arrival) => {
                arrivals.push(arrival);
                taken_from.push(delivery);
            }
            Err(reason) => {
                refused.push(record(&delivery.payload, delivery.user_id.as_deref(), &reason));
                unfit.push(Err(reason));
            }
        }
    }
    // An absent ledger is waited out: the publisher has no way to hear "later" from a queue.
    let mut answers = Vec::new();
    if !arrivals.is_empty() {
        let wait = shutdown.cancelled();
        let call = || async {
            let answers = take_split(intake, arrivals.clone()).await;
            if answers.iter().any(|answer| matches!(answer, Err(Refused::Unavailable))) {
                return Err(LedgerError::Unavailable("not every event could be taken".to_owned()));
            }
            // Waited out as well: what is taken once it is open again is not refused now.
            if answers.iter().any(|answer| matches!(answer, Err(Refused::Closed { .. }))) {
                return Ok(None);
            }
            Ok(Some(answers))
        };
        answers = match patiently(wait, call).await? {
            Some(answers) => answers,
            None => return Err(LedgerError::Unavailable("intake is closed".to_owned())),
        };
    }
    let mut taken = Vec::with_capacity(answers.len());
    for (answer, delivery) in answers.iter().zip(&taken_from) {
        match answer {
            Ok(one) => taken.push((one, delivery.traceparent.clone())),
            Err(reason) => refused.push(record(&delivery.payload, delivery.user_id.as_deref(), reason)),
        }
    }
    if !refused.is_empty() {
        patiently(shutdown.cancelled(), || intake.ledger.refuse_intake(refused.clone())).await?;
    }
    unfit.iter().chain(&answers).for_each(|answer| count("amqp", answer));
    intake.announce(taken.into_iter()).await;
    announce_refused(intake, &refused).await;
    broker::settle_all(batch).await;
    Ok(())
}

/// One message, if it is an event and theirs who published it.
#[allow(clippy::result_large_err, reason = "as in Intake::check")]
fn check(intake: &Intake, ring: &KeyRing, delivery: &Delivery) -> Result<Arrival, Refused> {
    let caller = Caller::of_message(delivery.user_id.as_deref(), ring)?;
    let message = Message {
        content_type: delivery.content_type.as_deref(),
        attributes: &delivery.cloud_event,
        body: &delivery.payload,
    };
    caller.judge(intake.check_message(&message, delivery.traceparent.clone()))
}

/// One hint in the dead-letter queue for each record.
async fn announce_refused(intake: &Intake, refused: &[RefusedIntake]) {
    let hints = refused
        .iter()
        .map(|record| Hint { environment: Environment::Simulation, uuid: record.id, version: 0 })
        .map(|hint| Outgoing { queue: Queue::DeadLetter, payload: hint.to_bytes(), traceparent: None })
        .collect();
    announcer::publish(&*intake.broker, hints).await;
}

/// What little can be read of an event that is not one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Glimpse {
    uuid: Option<serde_json::Value>,
    number: Option<serde_json::Value>,
    /// The event itself, when it came in a CloudEvent.
    data: Option<Box<Glimpse>>,
}

/// The record of a refusal; its name is that of its content and reason, so that a redelivery makes no second one.
pub(crate) fn record(body: &[u8], user: Option<&str>, reason: &Refused) -> RefusedIntake {
    let sha256 = Digest::of(body);
    let name = Digest::of_parts(&[sha256.as_bytes(), reason.code().as_bytes()]);
    // One that is too large is no JSON any more once it is cut: nothing is known of it but its digest.
    let kept = body.get(..invoice::limits::EVENT_BYTES).unwrap_or(body);
    let glimpse: Glimpse = serde_json::from_slice(kept).unwrap_or_default();
    let glimpse = match glimpse.data {
        Some(inner) if glimpse.uuid.is_none() => *inner,
        data => Glimpse { data, ..glimpse },
    };
    let text = |value: Option<serde_json::Value>| {
        value.as_ref().and_then(|value| value.as_str().map(ToOwned::to_owned))
    };
    let faults = match reason {
        Refused::Invalid(faults) => serde_json::to_string(faults).ok(),
        Refused::Conflict { differences, .. } => serde_json::to_string(differences).ok(),
        Refused::Envelope { attribute, message } => {
            let fault = json!([{ "code": "envelope", "path": attribute, "message": message }]);
            Some(fault.to_string())
        }
        _ => None,
    };
    let message = match (reason, user) {
        // Whoever looks into it wants to know who that was.
        (Refused::OutOfScope { .. }, Some(user)) => {
            format!("{reason}; it was published by AMQP user {:?}", invoice::excerpt(user, USER_CHARS))
        }
        _ => reason.to_string(),
    };
    RefusedIntake {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        at: invoice::Timestamp::UNIX_EPOCH,
        via: "amqp".to_owned(),
        code: reason.code().to_owned(),
        message,
        faults,
        uuid: text(glimpse.uuid).and_then(|text| text.parse().ok()),
        number: text(glimpse.number).map(|number| number.chars().take(100).collect()),
        sha256,
        body: kept.to_vec(),
    }
}

#[cfg(test)]
mod tests;
