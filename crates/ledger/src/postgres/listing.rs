//! Listings and counts for people, health and metrics.

use std::collections::BTreeSet;

use invoice::InvoiceKey;
use invoice::Timestamp;
use invoice::life::{Cause, State};
use tracing::error;

use super::PostgresLedger;
use super::codec::{environment, read, read_key, read_name};
use super::failure::failed;
use super::row::{InvoiceRow, Stored, invoice_rows, readable};
use crate::{Filter, LedgerError, Listed, Page, Standing, StandingCount};

/// What is open is counted up to so much of each stage: a survey takes nothing from the drain of a backlog.
const OPEN_COUNTED: i64 = 100_000;

impl PostgresLedger {
    pub(super) async fn list_page(
        &self,
        filter: &Filter,
        after: Option<(Timestamp, InvoiceKey)>,
        limit: u32,
    ) -> Result<Page, LedgerError> {
        if filter.search.as_ref().is_some_and(|text| text.contains('\0')) {
            return Ok(Page::default());
        }
        let states: Option<Vec<String>> = (!filter.states.is_empty())
            .then(|| filter.states.iter().map(|state| state.as_str().to_owned()).collect());
        let in_doubt = filter.in_doubt.then_some(true);
        let mut connection = self.connection().await?;
        // Each part has an index of its own, and is asked only when its states are wanted: what waits for a person and what has
        // settled comes in order from its index; of what is open, all is read and sorted. One statement over all three would be
        // planned as one large sort. Within a part, every execution is planned with its own values (see `connect`), so that what
        // is NULL is not there for the planner either.
        macro_rules! part {
            ($part:literal) => {
                invoice_rows!(
                    "",
                    "FROM invoices i WHERE "
                        + $part
                        + " AND ($1::smallint IS NULL OR i.environment = $1)
                AND ($2::text[] IS NULL OR i.state = ANY ($2))
                AND ($3::text IS NULL OR i.cause = $3)
                AND ($4::text IS NULL OR i.tax_number = $4)
                AND ($5::text IS NULL OR i.income_source = $5)
                AND ($6::text IS NULL OR strpos(i.number, $6) > 0 OR strpos(i.uuid::text, $6) > 0
                    OR strpos(i.message, $6) > 0)
                AND ($7::boolean IS NULL OR i.in_doubt IS NOT NULL)
                AND ($8::timestamptz IS NULL OR (i.updated_at, i.environment, i.uuid) > ($8, $9, $10))
                AND ($12::timestamptz IS NULL OR i.updated_at >= $12)
                AND ($13::timestamptz IS NULL OR i.updated_at < $13)
            ORDER BY i.updated_at, i.environment, i.uuid
            LIMIT $11",
                    filter.environment.map(environment),
                    states.as_deref(),
                    filter.cause.map(Cause::as_str),
                    filter.tax_number.as_deref(),
                    filter.income_source.as_deref(),
                    filter.search.as_deref(),
                    in_doubt,
                    after.map(|(at, _)| at),
                    after.map(|(_, key)| environment(key.environment)),
                    after.map(|(_, key)| key.uuid),
                    // One more, to know whether there is more.
                    i64::from(limit) + 1,
                    filter.since,
                    filter.until,
                )
                .fetch_all(&mut connection)
                .await
                .map_err(failed)?
            };
        }
        let mut rows = Vec::new();
        // In the order in which invoices move: one that moves meanwhile may be seen twice, and is then told once, but not missed.
        if wanted(filter, |state| !state.is_settled()) {
            rows.extend(part!("i.wake_at IS NOT NULL"));
        }
        if wanted(filter, State::waits_for_person) {
            rows.extend(part!("i.state IN ('rejected', 'dead_lettered')"));
        }
        if wanted(filter, |state| state.is_settled() && !state.waits_for_person()) {
            rows.extend(part!("i.state IN ('abandoned', 'cleared')"));
        }
        let mut seen = BTreeSet::new();
        // The last sight counts.
        rows.reverse();
        rows.retain(|row| seen.insert((row.environment, row.uuid)));
        rows.sort_by(|one, other| {
            let key = |row: &InvoiceRow| (row.updated_at, row.environment, row.uuid);
            key(one).cmp(&key(other))
        });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        // A page goes on behind its last row, whether that can be read or not.
        let place = |row: &InvoiceRow| Some((row.updated_at, read_key(row.environment, row.uuid).ok()?));
        let next = if more { rows.iter().rev().find_map(place) } else { None };
        let rows = readable(rows)
            .map(|Stored { invoice, summary, traceparent, .. }| Listed { invoice, summary, traceparent })
            .collect();
        Ok(Page { rows, next })
    }

