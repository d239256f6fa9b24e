//! Sending: one task for each attempt, whose only effect is the POST and a report of what was heard.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jofotara::{Exchange, Sent, Verdict, interpret};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

use crate::claim::Attempt;
use crate::desk::Desk;
use crate::outcome::Heard;

/// Sends all of them at once; each takes one permit of `room` with it, what is left over is free again.
pub(crate) fn dispatch(
    desk: &Arc<Desk>,
    tasks: &TaskTracker,
    heard: &mpsc::Sender<Heard>,
    attempts: Vec<Attempt>,
    mut room: OwnedSemaphorePermit,
) {
    for attempt in attempts {
        let Some(permit) = room.split(1) else {
            // There were as many permits as deliveries. Were it not so, the lease would bring the attempt back.
            tracing::error!(invoice = %attempt.invoice.key, "an attempt without a permit is left to its lease");
            continue;
        };
        let span = info_span!(
            "submit",
            otel.kind = "client",
            invoice = %attempt.invoice.key,
            attempt = attempt.invoice.attempt
        );
        telemetry::adopt_parent(&span, attempt.delivery.traceparent.as_deref());
        let timeout_ms = u64::try_from(attempt.endpoint.timeout().as_millis()).unwrap_or(u64::MAX);
        desk.longest_call_ms.fetch_max(timeout_ms, Ordering::Relaxed);
        let desk = Arc::clone(desk);
        let heard = heard.clone();
        tasks.spawn(
            async move {
                let client = &desk.role.client;
                let invoice = &attempt.invoice;
                let margin = Duration::from_millis(desk.role.config.lease_margin_ms);
                let verdict = if attempt.started.elapsed() < margin {
                    client
                        .submit(&attempt.endpoint, &invoice.number, &invoice.key.uuid, attempt.xml.clone())
                        .await
                } else {
                    too_late(&attempt)
                };
                // The recorder is gone only when the role was torn down by force: then the lease takes over.
                let _ = heard.send(Heard { attempt, verdict, permit }).await;
            }
            .instrument(span),
        );
    }
    let busy = usize::from(desk.role.config.max_in_flight).saturating_sub(desk.room.available_permits());
    telemetry::metrics().in_flight.record(busy as u64, &[]);
}

/// The claim took so long to commit, or this process stood still for so long, that the lease might run out during the
/// call: somebody else may send it by then, and its content may have been amended.
fn too_late(attempt: &Attempt) -> Verdict {
    let reason = "the claim took so long that its lease would not cover the call".to_owned();
    let Attempt { invoice, xml, endpoint, .. } = attempt;
    let sent =
        Sent { number: &invoice.number, uuid: &invoice.key.uuid, xml, credentials: endpoint.credentials() };
    interpret(&Exchange::NotSent { reason }, &sent)
}
