//! What can be set about the producer.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use telemetry::KeyHash;
use telemetry::listen::TlsFiles;

/// What can be set about the producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the HTTP intake listens. Anything but loopback needs at least one key.
    pub listen: SocketAddr,
    /// Hashes of bearer keys that may do everything for everybody: `sha256:` and 64 hexadecimal digits. Keys that are made with
    /// `fawtara keys create` stand in the ledger instead, have a scope, and are revoked without a restart.
    pub keys: Vec<KeyHash>,
    /// Certificate and key of the listener; none: HTTP without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
    /// Requests worked on at once, at most; the next one hears 429.
    pub max_requests: usize,
    /// HTTP connections held at once, at most; whoever comes later waits. Each is an open file of the process.
    pub max_connections: usize,
    /// The most events made durable in one round trip.
    pub batch: usize,
    /// How long to gather a batch, milliseconds.
    pub linger_ms: u64,
    /// Whether to take events from the broker's intake queue too.
    pub amqp_intake: bool,
    /// Messages of the intake queue held unsettled at most; the broker lets each be far larger than an event may be.
    pub prefetch: u16,
    /// How long the Post2Tax address waits for the clearance before it says that the same body is to be sent again, milliseconds.
    pub post2tax_wait_ms: u64,
    /// Requests that wait for a clearance at once, at most; the next one is told at once to send its body again.
    pub post2tax_waiting: usize,
    /// The choices that other systems' formats leave.
    pub formats: formats::Settings,
    /// How long clients may take to end their requests when the role is asked to stop, milliseconds.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            keys: Vec::new(),
            tls: None,
            max_requests: 512,
            max_connections: 768,
            batch: 256,
            linger_ms: 2,
            amqp_intake: true,
            prefetch: 64,
            post2tax_wait_ms: 45_000,
            post2tax_waiting: 256,
            formats: formats::Settings::default(),
            drain_ms: 15_000,
        }
    }
}