    pub(super) async fn count_standing(&self) -> Result<Standing, LedgerError> {
        let mut connection = self.connection().await?;
        // What has settled for good is counted as it settles. What waits for a person is few, and has an index of its own. What is open
        // may be a backlog of millions, whose every row would have to be looked at, and the dispatcher's index finds it by stage.
        let rows = sqlx::query!(
            r#"
            SELECT i.state AS "state!", i.cause AS "cause?", count(*) AS "count!", min(i.updated_at) AS "oldest?",
                count(*) FILTER (
                    WHERE i.state = 'draft' AND i.waiting_since IS NULL OR i.due_at <= now() OR i.lease_until <= now()
                ) AS "past_due!"
            FROM (
                SELECT o.state, o.cause, o.updated_at, o.waiting_since, o.due_at, o.lease_until
                FROM generate_series(0, 2) AS s (stage)
                CROSS JOIN LATERAL (
                    SELECT state, cause, updated_at, waiting_since, due_at, lease_until
                    FROM invoices
                    WHERE wake_at IS NOT NULL
                        AND (CASE WHEN state <> 'draft' THEN 2 WHEN xml IS NULL THEN 0 ELSE 1 END) = s.stage
                    LIMIT $1
                ) AS o
                UNION ALL
                SELECT state, cause, updated_at, NULL, NULL, NULL FROM invoices WHERE state IN ('rejected', 'dead_lettered')
            ) i
            GROUP BY i.state, i.cause
            UNION ALL
            SELECT s.state, s.cause, greatest(sum(s.count), 0)::bigint, NULL, 0
            FROM settled_counts s
            GROUP BY s.state, s.cause
            HAVING sum(s.count) <> 0
            "#,
            OPEN_COUNTED,
        )
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
        let mut past_due = 0;
        let mut counts = Vec::with_capacity(rows.len());
        for row in rows {
            let state = read_name::<State>(&row.state);
            let cause = row.cause.as_deref().map(read_name::<Cause>).transpose();
            let (state, cause) = match (state, cause) {
                (Ok(state), Ok(cause)) => (state, cause),
                (Err(reason), _) | (_, Err(reason)) => {
                    error!(state = row.state, cause = row.cause, count = row.count, %reason, "not counted");
                    continue;
                }
            };
            past_due += row.past_due;
            counts.push(StandingCount { state, cause, count: read(row.count)?, oldest: row.oldest });
        }
        counts.sort_by_key(|count| (count.state, count.cause));
        let rest = sqlx::query!(
            r#"
            SELECT
                (SELECT count(*) FROM invoices WHERE in_doubt IS NOT NULL) AS "in_doubt!",
                (SELECT min(doubt_since) FROM invoices WHERE in_doubt IS NOT NULL) AS oldest_doubt,
                (SELECT count(*) FROM refused_intake WHERE resolved_at IS NULL) AS "refused_intake!"
            "#
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        Ok(Standing {
            counts,
            past_due: read(past_due)?,
            in_doubt: read(rest.in_doubt)?,
            oldest_doubt: rest.oldest_doubt,
            refused_intake: read(rest.refused_intake)?,
        })
    }
}

/// Whether any of the states that are asked for is of this kind.
fn wanted(filter: &Filter, kind: fn(State) -> bool) -> bool {
    let all = State::ALL.iter().copied();
    all.filter(|state| filter.states.is_empty() || filter.states.contains(state)).any(kind)
}
