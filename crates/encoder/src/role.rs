//! The encoder's loop: a batch of hints in, one transaction, a batch of hints out, one acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, BrokerError, Delivery, Hint, Outgoing, Queue, Subscription, Window};
use invoice::life::{State, Step};
use invoice::{Digest, InvoiceKey, Timestamp};
use ledger::{Encode, EncodeOutcome, Ledger, LedgerError, RefusedIntake, patiently};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};
use uuid::Uuid;

/// Before asking an absent broker again, and before giving back what could not be worked on.
const PAUSE: Duration = Duration::from_secs(1);
/// A publish that takes longer is given up; the broker may still get the hints, and a hint too many does no harm.
const PUBLISH: Duration = Duration::from_secs(2);

/// What can be set about the encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The most drafts in one transaction.
    pub batch: usize,
    /// How long to gather a batch, milliseconds.
    pub linger_ms: u64,
    /// Hints held unsettled at most.
    pub prefetch: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self { batch: 256, linger_ms: 5, prefetch: 512 }
    }
}

/// The role.
pub struct Encoder {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// What makes the bytes.
    pub documents: Arc<dyn Encode>,
    /// Its settings.
    pub config: Config,
}

impl Encoder {
    /// Works until `shutdown`; the batch in hand is finished first.
    ///
    /// # Errors
    /// [`BrokerError::Unfit`] when the broker is not as it must be; outages are waited out.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<(), BrokerError> {
        let Some(mut drafts) = self.subscribe(&shutdown).await? else { return Ok(()) };
        let linger = Duration::from_millis(self.config.linger_ms);
        let window = Window::new(Arc::clone(&self.broker), Queue::ToSubmit);
        info!(batch = self.config.batch, "the encoder is at work");
        loop {
            let batch = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                batch = drafts.next_batch(self.config.batch, linger) => batch,
            };
            if batch.is_empty() {
                break;
            }
            let span = info_span!("encode batch", size = batch.len());
            self.work(batch, &window, &shutdown).instrument(span).await;
        }
        drafts.close().await;
        info!("the encoder has stopped");
        Ok(())
    }

    /// Begins to consume as soon as the broker is there; none when `shutdown` comes first.
    async fn subscribe(
        &self,
        shutdown: &CancellationToken,
    ) -> Result<Option<Box<dyn Subscription>>, BrokerError> {
        loop {
            let subscribed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(None),
                subscribed = self.broker.subscribe(Queue::Draft, self.config.prefetch) => subscribed,
            };
            let Err(BrokerError::Unavailable(reason)) = subscribed else { return subscribed.map(Some) };
            warn!(%reason, "drafts cannot be consumed yet; trying again");
            let _ = timeout(PAUSE, shutdown.cancelled()).await;
        }
    }

    /// Hints for invoices that the ledger does not know are noted before they are gone: it may have been restored from a backup
    /// older than the queues, and these must be published again.
    async fn note_strangers(&self, batch: &[Delivery]) {
        let hints: Vec<_> = batch
            .iter()
            .filter_map(|delivery| Hint::from_bytes(&delivery.payload).ok())
            .map(|hint| (hint.key(), hint.version))
            .collect();
        if let Err(error) = ledger::note_strangers(&*self.ledger, &hints).await {
            warn!(%error, "hints for invoices that the ledger does not know could not be noted");
        }
    }

    async fn work(&self, batch: Vec<Delivery>, window: &Window, shutdown: &CancellationToken) {
        telemetry::metrics().batch_size.record(batch.len() as u64, &[role()]);
        let mut traces = BTreeMap::new();
        let mut strangers = Vec::new();
        for delivery in &batch {
            match Hint::from_bytes(&delivery.payload) {
                Ok(hint) => {
                    traces.entry(hint.key()).or_insert_with(|| delivery.traceparent.clone());
                }
                Err(error) => strangers.push(stranger(delivery, &error.to_string())),
            }
        }
        let keys: Vec<_> = traces.keys().copied().collect();
        // One span for each invoice, in the trace of its publisher; all of them last as long as the batch.
        let spans: Vec<_> =
            traces.iter().map(|(key, traceparent)| span(key, traceparent.as_deref())).collect();
        let done = async {
            self.keep(strangers, shutdown).await?;
            let encode = |keys| self.ledger.encode(keys, Arc::clone(&self.documents));
            split(keys, shutdown, encode).await
        };
        // How much room there is is asked meanwhile, so that nobody waits for the answer.
        let (done, ()) = tokio::join!(done, self.look(window));
        drop(spans);
        match done {
            Ok(outcomes) => {
                if outcomes.iter().any(|outcome| matches!(outcome, EncodeOutcome::Skipped(None))) {
                    self.note_strangers(&batch).await;
                }
                self.announce(outcomes, &traces, window).await;
                broker::settle_all(&batch).await;
            }
            Err(error) => {
                warn!(%error, "giving a batch of {} drafts back to the queue", batch.len());
                // They come again at once: without a pause they would soon have come as often as the broker allows.
                let _ = timeout(PAUSE, shutdown.cancelled()).await;
                for delivery in &batch {
                    // Stale means that it goes back by itself.
                    let _ = delivery.settle.requeue().await;
                }
            }
        }
    }

    /// Keeps messages that are no hints, each by itself: they are rare, and none may keep drafts from being encoded.
    async fn keep(
        &self,
        strangers: Vec<RefusedIntake>,
        shutdown: &CancellationToken,
    ) -> Result<(), LedgerError> {
        for stranger in strangers {
            let keep = || self.ledger.refuse_intake(vec![stranger.clone()]);
            match patiently(shutdown.cancelled(), keep).await {
                Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) => {
                    error!(%reason, sha256 = %stranger.sha256, "a message that is no hint could not be kept");
                }
                kept => kept?,
            }
        }
        Ok(())
    }

    /// Looks how much room there is for hints, if the broker is there.
    async fn look(&self, window: &Window) {
        let health = self.broker.health();
        if health.connected && health.blocked.is_none() {
            window.look().await;
        }
    }

    /// Hints for whoever is next. One that fails to arrive is made up for by the sweeper; what finds no room on the
    /// submitter's queue is parked in the ledger, to be dispatched in turn.
    async fn announce(
        &self,
        outcomes: Vec<EncodeOutcome>,
        traces: &BTreeMap<InvoiceKey, Option<String>>,
        window: &Window,
    ) {
        let metrics = telemetry::metrics();
        let mut hints = Vec::with_capacity(outcomes.len());
        let mut parked = Vec::new();
        let mut parked_at = Timestamp::UNIX_EPOCH;
        for outcome in outcomes {
            let (invoice, queue) = match outcome {
                EncodeOutcome::Encoded(invoice) => {
                    metrics.transitions.add(1, &[event("encoded")]);
                    (invoice, Queue::ToSubmit)
                }
                EncodeOutcome::Unfit(invoice) => {
                    let name = if invoice.state == State::Rejected { "found_unfit" } else { "dead_lettered" };
                    metrics.transitions.add(1, &[event(name)]);
                    warn!(invoice = %invoice.key, reason = invoice.message.as_deref(), "unfit, waits for a person");
                    (invoice, Queue::DeadLetter)
                }
                EncodeOutcome::Waits(invoice) => {
                    metrics.transitions.add(1, &[event("waiting")]);
                    let original = invoice.waiting.as_ref().map(|waiting| waiting.original.as_str());
                    info!(invoice = %invoice.key, original, "a return waits for its original");
                    continue;
                }
                // Encoded before, by a twin of this hint whose own hint may have been lost.
                EncodeOutcome::Skipped(Some(invoice))
                    if invoice.state == State::Draft && invoice.waits_for() == Some(Step::Submit) =>
                {
                    (invoice, Queue::ToSubmit)
                }
                EncodeOutcome::Skipped(_) => continue,
            };
            if queue == Queue::ToSubmit && window.admit(1) == 0 {
                parked.push(invoice.key);
                parked_at = parked_at.max(invoice.updated_at);
                continue;
            }
            hints.push(Outgoing {
                queue,
                payload: Hint::new(invoice.key, invoice.version).to_bytes(),
                traceparent: traces.get(&invoice.key).cloned().flatten(),
            });
        }
        self.park(&parked, parked_at).await;
        self.publish(hints).await;
    }

    /// Has these dispatched as if they had been hinted and lost just now, instead of after the sweeper's grace.
    async fn park(&self, invoices: &[InvoiceKey], at: Timestamp) {
        if invoices.is_empty() {
            return;
        }
        let parked = matches!(timeout(PUBLISH, self.ledger.park(invoices, at)).await, Ok(Ok(())));
        if !parked {
            debug!(hints = invoices.len(), "hints that find no room are left to the sweeper");
        }
        invoices.iter().for_each(|_| count(Queue::ToSubmit, if parked { "parked" } else { "passed_over" }));
    }

    /// Waits for confirms, but neither long nor for a broker that is away.
    async fn publish(&self, hints: Vec<Outgoing>) {
        if hints.is_empty() {
            return;
        }
        let queues: Vec<_> = hints.iter().map(|hint| hint.queue).collect();
        let health = self.broker.health();
        if !health.connected || health.blocked.is_some() {
            debug!(hints = hints.len(), "the broker is away; the sweeper will make up for the hints");
            queues.into_iter().for_each(|queue| count(queue, "passed_over"));
            return;
        }
        let Ok(results) = timeout(PUBLISH, self.broker.publish(hints)).await else {
            warn!(
                hints = queues.len(),
                "hints were not confirmed in time; the sweeper will make up for them"
            );
            queues.into_iter().for_each(|queue| count(queue, "failed"));
            return;
        };
        for (queue, result) in queues.into_iter().zip(&results) {
            count(queue, if result.is_ok() { "ok" } else { "failed" });
        }
        let failed = results.iter().filter(|result| result.is_err()).count();
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            warn!(%error, failed, "hints were not published; the sweeper will make up for them");
        }
    }
}

