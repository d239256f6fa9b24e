//! Recording: what was heard becomes events, in batches; hints follow the commit, and the acknowledgement follows the hints.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker::{Hint, Outgoing, Queue};
use invoice::Timestamp;
use invoice::life::{Command, Context, Event, Evidence, Invoice, Outcome, State, decide};
use jofotara::Verdict;
use ledger::{Appended, AttemptRecord, Change, DocumentKind, NewDocument, patiently};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::append::append_split;
use crate::claim::Attempt;
use crate::desk::{Desk, later, publish};
use crate::lane::Ended;
use crate::pace::Call;
use crate::release::{self, Releases};

/// An attempt and what came of it.
pub(crate) struct Heard {
    pub(crate) attempt: Attempt,
    pub(crate) verdict: Verdict,
    /// None when nothing was sent.
    pub(crate) call: Option<Call>,
    /// Room for the next one, given back once this is recorded.
    #[allow(dead_code, reason = "held for its drop")]
    pub(crate) permit: OwnedSemaphorePermit,
}

/// The one task that writes outcomes.
pub(crate) struct Recorder {
    desk: Arc<Desk>,
    /// Once cancelled, a ledger that is away is no longer waited for: leases and doubt take over.
    patience: CancellationToken,
    /// Whoever waits for what settles hears of it.
    releases: Releases,
}

/// What is still to be recorded: the invoice as last seen, and the verdict to be applied to it.
struct Entry {
    heard: Heard,
    outcome: Outcome,
    invoice: Invoice,
}

/// At most so many outcomes in one commit.
const BATCH: usize = 128;
/// How long to gather them.
const LINGER: Duration = Duration::from_millis(2);

impl Recorder {
    /// Records all `outcomes`, and releases the returns that waited for them.
    pub(crate) async fn run(desk: Arc<Desk>, patience: CancellationToken, outcomes: mpsc::Receiver<Heard>) {
        let (releases, settled) = Releases::new();
        let recorder = Self { desk: Arc::clone(&desk), patience, releases };
        tokio::join!(recorder.record_all(outcomes), release::run(desk, settled));
    }

    async fn record_all(self, mut outcomes: mpsc::Receiver<Heard>) {
        let mut batch = Vec::with_capacity(BATCH);
        while outcomes.recv_many(&mut batch, BATCH).await > 0 {
            let end = Instant::now() + LINGER;
            while batch.len() < BATCH {
                match timeout_at(end, outcomes.recv_many(&mut batch, BATCH)).await {
                    Ok(more) if more > 0 => {}
                    _ => break,
                }
            }
            let entries = batch.drain(..).map(|heard| self.judge(heard)).collect();
            self.record(entries).await;
        }
    }

    /// The breaker hears of every outcome, and says what a 500 was.
    fn judge(&self, mut heard: Heard) -> Entry {
        let now = Instant::now();
        let key = heard.attempt.invoice.key;
        let told = std::mem::replace(&mut heard.verdict.outcome, Outcome::InDoubt);
        let ends_doubt = heard.attempt.endpoint.refusal_ends_doubt();
        let verdict = settling(told, &mut heard.verdict.evidence, &heard.attempt.invoice, ends_doubt);
        let seconds = f64::from(heard.verdict.evidence.duration_ms) / 1000.0;
        telemetry::metrics()
            .authority_duration
            .record(seconds, &[telemetry::label("outcome", verdict.kind().as_str())]);
        let tried_before = heard.attempt.started.checked_sub(heard.attempt.untouched_for);
        let tried_before = if heard.attempt.invoice.attempt > 1 { tried_before } else { None };
        let invoice = heard.attempt.invoice.clone();
        let Some(call) = heard.call else {
            // It never went out, for reasons of our own: that tells nothing of anybody else.
            return Entry { heard, outcome: verdict, invoice };
        };
        let ended = Ended { key, tried_before, call };
        let outcome = heard.attempt.slot.lane().judge(verdict, &ended, now);
        let (source, endpoint) = (&heard.attempt.invoice.source, &heard.attempt.endpoint);
        let mut credentials = self.desk.credentials();
        match outcome {
            Outcome::Credentials => {
                error!(%source, message = heard.verdict.evidence.message, "the authority refuses these credentials; nothing more is sent with them for now");
                let pause = Duration::from_millis(self.desk.role.policies.of(source).credentials_ms);
                credentials.stop(source, endpoint, pause, now);
            }
            Outcome::Cleared { .. }
            | Outcome::Refused
            | Outcome::AcceptedWithoutQr
            | Outcome::HoldsOther { .. } => {
                credentials.restore(source, endpoint, now);
            }
            Outcome::InDoubt | Outcome::NotNow { .. } | Outcome::Suspect => {}
        }
        drop(credentials);
        Entry { heard, outcome, invoice }
    }

