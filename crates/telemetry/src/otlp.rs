//! The exporters of traces and metrics, and the HTTP client that they share where a private authority vouches for the collector.
//! Knows nothing of what is exported.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use reqwest::Certificate;
use reqwest::blocking::Client;

use crate::setup::SetupError;

/// As long as the exporters' own client waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What sends to the collector at `endpoint`; `extra_ca` is a PEM bundle to trust besides the system's.
pub(crate) fn exporters(
    endpoint: &str,
    extra_ca: Option<&Path>,
) -> Result<(SpanExporter, MetricExporter), SetupError> {
    let base = endpoint.trim_end_matches('/');
    let mut spans = SpanExporter::builder().with_http().with_endpoint(format!("{base}/v1/traces"));
    let mut measures = MetricExporter::builder().with_http().with_endpoint(format!("{base}/v1/metrics"));
    if let Some(file) = extra_ca {
        let client = Arc::new(trusting(file)?);
        spans = spans.with_shared_http_client(client.clone());
        measures = measures.with_shared_http_client(client);
    }
    let failed = |error: opentelemetry_otlp::ExporterBuildError| SetupError::Otlp(error.to_string());
    Ok((spans.build().map_err(failed)?, measures.build().map_err(failed)?))
}

fn trusting(file: &Path) -> Result<Client, SetupError> {
    let unfit = |reason: String| SetupError::OtlpCa { file: file.to_owned(), reason };
    let pem = std::fs::read(file).map_err(|error| unfit(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unfit(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unfit("no certificate in it".to_owned()));
    }
    // It has a runtime of its own, which must not begin within another.
    let built =
        thread::spawn(move || Client::builder().timeout(TIMEOUT).tls_certs_merge(certificates).build());
    match built.join() {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(unfit(error.to_string())),
        Err(_) => Err(unfit("the HTTP client cannot be set up".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused_by_its_name() {
        let empty = std::env::temp_dir().join(format!("fawtara-otlp-{}", std::process::id()));
        std::fs::write(&empty, "شهادة").unwrap();
        for file in [Path::new("nowhere/ca.pem"), &empty] {
            let error = exporters("https://localhost:4318", Some(file)).map(|_| ()).unwrap_err().to_string();
            let named = file.display().to_string();
            assert!(error.contains("telemetry.otlp_extra_ca") && error.contains(&named), "{error}");
        }
        std::fs::remove_file(empty).unwrap();
    }
}
