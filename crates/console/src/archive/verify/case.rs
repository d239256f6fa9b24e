//! One invoice of an archive against its own events: the chain, the digests that the events state, the QR, the signature.
//! Knows no disk.

use std::collections::BTreeMap;

use invoice::life::{Event, Invoice};
use invoice::{Digest, IncomeSource, InvoiceKey};
use jofotara::seal;
use ledger::{DocumentKind, GENESIS, KeptEvent, Link, link};

use super::Verified;
use crate::archive::layout;
use crate::archive::manifest::InvoiceLine;

/// The files of an invoice by name.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

/// Checks one invoice. When not all its files are `whole`, what is missing was told already, and only what is there is
/// compared.
pub(super) fn check(line: &InvoiceLine, folder: &str, files: &Contents, whole: bool, found: &mut Verified) {
    let mut case = Case { line, folder, files, whole, found };
    let events = case.events();
    if let Some(events) = &events {
        case.chain(events);
        case.facts(events);
    }
    case.seals();
}

struct Case<'a> {
    line: &'a InvoiceLine,
    folder: &'a str,
    files: &'a Contents,
    whole: bool,
    found: &'a mut Verified,
}

impl Case<'_> {
    fn key(&self) -> InvoiceKey {
        InvoiceKey { environment: self.line.environment, uuid: self.line.uuid }
    }

    fn differs(&mut self, name: &str, message: impl Into<String>) {
        self.found.differs(&format!("{}/{name}", self.folder), message);
    }

    fn events(&mut self) -> Option<Vec<KeptEvent>> {
        let Some(bytes) = self.files.get(layout::EVENTS) else {
            if self.whole {
                self.differs(layout::EVENTS, "the manifest does not list the invoice's events");
            }
            return None;
        };
        let text = String::from_utf8_lossy(bytes);
        let mut events = Vec::new();
        for (place, line) in (1..).zip(text.lines()) {
            match layout::read_event(line) {
                Some(event) => events.push(event),
                None => {
                    self.differs(layout::EVENTS, format!("line {place} is no event"));
                    return None;
                }
            }
        }
        Some(events)
    }

    /// Recomputes the hash chain from its beginning to the head that the manifest states.
    fn chain(&mut self, events: &[KeptEvent]) {
        let key = self.key();
        let mut head = GENESIS;
        for (expected, event) in (1..).zip(events) {
            let KeptEvent { version, at, payload, hash } = event;
            if *version != expected {
                return self
                    .differs(layout::EVENTS, format!("event {expected} is missing, or out of its place"));
            }
            head = link(&head, &Link { key, version: *version, at: *at, payload });
            if head != *hash {
                let told =
                    format!("the hash chain breaks at event {version}: it, or one before it, was changed");
                return self.differs(layout::EVENTS, told);
            }
        }
        let last = events.last().map_or(0, |event| event.version);
        if (last, head) != (self.line.version, self.line.head) {
            let told = format!("it ends at event {last}, not with the head that the manifest states");
            self.differs(layout::EVENTS, told);
        }
    }

    /// What the events say of content, bytes and QR, against the files.
    fn facts(&mut self, events: &[KeptEvent]) {
        let mut state: Option<Invoice> = None;
        let mut encoded: BTreeMap<u32, Vec<Digest>> = BTreeMap::new();
        let mut signed: BTreeMap<u32, Digest> = BTreeMap::new();
        for kept in events {
            let Ok(event) = serde_json::from_str::<Event>(&kept.payload) else {
                let told =
                    format!("event {} cannot be read: a newer program wrote it, or nobody", kept.version);
                return self.differs(layout::EVENTS, told);
            };
            match &event {
                Event::Encoded { document, xml, .. } => encoded.entry(*document).or_default().push(*xml),
                Event::Cleared { document, signed: Some(digest), .. } => {
                    signed.insert(*document, *digest);
                }
                _ => {}
            }
            match (&mut state, &event) {
                (Some(state), event) => state.evolve(event, kept.at),
                (None, Event::Accepted { content }) => {
                    let InvoiceLine { tax_number, income_source, number, .. } = self.line.clone();
                    let source = IncomeSource { tax_number, sequence: income_source };
                    state = Some(Invoice::accepted(self.key(), source, number, *content, kept.at));
                }
                (None, _) => return self.differs(layout::EVENTS, "it does not begin with the acceptance"),
            }
        }
        let Some(state) = state else { return self.differs(layout::EVENTS, "it holds no event") };
        for (document, content) in (1..).zip(&state.contents) {
            self.digest(&layout::content(document), *content);
        }
        for (document, digests) in encoded {
            let last = digests.len();
            for (nth, digest) in (1..).zip(digests) {
                let sent = DocumentKind::Sent;
                let name = if nth == last {
                    layout::document(sent, document)
                } else {
                    layout::superseded(sent, document, nth)
                };
                self.digest(&name, digest);
            }
        }
        for (document, digest) in signed {
            self.digest(&layout::document(DocumentKind::Signed, document), digest);
        }
        if state.state != self.line.state {
            let told =
                format!("its events end as {}, and the manifest says {}", state.state, self.line.state);
            self.differs(layout::EVENTS, told);
        }
        self.qr(state.qr.as_deref());
    }

    /// A file that an event states the digest of.
    fn digest(&mut self, name: &str, stated: Digest) {
        match self.files.get(name) {
            Some(bytes) if Digest::of(bytes) != stated => {
                self.differs(name, format!("it is not what the events say: their SHA-256 is {stated}"));
            }
            None if self.whole => {
                self.differs(name, "the events tell of it, and the manifest does not list it");
            }
            _ => {}
        }
    }

    fn qr(&mut self, stated: Option<&str>) {
        let kept = self.files.get(layout::QR).map(Vec::as_slice);
        match (kept, stated) {
            (None, Some(_)) if self.whole => {
                self.differs(layout::QR, "the events tell of a QR that is not here");
            }
            (Some(kept), stated) if stated.map(str::as_bytes) != Some(kept) => {
                self.differs(layout::QR, "it is not the QR text that the events tell");
            }
            _ => {}
        }
    }

    /// The department's signature, where there is one. Only a remark: see [`jofotara::seal`].
    fn seals(&mut self) {
        let qr = self.files.get(layout::QR).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let files = self.files;
        let signed =
            files.iter().filter(|(name, _)| name.starts_with("signed-") && !name.contains("superseded"));
        for (name, bytes) in signed {
            let report = seal::check(bytes, qr.as_deref().unwrap_or_default());
            let seals = &mut self.found.seals;
            seals.signed += 1;
            match report.note() {
                Some(note) => self.found.remark(&format!("{}/{name}", self.folder), note),
                None => {
                    seals.fitting += 1;
                    seals.by_department +=
                        u64::from(report.certificate.is_some_and(|certificate| certificate.names_department));
                }
            }
        }
    }
}
