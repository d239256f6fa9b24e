//! How the memory adapter keeps the shares of submitters. Knows nothing of what they send.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::TimeDelta;

use super::MemoryLedger;
use crate::LedgerError;
use crate::fleet::{Fleet, Granted, ShareRequest, SubmitterShare, grant};

/// At most so many are listed.
const LISTED: usize = 1_000;

/// Shares by endpoint and process, each with the number of its last renewal.
#[derive(Default)]
pub(super) struct Shares(BTreeMap<(String, String), (u64, SubmitterShare)>);

#[async_trait]
impl Fleet for MemoryLedger {
    async fn renew(&self, request: &ShareRequest) -> Result<Option<Granted>, LedgerError> {
        let now = self.time();
        let lasts = TimeDelta::from_std(request.lasts).unwrap_or(TimeDelta::MAX);
        let until = now.checked_add_signed(lasts).unwrap_or(now);
        let mut store = self.store();
        let shares = &mut store.shares.0;
        shares.retain(|(endpoint, _), (_, share)| *endpoint != request.endpoint || share.until > now);
        let name = (request.endpoint.clone(), request.worker.clone());
        let (turn, own) = shares.get(&name).map_or((None, 0), |(turn, own)| (Some(*turn), own.granted));
        if turn.is_some_and(|turn| turn >= request.turn) {
            return Ok(None);
        }
        let others: Vec<_> = shares
            .values()
            .filter(|(_, share)| share.endpoint == request.endpoint && share.worker != request.worker)
            .map(|(_, share)| (share.worker.clone(), share.granted))
            .collect();
        let granted = grant(request, own, &others);
        let share = SubmitterShare {
            endpoint: request.endpoint.clone(),
            worker: request.worker.clone(),
            version: request.version.clone(),
            granted: granted.granted,
            in_flight: request.in_flight,
            seen_at: now,
            until,
        };
        shares.insert(name, (request.turn, share));
        Ok(Some(granted))
    }

    async fn leave(&self, worker: &str) -> Result<(), LedgerError> {
        self.store().shares.0.retain(|(_, name), _| name != worker);
        Ok(())
    }

    async fn submitters(&self) -> Result<Vec<SubmitterShare>, LedgerError> {
        let now = self.time();
        let store = self.store();
        let counting = store.shares.0.values().map(|(_, share)| share).filter(|share| share.until > now);
        Ok(counting.take(LISTED).cloned().collect())
    }
}
