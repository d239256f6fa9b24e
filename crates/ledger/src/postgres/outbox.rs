//! What others are to be told: rows that are taken on lease and deleted when that is done. Knows neither wording nor sending.

mod deliveries;
mod notices;

use std::time::Duration;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{InvoiceKey, Timestamp};

use super::PostgresLedger;
use crate::LedgerError;
use crate::outbox::{Attempted, Delivery, NewDelivery, Notice, Outbox, OutboxStanding, Which};

/// For `interval '1 millisecond'`.
fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Outbox for PostgresLedger {
    async fn claim_notices(&self, limit: u32, lease: Duration) -> Result<Vec<Notice>, LedgerError> {
        self.take_notices(limit, lease).await
    }

    async fn settle_notices(
        &self,
        told: &[(InvoiceKey, u32)],
        deliveries: Vec<NewDelivery>,
    ) -> Result<(), LedgerError> {
        self.hand_over(told, &deliveries).await
    }

    async fn claim_deliveries(
        &self,
        webhook: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, LedgerError> {
        self.take_deliveries(webhook, limit, lease).await
    }

    async fn record_deliveries(&self, attempted: Vec<(Delivery, Attempted)>) -> Result<(), LedgerError> {
        self.note_attempts(&attempted).await
    }

    async fn deliveries(&self, which: &Which, limit: u32) -> Result<Vec<Delivery>, LedgerError> {
        self.read_deliveries(which, limit).await
    }

    async fn resend(&self, which: &Which, by: Actor) -> Result<u64, LedgerError> {
        self.make_due(which, &by).await
    }

    async fn switch_webhook(
        &self,
        webhook: &str,
        off: bool,
        by: Option<&str>,
        reason: &str,
    ) -> Result<bool, LedgerError> {
        self.switch(webhook, off, by, reason).await
    }

    async fn outbox_standing(&self) -> Result<OutboxStanding, LedgerError> {
        self.count_outbox().await
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, LedgerError> {
        self.forget_before(before).await
    }
}
