//! The desk at which a person works: the ledger, the queues, and how an invoice is found. Decides nothing.

use std::sync::Arc;

use broker::{Broker, Hint, Outgoing, Queue};
use invoice::life::{Actor, Invoice, Policy, Refusal, Step};
use invoice::{Environment, InvoiceKey, Timestamp};
use ledger::{Ledger, Registrations, Swept};
use tracing::warn;
use uuid::Uuid;

use crate::action::Hinted;
use crate::error::{Candidate, ConsoleError};

/// Above so many hints in a queue no more are added: the sweeper hints what is left, at its own pace.
const DEEP: u64 = 10_000;

/// What finance ops work with. Clones are the same desk.
#[derive(Clone)]
pub struct Console {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// The numbers behind the life cycle; the same as the submitters'.
    pub policy: Policy,
    /// Whose readings an amendment is checked by.
    pub registrations: Arc<Registrations>,
}

impl Console {
    /// The one invoice with this UUID or number, in this environment if one is given.
    ///
    /// # Errors
    /// [`ConsoleError::Unknown`]; [`ConsoleError::Ambiguous`] when several have it, with all of them; the ledger's own.
    pub async fn find(
        &self,
        uuid_or_number: &str,
        environment: Option<Environment>,
    ) -> Result<InvoiceKey, ConsoleError> {
        let text = uuid_or_number.trim();
        let mut keys = self.ledger.find(text).await?;
        keys.retain(|key| environment.is_none_or(|wanted| wanted == key.environment));
        // Whoever types a UUID means the invoice of that name, even if it is somebody else's number.
        if let Ok(uuid) = Uuid::try_parse(text)
            && keys.iter().any(|key| key.uuid == uuid)
        {
            keys.retain(|key| key.uuid == uuid);
        }
        match keys.as_slice() {
            [] => Err(ConsoleError::Unknown { text: text.to_owned() }),
            [key] => Ok(*key),
            several => {
                let found = self.ledger.load(several).await?.invoices;
                let candidates = found.into_iter().flatten().map(Candidate::from).collect();
                Err(ConsoleError::Ambiguous { text: text.to_owned(), candidates })
            }
        }
    }

    /// The invoice as it stands, and the time by the ledger's clock.
    pub(crate) async fn load(&self, key: InvoiceKey) -> Result<(Invoice, Timestamp), ConsoleError> {
        let loaded = self.ledger.load(&[key]).await?;
        match loaded.invoices.into_iter().next().flatten() {
            Some(invoice) => Ok((invoice, loaded.now)),
            None => Err(ConsoleError::Unknown { text: key.uuid.to_string() }),
        }
    }

    /// Tells the next role. What is not hinted now is hinted by the sweeper: the ledger has committed, that is what counts.
    pub(crate) async fn hint(&self, changed: &[(Invoice, Option<String>)]) -> Vec<Hinted> {
        let mut results = vec![Hinted::NotNeeded; changed.len()];
        for queue in [Queue::Draft, Queue::ToSubmit] {
            let (places, hints): (Vec<usize>, Vec<Outgoing>) = changed
                .iter()
                .enumerate()
                .filter(|(_, (invoice, _))| queue_of(invoice) == Some(queue))
                .map(|(place, (invoice, traceparent))| {
                    let payload = Hint::new(invoice.key, invoice.version).to_bytes();
                    (place, Outgoing { queue, payload, traceparent: traceparent.clone() })
                })
                .unzip();
            let sent = self.publish(queue, hints, DEEP).await;
            for (place, result) in places.into_iter().zip(sent) {
                if let Some(slot) = results.get_mut(place) {
                    *slot = result;
                }
            }
        }
        self.release(changed).await;
        results
    }

    /// Hints for the returns that wait for what has just settled. One that is lost is made up for by the sweeper.
    async fn release(&self, changed: &[(Invoice, Option<String>)]) {
        let settled: Vec<_> = changed
            .iter()
            .filter(|(invoice, _)| invoice.state.is_settled())
            .map(|(invoice, _)| invoice.key)
            .collect();
        if settled.is_empty() {
            return;
        }
        match self.ledger.dependants(&settled).await {
            Ok(waiting) => {
                let hints = waiting.into_iter().map(|Swept { invoice, traceparent }| {
                    let payload = Hint::new(invoice.key, invoice.version).to_bytes();
                    Outgoing { queue: Queue::Draft, payload, traceparent }
                });
                self.publish(Queue::Draft, hints.collect(), DEEP).await;
            }
            Err(error) => warn!(%error, "returns that wait were not hinted; the sweeper will make up for it"),
        }
    }

    /// Publishes them unless `deep` messages stand in the queue already.
    pub(crate) async fn publish(&self, queue: Queue, hints: Vec<Outgoing>, deep: u64) -> Vec<Hinted> {
        if hints.is_empty() {
            return Vec::new();
        }
        match self.broker.depth(queue).await {
            Ok(depth) if depth < deep => {}
            Ok(_) => return vec![Hinted::LeftToSweeper; hints.len()],
            Err(error) => {
                warn!(%error, "nothing was hinted; the sweeper will make up for it");
                return vec![Hinted::LeftToSweeper; hints.len()];
            }
        }
        let results = self.broker.publish(hints).await;
        results
            .into_iter()
            .map(|result| match result {
                Ok(()) => Hinted::Sent,
                Err(error) => {
                    warn!(%error, "a hint was not published; the sweeper will make up for it");
                    Hinted::LeftToSweeper
                }
            })
            .collect()
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("broker", &self.broker.health()).finish_non_exhaustive()
    }
}

pub(crate) fn queue_of(invoice: &Invoice) -> Option<Queue> {
    invoice.waits_for().map(|step| match step {
        Step::Encode => Queue::Draft,
        Step::Submit => Queue::ToSubmit,
    })
}

/// Promise 13: no change by hand without a name and a reason; asked before anything is read or written.
pub(crate) fn signed(actor: &Actor) -> Result<(), ConsoleError> {
    if actor.name.trim().is_empty() || actor.reason.trim().is_empty() {
        return Err(ConsoleError::Anonymous(Refusal::Anonymous));
    }
    Ok(())
}
