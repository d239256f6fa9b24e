//! Counters: each number of an income source goes to exactly one invoice, in order, in the transaction that fixes the bytes.
//! Returns have a transaction of their own behind that of the other drafts, since they lock their originals as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use invoice::event::Kind;
use invoice::life::{Command, Context, Invoice, Policy, Step as Role, decide};
use invoice::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use super::PostgresLedger;
use super::codec::{environment, fit, keys, read, read_environment};
use super::connection::Connection;
use super::failure::failed;
use super::read::{clock, no_content, normal_forms};
use super::returns::{Originals, references, with_originals};
use super::row::{Stored, invoice_rows};
use super::step::Step;
use super::transaction::in_transaction;
use super::write::{Columns, write};
use crate::{
    Change, Completed, DocumentKind, Draft, Encode, EncodeOutcome, LedgerError, NewDocument, Schedule,
    Unencoded,
};

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
        let mut outcomes = self.encode_some(keys.clone(), Arc::clone(&encoder), false).await?;
        // Returns, and what nobody knows.
        let (places, rest): (Vec<usize>, Vec<InvoiceKey>) = outcomes
            .iter()
            .zip(keys)
            .enumerate()
            .filter(|(_, (outcome, _))| outcome.is_none())
            .map(|(place, (_, key))| (place, key))
            .unzip();
        if !rest.is_empty() {
            let returns = self.encode_some(rest, encoder, true).await?;
            for (place, outcome) in places.into_iter().zip(returns) {
                if let Some(slot) = outcomes.get_mut(place) {
                    *slot = outcome;
                }
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(EncodeOutcome::Skipped(None))).collect())
    }

    /// One transaction: the invoices among them, or with their originals the returns; none stands for whatever it passes over.
    async fn encode_some(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: Arc<dyn Encode>,
        returns: bool,
    ) -> Result<Vec<Option<EncodeOutcome>>, LedgerError> {
        let schedule = self.schedule.clone();
        let notices = self.notices;
        in_transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let draw = if returns {
                    Draw::begin_returns(connection, keys, schedule).await?
                } else {
                    Draw::begin(connection, keys, schedule).await?
                };
                draw.finish(connection, &*encoder, notices).await
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
    /// Of returns.
    originals: Originals,
}

impl Draw {
    /// Locks the returns and their originals, in the order of their keys; then the originals that have no row.
    async fn begin_returns(
        connection: &mut Connection,
        wanted: Vec<InvoiceKey>,
        schedule: Schedule,
    ) -> Result<Self, LedgerError> {
        let references = references(connection, &wanted).await?;
        let rows = lock(connection, &with_originals(&wanted, &references), &["return", "invoice"]).await?;
        let originals = Originals::read(connection, references, &rows).await?;
        Ok(Self { keys: wanted, schedule, rows, at: clock(connection).await?, originals })
    }

    /// Locks the invoices that are no returns, in the order of their keys.
    async fn begin(
        connection: &mut Connection,
        wanted: Vec<InvoiceKey>,
        schedule: Schedule,
    ) -> Result<Self, LedgerError> {
        let keys: Vec<_> = wanted.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let rows = lock(connection, &keys, &["invoice"]).await?;
        Ok(Self {
            keys: wanted,
            schedule,
            rows,
            at: clock(connection).await?,
            originals: Originals::default(),
        })
    }

