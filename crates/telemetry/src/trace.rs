//! W3C trace context in and out of spans: one trace from publish to cleared.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The `traceparent` of the current span; none when nothing is traced.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove("traceparent")
}

/// Makes `span` a child of whoever wrote this `traceparent`. What cannot be read is passed over.
pub fn adopt_parent(span: &Span, traceparent: Option<&str>) {
    if let Some(traceparent) = traceparent {
        let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        // Without a tracing layer there is no trace to join: nothing to do.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    }
}
