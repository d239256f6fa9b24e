//! Taking in arrivals: new ones in one statement, the rest by what the life cycle says of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use invoice::life::{Command, Context, Event, Invoice, Policy, Refusal, decide};
use invoice::{InvoiceKey, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::PostgresLedger;
use super::append::{TRIES, write_patiently};
use super::codec::{environment, family, kind, micros, month, payment, read_key};
use super::connection::Connection;
use super::failure::{failed, was_undone};
use super::read::{clock, no_content, normal_forms, stored};
use super::row::Stored;
use super::step::{Amendment, Step, json};
use crate::{Arrival, Change, GENESIS, LedgerError, Link, Reception, link};

/// An arrival, and what became of it.
struct Slot {
    arrival: Arrival,
    reception: Option<Reception>,
}

impl PostgresLedger {
    pub(super) async fn accept_batch(&self, batch: Vec<Arrival>) -> Result<Vec<Reception>, LedgerError> {
        let mut slots: Vec<Slot> =
            batch.into_iter().map(|arrival| Slot { arrival, reception: None }).collect();
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection().await?;
        // Each round settles its first arrival at least, unless others keep moving the very same invoices.
        for _ in 0..slots.len() + 8 {
            let turn = first_of_their_names(&mut slots);
            if turn.is_empty() {
                break;
            }
            self.round(&mut connection, turn).await?;
        }
        slots.into_iter().map(|slot| slot.reception).collect::<Option<Vec<_>>>().ok_or_else(|| {
            LedgerError::Unavailable("the same invoices kept moving while they were amended".to_owned())
        })
    }

    /// Settles these arrivals, among which no two share a key or a number.
    async fn round(&self, connection: &mut Connection, mut turn: Vec<&mut Slot>) -> Result<(), LedgerError> {
        // Sorted, so that two batches with the same keys do not wait for each other crosswise.
        turn.sort_by_key(|slot| slot.arrival.key);
        let at = micros(clock(connection).await?);
        let drafts = turn.iter().map(|slot| self.draft(&slot.arrival, at)).collect::<Result<Vec<_>, _>>()?;
        let columns = NewColumns::of(turn.iter().map(|slot| &slot.arrival).zip(&drafts));
        let inserted = insert_patiently(connection, &columns, at).await?;
        let mut rest = Vec::new();
        for (slot, draft) in turn.into_iter().zip(drafts) {
            if inserted.contains(&slot.arrival.key) {
                slot.reception = Some(Reception::Accepted(draft.invoice));
            } else {
                rest.push(slot);
            }
        }
        if !rest.is_empty() {
            self.settle_known(connection, rest, at).await?;
        }
        Ok(())
    }

    /// Settles arrivals whose key or number is taken. Whatever moved meanwhile is left for the next round.
    async fn settle_known(
        &self,
        connection: &mut Connection,
        rest: Vec<&mut Slot>,
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        let policy = Policy::default();
        let wanted: Vec<InvoiceKey> = rest.iter().map(|slot| slot.arrival.key).collect();
        let mut known = by_key(stored(connection, &wanted).await?);
        let (mut refused, mut amended, mut strangers) = (Vec::new(), Vec::new(), Vec::new());
        for slot in rest {
            let Some(Stored { invoice, head, .. }) = known.remove(&slot.arrival.key) else {
                strangers.push(slot);
                continue;
            };
            let arrival = &slot.arrival;
            let wish =
                Command::Receive { content: arrival.content, amends: arrival.amends, by: arrival.by.clone() };
            match decide(&invoice, wish, Context { now: at, policy: &policy }) {
                Ok(events) if events.is_empty() => slot.reception = Some(Reception::Repeat(invoice)),
                Ok(_) if invoice.source != arrival.source || invoice.number != arrival.number => {
                    slot.reception = Some(Reception::IdentityChanged { invoice });
                }
                Ok(events) => {
                    let change = Change { invoice, events, at, documents: Vec::new(), attempt: None };
                    let mut step = Step::of(change, &head, &self.schedule)?;
                    step.amendment = Some(Amendment {
                        normal_form: arrival.normal_form.clone(),
                        summary: arrival.summary.clone(),
                        original: arrival.original.clone(),
                        traceparent: arrival.traceparent.clone(),
                    });
                    amended.push((slot, step));
                }
                Err(refusal) => refused.push((slot, invoice, refusal)),
            }
        }
        settle_amended(connection, amended).await?;
        settle_refused(connection, refused).await?;
        settle_strangers(connection, strangers).await
    }

    /// The draft that a new arrival becomes.
    fn draft(&self, arrival: &Arrival, at: Timestamp) -> Result<NewDraft, LedgerError> {
        let Arrival { key, content, .. } = *arrival;
        let payload = json(&Event::Accepted { content })?;
        let hash = link(&GENESIS, &Link { key, version: 1, at, payload: &payload });
        let invoice = Invoice::accepted(key, arrival.source.clone(), arrival.number.clone(), content, at);
        let wake_at = self.schedule.wake_at(&invoice, at).map(micros);
        Ok(NewDraft { invoice, payload, hash: *hash.as_bytes(), wake_at })
    }
}

/// Those that are still to be settled and share neither key nor number with an earlier one that is.
fn first_of_their_names(slots: &mut [Slot]) -> Vec<&mut Slot> {
    let mut uuids = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    slots
        .iter_mut()
        .filter(|slot| slot.reception.is_none())
        .filter(|slot| {
            let Arrival { key, source, number, .. } = &slot.arrival;
            // Both are noted in any case: whoever comes later waits for this one, in order.
            let new_key = uuids.insert(*key);
            let new_number = numbers.insert((key.environment, source.clone(), number.clone()));
            new_key && new_number
        })
        .collect()
}

fn by_key(rows: Vec<Stored>) -> BTreeMap<InvoiceKey, Stored> {
    rows.into_iter().map(|row| (row.invoice.key, row)).collect()
}

async fn settle_amended(
    connection: &mut Connection,
    amended: Vec<(&mut Slot, Step)>,
) -> Result<(), LedgerError> {
    let (slots, steps): (Vec<_>, Vec<_>) = amended.into_iter().unzip();
    // Amended invoices are drafts: of those nobody is told.
    let written = write_patiently(connection, &steps, false).await?;
    for (line, (slot, step)) in slots.into_iter().zip(steps).enumerate() {
        if written.contains(&line) {
            slot.reception = Some(Reception::Amended(step.after));
        }
    }
    Ok(())
}

async fn settle_refused(
    connection: &mut Connection,
    refused: Vec<(&mut Slot, Invoice, Refusal)>,
) -> Result<(), LedgerError> {
    if refused.is_empty() {
        return Ok(());
    }
    let wanted: Vec<_> = refused.iter().map(|(_, invoice, _)| invoice).collect();
    let mut contents = normal_forms(connection, &wanted).await?;
    for (slot, invoice, refusal) in refused {
        let current = contents.remove(&invoice.key).ok_or_else(|| no_content(&invoice))?;
        slot.reception = Some(Reception::Refused { invoice, refusal, current });
    }
    Ok(())
}

/// Their key is free, so their number must be taken. If neither is, the one that held it was never committed.
async fn settle_strangers(connection: &mut Connection, strangers: Vec<&mut Slot>) -> Result<(), LedgerError> {
    if strangers.is_empty() {
        return Ok(());
    }
    let arrivals = || strangers.iter().map(|slot| &slot.arrival);
    let environments: Vec<i16> = arrivals().map(|arrival| environment(arrival.key.environment)).collect();
    let tax_numbers: Vec<String> = arrivals().map(|arrival| arrival.source.tax_number.clone()).collect();
    let sequences: Vec<String> = arrivals().map(|arrival| arrival.source.sequence.clone()).collect();
    let numbers: Vec<String> = arrivals().map(|arrival| arrival.number.clone()).collect();
    let owners = sqlx::query!(
        r#"
        SELECT n.line AS "line!", d.uuid
        FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[])
            WITH ORDINALITY AS n (environment, tax_number, income_source, number, line)
        JOIN identities d ON d.number = n.number AND d.tax_number = n.tax_number
            AND d.income_source = n.income_source AND d.environment = n.environment
        "#,
        &environments,
        &tax_numbers,
        &sequences,
        &numbers,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let owners: BTreeMap<i64, Uuid> = owners.into_iter().map(|row| (row.line, row.uuid)).collect();
    for (line, slot) in (1_i64..).zip(strangers) {
        slot.reception = match owners.get(&line) {
            Some(by) if *by != slot.arrival.key.uuid => Some(Reception::NumberTaken { by: *by }),
            _ => None,
        };
    }
    Ok(())
}

struct NewDraft {
    invoice: Invoice,
    payload: String,
    hash: [u8; 32],
    wake_at: Option<Timestamp>,
}

/// New drafts as columns.
#[derive(Default)]
struct NewColumns<'a> {
    environment: Vec<i16>,
    uuid: Vec<Uuid>,
    tax_number: Vec<&'a str>,
    income_source: Vec<&'a str>,
    number: Vec<&'a str>,
    content: Vec<&'a [u8]>,
    normal_form: Vec<&'a str>,
    payload: Vec<&'a str>,
    hash: Vec<&'a [u8]>,
    wake_at: Vec<Option<Timestamp>>,
    traceparent: Vec<Option<&'a str>>,
    kind: Vec<&'static str>,
    family: Vec<&'static str>,
    payment: Vec<&'static str>,
    issue_date: Vec<NaiveDate>,
    currency: Vec<&'a str>,
    payable: Vec<Decimal>,
    buyer: Vec<Option<&'a str>>,
    original_uuid: Vec<Option<&'a str>>,
    original_number: Vec<Option<&'a str>>,
}

