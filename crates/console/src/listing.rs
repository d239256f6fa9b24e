//! What waits for a person: rows in pages, and groups by cause with the money that hangs on them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use invoice::event::Kind;
use invoice::life::{Cause, State};
use invoice::{Amount, Environment, InvoiceKey, Timestamp};
use ledger::{Filter, Listed, RefusedIntake};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::desk::Console;
use crate::error::ConsoleError;
use crate::intake::{INTAKE_READ, IntakeRow};
use crate::money::Sums;
use crate::remedy::{advise, of_cause, of_intake};

/// The longest page.
pub(crate) const PAGE: u32 = 1_000;

/// A place in a listing; survives as text between two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub Timestamp, pub InvoiceKey);

/// A text that is no [`Cursor`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a place in a listing: give it as the page before told it")]
pub struct NotACursor(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.to_rfc3339_opts(SecondsFormat::Micros, true), self.1)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let read = || {
            let mut parts = text.splitn(3, '/');
            let at = DateTime::parse_from_rfc3339(parts.next()?).ok()?.to_utc();
            let environment = parts.next()?.parse().ok()?;
            let uuid = Uuid::try_parse(parts.next()?).ok()?;
            Some(Self(at, InvoiceKey { environment, uuid }))
        };
        read().ok_or_else(|| NotACursor(text.chars().take(100).collect()))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which piece of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Where it begins; at the beginning when none.
    pub after: Option<Cursor>,
    /// At most so many rows; 1 to 1,000.
    pub limit: u32,
}

impl Default for Paging {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// One invoice of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where it goes.
    pub environment: Environment,
    /// Its name.
    pub uuid: Uuid,
    /// The seller's number.
    pub number: String,
    /// The seller.
    pub tax_number: String,
    /// Its income source.
    pub income_source: String,
    /// Where it stands.
    pub state: State,
    /// Why.
    pub cause: Option<Cause>,
    /// The last thing said about it.
    pub message: Option<String>,
    /// What to do.
    pub what_to_do: String,
    /// The attempt that is in doubt.
    pub in_doubt: Option<u32>,
    /// Document version.
    pub document: u32,
    /// Attempts so far.
    pub attempts: u32,
    /// Date of issue.
    pub issue_date: NaiveDate,
    /// What it is worth, with tax; none of a return whose document is not written yet.
    pub payable: Option<Amount>,
    /// In which currency.
    pub currency: String,
    /// Who buys.
    pub buyer: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Since when it stands there.
    pub since: Timestamp,
}

impl From<Listed> for Row {
    fn from(listed: Listed) -> Self {
        let Listed { invoice, summary, .. } = listed;
        // The ledger keeps 0 of a return until its original has completed it.
        let unknown =
            summary.kind == Kind::Return && summary.payable == Amount::ZERO && invoice.xml.is_none();
        Self {
            what_to_do: advise(&invoice).what_to_do,
            environment: invoice.key.environment,
            uuid: invoice.key.uuid,
            number: invoice.number,
            tax_number: invoice.source.tax_number,
            income_source: invoice.source.sequence,
            state: invoice.state,
            cause: invoice.cause,
            message: invoice.message,
            in_doubt: invoice.in_doubt,
            document: invoice.document,
            attempts: invoice.attempt,
            issue_date: summary.issue_date,
            payable: (!unknown).then_some(summary.payable),
            currency: summary.currency,
            buyer: summary.buyer,
            accepted_at: invoice.accepted_at,
            since: invoice.updated_at,
        }
    }
}

/// A page of what waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The ledger's time.
    pub now: Timestamp,
    /// Invoices, the longest standing first.
    pub rows: Vec<Row>,
    /// Where the next page begins; none at the end.
    pub next: Option<Cursor>,
    /// Refused intake, oldest first; on the first page only, and only when nothing but a text is searched for.
    pub refused_intake: Vec<IntakeRow>,
    /// All open records of refused intake, whatever the filter.
    pub refused_intake_open: u64,
}

/// Invoices that stand for the same cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Where they stand.
    pub state: State,
    /// Why.
    pub cause: Option<Cause>,
    /// How many.
    pub count: u64,
    /// How many of them are in doubt.
    pub in_doubt: u64,
    /// What they are worth.
    pub amounts: Sums,
    /// Since when the oldest stands there.
    pub oldest: Timestamp,
    /// What to do.
    pub what_to_do: &'static str,
}

/// Refused intake with the same code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntakeGroup {
    /// Why.
    pub code: String,
    /// How many of those that were read.
    pub count: u64,
    /// When the oldest came.
    pub oldest: Timestamp,
    /// What to do.
    pub what_to_do: &'static str,
}

/// What waits for people, by cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The ledger's time.
    pub now: Timestamp,
    /// Invoices.
    pub groups: Vec<Group>,
    /// Refused intake; counted over the oldest 1,000 open records.
    pub refused_intake: Vec<IntakeGroup>,
    /// All open records of refused intake.
    pub refused_intake_open: u64,
}

