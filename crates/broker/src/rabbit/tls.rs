//! Whom an encrypted connection trusts: the system's authorities, and those of a file of one's own.

use std::path::Path;

use lapin::Connection;
use lapin::ConnectionProperties;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;

use super::fault;
use crate::BrokerError;

/// Read at every connection, so that a file that is renewed is used from then on.
pub(super) async fn trusting(extra_ca: Option<&Path>) -> Result<OwnedTLSConfig, BrokerError> {
    let Some(path) = extra_ca else { return Ok(OwnedTLSConfig::default()) };
    let unfit = |reason: String| BrokerError::Unfit(format!("broker.extra_ca {}: {reason}", path.display()));
    let pem = tokio::fs::read_to_string(path).await.map_err(|error| unfit(error.to_string()))?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(unfit("it holds no certificate in PEM form".to_owned()));
    }
    Ok(OwnedTLSConfig { identity: None, cert_chain: Some(pem) })
}

/// One connection.
pub(super) async fn connect(
    node: &AMQPUri,
    properties: ConnectionProperties,
    extra_ca: Option<&Path>,
) -> Result<Connection, BrokerError> {
    let runtime =
        lapin::runtime::default_runtime().map_err(|error| BrokerError::Unavailable(error.to_string()))?;
    let trust = trusting(extra_ca).await?;
    let connected = Connection::connect_uri_with_config(node.clone(), properties, trust, runtime).await;
    connected.map_err(|error| fault::broker_error(&error))
}
