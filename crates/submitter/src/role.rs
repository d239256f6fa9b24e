//! The submitter's loop: take what there is room for, while the breaker lets it; drain before every stop and pause.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use broker::{BrokerError, Delivery, Queue, Subscription};
use ledger::LedgerError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::breaker::{Admission, Breaker};
use crate::claim::{Claim, Credentials};
use crate::config::Submitter;
use crate::outcome::{Heard, Recorder};
use crate::{housekeeping, send};

/// What the tasks of one submitter share.
pub(crate) struct Desk {
    pub(crate) role: Submitter,
    /// One permit for each request that may be under way; it comes back when its outcome is recorded.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) credentials: Mutex<Credentials>,
    breaker: Mutex<Breaker>,
}

impl Desk {
    pub(crate) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // A poisoned breaker is still a breaker: its fields are plain values.
        self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The longest that a call may last.
    fn longest_call(&self) -> Duration {
        self.role.endpoints.values().map(jofotara::Endpoint::timeout).max().unwrap_or_default()
    }
}

impl Submitter {
    /// Works until `shutdown`; then finishes what is in flight within the time-out and a margin, and gives the rest back.
    ///
    /// # Errors
    /// [`BrokerError::Unfit`] when the broker is not as it must be; outages are waited out.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BrokerError> {
        let desk = Arc::new(Desk {
            room: Arc::new(Semaphore::new(usize::from(self.config.max_in_flight))),
            credentials: Mutex::default(),
            breaker: Mutex::new(Breaker::new(self.config.breaker.clone())),
            role: self,
        });
        let tasks = TaskTracker::new();
        let (heard, outcomes) = mpsc::channel(usize::from(desk.role.config.max_in_flight).max(1) * 2);
        // The recorder outlives the stop of everything else: it ends when the last attempt has been recorded.
        let patience = CancellationToken::new();
        let recorder = tasks.spawn(Recorder::new(Arc::clone(&desk), patience.clone()).run(outcomes));
        let house = tasks.spawn(housekeeping::run(Arc::clone(&desk), shutdown.clone()));
        info!(
            in_flight = desk.role.config.max_in_flight,
            worker = desk.role.worker,
            "the submitter is at work"
        );

        let worked = Shift { desk: Arc::clone(&desk), heard, tasks: tasks.clone(), shutdown }.work().await;
        patience.cancel();
        let _ = recorder.await;
        let _ = house.await;
        info!("the submitter has stopped");
        worked
    }
}

