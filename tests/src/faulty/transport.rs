//! The road to the authority as a process sees it that may die on it.

use std::sync::Arc;

use async_trait::async_trait;
use jofotara::{Exchange, HttpRequest, Transport};

use super::{Chaos, Sabotage};
use crate::life::Life;

/// A transport that ends with its process. What goes wrong on the road is the simulated authority's business.
pub struct FaultyTransport {
    inner: Arc<dyn Transport>,
    chaos: Arc<Chaos>,
    life: Life,
}

impl FaultyTransport {
    pub(super) fn new(inner: Arc<dyn Transport>, chaos: Arc<Chaos>, life: Life) -> Self {
        Self { inner, chaos, life }
    }
}

#[async_trait]
impl Transport for FaultyTransport {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        self.life.step().await;
        let exchange = self.life.live(self.inner.exchange(request.clone())).await;
        let unheard = matches!(exchange, Exchange::Lost { .. });
        if unheard && self.chaos.sabotage() == Some(Sabotage::SentTwice) {
            return self.life.live(self.inner.exchange(request)).await;
        }
        self.life.step().await;
        exchange
    }
}
