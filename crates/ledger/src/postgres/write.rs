//! The one statement that moves invoices on: compare-and-set on every stream, and all that belongs to those that moved.
//! Knows nothing of who decided what, or why.

use chrono::NaiveDate;
use invoice::Timestamp;
use invoice::life::Cause;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::codec::{digests, environment, family, fit, kind, payment};
use super::connection::Connection;
use super::step::{Step, json};
use crate::LedgerError;

/// The steps as columns. `line` is the place of a step in the batch, from 1, as WITH ORDINALITY counts.
#[derive(Default)]
pub(super) struct Columns<'a> {
    invoices: Invoices<'a>,
    events: Events<'a>,
    documents: Documents<'a>,
    attempts: Attempts<'a>,
    counters: Counters<'a>,
    notices: Notices,
}

#[derive(Default)]
struct Invoices<'a> {
    environment: Vec<i16>,
    uuid: Vec<Uuid>,
    expected: Vec<i32>,
    version: Vec<i32>,
    state: Vec<&'static str>,
    document: Vec<i32>,
    contents: Vec<Vec<u8>>,
    icv: Vec<Option<i64>>,
    xml: Vec<Option<&'a [u8]>>,
    attempt: Vec<i32>,
    lease_until: Vec<Option<Timestamp>>,
    due_at: Vec<Option<Timestamp>>,
    retries: Vec<i32>,
    charged: Vec<i32>,
    crashes: Vec<i32>,
    in_doubt: Vec<Option<i32>>,
    doubt_since: Vec<Option<Timestamp>>,
    qr_outstanding: Vec<bool>,
    cause: Vec<Option<&'static str>>,
    message: Vec<Option<&'a str>>,
    qr: Vec<Option<&'a str>>,
    cleared_document: Vec<Option<i32>>,
    updated_at: Vec<Timestamp>,
    head: Vec<&'a [u8]>,
    wake_at: Vec<Option<Timestamp>>,
    // Set for amendments only; from `kind` on also when a return is completed by its original.
    normal_form: Vec<Option<&'a str>>,
    traceparent: Vec<Option<&'a str>>,
    kind: Vec<Option<&'static str>>,
    family: Vec<Option<&'static str>>,
    payment: Vec<Option<&'static str>>,
    issue_date: Vec<Option<NaiveDate>>,
    currency: Vec<Option<&'a str>>,
    payable: Vec<Option<Decimal>>,
    buyer: Vec<Option<&'a str>>,
    // Of returns.
    waiting_for: Vec<Option<&'a str>>,
    waiting_reason: Vec<Option<&'static str>>,
    waiting_since: Vec<Option<Timestamp>>,
    original_uuid: Vec<Option<&'a str>>,
    original_number: Vec<Option<&'a str>>,
}

#[derive(Default)]
struct Events<'a> {
    line: Vec<i64>,
    version: Vec<i32>,
    at: Vec<Timestamp>,
    name: Vec<&'static str>,
    payload: Vec<&'a str>,
    hash: Vec<&'a [u8]>,
}

#[derive(Default)]
struct Documents<'a> {
    line: Vec<i64>,
    document: Vec<i32>,
    kind: Vec<&'static str>,
    sha256: Vec<Vec<u8>>,
    bytes: Vec<&'a [u8]>,
}

#[derive(Default)]
struct Attempts<'a> {
    line: Vec<i64>,
    attempt: Vec<i32>,
    document: Vec<i32>,
    started_at: Vec<Timestamp>,
    ended_at: Vec<Timestamp>,
    worker: Vec<&'a str>,
    outcome: Vec<&'static str>,
    late: Vec<bool>,
    evidence: Vec<String>,
}

#[derive(Default)]
struct Notices {
    line: Vec<i64>,
    codes: Vec<Option<String>>,
}

#[derive(Default)]
struct Counters<'a> {
    line: Vec<i64>,
    icv: Vec<i64>,
    void_reason: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    /// With notices of the steps that are to be told to others, or without any.
    pub(super) fn of(steps: &'a [Step], with_notices: bool) -> Result<Self, LedgerError> {
        let mut columns = Self::default();
        for (line, step) in (1_i64..).zip(steps) {
            columns.invoices.push(step)?;
            columns.events.push(line, step)?;
            columns.documents.push(line, step)?;
            columns.attempts.push(line, step)?;
            if let Some(counter) = &step.counter {
                columns.counters.line.push(line);
                columns.counters.icv.push(fit(counter.icv)?);
                columns.counters.void_reason.push(counter.void_reason.as_deref());
            }
            if with_notices && let Some(codes) = &step.noted {
                columns.notices.line.push(line);
                columns.notices.codes.push((!codes.is_empty()).then(|| json(codes)).transpose()?);
            }
        }
        Ok(columns)
    }
}