/// One transaction for the batch; a batch that the ledger cannot encode is split down to its culprit (promise 14).
async fn split<F, Fut>(
    keys: Vec<InvoiceKey>,
    shutdown: &CancellationToken,
    encode: F,
) -> Result<Vec<EncodeOutcome>, LedgerError>
where
    F: Fn(Vec<InvoiceKey>) -> Fut,
    Fut: Future<Output = Result<Vec<EncodeOutcome>, LedgerError>>,
{
    let mut outcomes = Vec::with_capacity(keys.len());
    let mut batches = vec![keys];
    while let Some(mut keys) = batches.pop() {
        match patiently(shutdown.cancelled(), || encode(keys.clone())).await {
            Ok(done) => outcomes.extend(done),
            Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) if keys.len() > 1 => {
                warn!(%reason, size = keys.len(), "splitting a batch that the ledger cannot encode");
                let half = keys.split_off(keys.len() / 2);
                batches.push(half);
                batches.push(keys);
            }
            // Alone: it stays a draft, and the sweeper brings it back ever more rarely, with this line each time.
            Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) => {
                error!(%reason, invoice = ?keys.first(), "the ledger cannot encode this invoice");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(outcomes)
}

fn count(queue: Queue, result: &'static str) {
    let queue = if queue == Queue::DeadLetter { "dead-letter" } else { "to-submit" };
    telemetry::metrics()
        .hints
        .add(1, &[telemetry::label("queue", queue), telemetry::label("result", result)]);
}

fn span(key: &InvoiceKey, traceparent: Option<&str>) -> tracing::Span {
    let span = info_span!("encode", otel.kind = "consumer", invoice = %key);
    telemetry::adopt_parent(&span, traceparent);
    span
}

fn role() -> telemetry::Label {
    telemetry::label("role", "encoder")
}

fn event(name: &'static str) -> telemetry::Label {
    telemetry::label("event", name)
}

/// A message on our own queue that is none of ours: kept as evidence, under a name that a redelivery repeats.
fn stranger(delivery: &Delivery, reason: &str) -> RefusedIntake {
    let sha256 = Digest::of(&delivery.payload);
    RefusedIntake {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, sha256.as_bytes()),
        at: invoice::Timestamp::UNIX_EPOCH,
        via: "amqp:draft".to_owned(),
        code: "not_a_hint".to_owned(),
        message: format!(
            "a message on the encoder's queue is {reason}; publish invoice events to the intake queue"
        ),
        faults: None,
        uuid: None,
        number: None,
        sha256,
        body: delivery.payload.get(..invoice::limits::EVENT_BYTES).unwrap_or(&delivery.payload).to_vec(),
    }
}

#[cfg(test)]
mod tests;
