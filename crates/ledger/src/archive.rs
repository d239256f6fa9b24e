//! The seam's part for archives: everything that is kept of whole invoices, raw, in bulk. Plain data; knows no files.

use std::fmt;

use async_trait::async_trait;
use chrono::NaiveDate;
use invoice::life::{Actor, Invoice};
use invoice::{Digest, Environment, InvoiceKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::{AttemptRecord, Checkpoint, DocumentKind, Summary};
use crate::traits::LedgerError;

/// Which invoices an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The first date of issue.
    pub from: NaiveDate,
    /// The last date of issue, included.
    pub to: NaiveDate,
    /// Only this environment.
    pub environment: Option<Environment>,
    /// Only this seller.
    pub tax_number: Option<String>,
}

/// A piece of a walk through all invoices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuedPage {
    /// Those that were wanted, in order of their keys.
    pub keys: Vec<InvoiceKey>,
    /// Where the next piece begins; none at the end.
    pub next: Option<InvoiceKey>,
}

/// Everything that is kept of one invoice, as it stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// As it stands.
    pub invoice: Invoice,
    /// What it is about.
    pub summary: Summary,
    /// The normal form of every document version, the first one first.
    pub contents: Vec<String>,
    /// Every event, the oldest first, word for word.
    pub events: Vec<KeptEvent>,
    /// Every document, in order of version, kind and time; a version that was encoded anew has several `sent` ones.
    pub documents: Vec<KeptDocument>,
    /// Every attempt, the oldest first.
    pub attempts: Vec<AttemptRecord>,
}

/// An event as it is kept: the chain covers these very words (see [`crate::link`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// Place in the stream, from 1.
    pub version: u32,
    /// When.
    pub at: Timestamp,
    /// Its JSON.
    pub payload: String,
    /// Its link of the chain.
    pub hash: Digest,
}

/// A document as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDocument {
    /// Of which document version.
    pub document: u32,
    /// Which one.
    pub kind: DocumentKind,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256, as recorded when they were stored.
    pub sha256: Digest,
}

/// A month of acceptance that was set aside. Its invoices, their identities and states stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detachment {
    /// Its first day.
    pub month: NaiveDate,
    /// When it was set aside.
    pub at: Timestamp,
    /// By whom, and why.
    pub by: Actor,
    /// How many invoices were accepted in that month.
    pub invoices: u64,
}

impl fmt::Display for Detachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { month, at, by: Actor { name, reason }, .. } = self;
        write!(f, "{} was detached on {} by {name} ({reason})", month.format("%Y-%m"), at.format("%F"))
    }
}

/// What an archive is made from. Reads only.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Looks at the `limit` invoices after `after`, in order of their keys, and gives those that are wanted. A page may be
    /// empty and not the last one. The walk costs the same whatever the period: it needs no index of its own, and archives
    /// are rare.
    async fn issued(
        &self,
        wanted: &Issued,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<IssuedPage, LedgerError>;

    /// The dossiers of the invoices that exist among these, in order of their keys, all of one moment. All of it is held in
    /// memory: ask for a few dozen.
    async fn dossiers(&self, keys: &[InvoiceKey]) -> Result<Vec<Dossier>, LedgerError>;

    /// The months whose events, contents, documents and attempts were set aside, the earliest first.
    async fn detachments(&self) -> Result<Vec<Detachment>, LedgerError>;

    /// The last checkpoint; none before the first.
    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError>;
}