    /// Decides and appends until every entry is stored; what is outdated is decided anew on the stream as it stands.
    async fn record(&self, mut entries: Vec<Entry>) {
        while !entries.is_empty() {
            let mut seen = BTreeSet::new();
            let (round, later): (Vec<_>, Vec<_>) =
                entries.into_iter().partition(|entry| seen.insert(entry.invoice.key));
            entries = later;
            let changes: Vec<_> = round.iter().map(|entry| self.change(entry)).collect();
            let call = append_split(&*self.desk.role.ledger, changes.clone(), self.patience.cancelled());
            let appended = match call.await {
                Ok(appended) => appended,
                Err(error) => {
                    warn!(%error, lost = round.len(), "outcomes could not be recorded; leases will bring their invoices back");
                    for entry in round {
                        // Held unsettled it would take up room; the hint finds the lease, and leaves it to the sweeper.
                        let _ = entry.heard.attempt.delivery.settle.requeue().await;
                    }
                    return;
                }
            };
            let mut outdated = Vec::new();
            let mut done = Vec::new();
            for ((entry, change), appended) in round.into_iter().zip(changes).zip(appended) {
                match appended {
                    Some(Appended::Done(invoice)) => done.push((entry, change, invoice)),
                    Some(Appended::Outdated) => outdated.push(entry),
                    None => {
                        error!(invoice = %entry.invoice.key, "the ledger refuses this outcome; the lease will bring the invoice back");
                        let _ = entry.heard.attempt.delivery.settle.ack().await;
                    }
                }
            }
            self.follow_up(done).await;
            entries.extend(self.reload(outdated).await);
        }
    }

    async fn reload(&self, outdated: Vec<Entry>) -> Vec<Entry> {
        if outdated.is_empty() {
            return outdated;
        }
        let keys: Vec<_> = outdated.iter().map(|entry| entry.invoice.key).collect();
        match patiently(self.patience.cancelled(), || self.desk.role.ledger.load(&keys)).await {
            Ok(loaded) => outdated
                .into_iter()
                .zip(loaded.invoices)
                .filter_map(|(entry, invoice)| invoice.map(|invoice| Entry { invoice, ..entry }))
                .collect(),
            Err(error) => {
                warn!(%error, "late outcomes could not be recorded");
                Vec::new()
            }
        }
    }

    fn change(&self, entry: &Entry) -> Change {
        let attempt = &entry.heard.attempt;
        let verdict = &entry.heard.verdict;
        // The ledger's clock, carried on by our own count: no round trip only to ask the time.
        let at = later(attempt.started_at, attempt.started.elapsed()).max(entry.invoice.updated_at);
        let number = attempt.invoice.attempt;
        let command = Command::Record {
            attempt: number,
            document: attempt.invoice.document,
            outcome: entry.outcome.clone(),
            evidence: verdict.evidence.clone(),
        };
        let context = Context { now: at, policy: self.desk.role.policies.of(&entry.invoice.source) };
        // Recording is never refused; a repeat leads to no events.
        let events = decide(&entry.invoice, command, context).unwrap_or_default();
        let late = !entry.invoice.is_held_by(number);
        let mut documents = Vec::new();
        let document = attempt.invoice.document;
        // An answer that came after the clearance is evidence; it must not take the place of the document that was cleared.
        let clears = events.iter().any(|event| matches!(event, Event::Cleared { .. }));
        if let (Some(bytes), true) = (&verdict.signed, clears) {
            documents.push(NewDocument { document, kind: DocumentKind::Signed, bytes: bytes.clone() });
        }
        if let Some(bytes) = &verdict.held {
            documents.push(NewDocument { document, kind: DocumentKind::Held, bytes: bytes.clone() });
        }
        let record = AttemptRecord {
            attempt: number,
            document,
            started_at: attempt.started_at,
            ended_at: at,
            worker: self.desk.role.worker.clone(),
            outcome: entry.outcome.kind(),
            late,
            evidence: verdict.evidence.clone(),
        };
        if events.is_empty() {
            documents.clear();
        }
        Change { invoice: entry.invoice.clone(), events, at, documents, attempt: Some(record) }
    }

    /// After the commit: hints for what is to come, then the acknowledgement, then room for the next.
    async fn follow_up(&self, done: Vec<(Entry, Change, Invoice)>) {
        let metrics = telemetry::metrics();
        let mut hints = Vec::new();
        for (entry, change, invoice) in &done {
            for event in &change.events {
                metrics.transitions.add(1, &[telemetry::label("event", event.name())]);
            }
            let queue = match invoice.state {
                State::PendingRetry => self.rung(invoice, change.at),
                State::Rejected | State::DeadLettered => Some(Queue::DeadLetter),
                State::Draft | State::Submitted | State::Abandoned | State::Cleared => None,
            };
            report(invoice, change);
            if invoice.state.is_settled() {
                self.releases.settled(invoice.key);
            }
            hints.extend(queue.map(|queue| Outgoing {
                queue,
                payload: Hint::new(invoice.key, invoice.version).to_bytes(),
                traceparent: entry.heard.attempt.delivery.traceparent.clone(),
            }));
        }
        publish(&self.desk, hints).await;
        for (entry, ..) in done {
            // Stale: the hint comes again, and finds nothing to do.
            let _ = entry.heard.attempt.delivery.settle.ack().await;
        }
    }

