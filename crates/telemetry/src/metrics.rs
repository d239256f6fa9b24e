//! The names of everything that is counted. Never a UUID or a tax number as a label.

use std::sync::OnceLock;

use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};

/// The instruments of the fleet. Prometheus appends `_total` to counters and the unit to the rest.
#[derive(Debug)]
pub struct Metrics {
    /// Invoice events taken in, by `via` and `result`.
    pub intake: Counter<u64>,
    /// Transitions of the life cycle, by `event` and `state`.
    pub transitions: Counter<u64>,
    /// Seconds from acceptance to clearance.
    pub time_to_clear: Histogram<f64>,
    /// Seconds of one call of the authority, by `outcome`.
    pub authority_duration: Histogram<f64>,
    /// Hints by `queue` and `result`: ok, failed, or passed over for the sweeper.
    pub hints: Counter<u64>,
    /// Size of the batches worked on, by `role`.
    pub batch_size: Histogram<u64>,
    /// Requests at the authority right now, by `endpoint`.
    pub in_flight: Gauge<u64>,
    /// 0 closed, 1 half open, 2 open, by `endpoint`.
    pub breaker: Gauge<u64>,
    /// Requests at once that an `endpoint` seems to bear from this process.
    pub pace_limit: Gauge<u64>,
    /// This process's share of what the whole fleet may have under way at an `endpoint`.
    pub share_granted: Gauge<u64>,
    /// Pairs of credentials that the authority refuses, and income sources that it refuses with a sound pair.
    pub credentials_stopped: Gauge<u64>,
    /// Invoices by `state` and `cause`, from the ledger.
    pub standing: Gauge<u64>,
    /// Seconds since the last change of the oldest open or dead-lettered invoice, by `state`.
    pub oldest_age: Gauge<f64>,
    /// Open invoices whose time has come and which nobody holds.
    pub past_due: Gauge<u64>,
    /// Invoices in doubt.
    pub in_doubt: Gauge<u64>,
    /// Seconds that the oldest doubt has lasted.
    pub oldest_doubt: Gauge<f64>,
    /// What waits for a role, by `stage` (intake, encode, submit): on its queue, or due and in the ledger alone.
    pub work_waiting: Gauge<u64>,
    /// Ready messages by `queue`.
    pub queue_depth: Gauge<u64>,
    /// Deliveries that this process holds and has not settled.
    pub deliveries_held: Gauge<u64>,
    /// How often the connection to the broker was rebuilt.
    pub broker_rebuilt: Gauge<u64>,
    /// Notices of settled invoices, by `result`: told, or unconfirmed by the broker.
    pub notices: Counter<u64>,
    /// Notices that are still to be told.
    pub notices_waiting: Gauge<u64>,
    /// Attempts at webhooks, by `webhook` and `result`: heard, unheard, given up.
    pub webhook_attempts: Counter<u64>,
    /// Messages kept for webhooks, by `webhook` and `state`: waiting, failed.
    pub webhook_messages: Gauge<u64>,
}

/// A label of a measurement; low in cardinality.
pub type Label = KeyValue;

/// Makes a label.
#[must_use]
pub fn label(name: &'static str, value: &'static str) -> Label {
    KeyValue::new(name, value)
}

/// Makes a label whose value is known only at run time; the caller keeps it low in cardinality.
#[must_use]
pub fn owned_label(name: &'static str, value: String) -> Label {
    KeyValue::new(name, value)
}

/// The instruments, made on first use (after [`crate::init`], or they count for nobody).
pub fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| {
        let meter = global::meter("fawtara");
        let seconds = vec![0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0];
        Metrics {
            intake: meter.u64_counter("fawtara_intake").build(),
            transitions: meter.u64_counter("fawtara_transitions").build(),
            time_to_clear: meter
                .f64_histogram("fawtara_time_to_clear")
                .with_unit("s")
                .with_boundaries(seconds.clone())
                .build(),
            authority_duration: meter
                .f64_histogram("fawtara_authority_duration")
                .with_unit("s")
                .with_boundaries(seconds)
                .build(),
            hints: meter.u64_counter("fawtara_hints").build(),
            batch_size: meter
                .u64_histogram("fawtara_batch_size")
                .with_boundaries(vec![1.0, 4.0, 16.0, 64.0, 256.0, 1024.0])
                .build(),
            in_flight: meter.u64_gauge("fawtara_in_flight").build(),
            breaker: meter.u64_gauge("fawtara_breaker_state").build(),
            pace_limit: meter.u64_gauge("fawtara_pace_limit").build(),
            share_granted: meter.u64_gauge("fawtara_share_granted").build(),
            credentials_stopped: meter.u64_gauge("fawtara_credentials_stopped").build(),
            standing: meter.u64_gauge("fawtara_invoices").build(),
            oldest_age: meter.f64_gauge("fawtara_oldest_age").with_unit("s").build(),
            past_due: meter.u64_gauge("fawtara_past_due").build(),
            in_doubt: meter.u64_gauge("fawtara_in_doubt").build(),
            oldest_doubt: meter.f64_gauge("fawtara_oldest_doubt_age").with_unit("s").build(),
            work_waiting: meter.u64_gauge("fawtara_work_waiting").build(),
            queue_depth: meter.u64_gauge("fawtara_queue_depth").build(),
            deliveries_held: meter.u64_gauge("fawtara_deliveries_held").build(),
            broker_rebuilt: meter.u64_gauge("fawtara_broker_rebuilt").build(),
            notices: meter.u64_counter("fawtara_notices").build(),
            notices_waiting: meter.u64_gauge("fawtara_notices_waiting").build(),
            webhook_attempts: meter.u64_counter("fawtara_webhook_attempts").build(),
            webhook_messages: meter.u64_gauge("fawtara_webhook_messages").build(),
        }
    })
}
