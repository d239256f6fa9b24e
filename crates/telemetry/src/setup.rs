//! Wiring of logs, traces and metrics at start, and flushing them at the end.

use std::io::IsTerminal;
use std::path::PathBuf;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::otlp;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What can be set about telemetry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Filter directives, such as `info` or `submitter=debug,info`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Base address of an OTLP/HTTP collector, such as `http://localhost:4318`. None: nothing is exported.
    pub otlp_endpoint: Option<String>,
    /// A PEM file of a private certificate authority to trust besides the system's, for `https` there.
    pub otlp_extra_ca: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: LogFormat::Text, otlp_endpoint: None, otlp_extra_ca: None }
    }
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The filter directives cannot be read.
    #[error("telemetry.log: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be built.
    #[error("telemetry.otlp_endpoint: {0}")]
    Otlp(String),
    /// The private authority cannot be used.
    #[error("telemetry.otlp_extra_ca {}: {reason}", file.display())]
    OtlpCa {
        /// Where it was looked for.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Metrics cannot be exposed.
    #[error("metrics: {0}")]
    Metrics(String),
    /// It was set up before in this process.
    #[error("telemetry is set up already")]
    Twice,
}

/// Running telemetry. Shut it down before the process ends, or the last spans are lost.
pub struct Telemetry {
    registry: prometheus::Registry,
    meters: SdkMeterProvider,
    tracer: Option<SdkTracerProvider>,
}

/// Starts logs (on standard error), metrics, and, when an end point is set, export of traces and metrics.
///
/// # Errors
/// [`SetupError`] says which setting is wrong.
pub fn init(settings: &Settings, role: &str) -> Result<Telemetry, SetupError> {
    let resource = Resource::builder()
        .with_service_name(format!("fawtara-{role}"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let registry = prometheus::Registry::new();
    let reader = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_target_info()
        .build()
        .map_err(|error| SetupError::Metrics(error.to_string()))?;
    let mut meters = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader);
    let mut tracer = None;
    if let Some(endpoint) = &settings.otlp_endpoint {
        let (spans, measures) = otlp::exporters(endpoint, settings.otlp_extra_ca.as_deref())?;
        meters = meters.with_reader(PeriodicReader::builder(measures).build());
        tracer =
            Some(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(spans).build());
    }
    let meters = meters.build();
    global::set_meter_provider(meters.clone());

    // The broker's client logs returned messages with their bodies: invoices do not belong into logs.
    let quiet = if settings.log.contains("lapin") { "" } else { ",lapin=off" };
    let filter = EnvFilter::try_new(format!("{}{quiet}", settings.log))?;
    let mut lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Colour codes are for people's eyes only; on a terminal the layer itself heeds NO_COLOR.
    if !std::io::stderr().is_terminal() {
        lines.set_ansi(false);
    }
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let spans = tracer
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("fawtara")));
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(spans.with_filter(tracing_subscriber::filter::LevelFilter::INFO))
        .try_init()
        .map_err(|_| SetupError::Twice)?;
    Ok(Telemetry { registry, meters, tracer })
}

impl Telemetry {
    /// Where the admin port reads the metrics.
    #[must_use]
    pub fn registry(&self) -> prometheus::Registry {
        self.registry.clone()
    }

    /// Flushes what is left. Blocks for a few seconds at most; call it off the runtime's threads.
    pub fn shutdown(self) {
        if let Some(tracer) = self.tracer {
            let _ = tracer.shutdown();
        }
        let _ = self.meters.shutdown();
    }
}
