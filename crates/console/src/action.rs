//! What a person does to one invoice: load, decide, append. The rules themselves are `invoice::life`'s.

use invoice::life::{Actor, Cause, Command, Context, Event, Invoice, RequeueMode, decide};
use invoice::{InvoiceKey, Timestamp};
use ledger::{Appended, Change, Document, DocumentKind, HeldNoted, LedgerError};
use serde::Serialize;

use crate::desk::{Console, signed};
use crate::error::ConsoleError;

/// How often a change is decided anew when the invoice moved on without standing elsewhere (a late answer was filed).
const TRIES: usize = 8;

/// What can be done without new content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send it again.
    Requeue(RequeueMode),
    /// Give it up; its counter becomes void.
    Abandon,
    /// Take over the document that the authority holds under this UUID.
    Adopt,
    /// The same, if that document differs from ours in its counter alone: ours was lost and encoded anew.
    AdoptCounter,
}

impl Action {
    pub(crate) fn adopts(self) -> bool {
        matches!(self, Self::Adopt | Self::AdoptCounter)
    }
}

/// Whether the next role knows already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hinted {
    /// Nobody has to do anything.
    NotNeeded,
    /// The hint is in its queue.
    Sent,
    /// The queue is deep or away: the sweeper will hint it.
    LeftToSweeper,
}

/// A change that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The invoice as it stands now.
    pub invoice: Invoice,
    /// Whether the next role knows already.
    pub hinted: Hinted,
    /// The counter under which the authority holds an adopted document, when it is another than ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// A counter under which the authority holds a document that has another one here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The authority's.
    pub icv: u64,
    /// What is known of it here.
    #[serde(flatten)]
    pub noted: HeldNoted,
}

impl Console {
    /// Sends a rejected or dead-lettered invoice again.
    ///
    /// # Errors
    /// As for [`Console::act`].
    pub async fn requeue(
        &self,
        key: InvoiceKey,
        mode: RequeueMode,
        by: &Actor,
    ) -> Result<Done, ConsoleError> {
        self.act(key, Action::Requeue(mode), by).await
    }

    /// Gives an invoice up for good. A late acceptance would still clear it.
    ///
    /// # Errors
    /// As for [`Console::act`].
    pub async fn abandon(&self, key: InvoiceKey, by: &Actor) -> Result<Done, ConsoleError> {
        self.act(key, Action::Abandon, by).await
    }

    /// Takes over what the authority holds under this UUID: the invoice is cleared with that document's QR.
    ///
    /// # Errors
    /// As for [`Console::act`]; also when no answer of the authority held that QR.
    pub async fn adopt(&self, key: InvoiceKey, by: &Actor) -> Result<Done, ConsoleError> {
        self.act(key, Action::Adopt, by).await
    }

    /// Does it to the invoice as it stands.
    ///
    /// # Errors
    /// [`ConsoleError::Anonymous`] without name or reason; [`ConsoleError::Refused`] by the life cycle;
    /// [`ConsoleError::Overtaken`] when somebody else was quicker; [`ConsoleError::Unknown`]; the ledger's own.
    pub async fn act(&self, key: InvoiceKey, action: Action, by: &Actor) -> Result<Done, ConsoleError> {
        signed(by)?;
        let (invoice, now) = self.load(key).await?;
        self.act_on(invoice, now, action, by, None).await
    }

    /// Does it to the invoice as it was `seen`; refuses when it stands elsewhere by now.
    pub(crate) async fn act_on(
        &self,
        seen: Invoice,
        mut now: Timestamp,
        action: Action,
        by: &Actor,
        traceparent: Option<String>,
    ) -> Result<Done, ConsoleError> {
        let mut invoice = seen.clone();
        for _ in 0..TRIES {
            let events = self.decide(&invoice, now, action, by).await?;
            // Before the adoption: it is so whatever becomes of that, and a counter that is not noted could be drawn.
            let held = if action.adopts() { self.note_held(&invoice, by).await? } else { None };
            let change = Change { invoice, events, at: now, documents: Vec::new(), attempt: None };
            let appended = self.ledger.append(vec![change]).await?;
            match appended.into_iter().next() {
                Some(Appended::Done(invoice)) => {
                    let changed = [(invoice, traceparent)];
                    let hinted = self.hint(&changed).await.first().copied().unwrap_or(Hinted::NotNeeded);
                    let [(invoice, _)] = changed;
                    return Ok(Done { invoice, hinted, held });
                }
                Some(Appended::Outdated) => {}
                None => return Err(LedgerError::Corrupt("a change without an answer".to_owned()).into()),
            }
            (invoice, now) = self.load(seen.key).await?;
            if standing(&invoice) != standing(&seen) {
                return Err(self.overtaken(&seen, invoice).await?);
            }
        }
        Err(ConsoleError::Contended)
    }

