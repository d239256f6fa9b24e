//! All that is known of one invoice, for whoever asks why. Reads only.

mod qr;
mod render;
mod timeline;

use invoice::event::Kind;
use invoice::life::Invoice;
use invoice::{Checked, Digest, Environment, InvoiceKey, Timestamp};
use ledger::{AttemptRecord, DocumentKind, RecordedEvent, Summary};
use serde::Serialize;
use serde_json::Value;

use crate::desk::Console;
use crate::error::ConsoleError;
use crate::remedy::{Advice, advise_heard};
pub use qr::QrReading;

/// How often a story is read again when the invoice moved on between its parts.
const TRIES: usize = 3;

/// A document that is kept, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentDigest {
    /// Of which document version.
    pub document: u32,
    /// Which one.
    pub kind: DocumentKind,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// How many those are.
    pub bytes: usize,
}

/// Where an invoice stands, why, what to do, and everything that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The ledger's time.
    pub now: Timestamp,
    /// Nothing of this is real: it never left the house.
    pub simulation: bool,
    /// Why it stands there and what to do.
    pub advice: Advice,
    /// As it stands.
    pub invoice: Invoice,
    /// What it is about; none when its content cannot be read any more, and of a return whose document is not written yet:
    /// the original completes it.
    pub summary: Option<Summary>,
    /// What its QR says, once there is one.
    pub qr: Option<QrReading>,
    /// The normal form of its current document version.
    pub content: Value,
    /// Everything that happened, the oldest first, with time and person.
    pub events: Vec<RecordedEvent>,
    /// Every attempt, the oldest first.
    pub attempts: Vec<AttemptRecord>,
    /// The documents that are kept.
    pub documents: Vec<DocumentDigest>,
}

impl Console {
    /// The story of one invoice.
    ///
    /// # Errors
    /// [`ConsoleError::Unknown`]; the ledger's own.
    pub async fn show(&self, key: InvoiceKey) -> Result<Story, ConsoleError> {
        let mut story = self.read(key).await?;
        for _ in 1..TRIES {
            let told = story.events.last().map(|event| event.version);
            if told == Some(story.invoice.version) {
                break;
            }
            story = self.read(key).await?;
        }
        Ok(story)
    }

    async fn read(&self, key: InvoiceKey) -> Result<Story, ConsoleError> {
        let content = self.ledger.content(key).await?;
        let Some(current) = content else { return Err(ConsoleError::Unknown { text: key.uuid.to_string() }) };
        let events = self.ledger.history(key).await?;
        let attempts = self.ledger.attempts(key).await?;
        let wanted: Vec<(InvoiceKey, u32, DocumentKind)> = (1..=current.invoice.document)
            .flat_map(|document| {
                [DocumentKind::Sent, DocumentKind::Signed, DocumentKind::Held]
                    .map(|kind| (key, document, kind))
            })
            .collect();
        let kept = self.ledger.documents(&wanted).await?;
        let counts = current.invoice.cleared_document.unwrap_or(current.invoice.document);
        let written =
            wanted.iter().position(|(_, version, kind)| (*version, *kind) == (counts, DocumentKind::Sent));
        let written = written.and_then(|place| kept.get(place)?.as_ref()).map(|kept| kept.bytes.clone());
        let documents = wanted
            .into_iter()
            .zip(kept)
            .filter_map(|((_, document, kind), kept)| {
                kept.map(|kept| DocumentDigest {
                    document,
                    kind,
                    sha256: kept.sha256,
                    bytes: kept.bytes.len(),
                })
            })
            .collect();
        let now = self.ledger.now().await?;
        let checked = invoice::read(current.normal_form.as_bytes()).ok();
        let summary = checked.as_ref().and_then(|checked| summary(checked, written.as_deref()));
        let qr = current.invoice.qr.as_deref();
        let qr = qr.map(|qr| QrReading::of(qr, &current.invoice, checked.as_ref()));
        let content =
            serde_json::from_str(&current.normal_form).unwrap_or(Value::String(current.normal_form));
        Ok(Story {
            now,
            simulation: key.environment == Environment::Simulation,
            advice: advise_heard(&current.invoice, attempts.last().map(|attempt| &attempt.evidence)),
            invoice: current.invoice,
            summary,
            qr,
            content,
            events,
            attempts,
            documents,
        })
    }

    /// The content of an invoice as an event to be corrected: it names the document version that it amends, so that a
    /// correction made by somebody else in the meantime is not undone unseen.
    ///
    /// # Errors
    /// [`ConsoleError::Unknown`]; [`ConsoleError::Invalid`] when what the ledger holds is no event; the ledger's own.
    pub async fn editable(&self, key: InvoiceKey) -> Result<String, ConsoleError> {
        let content = self.ledger.content(key).await?;
        let Some(current) = content else { return Err(ConsoleError::Unknown { text: key.uuid.to_string() }) };
        let mut event = invoice::parse(current.normal_form.as_bytes()).map_err(ConsoleError::Invalid)?;
        event.set_amends(Some(current.invoice.document));
        serde_json::to_string_pretty(&event)
            .map_err(|error| ledger::LedgerError::Corrupt(error.to_string()).into())
    }
}

/// What the invoice is about. The event of a return leaves out what its original says: that stands in its document alone.
fn summary(checked: &Checked, written: Option<&[u8]>) -> Option<Summary> {
    match checked.event.kind() {
        Kind::Invoice => Some(Summary::of(checked)),
        Kind::Return => {
            let reading = ubl::read(written?).ok()?;
            Some(Summary::of_document(&reading.event().ok()?, reading.printed().payable?))
        }
    }
}