impl<'a> NewColumns<'a> {
    fn of(arrivals: impl Iterator<Item = (&'a Arrival, &'a NewDraft)>) -> Self {
        let mut columns = Self::default();
        for (arrival, draft) in arrivals {
            columns.environment.push(environment(arrival.key.environment));
            columns.uuid.push(arrival.key.uuid);
            columns.tax_number.push(&arrival.source.tax_number);
            columns.income_source.push(&arrival.source.sequence);
            columns.number.push(&arrival.number);
            columns.content.push(arrival.content.as_bytes());
            columns.normal_form.push(&arrival.normal_form);
            columns.payload.push(&draft.payload);
            columns.hash.push(&draft.hash);
            columns.wake_at.push(draft.wake_at);
            columns.traceparent.push(arrival.traceparent.as_deref());
            columns.kind.push(kind(arrival.summary.kind));
            columns.family.push(family(arrival.summary.family));
            columns.payment.push(payment(arrival.summary.payment));
            columns.issue_date.push(arrival.summary.issue_date);
            columns.currency.push(&arrival.summary.currency);
            columns.payable.push(arrival.summary.payable.decimal());
            columns.buyer.push(arrival.summary.buyer.as_deref());
            let original = arrival.original.as_ref();
            columns.original_uuid.push(original.and_then(|original| original.uuid.as_deref()));
            columns.original_number.push(original.and_then(|original| original.number.as_deref()));
        }
        columns
    }
}

