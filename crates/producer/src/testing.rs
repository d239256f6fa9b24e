//! For this room's tests: events of one shop, an intake over memory, and a broker with moods.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use broker::{
    Announcement, Broker, BrokerError, Health, MemoryBroker, Outgoing, PublishError, Queue, Subscription,
};
use invoice::{Environment, IncomeSource, Profile, Registration, Timestamp};
use ledger::{KeyRing, Live, MemoryLedger, Registrations, Schedule, unchanging};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::intake::Intake;

/// The `n`-th event.
pub(crate) fn event(n: u64) -> Value {
    json!({
        "schema_version": 1,
        "uuid": Uuid::from_u128(0x0fa7_0000_0000_4000_8000_0000_0000_0000 | u128::from(n)),
        "family": "income",
        "payment": "cash",
        "number": format!("ف-{n:06}"),
        "issue_date": "2026-11-20",
        "seller": { "tax_number": "11111111", "income_source": "1001001", "name": "متجر الياسمين" },
        "lines": [{ "name": "خبز عربي", "quantity": "2", "unit_price": "3.250", "discount": "0.5" }]
    })
}

/// An intake over memory that knows the shop.
pub(crate) fn intake(broker: Arc<dyn Broker>) -> Intake {
    let source = IncomeSource { tax_number: "11111111".to_owned(), sequence: "1001001".to_owned() };
    let registration = Registration {
        environment: Environment::Simulation,
        family: None,
        icv_start: 1,
        profile: Profile::default(),
        active: true,
    };
    let ledger = MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default());
    let registrations = unchanging(Registrations::from_iter([(source, registration)]));
    Intake { ledger: Arc::new(ledger), broker, registrations, gate: crate::gate::Gate::open() }
}

/// Keys as long as none was ever made.
pub(crate) fn nobody() -> Live<KeyRing> {
    unchanging(KeyRing::default())
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A broker that can be away, or never confirm.
#[derive(Default)]
pub(crate) struct Moody {
    pub(crate) inner: MemoryBroker,
    /// There is no connection.
    pub(crate) away: AtomicBool,
    /// Publishing waits for ever.
    pub(crate) mute: AtomicBool,
    /// How many subscriptions fail before one succeeds.
    pub(crate) late: AtomicU32,
    /// Calls of publish.
    pub(crate) calls: AtomicU32,
}

#[async_trait]
impl Broker for Moody {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.mute.load(Ordering::Relaxed) || self.away.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        self.inner.publish(batch).await
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        self.inner.announce(batch).await
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        let late = self.late.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if late.is_ok() {
            return Err(BrokerError::Unavailable("not there yet".to_owned()));
        }
        self.inner.subscribe(queue, prefetch).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.inner.depth(queue).await
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.inner.purge(queue).await
    }

    fn health(&self) -> Health {
        Health { connected: !self.away.load(Ordering::Relaxed), ..Health::default() }
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
