//! Claiming: intent before effect. One look into the ledger, one commit, and only what can be sent now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Delivery, Hint, Outgoing, Queue};
use bytes::Bytes;
use chrono::TimeDelta;
use invoice::life::{Command, Context, Event, Evidence, Invoice, OutcomeKind, Refusal, Step, decide};
use invoice::{InvoiceKey, Timestamp};
use jofotara::Endpoint;
use ledger::{Appended, AttemptRecord, Change, DocumentKind, LedgerError, Loaded, patiently};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use crate::alone::goes_alone;
use crate::append::append_split;
use crate::config::Endpoints;
use crate::desk::{Desk, later};
use crate::lane::{Entry, Slot};
use crate::rest::Rest;

/// An attempt whose start is committed: to be sent now.
pub(crate) struct Attempt {
    pub(crate) invoice: Invoice,
    pub(crate) xml: Bytes,
    pub(crate) endpoint: Endpoint,
    /// Its place at the endpoint.
    pub(crate) slot: Slot,
    pub(crate) delivery: Delivery,
    /// The ledger's time of the claim, and when that was by our own count.
    pub(crate) started_at: Timestamp,
    pub(crate) started: Instant,
    /// How long before the claim the invoice was last touched.
    pub(crate) untouched_for: Duration,
}

/// What became of a batch of hints.
#[derive(Default)]
pub(crate) struct Claimed {
    /// To be sent now, before anything else: their leases run.
    pub(crate) attempts: Vec<Attempt>,
    /// To be claimed again, alone.
    pub(crate) alone: Vec<Delivery>,
    /// To be settled after that.
    pub(crate) rest: Rest,
}

/// One act of claiming.
pub(crate) struct Claim<'a> {
    desk: &'a Desk,
    /// As they are now: they may change between two batches, not within one.
    endpoints: Arc<Endpoints>,
    rest: Rest,
}

/// A candidate between decision and commit.
struct Candidate {
    change: Change,
    endpoint: Endpoint,
    slot: Slot,
    delivery: Delivery,
    xml: Bytes,
    untouched_for: Duration,
}

/// How long an invoice is parked whose endpoint is not configured here, or whose bytes are missing.
const PARKED_FOR: TimeDelta = TimeDelta::minutes(15);

impl<'a> Claim<'a> {
    pub(crate) fn new(desk: &'a Desk) -> Self {
        Self { desk, endpoints: desk.endpoints(), rest: Rest::default() }
    }

    /// Claims what may be claimed. On an error nothing is settled: the channel's end gives the hints back.
    pub(crate) async fn claim(mut self, batch: Vec<Delivery>, alone: bool) -> Result<Claimed, LedgerError> {
        telemetry::metrics().batch_size.record(batch.len() as u64, &[telemetry::label("role", "submitter")]);
        let mut deliveries = BTreeMap::new();
        for delivery in batch {
            match Hint::from_bytes(&delivery.payload) {
                Ok(hint) => {
                    if let Some(twin) = deliveries.insert(hint.key(), delivery) {
                        self.rest.done.push(twin);
                    }
                }
                Err(reason) => {
                    warn!(%reason, bytes = delivery.payload.len(), "a stranger's message on the submitter's queue is dropped");
                    self.rest.done.push(delivery);
                }
            }
        }
        let keys: Vec<_> = deliveries.keys().copied().collect();
        let ledger = &self.desk.role.ledger;
        let loaded = match patiently(std::future::pending(), || ledger.load(&keys)).await {
            Err(LedgerError::Corrupt(reason)) => self.load_each(&keys, &reason).await?,
            loaded => loaded?,
        };
        let started = Instant::now();
        self.rest.looked = Some((loaded.now, started));
        let mut claimed = Claimed::default();
        let mut candidates = Vec::new();
        for ((key, delivery), invoice) in deliveries.into_iter().zip(loaded.invoices.iter()) {
            match self.consider(key, invoice.as_ref(), &delivery, loaded.now) {
                Some((change, endpoint)) if goes_alone(&change.invoice) && !alone => {
                    if let Some(wait) = self.waits_to_go_alone(&endpoint) {
                        self.rest.postpone(delivery, wait);
                    } else {
                        debug!(invoice = %key, "to be claimed alone");
                        claimed.alone.push(delivery);
                    }
                }
                Some((change, endpoint)) => {
                    let Some(slot) = self.enter(&change.invoice, &endpoint, loaded.now) else {
                        self.rest.done.push(delivery);
                        continue;
                    };
                    let untouched_for = (loaded.now - change.invoice.updated_at).to_std().unwrap_or_default();
                    candidates.push(Candidate {
                        change,
                        endpoint,
                        slot,
                        delivery,
                        xml: Bytes::new(),
                        untouched_for,
                    });
                }
                None => self.rest.done.push(delivery),
            }
        }
        let candidates = self.fetch_bytes(candidates, &loaded).await?;
        self.commit(candidates, started, &mut claimed).await?;
        claimed.rest = self.rest;
        Ok(claimed)
    }

