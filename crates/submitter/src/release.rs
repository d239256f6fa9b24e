//! Returns wait for their originals: what has just settled releases them (promise 10). Beside the recorder, which waits for
//! nobody; knows nothing of outcomes.

use std::sync::Arc;
use std::time::Duration;

use broker::{Hint, Outgoing, Queue, Window};
use invoice::InvoiceKey;
use ledger::Swept;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::desk::{Desk, publish};

/// So many settled invoices may be on their way here; what is beyond that is left to the sweeper.
const ROOM: usize = 8_192;
/// At most so many originals in one query.
const BATCH: usize = 512;
/// A ledger that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The recorder's end.
pub(crate) struct Releases(mpsc::Sender<InvoiceKey>);

impl Releases {
    /// Both ends.
    pub(crate) fn new() -> (Self, mpsc::Receiver<InvoiceKey>) {
        let (settled, receiver) = mpsc::channel(ROOM);
        (Self(settled), receiver)
    }

    /// This invoice has settled. Never waits.
    pub(crate) fn settled(&self, key: InvoiceKey) {
        // No room: the sweeper wakes whoever waits for it.
        let _ = self.0.try_send(key);
    }
}

/// Hints for whoever waits for what settles, until nothing more can.
pub(crate) async fn run(desk: Arc<Desk>, mut settled: mpsc::Receiver<InvoiceKey>) {
    let window = Window::new(Arc::clone(&desk.role.broker), Queue::Draft);
    let mut batch = Vec::with_capacity(BATCH);
    while settled.recv_many(&mut batch, BATCH).await > 0 {
        let found = timeout(PATIENCE, desk.role.ledger.dependants(&batch)).await;
        batch.clear();
        let mut waiting = match found {
            Ok(Ok(waiting)) => waiting,
            Ok(Err(error)) => {
                warn!(%error, "returns that wait were not hinted; the sweeper will make up for it");
                continue;
            }
            Err(_) => {
                warn!("the ledger is slow; returns that wait are left to the sweeper");
                continue;
            }
        };
        if waiting.is_empty() {
            continue;
        }
        info!(count = waiting.len(), "their originals have settled: returns go on");
        window.look().await;
        let parked = waiting.split_off(window.admit(waiting.len()));
        park(&desk, parked).await;
        let hints = waiting.into_iter().map(|Swept { invoice, traceparent }| {
            let payload = Hint::new(invoice.key, invoice.version).to_bytes();
            Outgoing { queue: Queue::Draft, payload, traceparent }
        });
        publish(&desk, hints.collect()).await;
    }
}

/// What finds no room on the encoder's queue is dispatched in turn.
async fn park(desk: &Desk, waiting: Vec<Swept>) {
    let Some(latest) = waiting.iter().map(|swept| swept.invoice.updated_at).max() else { return };
    let keys: Vec<InvoiceKey> = waiting.iter().map(|swept| swept.invoice.key).collect();
    if !matches!(timeout(PATIENCE, desk.role.ledger.park(&keys, latest)).await, Ok(Ok(()))) {
        warn!(
            count = keys.len(),
            "returns that wait were neither hinted nor parked; the sweeper will make up for it"
        );
    }
}
