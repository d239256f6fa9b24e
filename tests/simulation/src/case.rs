//! One invoice as the ledger and the authority have it, and its story for whoever must find out what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use invoice::life::{Event, Invoice};
use invoice::{Digest, InvoiceKey};
use ledger::{AttemptRecord, RecordedEvent};
use simulator::{Cleared, Entry};

use crate::people::FOREIGN_ICV;
use crate::world::World;

/// One invoice, as the ledger and the authority have it.
pub(crate) struct Case<'a> {
    pub(crate) invoice: &'a Invoice,
    pub(crate) history: Vec<RecordedEvent>,
    pub(crate) attempts: Vec<AttemptRecord>,
    pub(crate) seen: Vec<Entry>,
    pub(crate) cleared: Vec<Cleared>,
}

impl World {
    pub(crate) async fn case<'a>(&self, invoice: &'a Invoice) -> Case<'a> {
        let ledger = &self.seams.ledger;
        let uuid = invoice.key.uuid.to_string();
        let foreign = FOREIGN_ICV.to_string();
        let seen = |entry: &&Entry| entry.uuid == uuid && entry.icv != foreign;
        let seen = self.seams.authority.with(|it| it.record().filter(seen).cloned().collect());
        let mut cleared = self.seams.authority.with(|it| it.summary(true).cleared);
        cleared.retain(|cleared| cleared.uuid == uuid && cleared.icv != foreign);
        Case {
            invoice,
            history: ledger.history(invoice.key).await.expect("memory answers"),
            attempts: ledger.attempts(invoice.key).await.expect("memory answers"),
            seen,
            cleared,
        }
    }

    /// Everything about one invoice, for whoever must find out what went wrong.
    pub(crate) async fn story(&self, key: InvoiceKey) -> String {
        let loaded = self.seams.ledger.load(&[key]).await.expect("memory answers");
        match loaded.invoices.first() {
            Some(Some(invoice)) => self.case(invoice).await.text(),
            _ => format!("{key} is not in the ledger\n"),
        }
    }
}

impl Case<'_> {
    /// A line for each event, attempt and request.
    pub(crate) fn text(&self) -> String {
        let mut text =
            format!("invoice {} {} {}\n", self.invoice.key, self.invoice.number, self.invoice.state);
        for RecordedEvent { version, at, event, .. } in &self.history {
            let json = serde_json::to_string(event).expect("an event has a text");
            writeln!(text, "  event {version:>2} {} {json}", at.format("%T%.6f")).expect("memory");
        }
        for AttemptRecord { attempt, worker, outcome, late, started_at, ended_at, evidence, .. } in
            &self.attempts
        {
            let (from, to) = (started_at.format("%T%.6f"), ended_at.format("%T%.6f"));
            let said = &evidence.message;
            writeln!(text, "  attempt {attempt} {from} {to} {worker} {outcome} late={late} {said}")
                .expect("memory");
        }
        for entry in &self.seen {
            let Entry { sequence, time, verdict, http_status, fault, delivered, sha256, .. } = entry;
            let at = time.format("%T%.6f");
            writeln!(
                text,
                "  seen {sequence} {at} {verdict:?} {http_status:?} {fault:?} delivered={delivered} {sha256}"
            )
            .expect("memory");
        }
        text
    }

    pub(crate) fn documents_fixed(&self) -> BTreeMap<u32, (u64, Digest)> {
        let mut fixed = BTreeMap::new();
        for recorded in &self.history {
            if let Event::Encoded { document, icv, xml } = recorded.event {
                fixed.insert(document, (icv, xml));
            }
        }
        fixed
    }

    pub(crate) fn starts(&self) -> impl Iterator<Item = (u32, &str, Digest)> {
        self.history.iter().filter_map(|recorded| match &recorded.event {
            Event::SubmissionStarted { attempt, worker, xml, .. } => Some((*attempt, worker.as_str(), *xml)),
            _ => None,
        })
    }
}