/// One submitter at work.
struct Shift {
    desk: Arc<Desk>,
    heard: mpsc::Sender<Heard>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Shift {
    async fn work(self) -> Result<(), BrokerError> {
        while !self.shutdown.is_cancelled() {
            match self.admission() {
                Admission::Closed(until) => {
                    tokio::select! {
                        biased;
                        () = self.shutdown.cancelled() => {}
                        () = sleep_until(until) => {}
                    }
                }
                Admission::Free | Admission::Probe => self.take().await?,
            }
        }
        Ok(())
    }

    fn admission(&self) -> Admission {
        let mut breaker = self.desk.breaker();
        let admission = breaker.admission(Instant::now());
        telemetry::metrics().breaker.record(breaker.gauge(), &[]);
        admission
    }

    /// Consumes until the breaker opens or the role stops. Then everything is settled and the channel closed, so that
    /// what waits stays ready for others (RabbitMQ 3.10 needs a fresh channel to resume).
    async fn take(&self) -> Result<(), BrokerError> {
        let config = &self.desk.role.config;
        let prefetch = config.max_in_flight.saturating_add(config.max_in_flight / 2).max(1);
        let mut hints = match self.desk.role.broker.subscribe(Queue::ToSubmit, prefetch).await {
            Ok(hints) => hints,
            Err(BrokerError::Unavailable(reason)) => {
                warn!(%reason, "cannot consume yet");
                sleep(Duration::from_secs(1)).await;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        while !self.shutdown.is_cancelled() {
            match self.admission() {
                Admission::Closed(_) => break,
                Admission::Probe => {
                    self.probe(&mut *hints).await;
                    break;
                }
                Admission::Free => {
                    let Some((batch, room)) = self.next(&mut *hints).await else { break };
                    self.submit(batch, room).await;
                }
            }
        }
        self.drain().await;
        hints.close().await;
        Ok(())
    }

    /// The next batch that there is room for.
    async fn next(&self, hints: &mut dyn Subscription) -> Option<(Vec<Delivery>, OwnedSemaphorePermit)> {
        let config = &self.desk.role.config;
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            taken = async {
                let mut room = Arc::clone(&self.desk.room).acquire_owned().await.ok()?;
                let spare = self.desk.room.available_permits().min(config.batch.saturating_sub(1));
                if let Ok(more) = Arc::clone(&self.desk.room).try_acquire_many_owned(u32::try_from(spare).unwrap_or(0)) {
                    room.merge(more);
                }
                let linger = Duration::from_millis(config.linger_ms);
                let batch = hints.next_batch(room.num_permits(), linger).await;
                (!batch.is_empty()).then_some((batch, room))
            } => taken,
        }
    }

    /// Sends one invoice to see whether the authority is back, and waits for what comes of it.
    async fn probe(&self, hints: &mut dyn Subscription) {
        let Ok(room) = Arc::clone(&self.desk.room).acquire_owned().await else { return };
        let batch = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return,
            batch = hints.next_batch(1, Duration::ZERO) => batch,
        };
        if batch.is_empty() {
            return;
        }
        self.desk.breaker().take_probe(Instant::now());
        if self.submit(batch, room).await == 0 {
            self.desk.breaker().return_probe(Instant::now());
        }
        self.drain().await;
    }

    /// Claims a batch and sends what could be claimed; how many that were.
    async fn submit(&self, batch: Vec<Delivery>, room: OwnedSemaphorePermit) -> usize {
        match Claim::new(&self.desk).claim(batch, false).await {
            Ok(claimed) => {
                let mut sent = claimed.attempts.len();
                send::dispatch(&self.desk, &self.tasks, &self.heard, claimed.attempts, room);
                for delivery in claimed.alone {
                    sent += self.alone(delivery).await;
                }
                sent
            }
            Err(error) => {
                self.give_up(&error).await;
                0
            }
        }
    }

    /// An invoice whose lease once ran out in silence goes alone, so that it can harm nothing but itself (promise 14).
    async fn alone(&self, delivery: Delivery) -> usize {
        let all = u32::from(self.desk.role.config.max_in_flight).max(1);
        let Ok(mut room) = Arc::clone(&self.desk.room).acquire_many_owned(all).await else { return 0 };
        match Claim::new(&self.desk).claim(vec![delivery], true).await {
            Ok(claimed) => {
                let sent = claimed.attempts.len();
                if let Some(one) = room.split(1) {
                    send::dispatch(&self.desk, &self.tasks, &self.heard, claimed.attempts, one);
                }
                // The rest of the room stays taken until the one attempt has been recorded.
                let _ = self.desk.room.acquire().await;
                sent
            }
            Err(error) => {
                self.give_up(&error).await;
                0
            }
        }
    }

    /// The ledger is away and the role is stopping, or it refuses: unsettled hints go back with the channel.
    async fn give_up(&self, error: &LedgerError) {
        warn!(%error, "nothing could be claimed; the hints go back to the queue");
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = sleep(Duration::from_secs(1)) => {}
        }
    }

    /// Waits until nothing is in flight, at most the longest call and a margin; leases cover the rest.
    async fn drain(&self) {
        let all = u32::from(self.desk.role.config.max_in_flight).max(1);
        let patience =
            self.desk.longest_call() + Duration::from_millis(self.desk.role.config.drain_margin_ms);
        if timeout(patience, self.desk.room.acquire_many(all)).await.is_err() {
            warn!(
                in_flight =
                    usize::from(self.desk.role.config.max_in_flight) - self.desk.room.available_permits(),
                "attempts still under way are left to their leases"
            );
        }
    }
}
