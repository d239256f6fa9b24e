//! What archives are made from, as the memory adapter holds it.

use std::ops::Bound;

use async_trait::async_trait;
use invoice::InvoiceKey;

use super::MemoryLedger;
use super::store::Stream;
use crate::LedgerError;
use crate::archive::{Archive, Detachment, Dossier, Issued, IssuedPage, KeptDocument, KeptEvent};
use crate::record::Checkpoint;

#[async_trait]
impl Archive for MemoryLedger {
    async fn issued(
        &self,
        wanted: &Issued,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<IssuedPage, LedgerError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let store = self.store();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let in_environment = |key: &InvoiceKey| wanted.environment.is_none_or(|only| only == key.environment);
        let mut streams =
            store.streams.range((from, Bound::Unbounded)).filter(|(key, _)| in_environment(key));
        let looked_at: Vec<(&InvoiceKey, &Stream)> = streams.by_ref().take(limit).collect();
        let more = streams.next().is_some();
        let next = looked_at.last().filter(|_| more).map(|(key, _)| **key);
        let keys = looked_at.into_iter().filter(|(_, stream)| is_wanted(wanted, stream)).map(|(key, _)| *key);
        Ok(IssuedPage { keys: keys.collect(), next })
    }

    async fn dossiers(&self, keys: &[InvoiceKey]) -> Result<Vec<Dossier>, LedgerError> {
        let store = self.store();
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys.iter().filter_map(|key| store.streams.get(key)).map(dossier).collect())
    }

    async fn detachments(&self) -> Result<Vec<Detachment>, LedgerError> {
        // Nothing here lives long enough.
        Ok(Vec::new())
    }

    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        Ok(self.store().checkpoints.last().map(|sealed| sealed.checkpoint.clone()))
    }
}

fn is_wanted(wanted: &Issued, stream: &Stream) -> bool {
    (wanted.from..=wanted.to).contains(&stream.summary.issue_date)
        && wanted.tax_number.as_ref().is_none_or(|only| *only == stream.invoice.source.tax_number)
}

fn dossier(stream: &Stream) -> Dossier {
    let events = (1..).zip(&stream.events).map(|(version, stored)| KeptEvent {
        version,
        at: stored.at,
        payload: stored.payload.clone(),
        hash: stored.hash,
    });
    let documents = stream.documents.iter().flat_map(|((document, kind), kept)| {
        kept.iter().map(|kept| KeptDocument {
            document: *document,
            kind: *kind,
            bytes: kept.bytes.clone(),
            sha256: kept.sha256,
        })
    });
    Dossier {
        invoice: stream.invoice.clone(),
        summary: stream.summary.clone(),
        contents: stream.contents.clone(),
        events: events.collect(),
        documents: documents.collect(),
        attempts: stream.attempts.clone(),
    }
}
