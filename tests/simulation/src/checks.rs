//! The promises, checked from outside: the ledger against the plan, against itself, and against the authority's own record.

use std::collections::BTreeMap;

use invoice::life::Invoice;
use invoice::{Digest, IncomeSource, InvoiceKey};

use crate::case::Case;
use crate::world::{World, lock};

/// A promise that does not hold.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) key: Option<InvoiceKey>,
    pub(crate) message: String,
}

/// What was found in one run: violations, and a digest of all that happened.
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) digest: Digest,
    /// How many invoices there were.
    pub(crate) invoices: u64,
}

/// What is held against the promises, and what does not hold.
pub(crate) struct Book<'a> {
    pub(crate) world: &'a World,
    violations: Vec<Violation>,
}

/// Checks everything.
pub(crate) async fn check(world: &World) -> Findings {
    let all = tests::fleet::invoices(&*world.seams.ledger).await;
    let mut book = Book { world, violations: Vec::new() };
    book.mishaps();
    book.yes_is_durable(&all);
    let announced = world.announced();
    let mut digest = Digest::of(b"run");
    for invoice in all.values() {
        let case = world.case(invoice).await;
        digest = Digest::of_parts(&[digest.as_bytes(), case.text().as_bytes()]);
        book.stream(&case);
        book.told(&case, &announced);
    }
    book.returns(&all).await;
    book.counters(&all);
    book.authority(&all);
    book.ledger_is_whole().await;
    book.waits_for_a_person().await;
    Findings { violations: book.violations, digest, invoices: all.len() as u64 }
}

impl Book<'_> {
    pub(crate) fn hold(&mut self, holds: bool, case: &Case<'_>, message: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation { key: Some(case.invoice.key), message: message() });
        }
    }

    pub(crate) fn hold_all(&mut self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation { key: None, message: message() });
        }
    }

    fn mishaps(&mut self) {
        let mishaps = lock(&self.world.mishaps).clone();
        self.violations.extend(mishaps.into_iter().map(|message| Violation { key: None, message }));
    }

    /// Promise 1.
    fn yes_is_durable(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let yes = lock(&self.world.yes).clone();
        for (key, said) in yes {
            let kept = all.get(&key).is_some_and(|invoice| {
                invoice.accepted_at == said.accepted_at && invoice.contents.starts_with(&said.contents)
            });
            if !kept {
                let message = "a publisher heard yes, and the ledger does not have that event".to_owned();
                self.violations.push(Violation { key: Some(key), message });
            }
        }
        for key in self.world.plan.invoices.keys().filter(|key| !all.contains_key(key)) {
            let message = "was published and never taken".to_owned();
            self.violations.push(Violation { key: Some(*key), message });
        }
        for key in all.keys().filter(|key| !self.world.plan.invoices.contains_key(key)) {
            let message = "is in the ledger, and nobody published it".to_owned();
            self.violations.push(Violation { key: Some(*key), message });
        }
    }

    /// Promise 8, over all.
    fn counters(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let mut counters: BTreeMap<&IncomeSource, Vec<u64>> = BTreeMap::new();
        for invoice in all.values() {
            counters.entry(&invoice.source).or_default().extend(invoice.icv);
        }
        for (source, mut numbers) in counters {
            numbers.sort_unstable();
            let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
            self.hold_all(numbers == expected, || format!("the counters of {source} are {numbers:?}"));
        }
    }

    fn authority(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let summary = self.world.seams.authority.with(|authority| authority.summary(true));
        let unknown = summary
            .cleared
            .iter()
            .find(|cleared| !all.keys().any(|key| key.uuid.to_string() == cleared.uuid));
        self.hold_all(unknown.is_none(), || format!("cleared there, unknown here: {unknown:?}"));
    }

    async fn ledger_is_whole(&mut self) {
        let verification = self.world.seams.ledger.verify().await.expect("memory answers");
        self.hold_all(verification.violations.is_empty(), || format!("{:?}", verification.violations));
    }

    /// What waits for a person stands in the dead-letter queue once each, refused intake too.
    async fn waits_for_a_person(&mut self) {
        let (hints, waiting) = (self.world.dead_letters().await, self.world.waiting_for_person().await);
        self.hold_all(hints == waiting, || {
            format!("{hints} hints in dead-letter, {waiting} wait for a person")
        });
        let refused = self.world.seams.ledger.refused_intake(1_000).await.expect("memory answers");
        let strangers = self.world.strangers;
        self.hold_all(refused.len() as u64 == strangers, || {
            format!("{} refused-intake records of {strangers} strangers", refused.len())
        });
    }
}
