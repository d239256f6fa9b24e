//! What stands beside the invoices, the outbox and the submitters' shares, as one process sees it: as slow and as often away as
//! the ledger itself.

use std::time::Duration;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{InvoiceKey, Timestamp};
use ledger::{
    Attempted, Delivery, Fleet, Granted, LedgerError, NewDelivery, Notice, Outbox, OutboxStanding,
    ShareRequest, SubmitterShare, Which,
};

use super::{FaultyLedger, Sabotage};

#[async_trait]
impl Outbox for FaultyLedger {
    async fn claim_notices(&self, limit: u32, lease: Duration) -> Result<Vec<Notice>, LedgerError> {
        let outbox = self.inner.outbox();
        let claimed = self.pass("claim_notices", outbox.claim_notices(limit, lease)).await?;
        if self.chaos.sabotage() == Some(Sabotage::ToldBeforehand) {
            let told: Vec<_> = claimed.iter().map(|notice| (notice.key, notice.version)).collect();
            outbox.settle_notices(&told, Vec::new()).await?;
        }
        Ok(claimed)
    }

    async fn settle_notices(
        &self,
        told: &[(InvoiceKey, u32)],
        deliveries: Vec<NewDelivery>,
    ) -> Result<(), LedgerError> {
        self.pass("settle_notices", self.inner.outbox().settle_notices(told, deliveries)).await
    }

    async fn claim_deliveries(
        &self,
        webhook: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, LedgerError> {
        self.pass("claim_deliveries", self.inner.outbox().claim_deliveries(webhook, limit, lease)).await
    }

    async fn record_deliveries(&self, attempted: Vec<(Delivery, Attempted)>) -> Result<(), LedgerError> {
        self.pass("record_deliveries", self.inner.outbox().record_deliveries(attempted)).await
    }

    async fn deliveries(&self, which: &Which, limit: u32) -> Result<Vec<Delivery>, LedgerError> {
        self.pass("deliveries", self.inner.outbox().deliveries(which, limit)).await
    }

    async fn resend(&self, which: &Which, by: Actor) -> Result<u64, LedgerError> {
        self.pass("resend", self.inner.outbox().resend(which, by)).await
    }

    async fn switch_webhook(
        &self,
        webhook: &str,
        off: bool,
        by: Option<&str>,
        reason: &str,
    ) -> Result<bool, LedgerError> {
        self.pass("switch_webhook", self.inner.outbox().switch_webhook(webhook, off, by, reason)).await
    }

    async fn outbox_standing(&self) -> Result<OutboxStanding, LedgerError> {
        self.pass("outbox_standing", self.inner.outbox().outbox_standing()).await
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, LedgerError> {
        self.pass("forget_deliveries", self.inner.outbox().forget_deliveries(before)).await
    }
}

#[async_trait]
impl Fleet for FaultyLedger {
    async fn renew(&self, request: &ShareRequest) -> Result<Option<Granted>, LedgerError> {
        self.pass("renew", self.inner.fleet().renew(request)).await
    }

    async fn leave(&self, worker: &str) -> Result<(), LedgerError> {
        self.pass("leave", self.inner.fleet().leave(worker)).await
    }

    async fn submitters(&self) -> Result<Vec<SubmitterShare>, LedgerError> {
        self.pass("submitters", self.inner.fleet().submitters()).await
    }
}