    fn rung(&self, invoice: &Invoice, now: Timestamp) -> Option<Queue> {
        let wait = (invoice.due_at? - now).to_std().unwrap_or_default();
        self.desk.role.ladder.rung_for(wait)
    }
}

/// Before the words of a gateway whose refusal does not settle.
const UNSETTLED: &str =
    "a gateway refuses what the authority may hold, which says nothing of the earlier attempt";

/// A refusal that says nothing of an earlier attempt leaves that one's doubt (promise 6). What was refused before it went
/// out is put off. What a gateway refused when it was sent again stays in doubt, with the gateway's words, until it says
/// more or a person finds out: ending the doubt would let the invoice be issued anew beside the one that may be cleared.
fn settling(told: Outcome, evidence: &mut Evidence, invoice: &Invoice, ends_doubt: bool) -> Outcome {
    match told {
        Outcome::Refused if invoice.may_be_held() && evidence.http_status.is_none() => {
            Outcome::NotNow { retry_after: None }
        }
        Outcome::Refused if invoice.may_be_held() && !ends_doubt => {
            evidence.message = format!("{UNSETTLED}; {}", evidence.message);
            Outcome::InDoubt
        }
        told => told,
    }
}

fn report(invoice: &Invoice, change: &Change) {
    let message = invoice.message.as_deref();
    match invoice.state {
        State::Cleared => {
            let seconds = (change.at - invoice.accepted_at).to_std().unwrap_or_default().as_secs_f64();
            telemetry::metrics().time_to_clear.record(seconds, &[]);
            info!(invoice = %invoice.key, number = invoice.number, attempt = invoice.attempt, "cleared");
        }
        State::Rejected | State::DeadLettered => {
            warn!(invoice = %invoice.key, number = invoice.number, state = %invoice.state, message, "waits for a person");
        }
        State::PendingRetry => {
            info!(invoice = %invoice.key, due_at = ?invoice.due_at, in_doubt = invoice.in_doubt.is_some(), message, "to be sent again");
        }
        State::Draft | State::Submitted | State::Abandoned => {}
    }
}

#[cfg(test)]
mod tests {
    use invoice::{Digest, Environment, IncomeSource, InvoiceKey};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_refusal_of_what_was_not_sent_settles_no_doubt() {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(7) };
        let source = IncomeSource { tax_number: "1".into(), sequence: "2".into() };
        let sound =
            Invoice::accepted(key, source, "فاتورة-7".into(), Digest::of(b"{}"), Timestamp::UNIX_EPOCH);
        let doubted = Invoice { in_doubt: Some(1), ..sound.clone() };
        let accepted = Invoice { qr_outstanding: true, ..sound.clone() };
        let unsent = Evidence::default();
        let heard = Evidence { http_status: Some(400), ..Evidence::default() };
        let put_off = Outcome::NotNow { retry_after: None };
        let refused = Outcome::Refused;
        for (invoice, evidence, by_authority, by_gateway) in [
            (&sound, &unsent, &refused, &refused),
            (&sound, &heard, &refused, &refused),
            (&doubted, &heard, &refused, &Outcome::InDoubt),
            (&accepted, &heard, &refused, &Outcome::InDoubt),
            (&doubted, &unsent, &put_off, &put_off),
            (&accepted, &unsent, &put_off, &put_off),
        ] {
            for (ends_doubt, expected) in [(true, by_authority), (false, by_gateway)] {
                let mut evidence = evidence.clone();
                assert_eq!(&settling(Outcome::Refused, &mut evidence, invoice, ends_doubt), expected);
            }
        }
        for told in [Outcome::Suspect, Outcome::AcceptedWithoutQr] {
            assert_eq!(settling(told.clone(), &mut heard.clone(), &doubted, false), told);
        }
        let mut words = Evidence {
            message: "DUPLICATE_SERIAL".to_owned(),
            codes: vec!["DUPLICATE_SERIAL".to_owned()],
            ..heard
        };
        settling(Outcome::Refused, &mut words, &doubted, false);
        assert!(words.message.ends_with("; DUPLICATE_SERIAL"), "{}", words.message);
        assert_eq!((words.http_status, words.codes.len()), (Some(400), 1));
    }
}