async fn insert_patiently(
    connection: &mut Connection,
    columns: &NewColumns<'_>,
    at: Timestamp,
) -> Result<BTreeSet<InvoiceKey>, LedgerError> {
    let mut tries = 1;
    loop {
        match insert(connection, columns, at).await {
            Err(error) if tries < TRIES && was_undone(&error) => tries += 1,
            Err(error) => return Err(failed(error)),
            Ok(rows) => {
                return rows.into_iter().map(|(environment, uuid)| read_key(environment, uuid)).collect();
            }
        }
    }
}

/// Inserts those whose key and number are free, and gives their keys. The two unique keys of `identities` decide.
async fn insert(
    connection: &mut Connection,
    columns: &NewColumns<'_>,
    at: Timestamp,
) -> Result<Vec<(i16, Uuid)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        WITH input AS (
            SELECT * FROM unnest(
                $3::smallint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::text[],
                $11::bytea[], $12::timestamptz[], $13::text[], $14::text[], $15::text[], $16::text[], $17::date[],
                $18::text[], $19::numeric[], $20::text[], $21::text[], $22::text[]
            ) AS n (
                environment, uuid, tax_number, income_source, number, content, normal_form, payload,
                hash, wake_at, traceparent, kind, family, payment, issue_date,
                currency, payable, buyer, original_uuid, original_number
            )
        ), new_identities AS (
            INSERT INTO identities (environment, uuid, tax_number, income_source, number, accepted_month)
            SELECT environment, uuid, tax_number, income_source, number, $2
            FROM input
            ORDER BY environment, uuid
            ON CONFLICT DO NOTHING
            RETURNING environment, uuid
        ), new AS (
            SELECT n.* FROM input n
            JOIN new_identities d ON d.environment = n.environment AND d.uuid = n.uuid
        ), new_invoices AS (
            INSERT INTO invoices (environment, uuid, tax_number, income_source, number, accepted_at, accepted_month,
                version, state, document, contents, updated_at, head, wake_at, traceparent,
                kind, family, payment, issue_date, currency, payable, buyer)
            SELECT environment, uuid, tax_number, income_source, number, $1, $2,
                1, 'draft', 1, content, $1, hash, wake_at, traceparent,
                kind, family, payment, issue_date, currency, payable, buyer
            FROM new
        ), new_events AS (
            INSERT INTO events (accepted_month, environment, uuid, version, at, type, payload, hash)
            SELECT $2, environment, uuid, 1, $1, 'accepted', payload::json, hash FROM new
        ), new_contents AS (
            INSERT INTO contents (accepted_month, environment, uuid, document, sha256, normal_form)
            SELECT $2, environment, uuid, 1, content, normal_form::json FROM new
        ), new_unsealed AS (
            INSERT INTO unsealed (environment, uuid) SELECT environment, uuid FROM new
        ), new_returns AS (
            INSERT INTO returns (environment, uuid, document, tax_number, original_uuid, original_number)
            SELECT environment, uuid, 1, tax_number, original_uuid, original_number FROM new
            WHERE coalesce(original_uuid, original_number) IS NOT NULL
        )
        SELECT environment AS "environment!", uuid AS "uuid!" FROM new_identities
        "#,
        at,
        month(at),
        &columns.environment as _,
        &columns.uuid as _,
        &columns.tax_number as _,
        &columns.income_source as _,
        &columns.number as _,
        &columns.content as _,
        &columns.normal_form as _,
        &columns.payload as _,
        &columns.hash as _,
        &columns.wake_at as _,
        &columns.traceparent as _,
        &columns.kind as _,
        &columns.family as _,
        &columns.payment as _,
        &columns.issue_date as _,
        &columns.currency as _,
        &columns.payable as _,
        &columns.buyer as _,
        &columns.original_uuid as _,
        &columns.original_number as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.environment, row.uuid)).collect())
}
