//! The manifest: what an archive holds, line by line, and the digest over all of it. Knows no disk and no ledger.
//!
//! JSON Lines: the header; then for each invoice its line, followed by one line for each of its files; at the end the
//! number of the lines before and the SHA-256 over them, line ends included.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use invoice::event::Kind;
use invoice::life::State;
use invoice::{Amount, Digest, Environment, Timestamp};
use ledger::{Checkpoint, Dossier};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::money::Sums;

/// Its name in an archive.
pub(super) const FILE: &str = "manifest.jsonl";
/// The format that this program writes.
pub(super) const FORMAT: u32 = 1;
/// The longest line; ours have less than a thousand bytes.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// Which invoices it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first date of issue.
    pub from: NaiveDate,
    /// The last date of issue, included.
    pub to: NaiveDate,
    /// Only this environment; none: all.
    pub environment: Option<Environment>,
    /// Only this seller; none: all.
    pub tax_number: Option<String>,
}

/// How many cleared documents of a kind there are, and what they come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How many.
    pub count: u64,
    /// What they come to, with tax, by currency.
    pub payable: Sums,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub fawtara_archive: u32,
    /// Which program wrote it.
    pub software: String,
    /// When it was finished, by the ledger's clock.
    pub at: Timestamp,
    /// Which invoices it holds, by their date of issue.
    pub period: Period,
    /// How many years the installation keeps what it has, at least.
    pub retention_years: u32,
    /// Until when nothing of this archive may be deleted by that setting.
    pub keep_until: NaiveDate,
    /// How many invoices it holds.
    pub invoices: u64,
    /// Where they stood.
    pub states: BTreeMap<State, u64>,
    /// What was cleared, environments and kinds apart: `production/invoice`.
    pub cleared: BTreeMap<String, Money>,
    /// How many files, without the manifest.
    pub files: u64,
    /// How many bytes those have.
    pub bytes: u64,
    /// The ledger's last checkpoint at that time: it chains the heads of all streams up to it.
    pub checkpoint: Option<Checkpoint>,
}

/// The line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InvoiceLine {
    pub(super) environment: Environment,
    pub(super) uuid: Uuid,
    pub(super) number: String,
    pub(super) tax_number: String,
    pub(super) income_source: String,
    pub(super) issue_date: NaiveDate,
    pub(super) kind: Kind,
    pub(super) state: State,
    pub(super) currency: String,
    pub(super) payable: Amount,
    /// How many events its stream has.
    pub(super) version: u32,
    /// The hash of the last of them, which ties it to the ledger.
    pub(super) head: Digest,
    /// How many files follow.
    pub(super) files: u64,
}

/// The line of a file. Its members stand in this order always, so that simple tools can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLine {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    /// How many lines come before.
    pub(super) lines: u64,
    /// SHA-256 over them, line ends included.
    pub(super) sha256: Digest,
}

/// A line after the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Invoice { invoice: Box<InvoiceLine> },
    File(FileLine),
    Ending(Ending),
}

impl InvoiceLine {
    /// Of what is kept of an invoice, which has so many files.
    pub(super) fn of(dossier: &Dossier, files: u64) -> Self {
        let Dossier { invoice, summary, events, .. } = dossier;
        Self {
            environment: invoice.key.environment,
            uuid: invoice.key.uuid,
            number: invoice.number.clone(),
            tax_number: invoice.source.tax_number.clone(),
            income_source: invoice.source.sequence.clone(),
            issue_date: summary.issue_date,
            kind: summary.kind,
            state: invoice.state,
            currency: summary.currency.clone(),
            payable: summary.payable,
            version: invoice.version,
            head: events.last().map_or(ledger::GENESIS, |event| event.hash),
            files,
        }
    }
}

/// What is counted while lines are written or read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) invoices: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) states: BTreeMap<State, u64>,
    pub(super) cleared: BTreeMap<String, Money>,
}

impl Counts {
    pub(super) fn invoice(&mut self, line: &InvoiceLine) {
        self.invoices += 1;
        *self.states.entry(line.state).or_default() += 1;
        if line.state == State::Cleared {
            let kind = match line.kind {
                Kind::Invoice => "invoice",
                Kind::Return => "return",
            };
            let money = self.cleared.entry(format!("{}/{kind}", line.environment)).or_default();
            money.count += 1;
            money.payable.add(&line.currency, line.payable);
        }
    }

    pub(super) fn file(&mut self, line: &FileLine) {
        self.files += 1;
        self.bytes += line.bytes;
    }

    /// Whether the header says the same.
    pub(super) fn agree_with(&self, header: &Header) -> bool {
        let Header { invoices, files, bytes, states, cleared, .. } = header;
        (invoices, files, bytes, states, cleared)
            == (&self.invoices, &self.files, &self.bytes, &self.states, &self.cleared)
    }
}
