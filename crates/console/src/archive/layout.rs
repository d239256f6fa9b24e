//! Which files an invoice has in an archive, and what stands in each. Knows no disk.
//!
//! | file | what it is |
//! |---|---|
//! | `invoice.json` | where it stood and what it is about |
//! | `content-N.json` | the normal form of document version N |
//! | `sent-N.xml` | the very bytes that were sent for it |
//! | `sent-N-superseded-M.xml` | bytes that were fixed before, and replaced unsent or after a refusal |
//! | `signed-N.xml`, `held-N.xml` | what the authority returned, decoded; what it holds instead of ours |
//! | `qr.txt` | the QR text, unchanged |
//! | `attempts.json` | every attempt with what was heard |
//! | `events.jsonl` | every event word for word, with its link of the hash chain |

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use invoice::InvoiceKey;
use invoice::{Digest, Timestamp};
use ledger::{DocumentKind, Dossier, KeptEvent, LedgerError};
use serde_json::json;

pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const QR: &str = "qr.txt";

/// The folder of an invoice, from the archive's root.
pub(super) fn folder(key: InvoiceKey, issue_date: chrono::NaiveDate) -> String {
    format!("{}/{}/{}", key.environment, issue_date.format("%Y-%m-%d"), key.uuid)
}

pub(super) fn content(document: u32) -> String {
    format!("content-{document}.json")
}

pub(super) fn document(kind: DocumentKind, document: u32) -> String {
    format!("{}-{document}.xml", kind.as_str())
}

/// What was fixed for a document version before it was fixed anew; `nth` from 1, the oldest first.
pub(super) fn superseded(kind: DocumentKind, document: u32, nth: usize) -> String {
    format!("{}-{document}-superseded-{nth}.xml", kind.as_str())
}

/// The files of an invoice by name.
pub(super) fn files(dossier: &Dossier) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
    let key = dossier.invoice.key;
    let unwritable = |what: &str, error: serde_json::Error| {
        LedgerError::Corrupt(format!("{what} of {key} cannot be written: {error}"))
    };
    let mut files = Vec::new();
    let about = json!({ "invoice": dossier.invoice, "summary": dossier.summary });
    let about = serde_json::to_string_pretty(&about).map_err(|error| unwritable("the state", error))?;
    files.push(("invoice.json".to_owned(), about.into_bytes()));
    for (version, normal_form) in (1..).zip(&dossier.contents) {
        files.push((content(version), normal_form.clone().into_bytes()));
    }
    files.extend(documents(dossier));
    if let Some(qr) = &dossier.invoice.qr {
        files.push((QR.to_owned(), qr.clone().into_bytes()));
    }
    let attempts =
        serde_json::to_string_pretty(&dossier.attempts).map_err(|error| unwritable("an attempt", error))?;
    files.push(("attempts.json".to_owned(), attempts.into_bytes()));
    let mut events = String::new();
    for event in &dossier.events {
        if event.payload.contains(['\n', '\r']) {
            return Err(LedgerError::Corrupt(format!("event {} of {key} has several lines", event.version)));
        }
        events.push_str(&write_event(event));
        events.push('\n');
    }
    files.push((EVENTS.to_owned(), events.into_bytes()));
    Ok(files)
}

/// The last bytes of each kind and version count; the ones before them are superseded.
fn documents(dossier: &Dossier) -> Vec<(String, Vec<u8>)> {
    let mut left: BTreeMap<(u32, DocumentKind), usize> = BTreeMap::new();
    for kept in &dossier.documents {
        *left.entry((kept.document, kept.kind)).or_default() += 1;
    }
    let mut seen: BTreeMap<(u32, DocumentKind), usize> = BTreeMap::new();
    let mut files = Vec::new();
    for kept in &dossier.documents {
        let place = (kept.document, kept.kind);
        let nth = seen.entry(place).or_default();
        *nth += 1;
        let is_last = left.get(&place) == Some(nth);
        let name = if is_last {
            document(kept.kind, kept.document)
        } else {
            superseded(kept.kind, kept.document, *nth)
        };
        files.push((name, kept.bytes.clone()));
    }
    files
}

/// Between the link and the event, whose words stand as they are, for the chain covers them byte for byte.
const EVENT: &str = ",\"event\":";

fn write_event(event: &KeptEvent) -> String {
    let KeptEvent { version, at, payload, hash } = event;
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!("{{\"version\":{version},\"at\":\"{at}\",\"hash\":\"{hash}\"{EVENT}{payload}}}")
}

/// An event as [`write_event`] wrote it.
pub(super) fn read_event(line: &str) -> Option<KeptEvent> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Head {
        version: u32,
        at: Timestamp,
        hash: Digest,
    }
    let (head, rest) = line.split_once(EVENT)?;
    let payload = rest.strip_suffix('}')?.to_owned();
    let Head { version, at, hash } = serde_json::from_str(&format!("{head}}}")).ok()?;
    Some(KeptEvent { version, at, payload, hash })
}
