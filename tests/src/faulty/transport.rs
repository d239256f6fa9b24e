//! The road to the authority as a process sees it that may die on it, find it closed, or give up a request that still arrives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jofotara::{Exchange, HttpRequest, Transport};
use tokio::time::sleep;

use super::{Chaos, Closed, Sabotage};
use crate::life::Life;

/// A transport that ends with its process. What goes wrong with the answer is the simulated authority's business.
pub struct FaultyTransport {
    inner: Arc<dyn Transport>,
    chaos: Arc<Chaos>,
    life: Life,
}

impl FaultyTransport {
    pub(super) fn new(inner: Arc<dyn Transport>, chaos: Arc<Chaos>, life: Life) -> Self {
        Self { inner, chaos, life }
    }

    async fn send(&self, request: HttpRequest) -> Exchange {
        match request.header("client-id").and_then(|client_id| self.chaos.closed_to(client_id)) {
            Some(Closed::Refused) => {
                return Exchange::NotSent { reason: "connection refused: this road is cut".to_owned() };
            }
            Some(Closed::Hanging) => return self.hear_nothing(request.timeout()).await,
            None => {}
        }
        if self.chaos.strikes(|weather| weather.request_late) {
            return self.give_up(request).await;
        }
        self.life.live(self.inner.exchange(request)).await
    }

    /// Nothing is heard within the time-out; but what stood in some buffer arrives after that.
    async fn give_up(&self, request: HttpRequest) -> Exchange {
        let timeout = request.timeout();
        let wait = timeout + Duration::from_millis(self.chaos.up_to(|weather| weather.late_ms));
        let (inner, chaos) = (Arc::clone(&self.inner), Arc::clone(&self.chaos));
        tokio::spawn(async move {
            sleep(wait).await;
            chaos.late_requests.fetch_add(1, Ordering::Relaxed);
            inner.exchange(request).await
        });
        self.hear_nothing(timeout).await
    }

    async fn hear_nothing(&self, timeout: Duration) -> Exchange {
        self.life.live(sleep(timeout)).await;
        Exchange::Lost { reason: "no answer came in time".to_owned() }
    }
}

#[async_trait]
impl Transport for FaultyTransport {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        self.life.step().await;
        let bug = self.chaos.sabotage();
        let exchange = self.send(request.clone()).await;
        let exchange = match (bug, exchange) {
            (Some(Sabotage::SentTwice), Exchange::Lost { .. }) => self.send(request).await,
            (Some(Sabotage::DoubtForgotten), Exchange::Lost { reason }) => Exchange::NotSent { reason },
            (Some(Sabotage::AnyDocumentBelieved), Exchange::Answered { status, retry_after, body }) => {
                Exchange::Answered { status, retry_after, body: without_document(&body) }
            }
            (_, exchange) => exchange,
        };
        self.life.step().await;
        exchange
    }
}

/// The same answer as if the authority had left out the document that it holds.
fn without_document(body: &Bytes) -> Bytes {
    let Ok(serde_json::Value::Object(mut answer)) = serde_json::from_slice(body) else { return body.clone() };
    answer.remove("EINV_SINGED_INVOICE");
    serde_json::to_vec(&answer).map_or_else(|_| body.clone(), Bytes::from)
}
