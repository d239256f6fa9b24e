//! A row of `invoices` and how it becomes an invoice. One list of columns for all queries that read whole invoices.

use chrono::NaiveDate;
use invoice::life::{Invoice, Waiting};
use invoice::{Amount, Digest, IncomeSource, Timestamp};
use rust_decimal::Decimal;
use tracing::error;
use uuid::Uuid;

use super::codec::{
    read, read_digest, read_digests, read_family, read_key, read_kind, read_name, read_payment,
};
use crate::{LedgerError, Summary, Swept};

/// Everything of an invoice's row that is ever read.
#[derive(Debug)]
pub(super) struct InvoiceRow {
    pub(super) now: Timestamp,
    pub(super) environment: i16,
    pub(super) uuid: Uuid,
    pub(super) tax_number: String,
    pub(super) income_source: String,
    pub(super) number: String,
    pub(super) accepted_at: Timestamp,
    pub(super) version: i32,
    pub(super) state: String,
    pub(super) document: i32,
    pub(super) contents: Vec<u8>,
    pub(super) icv: Option<i64>,
    pub(super) xml: Option<Vec<u8>>,
    pub(super) attempt: i32,
    pub(super) lease_until: Option<Timestamp>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) retries: i32,
    pub(super) charged: i32,
    pub(super) crashes: i32,
    pub(super) in_doubt: Option<i32>,
    pub(super) doubt_since: Option<Timestamp>,
    pub(super) qr_outstanding: bool,
    pub(super) cause: Option<String>,
    pub(super) message: Option<String>,
    pub(super) waiting_for: Option<String>,
    pub(super) waiting_reason: Option<String>,
    pub(super) waiting_since: Option<Timestamp>,
    pub(super) qr: Option<String>,
    pub(super) cleared_document: Option<i32>,
    pub(super) updated_at: Timestamp,
    pub(super) head: Vec<u8>,
    pub(super) traceparent: Option<String>,
    pub(super) kind: String,
    pub(super) family: String,
    pub(super) payment: String,
    pub(super) issue_date: NaiveDate,
    pub(super) currency: String,
    pub(super) payable: Decimal,
    pub(super) buyer: Option<String>,
}

/// An invoice with all that its row says of it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// When it was read, by the database's clock.
    pub(super) now: Timestamp,
    pub(super) invoice: Invoice,
    /// Hash of the last event.
    pub(super) head: Digest,
    pub(super) traceparent: Option<String>,
    pub(super) summary: Summary,
}

/// `before`, the columns of `invoices` under the alias `i`, and `after`, as one query checked at compile time.
macro_rules! invoice_rows {
    ($before:literal, $after:literal $(+ $more:literal)* $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::postgres::row::InvoiceRow,
            $before
                + r#" SELECT statement_timestamp() AS "now!", i.environment AS "environment!", i.uuid AS "uuid!",
                i.tax_number AS "tax_number!", i.income_source AS "income_source!", i.number AS "number!",
                i.accepted_at AS "accepted_at!", i.version AS "version!", i.state AS "state!", i.document AS "document!",
                i.contents AS "contents!", i.icv AS "icv?", i.xml AS "xml?", i.attempt AS "attempt!",
                i.lease_until AS "lease_until?", i.due_at AS "due_at?", i.retries AS "retries!", i.charged AS "charged!",
                i.crashes AS "crashes!", i.in_doubt AS "in_doubt?", i.doubt_since AS "doubt_since?",
                i.qr_outstanding AS "qr_outstanding!", i.cause AS "cause?", i.message AS "message?", i.qr AS "qr?",
                i.waiting_for AS "waiting_for?", i.waiting_reason AS "waiting_reason?", i.waiting_since AS "waiting_since?",
                i.cleared_document AS "cleared_document?", i.updated_at AS "updated_at!", i.head AS "head!",
                i.traceparent AS "traceparent?", i.kind AS "kind!", i.family AS "family!", i.payment AS "payment!",
                i.issue_date AS "issue_date!", i.currency AS "currency!", i.payable AS "payable!", i.buyer AS "buyer?" "#
                + $after
                $(+ $more)*
            $(, $argument)*
        )
    };
}
pub(super) use invoice_rows;

impl TryFrom<InvoiceRow> for Stored {
    type Error = LedgerError;

    fn try_from(row: InvoiceRow) -> Result<Self, LedgerError> {
        Ok(Self {
            now: row.now,
            head: read_digest(&row.head)?,
            traceparent: row.traceparent,
            summary: Summary {
                kind: read_kind(&row.kind)?,
                family: read_family(&row.family)?,
                payment: read_payment(&row.payment)?,
                issue_date: row.issue_date,
                currency: row.currency,
                payable: Amount::from(row.payable),
                buyer: row.buyer,
            },
            invoice: Invoice {
                key: read_key(row.environment, row.uuid)?,
                source: IncomeSource { tax_number: row.tax_number, sequence: row.income_source },
                number: row.number,
                accepted_at: row.accepted_at,
                version: read(row.version)?,
                state: read_name(&row.state)?,
                document: read(row.document)?,
                contents: read_digests(&row.contents)?,
                icv: row.icv.map(read).transpose()?,
                xml: row.xml.as_deref().map(read_digest).transpose()?,
                attempt: read(row.attempt)?,
                lease_until: row.lease_until,
                due_at: row.due_at,
                retries: read(row.retries)?,
                charged: read(row.charged)?,
                crashes: read(row.crashes)?,
                in_doubt: row.in_doubt.map(read).transpose()?,
                doubt_since: row.doubt_since,
                qr_outstanding: row.qr_outstanding,
                cause: row.cause.as_deref().map(read_name).transpose()?,
                message: row.message,
                waiting: match (row.waiting_for, row.waiting_reason, row.waiting_since) {
                    (Some(original), Some(reason), Some(since)) => {
                        Some(Waiting { original, reason: read_name(&reason)?, since })
                    }
                    _ => None,
                },
                qr: row.qr,
                cleared_document: row.cleared_document.map(read).transpose()?,
                updated_at: row.updated_at,
            },
        })
    }
}

/// Those that can be read. One that this program cannot read (damaged, or of a newer program) stands in nobody's way (promise 14).
pub(super) fn readable(rows: Vec<InvoiceRow>) -> impl Iterator<Item = Stored> {
    rows.into_iter().filter_map(|row| {
        let (environment, uuid) = (row.environment, row.uuid);
        let skipped =
            |reason: &LedgerError| error!(environment, %uuid, %reason, "skipped; run `fawtara verify`");
        Stored::try_from(row).inspect_err(skipped).ok()
    })
}

/// As the dispatcher wants them.
pub(super) fn swept(rows: Vec<InvoiceRow>) -> Vec<Swept> {
    readable(rows).map(|Stored { invoice, traceparent, .. }| Swept { invoice, traceparent }).collect()
}
