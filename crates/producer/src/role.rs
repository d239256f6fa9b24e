//! The producer's wiring: listener, batcher, AMQP intake, and their common end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::BrokerError;
use ledger::{KeyRing, Live};
use telemetry::listen::{self, Patience, Tls, TlsError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::amqp;
use crate::batcher::Batcher;
use crate::batcher::pulse::Pulse;
use crate::config::Config;
use crate::http::{Api, Door, router};
use crate::intake::Intake;

/// The role, its listener bound but not yet serving.
pub struct Producer {
    intake: Intake,
    config: Config,
    keys: Live<KeyRing>,
    tls: Option<Tls>,
    listener: TcpListener,
    pulse: Pulse,
}

/// Why a producer cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// Anybody could publish.
    #[error(
        "producer.listen is {0}, which others can reach: make a key with `fawtara keys create` (or configure one as producer.keys), or listen on 127.0.0.1"
    )]
    Unguarded(SocketAddr),
    /// The address cannot be had.
    #[error("producer.listen {address} cannot be had")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("producer.{0}")]
    Tls(#[from] TlsError),
    /// The broker is not as it must be.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Producer {
    /// [`Producer::bind_with`], without any key of the ledger.
    ///
    /// # Errors
    /// As for that one.
    pub async fn bind(intake: Intake, config: Config) -> Result<Self, ProducerError> {
        Self::bind_with(intake, config, ledger::unchanging(KeyRing::default())).await
    }

    /// Binds the listener; whoever has one of `keys` comes in, and who is named by one publishes over AMQP. Anything but loopback needs at least one key (promise 12).
    ///
    /// # Errors
    /// [`ProducerError::Unguarded`], [`ProducerError::Tls`] or [`ProducerError::Listen`].
    pub async fn bind_with(
        intake: Intake,
        config: Config,
        keys: Live<KeyRing>,
    ) -> Result<Self, ProducerError> {
        let address = config.listen;
        if !address.ip().is_loopback() && config.keys.is_empty() && !keys.borrow().guards() {
            return Err(ProducerError::Unguarded(address));
        }
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let listener =
            TcpListener::bind(address).await.map_err(|source| ProducerError::Listen { address, source })?;
        Ok(Self { intake, config, keys, tls, listener, pulse: Pulse::default() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.config.listen)
    }

    /// Whether its commits come to an end, for readiness.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Works until `shutdown`: then takes nothing new, answers what it has, and ends.
    ///
    /// # Errors
    /// A broker that is not as it must be.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ProducerError> {
        info!(address = %self.address(), "the producer is at work");
        let linger = Duration::from_millis(self.config.linger_ms);
        let closed = CancellationToken::new();
        let (batcher, driver) =
            Batcher::felt_by(self.pulse, self.intake.clone(), self.config.batch, linger, closed.clone());
        let door = Door::new(self.config.keys.clone(), self.keys.clone(), self.config.listen);
        let api = Api::new(self.intake.clone(), batcher, &self.config, shutdown.clone()).guarded_by(door);
        let drain = Duration::from_millis(self.config.drain_ms);
        let patience = Patience::new(self.config.max_connections, drain);
        let serve = async {
            let routes = router(Arc::new(api));
            listen::serve(self.listener, routes, patience, self.tls, &shutdown).await;
            closed.cancel();
        };
        let amqp = async {
            if self.config.amqp_intake {
                let worked = amqp::run(&self.intake, &self.config, &self.keys, &shutdown).await;
                if worked.is_err() {
                    // The role is one: its other half must not go on as if nothing had happened.
                    shutdown.cancel();
                }
                worked
            } else {
                Ok(())
            }
        };
        // The driver ends when nothing is served any more, and whatever was offered is answered.
        let ((), consumed, ()) = tokio::join!(serve, amqp, driver);
        consumed?;
        info!("the producer has stopped");
        Ok(())
    }
}
