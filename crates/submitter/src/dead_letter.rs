//! The dead-letter queue's agreement with the ledger: one hint for each case that waits for a person, and nothing else.
//!
//! What the broker's delivery limit put there is no exception: a hint is in the ledger anyway, and an intake event that
//! killed its consumers again and again becomes a record before it leaves the queue.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use broker::{Delivery, Hint, Outgoing, Queue, Subscription, settle_all};
use invoice::life::State;
use invoice::limits::EVENT_BYTES;
use invoice::{Digest, Environment, InvoiceKey, Timestamp};
use ledger::{Filter, LedgerError, RefusedIntake};
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::desk::{Desk, publish};

/// How many invoices are looked up at a time.
const PIECE: u16 = 500;
/// How many messages are taken off, or looked at, at a time: hints are small, but strangers need not be.
const TAKEN: u16 = 16;
/// The most refused intake that is hinted.
const REFUSED: u32 = 1_000_000;
/// When nothing has come for so long, the queue is asked what it still holds.
const QUIET: Duration = Duration::from_secs(1);
/// What it holds may take so long to come: longer than the broker takes to see that a consumer starves, and to give it another
/// node. A member of a quorum queue that does not run gives nothing to those who consume through its node.
const PATIENCE: Duration = Duration::from_secs(60);

/// Names are compared only up to so many hints; all of them are held away from the queue for that time.
const NAMES_MAX: u64 = 50_000;
/// And only while the messages are no larger than this, all together.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// In what the names in the queue differ from those in the ledger, as a digest of the difference; none when they agree, or
/// when there is too much to be compared.
///
/// The messages are looked at and given back.
pub(crate) async fn difference(desk: &Desk) -> Result<Option<Digest>, LedgerError> {
    let broker = &desk.role.broker;
    let Some(depth) = broker.depth(Queue::DeadLetter).await.ok().filter(|depth| *depth <= NAMES_MAX) else {
        return Ok(None);
    };
    let mut missing = BTreeSet::new();
    let filter = Filter { states: vec![State::Rejected, State::DeadLettered], ..Filter::default() };
    let mut after = None;
    loop {
        let page = desk.role.ledger.list(&filter, after, u32::from(PIECE)).await?;
        missing.extend(page.rows.iter().map(|row| row.invoice.key));
        after = page.next;
        if after.is_none() || missing.len() as u64 > NAMES_MAX {
            break;
        }
    }
    missing.extend(desk.role.ledger.refused_ids(REFUSED).await?.into_iter().map(refused));
    let prefetch = u16::try_from(depth).unwrap_or(u16::MAX).max(1);
    let mut queue = match broker.subscribe(Queue::DeadLetter, prefetch).await {
        Ok(queue) => queue,
        Err(error) => {
            warn!(%error, "the dead-letter queue could not be read");
            return Ok(None);
        }
    };
    let wrong = strike_out(&mut *queue, depth, &mut missing).await;
    queue.close().await;
    let Some(wrong) = wrong else { return Ok(None) };
    if missing.is_empty() && wrong.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let parts: Vec<&[u8]> =
        names.iter().map(String::as_bytes).chain(wrong.iter().map(|wrong| &wrong.as_bytes()[..])).collect();
    Ok(Some(Digest::of_parts(&parts)))
}

/// Strikes out of the `missing` whom one of `depth` messages names; the digests of the others: of nobody who waits, or there
/// twice, or intake events. None when they are too large, or not all to be had.
///
/// Unsettled messages stay away from the queue until all have been looked at; what stands in them is not held.
async fn strike_out(
    queue: &mut dyn Subscription,
    depth: u64,
    missing: &mut BTreeSet<InvoiceKey>,
) -> Option<BTreeSet<Digest>> {
    let (mut looked_at, mut bytes, mut wrong) = (0, 0, BTreeSet::new());
    while looked_at < depth
        && let Ok(batch) =
            timeout(QUIET, queue.next_batch(usize::from(TAKEN), Duration::from_millis(20))).await
        && !batch.is_empty()
    {
        looked_at += batch.len() as u64;
        for delivery in batch {
            bytes += delivery.payload.len();
            let hint = Hint::from_bytes(&delivery.payload);
            if !hint.is_ok_and(|hint| missing.remove(&hint.key())) {
                wrong.insert(Digest::of(&delivery.payload));
            }
        }
        if bytes > BYTES_MAX {
            return None;
        }
    }
    (looked_at >= depth).then_some(wrong)
}