impl<'a> Invoices<'a> {
    fn push(&mut self, step: &'a Step) -> Result<(), LedgerError> {
        let after = &step.after;
        self.environment.push(environment(after.key.environment));
        self.uuid.push(after.key.uuid);
        self.expected.push(fit(step.expected)?);
        self.version.push(fit(after.version)?);
        self.state.push(after.state.as_str());
        self.document.push(fit(after.document)?);
        self.contents.push(digests(&after.contents));
        self.icv.push(after.icv.map(fit).transpose()?);
        self.xml.push(after.xml.as_ref().map(|digest| digest.as_bytes().as_slice()));
        self.attempt.push(fit(after.attempt)?);
        self.lease_until.push(after.lease_until);
        self.due_at.push(after.due_at);
        self.retries.push(fit(after.retries)?);
        self.charged.push(fit(after.charged)?);
        self.crashes.push(fit(after.crashes)?);
        self.in_doubt.push(after.in_doubt.map(fit).transpose()?);
        self.doubt_since.push(after.doubt_since);
        self.qr_outstanding.push(after.qr_outstanding);
        self.cause.push(after.cause.map(Cause::as_str));
        self.message.push(after.message.as_deref());
        self.qr.push(after.qr.as_deref());
        self.cleared_document.push(after.cleared_document.map(fit).transpose()?);
        self.updated_at.push(after.updated_at);
        self.head.push(step.head.as_bytes());
        self.wake_at.push(step.wake_at);
        let amendment = step.amendment.as_ref();
        let summary = amendment.map(|amendment| &amendment.summary).or(step.summary.as_ref());
        self.normal_form.push(amendment.map(|amendment| amendment.normal_form.as_str()));
        self.traceparent.push(amendment.and_then(|amendment| amendment.traceparent.as_deref()));
        self.kind.push(summary.map(|summary| kind(summary.kind)));
        self.family.push(summary.map(|summary| family(summary.family)));
        self.payment.push(summary.map(|summary| payment(summary.payment)));
        self.issue_date.push(summary.map(|summary| summary.issue_date));
        self.currency.push(summary.map(|summary| summary.currency.as_str()));
        self.payable.push(summary.map(|summary| summary.payable.decimal()));
        self.buyer.push(summary.and_then(|summary| summary.buyer.as_deref()));
        let waiting = after.waiting.as_ref();
        self.waiting_for.push(waiting.map(|waiting| waiting.original.as_str()));
        self.waiting_reason.push(waiting.map(|waiting| waiting.reason.as_str()));
        self.waiting_since.push(waiting.map(|waiting| waiting.since));
        let original = amendment.and_then(|amendment| amendment.original.as_ref());
        self.original_uuid.push(original.and_then(|original| original.uuid.as_deref()));
        self.original_number.push(original.and_then(|original| original.number.as_deref()));
        Ok(())
    }
}

impl<'a> Events<'a> {
    fn push(&mut self, line: i64, step: &'a Step) -> Result<(), LedgerError> {
        for event in &step.events {
            self.line.push(line);
            self.version.push(fit(event.version)?);
            self.at.push(step.at);
            self.name.push(event.name);
            self.payload.push(&event.payload);
            self.hash.push(event.hash.as_bytes());
        }
        Ok(())
    }
}

impl<'a> Documents<'a> {
    fn push(&mut self, line: i64, step: &'a Step) -> Result<(), LedgerError> {
        for document in &step.documents {
            self.line.push(line);
            self.document.push(fit(document.document)?);
            self.kind.push(document.kind.as_str());
            self.sha256.push(invoice::Digest::of(&document.bytes).as_bytes().to_vec());
            self.bytes.push(&document.bytes);
        }
        Ok(())
    }
}

impl<'a> Attempts<'a> {
    fn push(&mut self, line: i64, step: &'a Step) -> Result<(), LedgerError> {
        if let Some(attempt) = &step.attempt {
            self.line.push(line);
            self.attempt.push(fit(attempt.attempt)?);
            self.document.push(fit(attempt.document)?);
            self.started_at.push(attempt.started_at);
            self.ended_at.push(attempt.ended_at);
            self.worker.push(&attempt.worker);
            self.outcome.push(attempt.outcome.as_str());
            self.late.push(attempt.late);
            self.evidence.push(json(&attempt.evidence)?);
        }
        Ok(())
    }
}

