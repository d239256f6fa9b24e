//! What the authority has seen and cleared, for comparison with the sender's own books; it must not influence an answer.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the authority decided about a request, whatever was then answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Accepted as a new document.
    Submitted,
    /// The pair of number and UUID was accepted before.
    AlreadySubmitted,
    /// Refused for its structure or content.
    Refused,
    /// The keys are missing or wrong.
    Forbidden,
    /// The envelope could not be opened.
    Unreadable,
    /// Answered with 500: tax number, income source or an unlisted percentage.
    Failed,
    /// Never looked at, because of a fault on request.
    NotProcessed,
}

/// Why an accepted document looks like a second sending of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspicion {
    /// The number was accepted before in the same income source, under this UUID: what the guide warns of.
    SameNumberAs {
        /// The UUID of the earlier document.
        uuid: String,
    },
    /// The UUID was accepted before under this number.
    SameUuidAs {
        /// The number of the earlier document.
        number: String,
    },
    /// `ALREADY_SUBMITTED` was answered to bytes that are not the ones first accepted.
    OtherContent {
        /// SHA-256 of the XML first accepted, in hexadecimal.
        sha256: String,
    },
}

/// One request as the authority saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position among all requests, from 0.
    pub sequence: u64,
    /// When it came.
    pub time: DateTime<Utc>,
    /// The header as sent, empty where it was missing.
    pub client_id: String,
    /// The document's number, empty where it could not be read.
    pub number: String,
    /// The document's UUID, empty where it could not be read.
    pub uuid: String,
    /// The document's counter, empty where it could not be read.
    pub icv: String,
    /// The document's income-source sequence, empty where it could not be read.
    pub income_source: String,
    /// SHA-256 of the XML bytes in hexadecimal, empty where the envelope could not be opened.
    pub sha256: String,
    /// What was decided.
    pub verdict: Verdict,
    /// The status that was answered, none where the connection was cut.
    pub http_status: Option<u16>,
    /// The reasons of a refusal.
    pub messages: Vec<String>,
    /// The name of the fault on request, none where the answer was honest.
    pub fault: Option<String>,
    /// Whether the answer was handed to the connection: false when it was cut, or when the client did not wait.
    pub delivered: bool,
    /// What is odd about an acceptance.
    pub suspicion: Option<Suspicion>,
}

/// One document that the authority has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// The seller.
    pub tax_number: String,
    /// The income-source sequence.
    pub income_source: String,
    /// The number.
    pub number: String,
    /// The UUID.
    pub uuid: String,
    /// The counter.
    pub icv: String,
    /// SHA-256 of the XML bytes in hexadecimal.
    pub sha256: String,
    /// The text for the QR symbol.
    pub qr: String,
    /// When it was accepted.
    pub time: DateTime<Utc>,
    /// The position of the request that was accepted.
    pub sequence: u64,
    /// How often the pair was sent again afterwards.
    pub repeats: u64,
}

/// All requests in numbers, and what stands accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Requests seen.
    pub requests: u64,
    /// Requests turned away unseen while the authority was down.
    pub turned_away: u64,
    /// Tokens that were given out.
    #[serde(default)]
    pub tokens_issued: u64,
    /// Questions what became of a document; they do not stand in the record.
    #[serde(default)]
    pub queries: u64,
    /// Requests by what was decided.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Requests by fault on request.
    pub faults: BTreeMap<String, u64>,
    /// Answers that did not reach the connection.
    pub undelivered: u64,
    /// How many documents stand accepted.
    pub cleared_count: u64,
    /// The documents accepted, in order of number within seller; empty where they were not asked for.
    pub cleared: Vec<Cleared>,
    /// Acceptances that look like a second sending of the same invoice, and repeats with other bytes.
    pub suspicious: Vec<Entry>,
}

/// The requests remembered one by one, and the counts of all.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    capacity: usize,
    entries: VecDeque<Entry>,
    next: u64,
    verdicts: BTreeMap<Verdict, u64>,
    faults: BTreeMap<String, u64>,
    undelivered: u64,
    suspicious: Vec<Entry>,
}

impl Record {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: VecDeque::new(),
            next: 0,
            verdicts: BTreeMap::new(),
            faults: BTreeMap::new(),
            undelivered: 0,
            suspicious: Vec::new(),
        }
    }

    /// The position that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.next += 1;
        *self.verdicts.entry(entry.verdict).or_default() += 1;
        if let Some(fault) = &entry.fault {
            *self.faults.entry(fault.clone()).or_default() += 1;
        }
        if !entry.delivered {
            self.undelivered += 1;
        }
        if entry.suspicion.is_some() && self.suspicious.len() < self.capacity {
            self.suspicious.push(entry.clone());
        }
        self.entries.push_back(entry);
        if self.entries.len() > self.capacity {
            self.entries.pop_front();
        }
    }

    /// Notes that an answer did not reach its client after all.
    pub(crate) fn mark_undelivered(&mut self, sequence: u64) {
        let Some(first) = self.entries.front().map(|entry| entry.sequence) else { return };
        let place = sequence.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place))
            && entry.delivered
        {
            entry.delivered = false;
            self.undelivered += 1;
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The summary without the documents, which stand elsewhere.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            requests: self.next,
            turned_away: 0,
            tokens_issued: 0,
            queries: 0,
            verdicts: self.verdicts.clone(),
            faults: self.faults.clone(),
            undelivered: self.undelivered,
            cleared_count: 0,
            cleared: Vec::new(),
            suspicious: self.suspicious.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64) -> Entry {
        Entry {
            sequence,
            time: DateTime::UNIX_EPOCH,
            client_id: String::new(),
            number: String::new(),
            uuid: String::new(),
            icv: String::new(),
            income_source: String::new(),
            sha256: String::new(),
            verdict: Verdict::Submitted,
            http_status: Some(200),
            messages: Vec::new(),
            fault: None,
            delivered: true,
            suspicion: None,
        }
    }

    #[test]
    fn forgets_the_oldest_but_counts_all() {
        let mut record = Record::new(3);
        for _ in 0..5 {
            record.push(entry(record.next()));
        }
        assert_eq!(record.entries().map(|entry| entry.sequence).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(record.summary().requests, 5);
        assert_eq!(record.summary().verdicts[&Verdict::Submitted], 5);
    }

    #[test]
    fn marks_an_answer_undelivered_once() {
        let mut record = Record::new(3);
        for _ in 0..5 {
            record.push(entry(record.next()));
        }
        for sequence in [0, 3, 3, 99] {
            record.mark_undelivered(sequence);
        }
        assert_eq!(record.summary().undelivered, 1);
        assert_eq!(record.entries().map(|entry| entry.delivered).collect::<Vec<_>>(), [true, false, true]);
    }
}