/// As a hint names a refused-intake record.
fn refused(uuid: Uuid) -> InvoiceKey {
    InvoiceKey { environment: Environment::Simulation, uuid }
}

/// Empties the queue, keeping what only it had, and fills it from the ledger. One that cannot be emptied is left as it is: it
/// would only grow.
pub(crate) async fn refill(desk: &Desk) -> Result<(), LedgerError> {
    if !drain(desk).await? {
        warn!("the dead-letter queue does not give what it holds, and is left as it is; trying again");
        return Ok(());
    }
    let filter = Filter { states: vec![State::Rejected, State::DeadLettered], ..Filter::default() };
    let mut after = None;
    loop {
        let page = desk.role.ledger.list(&filter, after, u32::from(PIECE)).await?;
        let hints = page.rows.iter().map(|row| {
            let payload = Hint::new(row.invoice.key, row.invoice.version).to_bytes();
            Outgoing { queue: Queue::DeadLetter, payload, traceparent: row.traceparent.clone() }
        });
        publish(desk, hints.collect()).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let refused = desk.role.ledger.refused_ids(REFUSED).await?;
    for piece in refused.chunks(usize::from(PIECE)) {
        let hints = piece.iter().map(|uuid| {
            let hint = Hint { environment: Environment::Simulation, uuid: *uuid, version: 0 };
            Outgoing { queue: Queue::DeadLetter, payload: hint.to_bytes(), traceparent: None }
        });
        publish(desk, hints.collect()).await;
    }
    Ok(())
}

/// Whether all is gone that stood there at the beginning. What comes while this runs is left for the next time, or a busy day
/// would never let it end.
async fn drain(desk: &Desk) -> Result<bool, LedgerError> {
    let broker = &desk.role.broker;
    let Ok(mut left) = broker.depth(Queue::DeadLetter).await else { return Ok(false) };
    let mut queue = match broker.subscribe(Queue::DeadLetter, TAKEN).await {
        Ok(queue) => queue,
        Err(error) => {
            warn!(%error, "the dead-letter queue could not be read");
            return Ok(false);
        }
    };
    let (mut strangers, mut fed) = (0, Instant::now());
    while left > 0 && fed.elapsed() < PATIENCE {
        let taken = timeout(QUIET, queue.next_batch(usize::from(TAKEN), Duration::from_millis(20))).await;
        let Ok(batch) = taken else {
            // Somebody else may have taken the rest.
            left = left.min(broker.depth(Queue::DeadLetter).await.unwrap_or(left));
            continue;
        };
        if batch.is_empty() {
            break;
        }
        fed = Instant::now();
        let records: Vec<_> = batch.iter().filter_map(stranger).collect();
        strangers += records.len();
        // On an error the batch is not acknowledged: closing the channel gives it back.
        keep(records, |record| desk.role.ledger.refuse_intake(vec![record])).await?;
        // What is stale comes again.
        let settled = batch.len().saturating_sub(settle_all(&batch).await);
        left = left.saturating_sub(settled as u64);
    }
    queue.close().await;
    if strangers > 0 {
        info!(strangers, "events that the broker had given up are records now");
    }
    Ok(left == 0)
}

/// Keeps each by itself: they are rare, and none may keep the queue from being put right.
async fn keep<F>(records: Vec<RefusedIntake>, store: impl Fn(RefusedIntake) -> F) -> Result<(), LedgerError>
where
    F: Future<Output = Result<(), LedgerError>>,
{
    for record in records {
        let sha256 = record.sha256;
        match store(record).await {
            Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) => {
                error!(%reason, %sha256, "an event that the broker had given up could not be kept");
            }
            kept => kept?,
        }
    }
    Ok(())
}

/// A message that is no hint: an intake event whose consumers died with it, until the broker's last guard took it away.
fn stranger(delivery: &Delivery) -> Option<RefusedIntake> {
    if Hint::from_bytes(&delivery.payload).is_ok() {
        return None;
    }
    let sha256 = Digest::of(&delivery.payload);
    Some(RefusedIntake {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, sha256.as_bytes()),
        at: Timestamp::UNIX_EPOCH,
        via: "amqp".to_owned(),
        code: "guard_tripped".to_owned(),
        message: "this message was delivered again and again without ever being settled; \
                  look at it before publishing it once more"
            .to_owned(),
        faults: None,
        uuid: None,
        number: None,
        sha256,
        body: delivery.payload.get(..EVENT_BYTES).unwrap_or(&delivery.payload).to_vec(),
    })
}

#[cfg(test)]
mod tests;