/// Writes the steps and gives the places (from 0) of those whose stream still stood at the expected version.
/// The others leave no trace. Rows are locked in the order of their keys.
pub(super) async fn write(
    connection: &mut Connection,
    columns: &Columns<'_>,
) -> Result<std::collections::BTreeSet<usize>, sqlx::Error> {
    let Columns { invoices, events, documents, attempts, counters, notices } = columns;
    let lines = sqlx::query_scalar!(
        r#"
        WITH input AS (
            SELECT * FROM unnest(
                $1::smallint[], $2::uuid[], $3::integer[], $4::integer[], $5::text[], $6::integer[], $7::bytea[],
                $8::bigint[], $9::bytea[], $10::integer[], $11::timestamptz[], $12::timestamptz[], $13::integer[],
                $14::integer[], $15::integer[], $16::integer[], $17::timestamptz[], $18::boolean[], $19::text[],
                $20::text[], $21::text[], $22::integer[], $23::timestamptz[], $24::bytea[], $25::timestamptz[],
                $26::text[], $27::text[], $28::text[], $29::text[], $30::text[], $31::date[], $32::text[],
                $33::numeric[], $34::text[], $60::text[], $61::text[], $62::timestamptz[], $63::text[], $64::text[]
            ) WITH ORDINALITY AS n (
                environment, uuid, expected, version, state, document, contents,
                icv, xml, attempt, lease_until, due_at, retries,
                charged, crashes, in_doubt, doubt_since, qr_outstanding, cause,
                message, qr, cleared_document, updated_at, head, wake_at,
                normal_form, traceparent, kind, family, payment, issue_date, currency,
                payable, buyer, waiting_for, waiting_reason, waiting_since, original_uuid, original_number, line
            )
        ), locked AS (
            SELECT i.environment, i.uuid, i.state, i.cause, n.line
            FROM invoices i
            JOIN input n ON i.environment = n.environment AND i.uuid = n.uuid AND i.version = n.expected
            ORDER BY i.environment, i.uuid
            FOR NO KEY UPDATE OF i
        ), moved AS (
            UPDATE invoices i
            SET version = n.version, state = n.state, document = n.document, contents = n.contents, icv = n.icv,
                xml = n.xml, attempt = n.attempt, lease_until = n.lease_until, due_at = n.due_at,
                retries = n.retries, charged = n.charged, crashes = n.crashes, in_doubt = n.in_doubt,
                doubt_since = n.doubt_since, qr_outstanding = n.qr_outstanding, cause = n.cause,
                message = n.message, qr = n.qr, cleared_document = n.cleared_document, updated_at = n.updated_at,
                head = n.head, wake_at = n.wake_at, hints = 0,
                waiting_for = n.waiting_for, waiting_reason = n.waiting_reason, waiting_since = n.waiting_since,
                traceparent = CASE WHEN n.normal_form IS NULL THEN i.traceparent ELSE n.traceparent END,
                kind = coalesce(n.kind, i.kind), family = coalesce(n.family, i.family),
                payment = coalesce(n.payment, i.payment), issue_date = coalesce(n.issue_date, i.issue_date),
                currency = coalesce(n.currency, i.currency), payable = coalesce(n.payable, i.payable),
                buyer = CASE WHEN n.kind IS NULL THEN i.buyer ELSE n.buyer END
            FROM locked l
            JOIN input n ON n.line = l.line
            WHERE i.environment = l.environment AND i.uuid = l.uuid
            RETURNING n.line, i.environment, i.uuid, i.accepted_month, i.version, i.document, i.tax_number,
                i.income_source, i.updated_at, n.normal_form, n.contents, n.original_uuid, n.original_number,
                i.number, i.state, i.kind, i.icv, i.qr, i.cause, i.message, i.currency, i.payable, i.traceparent,
                l.state AS state_before, l.cause AS cause_before
        ), new_events AS (
            INSERT INTO events (accepted_month, environment, uuid, version, at, type, payload, hash)
            SELECT m.accepted_month, m.environment, m.uuid, e.version, e.at, e.type, e.payload::json, e.hash
            FROM unnest($35::bigint[], $36::integer[], $37::timestamptz[], $38::text[], $39::text[], $40::bytea[])
                AS e (line, version, at, type, payload, hash)
            JOIN moved m ON m.line = e.line
        ), new_documents AS (
            INSERT INTO documents (accepted_month, environment, uuid, document, kind, version, sha256, bytes, created_at)
            SELECT m.accepted_month, m.environment, m.uuid, d.document, d.kind, m.version, d.sha256, d.bytes, m.updated_at
            FROM unnest($41::bigint[], $42::integer[], $43::text[], $44::bytea[], $45::bytea[])
                AS d (line, document, kind, sha256, bytes)
            JOIN moved m ON m.line = d.line
        ), new_attempts AS (
            INSERT INTO attempts (accepted_month, environment, uuid, version, attempt, document, started_at, ended_at,
                worker, outcome, late, evidence)
            SELECT m.accepted_month, m.environment, m.uuid, m.version, a.attempt, a.document, a.started_at, a.ended_at, a.worker, a.outcome,
                a.late, a.evidence::json
            FROM unnest($46::bigint[], $47::integer[], $48::integer[], $49::timestamptz[], $50::timestamptz[],
                $51::text[], $52::text[], $53::boolean[], $54::text[])
                AS a (line, attempt, document, started_at, ended_at, worker, outcome, late, evidence)
            JOIN moved m ON m.line = a.line
        ), new_contents AS (
            INSERT INTO contents (accepted_month, environment, uuid, document, sha256, normal_form)
            SELECT m.accepted_month, m.environment, m.uuid, m.document, substring(m.contents FROM 32 * m.document - 31), m.normal_form::json
            FROM moved m
            WHERE m.normal_form IS NOT NULL
        ), new_returns AS (
            INSERT INTO returns (environment, uuid, document, tax_number, original_uuid, original_number)
            SELECT m.environment, m.uuid, m.document, m.tax_number, m.original_uuid, m.original_number
            FROM moved m
            WHERE coalesce(m.original_uuid, m.original_number) IS NOT NULL
        ), new_unsealed AS (
            INSERT INTO unsealed (environment, uuid) SELECT m.environment, m.uuid FROM moved m
        ), settled AS (
            INSERT INTO settled_counts (state, cause, count)
            SELECT s.state, s.cause, sum(s.one)
            FROM (
                SELECT m.state, m.cause, 1 AS one FROM moved m
                UNION ALL
                SELECT m.state_before, m.cause_before, -1 FROM moved m
            ) s
            WHERE s.state IN ('abandoned', 'cleared')
            GROUP BY s.state, s.cause
            HAVING sum(s.one) <> 0
        ), counters AS (
            UPDATE icv_assignments a
            SET void_reason = c.void_reason
            FROM unnest($55::bigint[], $56::bigint[], $57::text[]) AS c (line, icv, void_reason)
            JOIN moved m ON m.line = c.line
            WHERE a.environment = m.environment AND a.tax_number = m.tax_number
                AND a.income_source = m.income_source AND a.icv = c.icv AND a.uuid = m.uuid
        ), new_notices AS (
            INSERT INTO notices (environment, uuid, version, at, due_at, state, tax_number, income_source, number, kind,
                document, icv, qr, cause, codes, message, currency, payable, traceparent)
            SELECT m.environment, m.uuid, m.version, m.updated_at, statement_timestamp(), m.state, m.tax_number,
                m.income_source, m.number, m.kind, m.document, m.icv, m.qr, m.cause, t.codes, m.message, m.currency,
                m.payable, m.traceparent
            FROM unnest($58::bigint[], $59::text[]) AS t (line, codes)
            JOIN moved m ON m.line = t.line
        )
        SELECT line AS "line!" FROM moved
        "#,
        &invoices.environment as _,
        &invoices.uuid as _,
        &invoices.expected as _,
        &invoices.version as _,
        &invoices.state as _,
        &invoices.document as _,
        &invoices.contents as _,
        &invoices.icv as _,
        &invoices.xml as _,
        &invoices.attempt as _,
        &invoices.lease_until as _,
        &invoices.due_at as _,
        &invoices.retries as _,
        &invoices.charged as _,
        &invoices.crashes as _,
        &invoices.in_doubt as _,
        &invoices.doubt_since as _,
        &invoices.qr_outstanding as _,
        &invoices.cause as _,
        &invoices.message as _,
        &invoices.qr as _,
        &invoices.cleared_document as _,
        &invoices.updated_at as _,
        &invoices.head as _,
        &invoices.wake_at as _,
        &invoices.normal_form as _,
        &invoices.traceparent as _,
        &invoices.kind as _,
        &invoices.family as _,
        &invoices.payment as _,
        &invoices.issue_date as _,
        &invoices.currency as _,
        &invoices.payable as _,
        &invoices.buyer as _,
        &events.line as _,
        &events.version as _,
        &events.at as _,
        &events.name as _,
        &events.payload as _,
        &events.hash as _,
        &documents.line as _,
        &documents.document as _,
        &documents.kind as _,
        &documents.sha256 as _,
        &documents.bytes as _,
        &attempts.line as _,
        &attempts.attempt as _,
        &attempts.document as _,
        &attempts.started_at as _,
        &attempts.ended_at as _,
        &attempts.worker as _,
        &attempts.outcome as _,
        &attempts.late as _,
        &attempts.evidence as _,
        &counters.line as _,
        &counters.icv as _,
        &counters.void_reason as _,
        &notices.line as _,
        &notices.codes as _,
        &invoices.waiting_for as _,
        &invoices.waiting_reason as _,
        &invoices.waiting_since as _,
        &invoices.original_uuid as _,
        &invoices.original_number as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(lines.into_iter().filter_map(|line| usize::try_from(line - 1).ok()).collect())
}