    /// The events that the action leads to.
    pub(crate) async fn decide(
        &self,
        invoice: &Invoice,
        now: Timestamp,
        action: Action,
        by: &Actor,
    ) -> Result<Vec<Event>, ConsoleError> {
        let by = by.clone();
        let held_qr = match action {
            Action::Adopt => self.held_qr(invoice).await?,
            Action::AdoptCounter => {
                self.differs_in_counter_alone(invoice).await?;
                self.held_qr(invoice).await?
            }
            Action::Requeue(_) | Action::Abandon => None,
        };
        let command = match action {
            Action::Requeue(mode) => Command::Requeue { mode, by },
            Action::Abandon => Command::Abandon { by },
            Action::Adopt | Action::AdoptCounter => Command::Adopt { qr: held_qr.unwrap_or_default(), by },
        };
        decide(invoice, command, Context { now, policy: &self.policy })
            .map_err(|refusal| ConsoleError::Refused { invoice: Box::new(invoice.clone()), refusal })
    }

    /// The QR of the document that the authority holds, from the event that says so.
    async fn held_qr(&self, invoice: &Invoice) -> Result<Option<String>, ConsoleError> {
        if invoice.cause != Some(Cause::AuthorityHoldsOther) {
            return Ok(None);
        }
        let history = self.ledger.history(invoice.key).await?;
        // One UUID is one document there as well: whichever answer brought its QR, it is this document's.
        let latest = history.into_iter().rev().find_map(|recorded| match recorded.event {
            Event::DeadLettered { cause: Cause::AuthorityHoldsOther, held_qr, .. } => {
                held_qr.filter(|qr| !qr.trim().is_empty())
            }
            _ => None,
        });
        Ok(latest)
    }

    /// What we sent, and what the authority returned in its place, as far as they are kept.
    async fn sent_and_held(
        &self,
        invoice: &Invoice,
    ) -> Result<(Option<Document>, Option<Document>), ConsoleError> {
        let of = |kind| (invoice.key, invoice.document, kind);
        let wanted = [of(DocumentKind::Sent), of(DocumentKind::Held)];
        let mut found = self.ledger.documents(&wanted).await?.into_iter();
        Ok((found.next().flatten(), found.next().flatten()))
    }

    /// What was lost and encoded anew stands at the authority under its earlier counter, and is the same otherwise.
    async fn differs_in_counter_alone(&self, invoice: &Invoice) -> Result<(), ConsoleError> {
        if invoice.cause != Some(Cause::AuthorityHoldsOther) {
            // The life cycle says what is wrong.
            return Ok(());
        }
        let (Some(sent), Some(held)) = self.sent_and_held(invoice).await? else {
            return Err(ConsoleError::NotCompared);
        };
        match ubl::same_but_counter(&sent.bytes, &held.bytes) {
            Ok(_) => Ok(()),
            Err(difference) => Err(ConsoleError::DiffersElsewhere { difference: difference.to_string() }),
        }
    }

    /// Notes the counter of what the authority holds, when it can be read and is another than ours.
    async fn note_held(&self, invoice: &Invoice, by: &Actor) -> Result<Option<Held>, ConsoleError> {
        let (_, Some(held)) = self.sent_and_held(invoice).await? else { return Ok(None) };
        let Ok(identity) = ubl::identity(&held.bytes) else { return Ok(None) };
        // A counter that no ledger could keep is none of ours.
        let kept = i64::try_from(identity.icv).is_ok_and(|icv| icv < i64::MAX);
        if !kept || Some(identity.icv) == invoice.icv {
            return Ok(None);
        }
        let icv = identity.icv;
        let noted = self.ledger.recovery().note_held(invoice.key, &invoice.source, icv, by).await?;
        Ok(Some(Held { icv, noted }))
    }

    /// Who was quicker, and where the invoice stands now.
    pub(crate) async fn overtaken(&self, seen: &Invoice, now: Invoice) -> Result<ConsoleError, ConsoleError> {
        let history = self.ledger.history(now.key).await?;
        let by = history
            .iter()
            .rev()
            .take_while(|recorded| recorded.version > seen.version)
            .find_map(|recorded| recorded.event.actor().cloned());
        Ok(ConsoleError::Overtaken { invoice: Box::new(now), by })
    }
}

/// What a person goes by when they decide: if this has changed, they must look again.
fn standing(invoice: &Invoice) -> impl PartialEq {
    (
        invoice.state,
        invoice.cause,
        invoice.document,
        invoice.attempt,
        invoice.in_doubt,
        invoice.qr_outstanding,
    )
}
