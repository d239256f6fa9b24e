//! How the memory adapter seals what it holds, and proves it honest. Believes nothing but the events.

use invoice::life::{Event, Invoice};
use invoice::{Digest, InvoiceKey, Timestamp};

use super::store::{CounterKey, Sealed, Store, Stream};
use crate::record::{Checkpoint, Document, DocumentKind, RecordedEvent, Verification, Violation};
use crate::{GENESIS, Head, LedgerError, Link, link, seal};

/// How many violations are told.
const VIOLATIONS_MAX: usize = 1_000;

impl Store {
    pub(super) fn checkpoint(&mut self, limit: u32, at: Timestamp) -> Option<Checkpoint> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let heads: Vec<Head> = self
            .unsealed
            .iter()
            .take(limit)
            .filter_map(|key| self.streams.get(key))
            .map(|stream| Head {
                key: stream.invoice.key,
                version: stream.invoice.version,
                hash: stream.head(),
            })
            .collect();
        if heads.is_empty() {
            return None;
        }
        for head in &heads {
            self.unsealed.remove(&head.key);
        }
        let previous = self.checkpoints.last().map_or(GENESIS, |sealed| sealed.checkpoint.hash);
        let number = count(self.checkpoints.len()) + 1;
        let hash = seal(&previous, number, at, &heads);
        let checkpoint = Checkpoint { number, at, streams: count(heads.len()), hash };
        self.checkpoints.push(Sealed { checkpoint: checkpoint.clone(), heads });
        Some(checkpoint)
    }

    pub(super) fn verify(&self) -> Verification {
        let mut proof = Verification { streams: count(self.streams.len()), ..Verification::default() };
        for (key, stream) in &self.streams {
            proof.events += count(stream.events.len());
            self.verify_stream(key, stream, &mut proof);
        }
        for (((environment, _), number), uuid) in &self.numbers {
            let key = InvoiceKey { environment: *environment, uuid: *uuid };
            if !self.streams.contains_key(&key) {
                blame(&mut proof, key, None, format!("the invoice with the number {number} is missing"));
            }
        }
        self.verify_counters(&mut proof);
        self.verify_checkpoints(&mut proof);
        proof
    }

    fn verify_stream(&self, key: &InvoiceKey, stream: &Stream, proof: &mut Verification) {
        let mut previous = GENESIS;
        for (version, stored) in (1..).zip(&stream.events) {
            let honest =
                link(&previous, &Link { key: *key, version, at: stored.at, payload: &stored.payload });
            if honest != stored.hash {
                blame(proof, *key, Some(version), "the hash does not match the event".to_owned());
            }
            previous = stored.hash;
        }
        match self.history(key) {
            Ok(history) => match fold(&stream.invoice, &history) {
                Some(folded) if folded == stream.invoice => {}
                Some(_) => blame(proof, *key, None, "the state is not what the events say".to_owned()),
                None => {
                    blame(proof, *key, Some(1), "the stream does not begin with an acceptance".to_owned());
                }
            },
            Err(
                LedgerError::Corrupt(message)
                | LedgerError::Refused(message)
                | LedgerError::Unavailable(message),
            ) => {
                blame(proof, *key, None, message);
            }
        }
        if !stream
            .contents
            .iter()
            .map(|content| Digest::of(content.as_bytes()))
            .eq(stream.invoice.contents.clone())
        {
            blame(proof, *key, None, "a content does not match its digest".to_owned());
        }
        let damaged = |document: &&Document| Digest::of(&document.bytes) != document.sha256;
        for _ in stream.documents.values().flatten().filter(damaged) {
            blame(proof, *key, None, "a document does not match its digest".to_owned());
        }
        if let Some(xml) = stream.invoice.xml {
            let sent = stream.documents.get(&(stream.invoice.document, DocumentKind::Sent));
            if sent.and_then(|documents| documents.last()).is_none_or(|document| document.sha256 != xml) {
                blame(
                    proof,
                    *key,
                    None,
                    "the document to be sent is not the one that was encoded".to_owned(),
                );
            }
        }
        if let Some(icv) = stream.invoice.icv {
            let counter = (key.environment, stream.invoice.source.clone());
            if self.assignments.get(&(counter, icv)) != Some(&key.uuid) {
                blame(proof, *key, None, format!("counter {icv} is not assigned to this invoice"));
            }
        }
    }

    /// Each counter has one invoice, and between the first and the last there is no hole.
    fn verify_counters(&self, proof: &mut Verification) {
        for ((counter, icv), uuid) in &self.assignments {
            let key = InvoiceKey { environment: counter.0, uuid: *uuid };
            if self.streams.get(&key).is_none_or(|stream| stream.invoice.icv != Some(*icv)) {
                blame(proof, key, None, format!("has been assigned counter {icv}, but does not have it"));
            }
            if !self.goes_on(counter, *icv) {
                blame(proof, key, None, format!("there is a hole in the counters after {icv}"));
            }
        }
        for (counter, ranges) in &self.salvage.voids {
            for range in ranges {
                let drawn =
                    self.assignments.range((counter.clone(), range.first)..=(counter.clone(), range.last));
                for ((_, icv), uuid) in drawn {
                    let key = InvoiceKey { environment: counter.0, uuid: *uuid };
                    blame(proof, key, None, format!("counter {icv} is void, but has been drawn"));
                }
                if !self.goes_on(counter, range.last) && proof.violations.len() < VIOLATIONS_MAX {
                    let message =
                        format!("there is a hole in the counters of {} after {}", counter.1, range.last);
                    proof.violations.push(Violation { key: None, version: None, message });
                }
            }
        }
    }

    /// Whether the number after this one is the next, assigned, or the first of a range that was skipped.
    fn goes_on(&self, counter: &CounterKey, icv: u64) -> bool {
        let next = icv.saturating_add(1);
        self.counters.get(counter) == Some(&next)
            || self.assignments.contains_key(&(counter.clone(), next))
            || self.salvage.voids.get(counter).into_iter().flatten().any(|range| range.first == next)
    }

    fn verify_checkpoints(&self, proof: &mut Verification) {
        let mut previous = GENESIS;
        for (number, Sealed { checkpoint, heads }) in (1..).zip(&self.checkpoints) {
            proof.checkpoints += 1;
            if seal(&previous, number, checkpoint.at, heads) != checkpoint.hash {
                let message = format!("checkpoint {number} does not match what it seals");
                proof.violations.push(Violation { key: None, version: None, message });
            }
            previous = checkpoint.hash;
            for head in heads {
                let sealed = usize::try_from(head.version).ok().and_then(|version| version.checked_sub(1));
                let stored = self
                    .streams
                    .get(&head.key)
                    .zip(sealed)
                    .and_then(|(stream, index)| stream.events.get(index));
                if stored.is_none_or(|stored| stored.hash != head.hash) {
                    let message = format!("checkpoint {number} sealed another event here, or it is missing");
                    blame(proof, head.key, Some(head.version), message);
                }
            }
        }
        proof.violations.truncate(VIOLATIONS_MAX);
    }
}

/// The state that the events say; none when they do not begin as they must.
pub(super) fn fold(invoice: &Invoice, history: &[RecordedEvent]) -> Option<Invoice> {
    let (first, rest) = history.split_first()?;
    let Event::Accepted { content } = first.event else { return None };
    let mut folded =
        Invoice::accepted(invoice.key, invoice.source.clone(), invoice.number.clone(), content, first.at);
    for recorded in rest {
        folded.evolve(&recorded.event, recorded.at);
    }
    Some(folded)
}

fn blame(proof: &mut Verification, key: InvoiceKey, version: Option<u32>, message: String) {
    if proof.violations.len() < VIOLATIONS_MAX {
        proof.violations.push(Violation { key: Some(key), version, message });
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
