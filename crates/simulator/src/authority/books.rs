//! The documents that the authority holds, by the pair of number and UUID; it must not judge documents.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::document::{Document, Sort};
use crate::record::{Cleared, Entry, Suspicion};
use crate::rules::returns::Sold;
use crate::seal::Seal;

/// Tax number, number and UUID: the guide's primary key within one taxpayer.
type Key = (String, String, String);

/// One accepted document.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) cleared: Cleared,
    /// The signed document, while it is kept.
    pub(super) document: Option<Bytes>,
    /// What can be returned, for invoices.
    sold: Option<Sold>,
}

/// All accepted documents, with what is needed to see second sendings.
#[derive(Clone, Debug)]
pub(super) struct Books {
    documents_kept: usize,
    held: BTreeMap<Key, Held>,
    /// Keys whose signed document is kept, oldest first.
    kept: VecDeque<Key>,
    /// Tax number, income source and number, with the UUID first accepted under it.
    numbers: BTreeMap<(String, String, String), String>,
    /// UUID, with the number first accepted under it.
    uuids: BTreeMap<String, String>,
}

impl Books {
    pub(super) fn new(documents_kept: usize) -> Self {
        // The newest is always kept, so that its own acceptance can tell it.
        Self {
            documents_kept: documents_kept.max(1),
            held: BTreeMap::new(),
            kept: VecDeque::new(),
            numbers: BTreeMap::new(),
            uuids: BTreeMap::new(),
        }
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.held.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn cleared(&self) -> impl Iterator<Item = &Cleared> {
        self.held.values().map(|held| &held.cleared)
    }

    /// The document held under a pair, counted as sent again.
    pub(super) fn repeat(&mut self, tax_number: &str, number: &str, uuid: &str) -> Option<&Held> {
        let held = self.held.get_mut(&key(tax_number, number, uuid))?;
        held.cleared.repeats += 1;
        Some(held)
    }

    /// The document first accepted under a UUID, not counted as sent again.
    pub(super) fn by_uuid(&self, tax_number: &str, uuid: &str) -> Option<&Held> {
        let number = self.uuids.get(uuid)?;
        self.held.get(&key(tax_number, number, uuid))
    }

    /// What can be returned of an accepted invoice.
    pub(super) fn sold(&self, tax_number: &str, number: &str, uuid: &str) -> Option<&Sold> {
        self.held.get(&key(tax_number, number, uuid))?.sold.as_ref()
    }

    /// Takes in a document that is sound, and says what is odd about it.
    pub(super) fn accept(
        &mut self,
        document: &Document,
        seal: Seal,
        entry: &Entry,
    ) -> (&Held, Option<Suspicion>) {
        let tax_number = &document.seller_tax_number;
        let suspicion = self.suspicion(document);
        if let (Sort::Return, Some(original)) = (document.sort, &document.original)
            && let Some(held) = self.held.get_mut(&key(tax_number, &original.number, &original.uuid))
            && let Some(sold) = &mut held.sold
        {
            sold.give_back(document);
        }
        let by_number = (tax_number.clone(), document.income_source.clone(), document.number.clone());
        self.numbers.entry(by_number).or_insert_with(|| document.uuid.clone());
        self.uuids.entry(document.uuid.clone()).or_insert_with(|| document.number.clone());
        let held = Held {
            cleared: Cleared {
                tax_number: tax_number.clone(),
                income_source: document.income_source.clone(),
                number: document.number.clone(),
                uuid: document.uuid.clone(),
                icv: entry.icv.clone(),
                sha256: entry.sha256.clone(),
                qr: seal.qr,
                time: entry.time,
                sequence: entry.sequence,
                repeats: 0,
            },
            document: Some(seal.document),
            sold: (document.sort == Sort::Invoice).then(|| Sold::of(document)),
        };
        let key = key(tax_number, &document.number, &document.uuid);
        self.keep(key.clone());
        (self.held.entry(key).or_insert(held), suspicion)
    }

    fn suspicion(&self, document: &Document) -> Option<Suspicion> {
        let by_number =
            (document.seller_tax_number.clone(), document.income_source.clone(), document.number.clone());
        if let Some(uuid) = self.numbers.get(&by_number) {
            return Some(Suspicion::SameNumberAs { uuid: uuid.clone() });
        }
        let number = self.uuids.get(&document.uuid)?;
        Some(Suspicion::SameUuidAs { number: number.clone() })
    }

    /// Lets go of the oldest signed document where one too many is kept.
    fn keep(&mut self, key: Key) {
        self.kept.push_back(key);
        if self.kept.len() > self.documents_kept
            && let Some(oldest) = self.kept.pop_front()
            && let Some(held) = self.held.get_mut(&oldest)
        {
            held.document = None;
        }
    }
}

fn key(tax_number: &str, number: &str, uuid: &str) -> Key {
    (tax_number.to_owned(), number.to_owned(), uuid.to_owned())
}
