//! How the memory adapter gives drafts their counters: all is planned first, then done, so that nothing is half done.

use std::collections::{BTreeMap, BTreeSet};

use invoice::life::{Command, Context, Invoice, Policy, Step, decide};
use invoice::{Digest, InvoiceKey, Timestamp};

use super::store::{Addition, CounterKey, Store, payloads};
use crate::record::{DocumentKind, Draft, EncodeOutcome, NewDocument};
use crate::{Encode, LedgerError, Schedule};

/// What is to become of one draft.
struct Plan {
    addition: Addition,
    /// The counter that it draws; none when it is unfit or has one from before.
    drawn: Option<(CounterKey, u64)>,
    fit: bool,
}

impl Store {
    pub(super) fn encode(
        &mut self,
        keys: &[InvoiceKey],
        encoder: &dyn Encode,
        now: Timestamp,
        schedule: &Schedule,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        let mut planned = BTreeSet::new();
        let mut counters = BTreeMap::new();
        let mut plans = Vec::with_capacity(keys.len());
        for key in keys {
            let draft = self.draft(key).filter(|_| planned.insert(*key));
            let plan = draft.map(|draft| self.plan(&draft, &mut counters, encoder, now)).transpose()?;
            plans.push((*key, plan));
        }
        Ok(plans.into_iter().map(|(key, plan)| self.carry_out(key, plan, now, schedule)).collect())
    }

    fn draft(&self, key: &InvoiceKey) -> Option<Draft> {
        let stream = self.streams.get(key)?;
        let wanted = stream.invoice.waits_for() == Some(Step::Encode);
        wanted.then(|| Draft { invoice: stream.invoice.clone(), normal_form: stream.content().to_owned() })
    }

    /// `counters` are the next ones as this batch leaves them.
    fn plan(
        &self,
        draft: &Draft,
        counters: &mut BTreeMap<CounterKey, u64>,
        encoder: &dyn Encode,
        now: Timestamp,
    ) -> Result<Plan, LedgerError> {
        let Draft { invoice, .. } = draft;
        let counter: CounterKey = (invoice.key.environment, invoice.source.clone());
        let next = counters.get(&counter).or_else(|| self.counters.get(&counter)).copied();
        let next = next.unwrap_or_else(|| encoder.icv_start(&invoice.source));
        let icv = invoice.icv.unwrap_or(next);
        let (command, document) = match encoder.encode(draft, icv) {
            Ok(bytes) => {
                let document = NewDocument { document: invoice.document, kind: DocumentKind::Sent, bytes };
                (Command::Encode { icv, xml: Digest::of(&document.bytes) }, Some(document))
            }
            Err(unfit) => (Command::FindUnfit { message: unfit.message }, None),
        };
        let drawn = (document.is_some() && invoice.icv.is_none()).then(|| {
            counters.insert(counter.clone(), next + 1);
            (counter, next)
        });
        let events = decided(invoice, command, now)?;
        let payloads = payloads(&events)?;
        let fit = document.is_some();
        let documents = document.into_iter().collect();
        Ok(Plan { addition: Addition { events, payloads, at: now, documents, attempt: None }, drawn, fit })
    }

    fn carry_out(
        &mut self,
        key: InvoiceKey,
        plan: Option<Plan>,
        now: Timestamp,
        schedule: &Schedule,
    ) -> EncodeOutcome {
        let Some(Plan { addition, drawn, fit }) = plan else { return self.skipped(&key) };
        if let Some((counter, icv)) = drawn {
            self.counters.insert(counter.clone(), icv + 1);
            self.assignments.insert((counter, icv), key.uuid);
        }
        match self.add(key, None, addition, now, schedule) {
            Some(invoice) if fit => EncodeOutcome::Encoded(invoice),
            Some(invoice) => EncodeOutcome::Unfit(invoice),
            None => EncodeOutcome::Skipped(None),
        }
    }
}

/// Only drafts without bytes come here, and those the life cycle lets be encoded or found unfit.
fn decided(
    invoice: &Invoice,
    command: Command,
    now: Timestamp,
) -> Result<Vec<invoice::life::Event>, LedgerError> {
    decide(invoice, command, Context { now, policy: &Policy::default() })
        .map_err(|refusal| LedgerError::Refused(refusal.to_string()))
}
