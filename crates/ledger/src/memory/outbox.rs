//! How the memory adapter keeps what others are to be told. Knows neither wording nor sending.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{InvoiceKey, Timestamp};

use super::MemoryLedger;
use super::store::Stream;
use crate::outbox::{
    Attempted, Delivery, NewDelivery, Notice, Outbox, OutboxStanding, WebhookStanding, Which,
};
use crate::{LedgerError, schedule};

/// What is kept for others.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) keeps_notices: bool,
    /// With the time at which each may be taken.
    notices: BTreeMap<(InvoiceKey, u32), (Timestamp, Notice)>,
    deliveries: BTreeMap<(String, InvoiceKey, u32), Delivery>,
    /// Webhooks that are switched off: since when, and why.
    off: BTreeMap<String, (Timestamp, String)>,
}

impl Kept {
    /// Notes an invoice that has just settled, unless nobody wants to know.
    pub(super) fn note(&mut self, stream: &Stream, codes: Vec<String>, now: Timestamp) {
        if !self.keeps_notices {
            return;
        }
        let (invoice, summary) = (&stream.invoice, &stream.summary);
        let notice = Notice {
            key: invoice.key,
            version: invoice.version,
            at: invoice.updated_at,
            state: invoice.state,
            source: invoice.source.clone(),
            number: invoice.number.clone(),
            kind: summary.kind,
            document: invoice.document,
            icv: invoice.icv,
            qr: invoice.qr.clone(),
            cause: invoice.cause,
            codes,
            message: invoice.message.clone(),
            currency: summary.currency.clone(),
            payable: summary.payable,
            traceparent: stream.traceparent.clone(),
        };
        self.notices.insert((notice.key, notice.version), (now, notice));
    }

    fn claim_notices(&mut self, limit: u32, now: Timestamp, until: Timestamp) -> Vec<Notice> {
        let mut free = Vec::new();
        let mut last = None;
        for ((key, version), (due_at, _)) in &self.notices {
            // Only the earliest of each invoice: they stand in order.
            if last.replace(*key) != Some(*key) && *due_at <= now {
                free.push((*due_at, *key, *version));
            }
        }
        free.sort_unstable();
        let mut claimed = Vec::new();
        for (_, key, version) in free.into_iter().take(most(limit)) {
            if let Some((due_at, notice)) = self.notices.get_mut(&(key, version)) {
                *due_at = until;
                claimed.push(notice.clone());
            }
        }
        claimed
    }

    fn settle(&mut self, told: &[(InvoiceKey, u32)], deliveries: Vec<NewDelivery>, now: Timestamp) {
        for message in deliveries {
            let place = (message.webhook.clone(), message.key, message.version);
            self.deliveries.entry(place).or_insert(Delivery {
                message,
                attempts: 0,
                due_at: Some(now),
                last_status: None,
                last_error: None,
                asked: None,
            });
        }
        for name in told {
            self.notices.remove(name);
        }
    }

