//! The memory adapter passes the suite.

use std::sync::Arc;

use async_trait::async_trait;
use broker::conformance::Harness;
use broker::{Broker, Ladder, MemoryBroker};

struct InMemory;

#[async_trait]
impl Harness for InMemory {
    async fn fresh_with(&self, ladder: Ladder) -> Arc<dyn Broker> {
        Arc::new(MemoryBroker::new(ladder))
    }
}

broker::conformance_suite!(InMemory);