    /// Encodes the drafts among them and writes everything.
    async fn finish(
        mut self,
        connection: &mut Connection,
        encoder: &dyn Encode,
        with_notices: bool,
    ) -> Result<Vec<Option<EncodeOutcome>>, LedgerError> {
        let wanted: BTreeSet<_> = self.keys.iter().collect();
        let waiting: Vec<&Invoice> = self
            .rows
            .values()
            .map(|row| &row.invoice)
            .filter(|invoice| wanted.contains(&invoice.key) && waits(invoice, encoder))
            .collect();
        if waiting.is_empty() {
            return Ok(self.outcomes(&BTreeMap::new()));
        }
        // Asked once: which income sources the encoder knows may change at any moment.
        let chosen: BTreeSet<_> = waiting.iter().map(|invoice| invoice.key).collect();
        let mut contents = normal_forms(connection, &waiting).await?;
        let sources: BTreeSet<_> = waiting
            .iter()
            .filter(|invoice| invoice.icv.is_none())
            .map(|invoice| (invoice.key.environment, invoice.source.clone()))
            .collect();
        let mut counters = lock_counters(connection, sources, encoder).await?;

        let policies = encoder.policies();
        let mut drawn = Vec::new();
        let mut steps = BTreeMap::new();
        let mut looked_at = BTreeSet::new();
        for key in &self.keys {
            let Some(row) = self.rows.get(key).filter(|_| chosen.contains(key)) else { continue };
            // A key that stands twice in the batch: the first one has taken the content.
            let Some(normal_form) = contents.remove(key) else {
                if looked_at.contains(key) {
                    continue;
                }
                return Err(no_content(&row.invoice));
            };
            looked_at.insert(*key);
            let original = self.originals.standing(key, &self.rows);
            // Its content names another original than the one that is locked: it has just been amended, and comes again.
            if row.summary.kind == Kind::Return && original.is_none() {
                continue;
            }
            let draft = Draft { invoice: row.invoice.clone(), normal_form, original };
            let Encoded { change, drawn: icv, completed } =
                encode_one(draft, self.at, policies.of(&row.invoice.source), &counters, encoder)?;
            if let Some(icv) = icv {
                drawn.push((row.invoice.clone(), icv));
                counters.insert((key.environment, row.invoice.source.clone()), icv + 1);
            }
            // A return that waits for the same as before.
            if change.events.is_empty() {
                continue;
            }
            let mut step = Step::of(change, &row.head, &self.schedule)?;
            if let Some(completed) = completed {
                step.summary = Some(completed.summary.clone());
                self.originals.take(*key, step.after.version, *completed, &self.rows)?;
            }
            steps.insert(*key, step);
        }
        let (keys, steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let columns = Columns::of(&steps, with_notices)?;
        if write(connection, &columns).await.map_err(failed)?.len() != steps.len() {
            return Err(LedgerError::Corrupt("an invoice moved on although its row was locked".to_owned()));
        }
        assign(connection, &drawn, &counters).await?;
        std::mem::take(&mut self.originals).write(connection).await?;
        let done = keys.into_iter().zip(steps.into_iter().map(|step| step.after)).collect();
        Ok(self.outcomes(&done))
    }

    /// One outcome for each key that is known here, in order; a key that stands twice was past it the second time.
    fn outcomes(&self, done: &BTreeMap<InvoiceKey, Invoice>) -> Vec<Option<EncodeOutcome>> {
        let mut told = BTreeSet::new();
        self.keys
            .iter()
            .map(|key| {
                Some(match done.get(key) {
                    Some(after) if !told.insert(*key) => EncodeOutcome::Skipped(Some(after.clone())),
                    Some(after) if after.xml.is_some() => EncodeOutcome::Encoded(after.clone()),
                    Some(after) if after.waiting.is_some() => EncodeOutcome::Waits(after.clone()),
                    Some(after) => EncodeOutcome::Unfit(after.clone()),
                    None => EncodeOutcome::Skipped(Some(self.rows.get(key)?.invoice.clone())),
                })
            })
            .collect()
    }
}

/// Locks those of these kinds, in the order of their keys.
async fn lock(
    connection: &mut Connection,
    wanted: &[InvoiceKey],
    kinds: &[&str],
) -> Result<BTreeMap<InvoiceKey, Stored>, LedgerError> {
    let (environments, uuids) = keys(wanted);
    let rows = invoice_rows!(
        "",
        "FROM invoices i
        JOIN unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
            ON i.environment = n.environment AND i.uuid = n.uuid
        WHERE i.kind = ANY ($3::text[])
        ORDER BY i.environment, i.uuid
        FOR NO KEY UPDATE OF i",
        &environments,
        &uuids,
        kinds as _,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter().map(|row| Stored::try_from(row).map(|row| (row.invoice.key, row))).collect()
}

fn waits(invoice: &Invoice, encoder: &dyn Encode) -> bool {
    invoice.waits_for() == Some(Role::Encode)
        && encoder.icv_start(invoice.key.environment, &invoice.source).is_some()
}

/// What became of one draft.
struct Encoded {
    change: Change,
    /// The number that was drawn for it, if one was.
    drawn: Option<u64>,
    completed: Option<Box<Completed>>,
}

/// Encodes one draft under its own counter or the next one.
fn encode_one(
    draft: Draft,
    at: Timestamp,
    policy: &Policy,
    counters: &Counters,
    encoder: &dyn Encode,
) -> Result<Encoded, LedgerError> {
    let invoice = &draft.invoice;
    let next = || counters.get(&(invoice.key.environment, invoice.source.clone())).copied();
    let icv = invoice
        .icv
        .or_else(next)
        .ok_or_else(|| LedgerError::Corrupt(format!("the counter of {} is missing", invoice.source)))?;
    let mut documents = Vec::new();
    let mut completed = None;
    let command = match encoder.encode(&draft, icv) {
        Ok(encoding) => {
            completed = encoding.completed;
            let document =
                NewDocument { document: invoice.document, kind: DocumentKind::Sent, bytes: encoding.bytes };
            let xml = Digest::of(&document.bytes);
            documents.push(document);
            Command::Encode { icv, xml }
        }
        Err(Unencoded::Unfit { message }) => Command::FindUnfit { message },
        Err(Unencoded::Waits { original, reason }) => Command::Wait { original, reason },
    };
    let events = decide(invoice, command, Context { now: at, policy })
        .map_err(|refusal| LedgerError::Corrupt(format!("{}: {refusal}", invoice.key)))?;
    let drawn = (!documents.is_empty() && invoice.icv.is_none()).then_some(icv);
    Ok(Encoded {
        change: Change { invoice: draft.invoice, events, at, documents, attempt: None },
        drawn,
        completed,
    })
}

/// Locks the counters in sorted order and gives their next numbers. New income sources get a counter first.
async fn lock_counters(
    connection: &mut Connection,
    sources: BTreeSet<(Environment, IncomeSource)>,
    encoder: &dyn Encode,
) -> Result<Counters, LedgerError> {
    if sources.is_empty() {
        return Ok(Counters::new());
    }
    let environments: Vec<i16> = sources.iter().map(|(name, _)| environment(*name)).collect();
    let tax_numbers: Vec<String> = sources.iter().map(|(_, source)| source.tax_number.clone()).collect();
    let sequences: Vec<String> = sources.iter().map(|(_, source)| source.sequence.clone()).collect();
    let starts: Vec<i64> = sources
        .iter()
        .map(|(environment, source)| {
            encoder.icv_start(*environment, source).map(fit).ok_or_else(|| {
                LedgerError::Unavailable(format!("income source {source} has just been taken away"))
            })?
        })
        .collect::<Result<_, _>>()?;
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
    connection: &mut Connection,
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