    fn claim_deliveries(
        &mut self,
        webhook: &str,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Vec<Delivery> {
        if self.off.contains_key(webhook) {
            return Vec::new();
        }
        let mut due = Vec::new();
        let mut untried = None;
        for (place, delivery) in self.deliveries.iter().filter(|((name, ..), _)| name == webhook) {
            let Some(due_at) = delivery.due_at else { continue };
            // Of each invoice's messages that were never sent, only the first.
            let behind = delivery.attempts == 0 && untried.replace(place.1) == Some(place.1);
            if due_at <= now && !behind {
                due.push((due_at, place.clone()));
            }
        }
        due.sort_unstable();
        let mut claimed = Vec::new();
        for (_, place) in due.into_iter().take(most(limit)) {
            if let Some(delivery) = self.deliveries.get_mut(&place) {
                delivery.due_at = Some(until);
                claimed.push(delivery.clone());
            }
        }
        claimed
    }

    fn record(&mut self, delivery: Delivery, attempted: Attempted, now: Timestamp) {
        let NewDelivery { webhook, key, version, .. } = delivery.message;
        let place = (webhook, key, version);
        match attempted {
            Attempted::Heard => {
                self.deliveries.remove(&place);
            }
            Attempted::Unheard { again_in, status, error } => {
                if let Some(kept) = self.deliveries.get_mut(&place) {
                    kept.attempts = delivery.attempts.saturating_add(1);
                    kept.due_at = again_in.map(|wait| schedule::later(now, wait));
                    kept.last_status = status;
                    kept.last_error = Some(error);
                }
            }
        }
    }

    fn standing(&self) -> OutboxStanding {
        let mut webhooks: BTreeMap<&str, WebhookStanding> = BTreeMap::new();
        let blank = |webhook: &str| WebhookStanding {
            webhook: webhook.to_owned(),
            waiting: 0,
            failed: 0,
            oldest: None,
            off: self.off.get(webhook).cloned(),
        };
        for webhook in self.off.keys() {
            webhooks.insert(webhook, blank(webhook));
        }
        for ((webhook, ..), delivery) in &self.deliveries {
            let standing = webhooks.entry(webhook).or_insert_with(|| blank(webhook));
            if delivery.due_at.is_some() {
                standing.waiting += 1;
                let at = delivery.message.at;
                standing.oldest = Some(standing.oldest.map_or(at, |oldest| oldest.min(at)));
            } else {
                standing.failed += 1;
            }
        }
        OutboxStanding {
            notices: self.notices.len() as u64,
            oldest: self.notices.values().map(|(_, notice)| notice.at).min(),
            webhooks: webhooks.into_values().collect(),
        }
    }
}

fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn is_meant(which: &Which, delivery: &Delivery) -> bool {
    let message = &delivery.message;
    which.webhook.as_ref().is_none_or(|webhook| *webhook == message.webhook)
        && which.id.is_none_or(|id| id == message.id)
        && (!which.failed || delivery.due_at.is_none())
}

#[async_trait]
impl Outbox for MemoryLedger {
    async fn claim_notices(&self, limit: u32, lease: Duration) -> Result<Vec<Notice>, LedgerError> {
        let now = self.time();
        Ok(self.store().outbox.claim_notices(limit, now, schedule::later(now, lease)))
    }

    async fn settle_notices(
        &self,
        told: &[(InvoiceKey, u32)],
        deliveries: Vec<NewDelivery>,
    ) -> Result<(), LedgerError> {
        let now = self.time();
        self.store().outbox.settle(told, deliveries, now);
        Ok(())
    }

    async fn claim_deliveries(
        &self,
        webhook: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let now = self.time();
        Ok(self.store().outbox.claim_deliveries(webhook, limit, now, schedule::later(now, lease)))
    }

    async fn record_deliveries(&self, attempted: Vec<(Delivery, Attempted)>) -> Result<(), LedgerError> {
        let now = self.time();
        let mut store = self.store();
        for (delivery, attempted) in attempted {
            store.outbox.record(delivery, attempted, now);
        }
        Ok(())
    }

    async fn deliveries(&self, which: &Which, limit: u32) -> Result<Vec<Delivery>, LedgerError> {
        let store = self.store();
        let kept = store.outbox.deliveries.values();
        let mut meant: Vec<Delivery> = kept.filter(|delivery| is_meant(which, delivery)).cloned().collect();
        meant.sort_by_key(|delivery| (delivery.message.at, delivery.message.key, delivery.message.version));
        meant.truncate(most(limit));
        Ok(meant)
    }

    async fn resend(&self, which: &Which, by: Actor) -> Result<u64, LedgerError> {
        let now = self.time();
        let mut store = self.store();
        let mut count = 0;
        for delivery in store.outbox.deliveries.values_mut().filter(|delivery| is_meant(which, delivery)) {
            delivery.attempts = 0;
            delivery.due_at = Some(now);
            delivery.asked = Some(by.clone());
            count += 1;
        }
        Ok(count)
    }

    async fn switch_webhook(
        &self,
        webhook: &str,
        off: bool,
        _by: Option<&str>,
        reason: &str,
    ) -> Result<bool, LedgerError> {
        let now = self.time();
        let switches = &mut self.store().outbox.off;
        if switches.contains_key(webhook) == off {
            return Ok(false);
        }
        if off {
            switches.insert(webhook.to_owned(), (now, reason.to_owned()));
        } else {
            switches.remove(webhook);
        }
        Ok(true)
    }

    async fn outbox_standing(&self) -> Result<OutboxStanding, LedgerError> {
        Ok(self.store().outbox.standing())
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, LedgerError> {
        let mut store = self.store();
        let kept = store.outbox.deliveries.len();
        store.outbox.deliveries.retain(|_, delivery| delivery.message.at >= before);
        Ok((kept - store.outbox.deliveries.len()) as u64)
    }
}
