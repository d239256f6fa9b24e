use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use broker::{Announcement, Health, MemoryBroker, PublishError};
use invoice::{Environment, Timestamp};
use ledger::{MemoryLedger, Registrations, Schedule, unchanging};
use tokio::time::{Instant, sleep};

use super::*;
use crate::DocumentEncoder;

fn key(n: u128) -> InvoiceKey {
    InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(n) }
}

#[tokio::test]
async fn a_damaged_invoice_harms_only_itself() {
    for error in [LedgerError::Corrupt, LedgerError::Refused] {
        let encode = async |keys: Vec<InvoiceKey>| {
            if keys.contains(&key(5)) {
                return Err(error("its content is damaged".to_owned()));
            }
            Ok(keys.iter().map(|_| EncodeOutcome::Skipped(None)).collect())
        };
        let outcomes = split((0..16).map(key).collect(), &CancellationToken::new(), encode).await.unwrap();
        assert_eq!(outcomes.len(), 15);
    }
}

/// A broker that lets nobody consume at first, and has no connection to publish on.
struct Late {
    inner: MemoryBroker,
    left: AtomicU32,
}

#[async_trait]
impl Broker for Late {
    async fn publish(&self, _: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        std::future::pending().await
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        self.inner.announce(batch).await
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => Err(BrokerError::Unavailable("not there yet".to_owned())),
            Err(_) => self.inner.subscribe(queue, prefetch).await,
        }
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.inner.depth(queue).await
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.inner.purge(queue).await
    }

    fn health(&self) -> Health {
        Health::default()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

fn encoder(late: u32) -> Encoder {
    let ledger = MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default());
    Encoder {
        ledger: Arc::new(ledger),
        broker: Arc::new(Late { inner: MemoryBroker::default(), left: AtomicU32::new(late) }),
        documents: Arc::new(DocumentEncoder::new(unchanging(Registrations::default()))),
        config: Config::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_broker_is_waited_for() {
    let shutdown = CancellationToken::new();
    let start = Instant::now();
    assert!(encoder(3).subscribe(&shutdown).await.unwrap().is_some());
    assert_eq!(start.elapsed(), PAUSE * 3);
    let stopping = async {
        sleep(PAUSE * 10).await;
        shutdown.cancel();
    };
    let late = encoder(u32::MAX);
    let (ran, ()) = tokio::join!(late.run(shutdown.clone()), stopping);
    ran.unwrap();
}

#[tokio::test(start_paused = true)]
async fn hints_wait_for_no_broker_that_is_away() {
    let start = Instant::now();
    let hint =
        Outgoing { queue: Queue::ToSubmit, payload: Hint::new(key(1), 2).to_bytes(), traceparent: None };
    encoder(0).publish(vec![hint]).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}
