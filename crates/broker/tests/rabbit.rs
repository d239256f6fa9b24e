//! The RabbitMQ adapter passes the suite, on a virtual host of its own for each case.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use broker::conformance::Harness;
use broker::testing::TestVhost;
use broker::{Broker, Ladder, RabbitBroker, RabbitConfig};

struct OnRabbit {
    vhost: TestVhost,
    broker: Mutex<Option<Arc<RabbitBroker>>>,
}

impl OnRabbit {
    async fn create() -> Self {
        Self { vhost: TestVhost::create().await, broker: Mutex::default() }
    }
}

#[async_trait]
impl Harness for OnRabbit {
    async fn fresh_with(&self, ladder: Ladder) -> Arc<dyn Broker> {
        let config = RabbitConfig { ladder, ..self.vhost.config() };
        let broker = Arc::new(RabbitBroker::connect(config).await.unwrap());
        *self.broker.lock().unwrap() = Some(broker.clone());
        broker
    }

    async fn finish(&self) {
        let broker = self.broker.lock().unwrap().take();
        if let Some(broker) = broker {
            broker.close().await;
        }
    }
}

broker::conformance_suite!(OnRabbit::create().await);
