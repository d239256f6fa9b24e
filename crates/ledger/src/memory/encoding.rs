//! How the memory adapter gives drafts their counters: all is planned first, then done, so that nothing is half done.

use std::collections::{BTreeMap, BTreeSet};

use invoice::life::{Command, Context, Invoice, Policy, Step, decide};
use invoice::{Digest, InvoiceKey, Timestamp};

use super::returns::{Kept, Taken};
use super::store::{Addition, CounterKey, Store, payloads};
use crate::record::{DocumentKind, Draft, EncodeOutcome, NewDocument};
use crate::{Encode, Encoding, LedgerError, Schedule, Unencoded};

/// What is to become of one draft.
struct Plan {
    addition: Addition,
    /// The counter that it draws; none when it is unfit or has one from before.
    drawn: Option<(CounterKey, u64)>,
    fit: bool,
    /// Of a return that was completed.
    kept: Option<Kept>,
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
        let mut taken = Taken::default();
        let mut plans = Vec::with_capacity(keys.len());
        for key in keys {
            let draft = self.draft(key, encoder, &taken)?.filter(|_| planned.insert(*key));
            let plan =
                draft.map(|draft| self.plan(&draft, &mut counters, &mut taken, encoder, now)).transpose()?;
            plans.push((*key, plan));
        }
        Ok(plans.into_iter().map(|(key, plan)| self.carry_out(key, plan, now, schedule)).collect())
    }

    fn draft(
        &self,
        key: &InvoiceKey,
        encoder: &dyn Encode,
        taken: &Taken,
    ) -> Result<Option<Draft>, LedgerError> {
        let Some(stream) = self.streams.get(key) else { return Ok(None) };
        let wanted = stream.invoice.waits_for() == Some(Step::Encode)
            && encoder.icv_start(key.environment, &stream.invoice.source).is_some();
        if !wanted {
            return Ok(None);
        }
        let original = self.original_of(stream, taken)?;
        let (invoice, normal_form) = (stream.invoice.clone(), stream.content().to_owned());
        Ok(Some(Draft { invoice, normal_form, original }))
    }

    /// `counters` are the next ones as this batch leaves them.
    fn plan(
        &self,
        draft: &Draft,
        counters: &mut BTreeMap<CounterKey, u64>,
        taken: &mut Taken,
        encoder: &dyn Encode,
        now: Timestamp,
    ) -> Result<Plan, LedgerError> {
        let Draft { invoice, .. } = draft;
        let counter: CounterKey = (invoice.key.environment, invoice.source.clone());
        let next = counters.get(&counter).or_else(|| self.counters.get(&counter)).copied();
        let start = || encoder.icv_start(invoice.key.environment, &invoice.source);
        let Some(next) = next.or_else(start) else {
            let gone = format!("income source {} has just been taken away", invoice.source);
            return Err(LedgerError::Unavailable(gone));
        };
        let icv = invoice.icv.unwrap_or(next);
        let mut kept = None;
        let (command, document) = match encoder.encode(draft, icv) {
            Ok(Encoding { bytes, completed }) => {
                kept = completed.map(|completed| self.take(invoice, *completed, taken)).transpose()?;
                let document = NewDocument { document: invoice.document, kind: DocumentKind::Sent, bytes };
                (Command::Encode { icv, xml: Digest::of(&document.bytes) }, Some(document))
            }
            Err(Unencoded::Unfit { message }) => (Command::FindUnfit { message }, None),
            Err(Unencoded::Waits { original, reason }) => (Command::Wait { original, reason }, None),
        };
        let drawn = (document.is_some() && invoice.icv.is_none()).then(|| {
            counters.insert(counter.clone(), next + 1);
            (counter, next)
        });
        let events = decided(invoice, command, now, encoder.policies().of(&invoice.source))?;
        let payloads = payloads(&events)?;
        let fit = document.is_some();
        let documents = document.into_iter().collect();
        Ok(Plan {
            addition: Addition { events, payloads, at: now, documents, attempt: None },
            drawn,
            fit,
            kept,
        })
    }

    fn carry_out(
        &mut self,
        key: InvoiceKey,
        plan: Option<Plan>,
        now: Timestamp,
        schedule: &Schedule,
    ) -> EncodeOutcome {
        let Some(Plan { addition, drawn, fit, kept }) = plan else { return self.skipped(&key) };
        // A return that waits for the same as before.
        if addition.events.is_empty() {
            return self.skipped(&key);
        }
        if let Some((counter, icv)) = drawn {
            self.counters.insert(counter.clone(), icv + 1);
            self.assignments.insert((counter, icv), key.uuid);
        }
        let added = self.add(key, None, addition, now, schedule);
        if let (Some(invoice), Some(kept)) = (&added, kept) {
            self.keep(key, invoice.document, kept);
        }
        match added {
            Some(invoice) if fit => EncodeOutcome::Encoded(invoice),
            Some(invoice) if invoice.waiting.is_some() => EncodeOutcome::Waits(invoice),
            Some(invoice) => EncodeOutcome::Unfit(invoice),
            None => EncodeOutcome::Skipped(None),
        }
    }
}

/// Only drafts without bytes come here, and those the life cycle lets be encoded, found unfit or kept waiting.
fn decided(
    invoice: &Invoice,
    command: Command,
    now: Timestamp,
    policy: &Policy,
) -> Result<Vec<invoice::life::Event>, LedgerError> {
    decide(invoice, command, Context { now, policy })
        .map_err(|refusal| LedgerError::Refused(refusal.to_string()))
}
