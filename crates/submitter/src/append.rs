//! Writing to the ledger: patient with an absence, one refused change harms only itself, and what took effect unheard is found.

use std::future::Future;

use ledger::{Appended, Change, Ledger, LedgerError, patiently};
use tracing::{error, warn};

/// Appends with patience, splitting a batch that the ledger refuses down to its culprit (promise 14); none stands for the culprit.
/// Changes without events are passed over as done.
pub(crate) async fn append_split(
    ledger: &dyn Ledger,
    changes: Vec<Change>,
    give_up: impl Future<Output = ()>,
) -> Result<Vec<Option<Appended>>, LedgerError> {
    let mut give_up = std::pin::pin!(give_up);
    let mut appended: Vec<Option<Appended>> = changes
        .iter()
        .map(|change| change.events.is_empty().then(|| Appended::Done(change.invoice.clone())))
        .collect();
    let batch = changes.into_iter().enumerate().filter(|(_, change)| !change.events.is_empty()).collect();
    // With each batch, how often it was tried before: alone, or as part of a larger one.
    let mut batches: Vec<(u32, Vec<(usize, Change)>)> = vec![(0, batch)];
    while let Some((mut calls, mut batch)) = batches.pop() {
        if batch.is_empty() {
            continue;
        }
        let call = || {
            calls += 1;
            ledger.append(batch.iter().map(|(_, change)| change.clone()).collect())
        };
        match patiently(&mut give_up, call).await {
            Ok(results) => {
                for ((index, change), mut result) in batch.into_iter().zip(results) {
                    if result == Appended::Outdated && calls > 1 {
                        result = look_again(ledger, &change, &mut give_up).await?;
                    }
                    if let Some(slot) = appended.get_mut(index) {
                        *slot = Some(result);
                    }
                }
            }
            Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) if batch.len() > 1 => {
                warn!(%reason, size = batch.len(), "splitting a batch that the ledger refused");
                let half = batch.split_off(batch.len() / 2);
                // The refused call took no effect; one before it may have.
                batches.push((calls.saturating_sub(1), half));
                batches.push((calls.saturating_sub(1), batch));
            }
            Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) => {
                error!(%reason, "the ledger refuses a change");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(appended)
}

/// A call that failed may have taken effect all the same: then it is our own events that the next one found in its way.
async fn look_again(
    ledger: &dyn Ledger,
    change: &Change,
    give_up: impl Future<Output = ()>,
) -> Result<Appended, LedgerError> {
    let key = change.invoice.key;
    let history = patiently(give_up, || ledger.history(key)).await?;
    let since = history.iter().skip_while(|recorded| recorded.version <= change.invoice.version);
    // Each start names its process and each answer its attempt, so nobody else's events are equal to ours.
    if !since.map(|recorded| &recorded.event).take(change.events.len()).eq(&change.events) {
        return Ok(Appended::Outdated);
    }
    let mut invoice = change.invoice.clone();
    for event in &change.events {
        invoice.evolve(event, change.at);
    }
    Ok(Appended::Done(invoice))
}