    /// One by one, so that an invoice that this program cannot read stands in nobody's way (promise 14).
    async fn load_each(&mut self, keys: &[InvoiceKey], reason: &str) -> Result<Loaded, LedgerError> {
        warn!(%reason, size = keys.len(), "loading one by one a batch that cannot be read");
        let ledger = &self.desk.role.ledger;
        let now = patiently(std::future::pending(), || ledger.now()).await?;
        let mut loaded = Loaded { now, invoices: Vec::with_capacity(keys.len()) };
        for key in keys {
            match patiently(std::future::pending(), || ledger.load(std::slice::from_ref(key))).await {
                Ok(one) => loaded.invoices.extend(one.invoices),
                Err(LedgerError::Corrupt(reason)) => {
                    error!(invoice = %key, %reason, "this program cannot read what the ledger holds of it; parked");
                    self.rest.parked.push((*key, now + PARKED_FOR));
                    loaded.invoices.push(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(loaded)
    }

    /// Decides about one invoice; none when there is nothing to send now.
    fn consider(
        &mut self,
        key: InvoiceKey,
        invoice: Option<&Invoice>,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Option<(Change, Endpoint)> {
        let Some(invoice) = invoice else {
            warn!(invoice = %key, "a hint for an invoice that the ledger does not know; `fawtara recover unknown` lists all of them");
            self.rest.unknown.extend(Hint::from_bytes(&delivery.payload).map(|hint| (key, hint.version)));
            return None;
        };
        if invoice.waits_for() == Some(Step::Encode) {
            self.hint(Queue::Draft, invoice, delivery);
            return None;
        }
        if invoice.state.is_settled() {
            return None;
        }
        let Some(endpoint) = self.endpoints.get(&(key.environment, invoice.source.clone())).cloned() else {
            warn!(invoice = %key, source = %invoice.source, "no usable credentials are registered here for this income source and environment, or it is deactivated; parked");
            self.rest.parked.push((key, now + PARKED_FOR));
            return None;
        };
        let policy = self.desk.role.policies.of(&invoice.source);
        if self.desk.credentials().are_stopped(&invoice.source, &endpoint, Instant::now()) {
            self.rest.parked.push((key, later(now, Duration::from_millis(policy.credentials_ms))));
            return None;
        }
        let lease = endpoint.timeout() + Duration::from_millis(self.desk.role.config.lease_margin_ms);
        let start = Command::Start { lease_until: later(now, lease), worker: self.desk.role.worker.clone() };
        match decide(invoice, start, Context { now, policy }) {
            Ok(events) => {
                let attempt = crashed_attempt(invoice, &events, now);
                let change =
                    Change { invoice: invoice.clone(), events, at: now, documents: Vec::new(), attempt };
                Some((change, endpoint))
            }
            Err(Refusal::NotDue { due_at }) => {
                // Came early from its rung: parked again, on the rung that fits what is left.
                let wait = (due_at - now).to_std().unwrap_or_default();
                if let Some(rung) = self.desk.role.ladder.rung_for(wait) {
                    self.hint(rung, invoice, delivery);
                }
                None
            }
            Err(refusal) => {
                debug!(invoice = %key, %refusal, "not claimed");
                None
            }
        }
    }

    /// A place at the endpoint, or a later turn. Credentials that were refused let one attempt through, as a probe, once their
    /// time is over; so does an endpoint that failed.
    fn enter(&mut self, invoice: &Invoice, endpoint: &Endpoint, now: Timestamp) -> Option<Slot> {
        let (desk, here) = (self.desk, Instant::now());
        let wait = match desk.lanes.of(endpoint).enter(here) {
            Entry::Wait(until) => until.saturating_duration_since(here),
            Entry::In(slot) => {
                if desk.credentials().admit(&invoice.source, endpoint, here) {
                    return Some(slot);
                }
                Duration::from_millis(desk.role.policies.of(&invoice.source).credentials_ms)
            }
        };
        self.rest.parked.push((invoice.key, later(now, wait)));
        None
    }

    /// For how long nobody may go alone there. The endpoint is asked first: while it may hang, nobody is held up for its sake.
    fn waits_to_go_alone(&self, endpoint: &Endpoint) -> Option<Duration> {
        let now = Instant::now();
        let trusted = self.desk.lanes.of(endpoint).trusted_from(now).saturating_duration_since(now);
        Some(trusted.max(self.desk.alone().wait(now))).filter(|wait| !wait.is_zero())
    }

    /// Passes the trace of the hint on.
    fn hint(&mut self, queue: Queue, invoice: &Invoice, delivery: &Delivery) {
        let payload = Hint::new(invoice.key, invoice.version).to_bytes();
        self.rest.hints.push(Outgoing { queue, payload, traceparent: delivery.traceparent.clone() });
    }

    /// The bytes come before the claim: claim only what can be sent.
    async fn fetch_bytes(
        &mut self,
        candidates: Vec<Candidate>,
        loaded: &Loaded,
    ) -> Result<Vec<Candidate>, LedgerError> {
        let wanted: Vec<_> = candidates
            .iter()
            .map(|candidate| &candidate.change.invoice)
            .map(|invoice| (invoice.key, invoice.document, DocumentKind::Sent))
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let ledger = &self.desk.role.ledger;
        let documents = patiently(std::future::pending(), || ledger.documents(&wanted)).await?;
        let mut fit = Vec::with_capacity(candidates.len());
        for (mut candidate, document) in candidates.into_iter().zip(documents) {
            let invoice = &candidate.change.invoice;
            match document {
                Some(document) if Some(document.sha256) == invoice.xml => {
                    candidate.xml = document.bytes.into();
                    fit.push(candidate);
                }
                other => {
                    let held = other.map(|document| document.sha256);
                    error!(invoice = %invoice.key, expected = ?invoice.xml, ?held, "the ledger lacks the bytes that it fixed; run `fawtara verify`");
                    self.rest.parked.push((invoice.key, loaded.now + PARKED_FOR));
                    self.rest.done.push(candidate.delivery);
                }
            }
        }
        Ok(fit)
    }

    async fn commit(
        &mut self,
        candidates: Vec<Candidate>,
        started: Instant,
        claimed: &mut Claimed,
    ) -> Result<(), LedgerError> {
        let changes: Vec<_> = candidates.iter().map(|candidate| candidate.change.clone()).collect();
        let appended = append_split(&*self.desk.role.ledger, changes, std::future::pending()).await?;
        let metrics = telemetry::metrics();
        for (candidate, appended) in candidates.into_iter().zip(appended) {
            for event in &candidate.change.events {
                metrics.transitions.add(1, &[telemetry::label("event", event.name())]);
            }
            match appended {
                Some(Appended::Done(invoice)) if invoice.state.waits_for_person() => {
                    error!(invoice = %invoice.key, reason = invoice.message.as_deref(), "dead-lettered");
                    self.hint(Queue::DeadLetter, &invoice, &candidate.delivery);
                    self.rest.done.push(candidate.delivery);
                }
                Some(Appended::Done(invoice)) => claimed.attempts.push(Attempt {
                    invoice,
                    xml: candidate.xml,
                    endpoint: candidate.endpoint,
                    slot: candidate.slot,
                    delivery: candidate.delivery,
                    started_at: candidate.change.at,
                    started,
                    untouched_for: candidate.untouched_for,
                }),
                // Somebody else was quicker: it is theirs now.
                Some(Appended::Outdated) | None => self.rest.done.push(candidate.delivery),
            }
        }
        Ok(())
    }
}

/// The attempt that fell silent, for the table of attempts.
fn crashed_attempt(invoice: &Invoice, events: &[Event], now: Timestamp) -> Option<AttemptRecord> {
    events.iter().any(|event| matches!(event, Event::LeaseExpired { .. })).then(|| AttemptRecord {
        attempt: invoice.attempt,
        document: invoice.document,
        started_at: invoice.updated_at,
        ended_at: now,
        worker: String::new(),
        outcome: OutcomeKind::Crashed,
        late: false,
        evidence: Evidence {
            message: "the lease ran out; the worker was never heard of again".to_owned(),
            ..Evidence::default()
        },
    })
}
