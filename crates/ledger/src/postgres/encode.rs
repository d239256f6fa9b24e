//! Counters: each number of an income source goes to exactly one invoice, in order, in the transaction that fixes the bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use invoice::life::{Command, Context, Invoice, Policy, Step as Role, decide};
use invoice::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::PostgresLedger;
use super::codec::{environment, fit, keys, read, read_environment};
use super::failure::failed;
use super::read::{clock, normal_forms};
use super::row::{Stored, invoice_rows};
use super::step::Step;
use super::transaction::in_transaction;
use super::write::{Columns, write};
use crate::{Change, DocumentKind, Draft, Encode, EncodeOutcome, LedgerError, NewDocument, Schedule};

/// The next number of each counter that is held.
type Counters = BTreeMap<(Environment, IncomeSource), u64>;

impl PostgresLedger {
    pub(super) async fn encode_batch(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: Arc<dyn Encode>,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let schedule = self.schedule.clone();
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                Draw::begin(connection, keys, schedule).await?.finish(connection, &*encoder).await
            })
        })
        .await
    }
}

/// A batch whose rows are locked.
struct Draw {
    keys: Vec<InvoiceKey>,
    schedule: Schedule,
    rows: BTreeMap<InvoiceKey, Stored>,
    /// After the locks were had: the time of all that happens here.
    at: Timestamp,
}

impl Draw {
    /// Locks the invoices, in the order of their keys.
    async fn begin(
        connection: &mut PgConnection,
        wanted: Vec<InvoiceKey>,
        schedule: Schedule,
    ) -> Result<Self, LedgerError> {
        let (environments, uuids) =
            keys(&wanted.iter().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
        let rows = invoice_rows!(
            "",
            "FROM invoices i
            JOIN unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
                ON i.environment = n.environment AND i.uuid = n.uuid
            ORDER BY i.environment, i.uuid
            FOR NO KEY UPDATE OF i",
            &environments,
            &uuids,
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        let rows = rows
            .into_iter()
            .map(|row| Stored::try_from(row).map(|row| (row.invoice.key, row)))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys: wanted, schedule, rows, at: clock(connection).await? })
    }

    /// Encodes the drafts among them and writes everything.
    async fn finish(
        self,
        connection: &mut PgConnection,
        encoder: &dyn Encode,
    ) -> Result<Vec<EncodeOutcome>, LedgerError> {
        let waiting: Vec<&Invoice> =
            self.rows.values().map(|row| &row.invoice).filter(|invoice| waits(invoice)).collect();
        if waiting.is_empty() {
            return Ok(self.outcomes(&BTreeMap::new()));
        }
        let wanted: Vec<_> = waiting.iter().map(|invoice| (invoice.key, invoice.document)).collect();
        let mut contents = normal_forms(connection, &wanted).await?;
        let sources: BTreeSet<_> = waiting
            .iter()
            .filter(|invoice| invoice.icv.is_none())
            .map(|invoice| (invoice.key.environment, invoice.source.clone()))
            .collect();
        let mut counters = lock_counters(connection, sources, encoder).await?;

        let mut drawn = Vec::new();
        let mut steps = BTreeMap::new();
        for key in &self.keys {
            let Some(row) = self.rows.get(key).filter(|row| waits(&row.invoice)) else { continue };
            // A key that stands twice in the batch: the first one has taken the content.
            let Some(normal_form) = contents.remove(key) else {
                if steps.contains_key(key) {
                    continue;
                }
                let message = format!("{key} has no content for document version {}", row.invoice.document);
                return Err(LedgerError::Corrupt(message));
            };
            let (change, icv) = encode_one(row, normal_form, self.at, &counters, encoder)?;
            if let Some(icv) = icv {
                drawn.push((row.invoice.clone(), icv));
                counters.insert((key.environment, row.invoice.source.clone()), icv + 1);
            }
            steps.insert(*key, Step::of(change, &row.head, &self.schedule)?);
        }
        let (keys, steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let columns = Columns::of(&steps)?;
        if write(connection, &columns).await.map_err(failed)?.len() != steps.len() {
            return Err(LedgerError::Corrupt("an invoice moved on although its row was locked".to_owned()));
        }
        assign(connection, &drawn, &counters).await?;
        let done = keys.into_iter().zip(steps.into_iter().map(|step| step.after)).collect();
        Ok(self.outcomes(&done))
    }

    /// One outcome for each key, in order; a key that stands twice was past it the second time.
    fn outcomes(&self, done: &BTreeMap<InvoiceKey, Invoice>) -> Vec<EncodeOutcome> {
        let mut told = BTreeSet::new();
        self.keys
            .iter()
            .map(|key| match done.get(key) {
                Some(after) if !told.insert(*key) => EncodeOutcome::Skipped(Some(after.clone())),
                Some(after) if after.xml.is_some() => EncodeOutcome::Encoded(after.clone()),
                Some(after) => EncodeOutcome::Unfit(after.clone()),
                None => EncodeOutcome::Skipped(self.rows.get(key).map(|row| row.invoice.clone())),
            })
            .collect()
    }
}

fn waits(invoice: &Invoice) -> bool {
    invoice.waits_for() == Some(Role::Encode)
}

/// Encodes one draft under its own counter or the next one; says which number was drawn for it, if one was.
fn encode_one(
    row: &Stored,
    normal_form: String,
    at: Timestamp,
    counters: &Counters,
    encoder: &dyn Encode,
) -> Result<(Change, Option<u64>), LedgerError> {
    let invoice = row.invoice.clone();
    let next = || counters.get(&(invoice.key.environment, invoice.source.clone())).copied();
    let icv = invoice
        .icv
        .or_else(next)
        .ok_or_else(|| LedgerError::Corrupt(format!("the counter of {} is missing", invoice.source)))?;
    let draft = Draft { invoice, normal_form };
    let (command, document) = match encoder.encode(&draft, icv) {
        Ok(bytes) => {
            let document = NewDocument { document: draft.invoice.document, kind: DocumentKind::Sent, bytes };
            (Command::Encode { icv, xml: Digest::of(&document.bytes) }, Some(document))
        }
        Err(unfit) => (Command::FindUnfit { message: unfit.message }, None),
    };
    let policy = Policy::default();
    let events = decide(&draft.invoice, command, Context { now: at, policy: &policy })
        .map_err(|refusal| LedgerError::Corrupt(format!("{}: {refusal}", draft.invoice.key)))?;
    let drawn = (document.is_some() && draft.invoice.icv.is_none()).then_some(icv);
    let documents = document.into_iter().collect();
    Ok((Change { invoice: draft.invoice, events, at, documents, attempt: None }, drawn))
}

/// Locks the counters in sorted order and gives their next numbers. New income sources get a counter first.
async fn lock_counters(
    connection: &mut PgConnection,
    sources: BTreeSet<(Environment, IncomeSource)>,
    encoder: &dyn Encode,
) -> Result<Counters, LedgerError> {
    if sources.is_empty() {
        return Ok(Counters::new());
    }
    let environments: Vec<i16> = sources.iter().map(|(name, _)| environment(*name)).collect();
    let tax_numbers: Vec<String> = sources.iter().map(|(_, source)| source.tax_number.clone()).collect();
    let sequences: Vec<String> = sources.iter().map(|(_, source)| source.sequence.clone()).collect();
    let starts: Vec<i64> =
        sources.iter().map(|(_, source)| fit(encoder.icv_start(source))).collect::<Result<_, _>>()?;
    sqlx::query!(
        r#"
        INSERT INTO icv_counters (environment, tax_number, income_source, first_icv, next_icv)
        SELECT n.environment, n.tax_number, n.income_source, n.start, n.start
        FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[])
            AS n (environment, tax_number, income_source, start)
        ON CONFLICT DO NOTHING
        "#,
        &environments,
        &tax_numbers,
        &sequences,
        &starts,
    )
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    let rows = sqlx::query!(
        r#"
        SELECT c.environment, c.tax_number, c.income_source, c.next_icv
        FROM icv_counters c
        JOIN unnest($1::smallint[], $2::text[], $3::text[]) AS n (environment, tax_number, income_source)
            ON c.environment = n.environment AND c.tax_number = n.tax_number AND c.income_source = n.income_source
        ORDER BY c.environment, c.tax_number, c.income_source
        FOR UPDATE OF c
        "#,
        &environments,
        &tax_numbers,
        &sequences,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
            Ok(((read_environment(row.environment)?, source), read(row.next_icv)?))
        })
        .collect()
}

