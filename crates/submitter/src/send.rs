//! Sending: one task for each attempt, whose only effect is the POST and a report of what was heard.

use std::sync::Arc;
use std::time::Duration;

use jofotara::{Exchange, Sent, Verdict, interpret};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

use crate::claim::Attempt;
use crate::desk::Desk;
use crate::outcome::Heard;
use crate::pace::Call;

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
        desk.note_call(attempt.endpoint.timeout());
        let desk = Arc::clone(desk);
        let heard = heard.clone();
        tasks.spawn(
            async move {
                let mut attempt = attempt;
                let margin = Duration::from_millis(desk.role.config.lease_margin_ms);
                let sent = Instant::now();
                let is_covered = attempt.slot.is_covered(sent);
                let (verdict, call) = if attempt.started.elapsed() < margin && is_covered {
                    let Attempt { invoice, endpoint, xml, .. } = &attempt;
                    let (number, uuid) = (&invoice.number, &invoice.key.uuid);
                    let verdict = desk.role.client.submit(endpoint, number, uuid, xml.clone()).await;
                    attempt.slot.end();
                    let call = Call { started: sent, latency: sent.elapsed(), busy: attempt.slot.is_busy() };
                    (verdict, Some(call))
                } else {
                    (too_late(&attempt, is_covered), None)
                };
                // The recorder is gone only when the role was torn down by force: then the lease takes over.
                let _ = heard.send(Heard { attempt, verdict, call, permit }).await;
            }
            .instrument(span),
        );
    }
}

/// The claim took so long to commit, or this process stood still for so long, that the lease might run out during the
/// call: somebody else may send it by then, and its content may have been amended. Or the share in what the fleet may send
/// has run out.
fn too_late(attempt: &Attempt, is_covered: bool) -> Verdict {
    let reason = if is_covered {
        "the claim took so long that its lease would not cover the call"
    } else {
        "this process could not renew its share of what the fleet may send"
    };
    let reason = reason.to_owned();
    let Attempt { invoice, xml, endpoint, .. } = attempt;
    let sent =
        Sent { number: &invoice.number, uuid: &invoice.key.uuid, xml, credentials: endpoint.credentials() };
    interpret(&Exchange::NotSent { reason }, &sent)
}
