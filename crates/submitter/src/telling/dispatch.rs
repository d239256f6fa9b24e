//! From notices to the exchange of events and to the webhooks' deliveries. Sends nothing over HTTP.

use std::time::Duration;

use broker::Announcement;
use invoice::Environment;
use ledger::{NewDelivery, Notice};
use notices::{CloudEvent, InvoiceNotice, NoticeSeller};
use tracing::{error, warn};

use super::{More, Teller};

/// Longer than publishing can take: every confirm has its own time-out.
const LEASE: Duration = Duration::from_secs(60);

impl Teller<'_> {
    /// Tells of one batch of notices; whether there are more to tell of at once.
    pub(super) async fn dispatch(self) -> More {
        let Self { telling, ledger, broker } = self;
        let exchange = telling.config.exchange;
        if exchange && !broker.health().connected {
            return Ok(false);
        }
        let outbox = ledger.outbox();
        let claimed = outbox.claim_notices(telling.config.batch, LEASE).await?;
        let whole = u32::try_from(claimed.len()).is_ok_and(|count| count >= telling.config.batch);
        let mut events = Vec::with_capacity(claimed.len());
        for notice in claimed {
            let Some(event) = event(&notice) else {
                error!(invoice = %notice.key, state = %notice.state, "a notice of an invoice that has not settled is left alone");
                continue;
            };
            let json = event.to_json();
            events.push((notice, event, json));
        }
        if exchange {
            self.announce(&mut events).await;
        }
        if events.is_empty() {
            return Ok(false);
        }
        let told: Vec<_> = events.iter().map(|(notice, ..)| (notice.key, notice.version)).collect();
        let deliveries = events.iter().flat_map(|(notice, event, json)| {
            let wanting =
                telling.listeners.iter().filter(|listener| listener.wants(&event.event_type, notice));
            wanting.map(|listener| NewDelivery {
                webhook: listener.name.clone(),
                key: notice.key,
                version: notice.version,
                id: event.id,
                event_type: event.event_type.clone(),
                at: notice.at,
                body: json.clone(),
            })
        });
        outbox.settle_notices(&told, deliveries.collect()).await?;
        telemetry::metrics().notices.add(told.len() as u64, &[telemetry::label("result", "told")]);
        Ok(whole)
    }

    /// Announces all of them; keeps only those whose announcement was confirmed.
    async fn announce(self, events: &mut Vec<(Notice, CloudEvent, String)>) {
        let announcement = |(notice, event, json): &(Notice, CloudEvent, String)| Announcement {
            event_type: event.event_type.clone(),
            id: event.id.to_string(),
            payload: json.clone().into(),
            traceparent: notice.traceparent.clone(),
        };
        let results = self.broker.announce(events.iter().map(announcement).collect()).await;
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let failed = results.iter().filter(|result| result.is_err()).count();
            warn!(%error, failed, "events were not published; they will be when their lease has run out");
            telemetry::metrics().notices.add(failed as u64, &[telemetry::label("result", "unconfirmed")]);
        }
        let mut results = results.into_iter();
        events.retain(|_| results.next().is_some_and(|result| result.is_ok()));
    }
}

/// The event that tells of it.
fn event(notice: &Notice) -> Option<CloudEvent> {
    let body = InvoiceNotice {
        uuid: notice.key.uuid,
        number: notice.number.clone(),
        environment: notice.key.environment,
        simulated: notice.key.environment != Environment::Production,
        seller: NoticeSeller {
            tax_number: notice.source.tax_number.clone(),
            income_source: notice.source.sequence.clone(),
        },
        kind: notice.kind,
        state: notice.state,
        version: notice.version,
        document: notice.document,
        icv: notice.icv,
        qr: notice.qr.clone(),
        cause: notice.cause,
        codes: notice.codes.clone(),
        message: notice.message.clone(),
        payable: notice.payable,
        currency: notice.currency.clone(),
    };
    CloudEvent::of(body, notice.at, notice.traceparent.clone())
}