impl Console {
    /// A page of the invoices that `filter` lets through; of those that wait for a person when it names no state.
    ///
    /// # Errors
    /// The ledger's own.
    pub async fn list(&self, filter: &Filter, paging: Paging) -> Result<Listing, ConsoleError> {
        let limit = paging.limit.clamp(1, PAGE);
        let now = self.ledger.now().await?;
        let page = self.page(filter, paging.after, limit).await?;
        let mut refused_intake = Vec::new();
        if paging.after.is_none() && concerns_intake(filter) {
            let open = self.ledger.refused_intake(INTAKE_READ).await?;
            let matching = open.into_iter().filter(|record| intake_matches(filter, record));
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            refused_intake.extend(matching.take(limit).map(|record| IntakeRow::new(record, false)));
        }
        let refused_intake_open = self.ledger.standing().await?.refused_intake;
        let (rows, next) = page;
        let rows = rows.into_iter().map(Row::from).collect();
        Ok(Listing { now, rows, next, refused_intake, refused_intake_open })
    }

    /// All that `filter` lets through, by state and cause; of what waits for a person when it names no state.
    ///
    /// # Errors
    /// The ledger's own.
    pub async fn groups(&self, filter: &Filter) -> Result<Overview, ConsoleError> {
        let now = self.ledger.now().await?;
        let mut groups: BTreeMap<(State, Option<Cause>), Group> = BTreeMap::new();
        let mut after = None;
        loop {
            let (rows, next) = self.page(filter, after, PAGE).await?;
            for row in &rows {
                count(&mut groups, row);
            }
            // What changes meanwhile moves to the end of the listing: it must not be counted for ever.
            let late = rows.last().is_some_and(|row| row.invoice.updated_at > now);
            match next {
                Some(next) if !late && !rows.is_empty() => after = Some(next),
                _ => break,
            }
        }
        let mut intake: BTreeMap<String, IntakeGroup> = BTreeMap::new();
        if concerns_intake(filter) {
            let open = self.ledger.refused_intake(INTAKE_READ).await?;
            for record in open.into_iter().filter(|record| intake_matches(filter, record)) {
                let group = intake.entry(record.code.clone()).or_insert_with(|| IntakeGroup {
                    count: 0,
                    oldest: record.at,
                    what_to_do: of_intake(&record.code),
                    code: record.code,
                });
                group.count += 1;
                group.oldest = group.oldest.min(record.at);
            }
        }
        let refused_intake_open = self.ledger.standing().await?.refused_intake;
        Ok(Overview {
            now,
            groups: groups.into_values().collect(),
            refused_intake: intake.into_values().collect(),
            refused_intake_open,
        })
    }

    /// A page as the ledger has it, of what waits for a person unless the filter names states.
    pub(crate) async fn page(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<(Vec<Listed>, Option<Cursor>), ConsoleError> {
        let mut filter = filter.clone();
        if filter.states.is_empty() {
            filter.states = State::ALL.iter().copied().filter(|state| state.waits_for_person()).collect();
        }
        let after = after.map(|Cursor(at, key)| (at, key));
        let page = self.ledger.list(&filter, after, limit).await?;
        Ok((page.rows, page.next.map(|(at, key)| Cursor(at, key))))
    }
}

fn count(groups: &mut BTreeMap<(State, Option<Cause>), Group>, row: &Listed) {
    let Listed { invoice, summary, .. } = row;
    let group = groups.entry((invoice.state, invoice.cause)).or_insert_with(|| Group {
        state: invoice.state,
        cause: invoice.cause,
        count: 0,
        in_doubt: 0,
        amounts: Sums::default(),
        oldest: invoice.updated_at,
        what_to_do: invoice.cause.map_or("", of_cause),
    });
    group.count += 1;
    group.in_doubt += u64::from(invoice.in_doubt.is_some());
    group.amounts.add(&summary.currency, summary.payable);
    group.oldest = group.oldest.min(invoice.updated_at);
}

/// A record of refused intake has no state, seller or environment to be filtered by.
fn concerns_intake(filter: &Filter) -> bool {
    let Filter { environment, states, cause, tax_number, income_source, search: _, in_doubt, since, until } =
        filter;
    environment.is_none()
        && states.is_empty()
        && cause.is_none()
        && tax_number.is_none()
        && income_source.is_none()
        && !in_doubt
        && since.is_none()
        && until.is_none()
}

fn intake_matches(filter: &Filter, record: &RefusedIntake) -> bool {
    let Some(text) = &filter.search else { return true };
    record.message.contains(text)
        || record.code.contains(text)
        || record.id.to_string().contains(text)
        || record.number.as_ref().is_some_and(|number| number.contains(text))
        || record.uuid.is_some_and(|uuid| uuid.to_string().contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_as_text() {
        let at = Timestamp::from_timestamp_micros(1_767_225_600_123_456).unwrap();
        let cursor = Cursor(at, InvoiceKey { environment: Environment::Sandbox, uuid: Uuid::from_u128(7) });
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert!("yesterday".parse::<Cursor>().is_err());
    }
}
