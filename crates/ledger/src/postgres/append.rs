//! Compare-and-set on many streams at once.

use std::collections::{BTreeMap, BTreeSet};

use invoice::{Digest, InvoiceKey};

use super::PostgresLedger;
use super::codec::{keys, read, read_digest, read_key};
use super::connection::Connection;
use super::failure::{failed, was_undone};
use super::step::Step;
use super::write::{Columns, write};
use crate::{Appended, Change, LedgerError};

/// How often a batch begins again after another transaction stood in its way.
pub(super) const TRIES: usize = 4;

impl PostgresLedger {
    pub(super) async fn append_batch(&self, batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if batch.iter().any(|change| change.events.is_empty()) {
            return Err(LedgerError::Refused("a change without events".to_owned()));
        }
        let mut connection = self.connection().await?;
        let heads = heads(&mut connection, &batch).await?;
        // Those that are too late already, and second changes of one stream, go no further.
        let mut seen = BTreeSet::new();
        let mut steps = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        let mut appended = vec![Appended::Outdated; batch.len()];
        for (place, change) in batch.into_iter().enumerate() {
            let key = change.invoice.key;
            if let Some((version, head)) = heads.get(&key)
                && *version == change.invoice.version
                && seen.insert(key)
            {
                steps.push(Step::of(change, head, &self.schedule)?);
                places.push(place);
            }
        }
        let written = write_patiently(&mut connection, &steps, self.notices).await?;
        for (line, (step, place)) in steps.into_iter().zip(places).enumerate() {
            if let Some(slot) = appended.get_mut(place)
                && written.contains(&line)
            {
                *slot = Appended::Done(step.after);
            }
        }
        Ok(appended)
    }
}

/// Writes the steps, beginning again when a deadlock undid them.
pub(super) async fn write_patiently(
    connection: &mut Connection,
    steps: &[Step],
    with_notices: bool,
) -> Result<BTreeSet<usize>, LedgerError> {
    if steps.is_empty() {
        return Ok(BTreeSet::new());
    }
    let columns = Columns::of(steps, with_notices)?;
    let mut tries = 1;
    loop {
        match write(connection, &columns).await {
            Err(error) if tries < TRIES && was_undone(&error) => tries += 1,
            result => return result.map_err(failed),
        }
    }
}

/// Version and last hash of each stream that exists.
async fn heads(
    connection: &mut Connection,
    batch: &[Change],
) -> Result<BTreeMap<InvoiceKey, (u32, Digest)>, LedgerError> {
    let (environments, uuids) = keys(&batch.iter().map(|change| change.invoice.key).collect::<Vec<_>>());
    let rows = sqlx::query!(
        r#"
        SELECT i.environment, i.uuid, i.version, i.head
        FROM unnest($1::smallint[], $2::uuid[]) AS n (environment, uuid)
        JOIN invoices i ON i.environment = n.environment AND i.uuid = n.uuid
        "#,
        &environments,
        &uuids,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| Ok((read_key(row.environment, row.uuid)?, (read(row.version)?, read_digest(&row.head)?))))
        .collect()
}
