//! The encoder's loop: a batch of hints in, one transaction, a batch of hints out, one acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, BrokerError, Delivery, Hint, Outgoing, Queue};
use invoice::life::{State, Step};
use invoice::{Digest, InvoiceKey};
use ledger::{Encode, EncodeOutcome, Ledger, LedgerError, RefusedIntake, patiently};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, info_span, warn};
use uuid::Uuid;

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
        let mut drafts = self.broker.subscribe(Queue::Draft, self.config.prefetch).await?;
        let linger = Duration::from_millis(self.config.linger_ms);
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
            self.work(batch, &shutdown).instrument(span).await;
        }
        drafts.close().await;
        info!("the encoder has stopped");
        Ok(())
    }

    async fn work(&self, batch: Vec<Delivery>, shutdown: &CancellationToken) {
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
            if !strangers.is_empty() {
                let keep = || self.ledger.refuse_intake(strangers.clone());
                patiently(shutdown.cancelled(), keep).await?;
            }
            self.encode(keys, shutdown).await
        };
        let done = done.await;
        drop(spans);
        match done {
            Ok(outcomes) => {
                self.announce(outcomes, &traces).await;
                broker::settle_all(&batch).await;
            }
            Err(error) => {
                warn!(%error, "giving a batch of {} drafts back to the queue", batch.len());
                for delivery in &batch {
                    // Stale means that it goes back by itself.
                    let _ = delivery.settle.requeue().await;
                }
            }
        }
    }

    /// One transaction for the batch; a batch that the ledger refuses is split down to its culprit (promise 14).
    async fn encode(
        &self,
        keys: Vec<InvoiceKey>,
        shutdown: &CancellationToken,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        let mut outcomes = Vec::with_capacity(keys.len());
        let mut batches = vec![keys];
        while let Some(mut keys) = batches.pop() {
            let call = || self.ledger.encode(keys.clone(), Arc::clone(&self.documents));
            match patiently(shutdown.cancelled(), call).await {
                Ok(done) => outcomes.extend(done),
                Err(LedgerError::Refused(reason)) if keys.len() > 1 => {
                    warn!(%reason, size = keys.len(), "splitting a batch that the ledger refused");
                    let half = keys.split_off(keys.len() / 2);
                    batches.push(half);
                    batches.push(keys);
                }
                // Alone and refused: it stays a draft, and the sweeper brings it back ever more rarely, with this line each time.
                Err(LedgerError::Refused(reason)) => {
                    tracing::error!(%reason, invoice = ?keys.first(), "the ledger refuses to encode this invoice");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(outcomes)
    }

    /// Hints for whoever is next. One that fails to arrive is made up for by the sweeper.
    async fn announce(&self, outcomes: Vec<EncodeOutcome>, traces: &BTreeMap<InvoiceKey, Option<String>>) {
        let metrics = telemetry::metrics();
        let mut hints = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let (invoice, queue) = match outcome {
                EncodeOutcome::Encoded(invoice) => {
                    metrics.transitions.add(1, &[event("encoded")]);
                    (invoice, Queue::ToSubmit)
                }
                EncodeOutcome::Unfit(invoice) => {
                    metrics.transitions.add(1, &[event("found_unfit")]);
                    warn!(invoice = %invoice.key, reason = invoice.message.as_deref(), "unfit, rejected");
                    (invoice, Queue::DeadLetter)
                }
                // Encoded before, by a twin of this hint whose own hint may have been lost.
                EncodeOutcome::Skipped(Some(invoice))
                    if invoice.state == State::Draft && invoice.waits_for() == Some(Step::Submit) =>
                {
                    (invoice, Queue::ToSubmit)
                }
                EncodeOutcome::Skipped(_) => continue,
            };
            hints.push(Outgoing {
                queue,
                payload: Hint::new(invoice.key, invoice.version).to_bytes(),
                traceparent: traces.get(&invoice.key).cloned().flatten(),
            });
        }
        for result in self.broker.publish(hints).await {
            let outcome = if result.is_ok() { "ok" } else { "failed" };
            metrics
                .hints
                .add(1, &[telemetry::label("queue", "to-submit"), telemetry::label("result", outcome)]);
            if let Err(error) = result {
                warn!(%error, "a hint was not published; the sweeper will make up for it");
            }
        }
    }
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
        body: delivery.payload.to_vec(),
    }
}
