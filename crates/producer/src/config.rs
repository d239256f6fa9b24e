//! What can be set about the producer, and which income sources it takes events for.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use invoice::event::Family;
use invoice::{Environment, IncomeSource};
use serde::{Deserialize, Serialize};
use telemetry::KeyHash;

/// What the producer must know of an income source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Where its invoices go.
    pub environment: Environment,
    /// The family that the seller is registered for; the authority refuses any other. None: every family is taken.
    pub family: Option<Family>,
}

/// The income sources that are configured.
pub type Sources = BTreeMap<IncomeSource, Registration>;

/// What can be set about the producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the HTTP intake listens. Anything but loopback needs at least one key.
    pub listen: SocketAddr,
    /// Hashes of the bearer keys that may publish: `sha256:` and 64 hexadecimal digits.
    pub keys: Vec<KeyHash>,
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
    /// How long clients may take to end their requests when the role is asked to stop, milliseconds.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            keys: Vec::new(),
            max_requests: 512,
            max_connections: 768,
            batch: 256,
            linger_ms: 2,
            amqp_intake: true,
            prefetch: 64,
            drain_ms: 15_000,
        }
    }
}
