//! A ledger that is slow, away before a call, or away after the call took effect, as one process sees it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use invoice::life::{
    Actor, Command, Context, DeferReason, Event, Invoice, OutcomeKind, Policy, Step, decide,
};
use invoice::{Digest, InvoiceKey, Timestamp};
use ledger::{
    Amendable, Appended, Archive, Arrival, AttemptRecord, Change, Checkpoint, Document, DocumentKind, Draft,
    Encode, EncodeOutcome, Encoding, Filter, Keys, Ledger, LedgerError, Loaded, NewDocument, Outbox, Page,
    Parked, Reception, RecordedEvent, RefusedIntake, Standing, Sweep, Swept, Taxpayers, Unencoded,
    Verification,
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{Chaos, Sabotage};
use crate::life::Life;

/// The ledger as one process sees it.
pub struct FaultyLedger {
    pub(super) inner: Arc<dyn Ledger>,
    pub(super) chaos: Arc<Chaos>,
    life: Life,
}

impl FaultyLedger {
    pub(super) fn new(inner: Arc<dyn Ledger>, chaos: Arc<Chaos>, life: Life) -> Self {
        Self { inner, chaos, life }
    }

    pub(super) async fn pass<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        self.life.step().await;
        self.dawdle().await;
        if self.chaos.fails(&self.life, name, |weather| weather.ledger_before) {
            return Err(LedgerError::Unavailable(format!("{name}: the connection was lost before the call")));
        }
        self.stall().await;
        self.life.step().await;
        let answer = self.life.live(call).await;
        self.life.step().await;
        self.dawdle().await;
        self.stall().await;
        self.life.step().await;
        if self.chaos.fails(&self.life, name, |weather| weather.ledger_after) {
            return Err(LedgerError::Unavailable(format!("{name}: the connection was lost after the call")));
        }
        self.chaos.passed(&self.life, name);
        answer
    }

    async fn dawdle(&self) {
        if self.chaos.strikes(|weather| weather.ledger_slow) {
            sleep(Duration::from_millis(self.chaos.up_to(|weather| weather.slow_ms))).await;
        }
    }

    async fn stall(&self) {
        if self.chaos.strikes(|weather| weather.ledger_stall) {
            self.life.note_harm();
            sleep(Duration::from_millis(self.chaos.weather.stall_ms)).await;
        }
    }

    /// Draws counters first and fixes the bytes later, as nobody should: whatever goes wrong between the two leaves a hole.
    async fn encode_outside(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: Arc<dyn Encode>,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            let content = self.inner.content(key).await?;
            let now = self.inner.now().await?;
            let Some(Amendable { invoice, normal_form }) =
                content.filter(|content| content.invoice.waits_for() == Some(Step::Encode))
            else {
                outcomes
                    .push(EncodeOutcome::Skipped(self.inner.load(&[key]).await?.invoices.pop().flatten()));
                continue;
            };
            let icv = invoice.icv.unwrap_or_else(|| self.chaos.next_counter(&invoice.source));
            self.life.step().await;
            self.dawdle().await;
            let draft = Draft { invoice: invoice.clone(), normal_form, original: None };
            let (command, documents) = match encoder.encode(&draft, icv) {
                Ok(Encoding { bytes, .. }) => {
                    let xml = Digest::of(&bytes);
                    let sent = NewDocument { document: invoice.document, kind: DocumentKind::Sent, bytes };
                    (Command::Encode { icv, xml }, vec![sent])
                }
                Err(Unencoded::Unfit { message }) => (Command::FindUnfit { message }, Vec::new()),
                Err(Unencoded::Waits { original, reason }) => {
                    (Command::Wait { original, reason }, Vec::new())
                }
            };
            let fit = !documents.is_empty();
            let context = Context { now, policy: &Policy::default() };
            let events = decide(&invoice, command, context)
                .map_err(|error| LedgerError::Refused(error.to_string()))?;
            let change = Change { invoice, events, at: now, documents, attempt: None };
            outcomes.push(match self.inner.append(vec![change]).await?.pop() {
                Some(Appended::Done(invoice)) if fit => EncodeOutcome::Encoded(invoice),
                Some(Appended::Done(invoice)) => EncodeOutcome::Unfit(invoice),
                Some(Appended::Outdated) | None => EncodeOutcome::Skipped(None),
            });
        }
        Ok(outcomes)
    }

    /// Appends as if nothing had been wrong with the batch.
    async fn append_carelessly(&self, mut batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError> {
        let Some(bug) = self.chaos.sabotage() else { return self.inner.append(batch).await };
        batch.iter_mut().for_each(|change| spoil(bug, change));
        match bug {
            Sabotage::EffectBeforeIntent if batch.iter().all(starts) => Ok(self.append_later(batch)),
            Sabotage::UnfencedWrite => self.append_unfenced(batch).await,
            _ => self.inner.append(batch).await,
        }
    }

    /// The start of the attempt is "committed" while its POST is under way already.
    fn append_later(&self, batch: Vec<Change>) -> Vec<Appended> {
        let appended = batch.iter().map(|change| Appended::Done(as_after(change))).collect();
        let (inner, life) = (Arc::clone(&self.inner), self.life.clone());
        tokio::spawn(async move {
            life.live(sleep(Duration::from_millis(20))).await;
            inner.append(batch).await
        });
        appended
    }

    /// Whatever the stream has become meanwhile.
    async fn append_unfenced(&self, batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError> {
        let mut appended = self.inner.append(batch.clone()).await?;
        for (change, appended) in batch.into_iter().zip(&mut appended) {
            if *appended == Appended::Outdated
                && let Some(Some(invoice)) = self.inner.load(&[change.invoice.key]).await?.invoices.pop()
                && let Some(done) = self.inner.append(vec![Change { invoice, ..change }]).await?.pop()
            {
                *appended = done;
            }
        }
        Ok(appended)
    }

    /// The ledger may refuse a batch, but finds nothing wrong with any one of it.
    fn refuses(&self, batch: usize, name: &str) -> Result<(), LedgerError> {
        if batch > 1 && self.chaos.strikes(|weather| weather.ledger_refuses) {
            return Err(LedgerError::Refused(format!("{name}: a value does not fit")));
        }
        Ok(())
    }
}

fn starts(change: &Change) -> bool {
    change.events.iter().any(|event| matches!(event, Event::SubmissionStarted { .. }))
}

fn as_after(change: &Change) -> Invoice {
    let mut invoice = change.invoice.clone();
    for event in &change.events {
        invoice.evolve(event, change.at);
    }
    invoice
}

/// Changes what is about to be written, as a careless role would have decided it.
fn spoil(bug: Sabotage, change: &mut Change) {
    if bug == Sabotage::EvidenceDropped {
        change.attempt = None;
    }
    for event in &mut change.events {
        match (bug, &mut *event) {
            (
                Sabotage::LateRefusalWins,
                Event::LateAnswer { attempt, outcome: OutcomeKind::Refused, evidence },
            ) => {
                *event = Event::Refused { attempt: *attempt, evidence: evidence.clone() };
            }
            (Sabotage::LateAcceptanceLost, Event::Cleared { late: true, attempt, evidence, .. }) => {
                let (attempt, evidence) = (*attempt, evidence.clone());
                *event = Event::LateAnswer { attempt, outcome: OutcomeKind::Cleared, evidence };
            }
            (Sabotage::OutageCharged, Event::Deferred { reason, .. }) => *reason = DeferReason::Suspect,
            (Sabotage::LeaseTooShort, Event::SubmissionStarted { lease_until, .. }) => {
                *lease_until = change.at + chrono::TimeDelta::milliseconds(50);
            }
            _ => {}
        }
    }
}

/// An encoder of returns that take nothing back, as far as anybody can know.
struct Unreserved(Arc<dyn Encode>);

impl Encode for Unreserved {
    fn icv_start(&self, environment: invoice::Environment, source: &invoice::IncomeSource) -> Option<u64> {
        self.0.icv_start(environment, source)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        let mut encoding = self.0.encode(draft, icv)?;
        if let Some(completed) = &mut encoding.completed {
            completed.returned.clear();
        }
        Ok(encoding)
    }

    fn policies(&self) -> invoice::life::Policies {
        self.0.policies()
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn now(&self) -> Result<Timestamp, LedgerError> {
        self.pass("now", self.inner.now()).await
    }

    async fn accept(&self, batch: Vec<Arrival>) -> Result<Vec<Reception>, LedgerError> {
        if self.chaos.sabotage() == Some(Sabotage::YesBeforeDurable) {
            // Accepted by a ledger that forgets it at once.
            let clock = self.inner.now().await?;
            let phantom = ledger::MemoryLedger::new(Arc::new(move || clock), ledger::Schedule::default());
            let yes = phantom.accept(batch.clone()).await?;
            let inner = Arc::clone(&self.inner);
            let life = self.life.clone();
            tokio::spawn(async move {
                life.live(sleep(Duration::from_millis(20))).await;
                inner.accept(batch).await
            });
            return Ok(yes);
        }
        self.refuses(batch.len(), "accept")?;
        self.pass("accept", self.inner.accept(batch)).await
    }

    async fn load(&self, keys: &[InvoiceKey]) -> Result<Loaded, LedgerError> {
        let mut loaded = self.pass("load", self.inner.load(keys)).await?;
        if self.chaos.sabotage() == Some(Sabotage::DueTimeIgnored) {
            loaded.invoices.iter_mut().flatten().for_each(|invoice| invoice.due_at = None);
        }
        Ok(loaded)
    }

    async fn append(&self, batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError> {
        self.refuses(batch.len(), "append")?;
        let deadly = batch.iter().any(|change| starts(change) && self.chaos.kills(&change.invoice.number));
        let appended = self.pass("append", self.append_carelessly(batch)).await;
        if deadly {
            self.life.kill();
        }
        appended
    }

    async fn encode(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: Arc<dyn Encode>,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        self.refuses(keys.len(), "encode")?;
        let encoder = match self.chaos.sabotage() {
            Some(Sabotage::CounterOutside) => {
                return self.pass("encode", self.encode_outside(keys, encoder)).await;
            }
            Some(Sabotage::NothingReserved) => Arc::new(Unreserved(encoder)),
            _ => encoder,
        };
        self.pass("encode", self.inner.encode(keys, encoder)).await
    }

    async fn dependants(&self, originals: &[InvoiceKey]) -> Result<Vec<Swept>, LedgerError> {
        self.pass("dependants", self.inner.dependants(originals)).await
    }

    async fn documents(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError> {
        let mut documents = self.pass("documents", self.inner.documents(wanted)).await?;
        if self.chaos.sabotage() == Some(Sabotage::BytesNotFixed) {
            // Made anew for each attempt: the same document, in other bytes.
            for document in documents.iter_mut().flatten() {
                let text = String::from_utf8_lossy(&document.bytes);
                let case = if self.chaos.draw(|random| random.chance(500)) { "utf-8" } else { "UTF-8" };
                document.bytes = text.replacen("UTF-8", case, 1).into_bytes();
            }
        }
        Ok(documents)
    }

    async fn history(&self, key: InvoiceKey) -> Result<Vec<RecordedEvent>, LedgerError> {
        self.pass("history", self.inner.history(key)).await
    }

    async fn attempts(&self, key: InvoiceKey) -> Result<Vec<AttemptRecord>, LedgerError> {
        self.pass("attempts", self.inner.attempts(key)).await
    }

    async fn content(&self, key: InvoiceKey) -> Result<Option<Amendable>, LedgerError> {
        self.pass("content", self.inner.content(key)).await
    }

    async fn find(&self, uuid_or_number: &str) -> Result<Vec<InvoiceKey>, LedgerError> {
        self.pass("find", self.inner.find(uuid_or_number)).await
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<(Timestamp, InvoiceKey)>,
        limit: u32,
    ) -> Result<Page, LedgerError> {
        self.pass("list", self.inner.list(filter, after, limit)).await
    }

    async fn refuse_intake(&self, batch: Vec<RefusedIntake>) -> Result<(), LedgerError> {
        self.pass("refuse_intake", self.inner.refuse_intake(batch)).await
    }

    async fn refused_intake(&self, limit: u32) -> Result<Vec<RefusedIntake>, LedgerError> {
        self.pass("refused_intake", self.inner.refused_intake(limit)).await
    }

    async fn refused_ids(&self, limit: u32) -> Result<Vec<Uuid>, LedgerError> {
        self.pass("refused_ids", self.inner.refused_ids(limit)).await
    }

    async fn resolve_intake(&self, id: Uuid, by: Actor) -> Result<bool, LedgerError> {
        self.pass("resolve_intake", self.inner.resolve_intake(id, by)).await
    }

    async fn sweep(&self, mut wanted: Sweep, limit: u32) -> Result<Vec<Swept>, LedgerError> {
        if self.chaos.sabotage() == Some(Sabotage::NoSweeper) {
            return Ok(Vec::new());
        }
        // Where the hints for the encoder are not lost, nobody may need the sweeper for them.
        wanted.unencoded &= !self.chaos.weather.drafts_arrive;
        self.pass("sweep", self.inner.sweep(wanted, limit)).await
    }

    async fn parked(&self, at_most: u32) -> Result<Parked, LedgerError> {
        self.pass("parked", self.inner.parked(at_most)).await
    }

    async fn park(&self, invoices: &[InvoiceKey], until: Timestamp) -> Result<(), LedgerError> {
        self.pass("park", self.inner.park(invoices, until)).await
    }

    async fn standing(&self) -> Result<Standing, LedgerError> {
        self.pass("standing", self.inner.standing()).await
    }

    async fn checkpoint(&self, limit: u32) -> Result<Option<Checkpoint>, LedgerError> {
        self.pass("checkpoint", self.inner.checkpoint(limit)).await
    }

    async fn verify(&self) -> Result<Verification, LedgerError> {
        self.pass("verify", self.inner.verify()).await
    }

    fn archive(&self) -> &dyn Archive {
        self.inner.archive()
    }

    fn fleet(&self) -> &dyn ledger::Fleet {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn taxpayers(&self) -> &dyn Taxpayers {
        self.inner.taxpayers()
    }

    fn recovery(&self) -> &dyn ledger::Recovery {
        self.inner.recovery()
    }

    fn keys(&self) -> &dyn Keys {
        self.inner.keys()
    }

    async fn maintain(&self) -> Result<(), LedgerError> {
        self.pass("maintain", self.inner.maintain()).await
    }
}