/// Notes which number went to whom, and moves the counters on.
async fn assign(
    connection: &mut PgConnection,
    drawn: &[(Invoice, u64)],
    counters: &Counters,
) -> Result<(), LedgerError> {
    if drawn.is_empty() {
        return Ok(());
    }
    let invoices = || drawn.iter().map(|(invoice, _)| invoice);
    let environments: Vec<i16> = invoices().map(|invoice| environment(invoice.key.environment)).collect();
    let uuids: Vec<Uuid> = invoices().map(|invoice| invoice.key.uuid).collect();
    let tax_numbers: Vec<String> = invoices().map(|invoice| invoice.source.tax_number.clone()).collect();
    let sequences: Vec<String> = invoices().map(|invoice| invoice.source.sequence.clone()).collect();
    let icvs: Vec<i64> = drawn.iter().map(|(_, icv)| fit(*icv)).collect::<Result<_, _>>()?;
    let held_environments: Vec<i16> = counters.keys().map(|(name, _)| environment(*name)).collect();
    let held_tax_numbers: Vec<String> =
        counters.keys().map(|(_, source)| source.tax_number.clone()).collect();
    let held_sequences: Vec<String> = counters.keys().map(|(_, source)| source.sequence.clone()).collect();
    let next: Vec<i64> = counters.values().map(|next| fit(*next)).collect::<Result<_, _>>()?;
    sqlx::query!(
        r#"
        WITH assigned AS (
            INSERT INTO icv_assignments (environment, tax_number, income_source, icv, uuid)
            SELECT * FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[], $5::uuid[])
        )
        UPDATE icv_counters c
        SET next_icv = n.next_icv
        FROM unnest($6::smallint[], $7::text[], $8::text[], $9::bigint[])
            AS n (environment, tax_number, income_source, next_icv)
        WHERE c.environment = n.environment AND c.tax_number = n.tax_number
            AND c.income_source = n.income_source AND c.next_icv <> n.next_icv
        "#,
        &environments,
        &tax_numbers,
        &sequences,
        &icvs,
        &uuids,
        &held_environments,
        &held_tax_numbers,
        &held_sequences,
        &next,
    )
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}
