//! The submitter's loop: take what there is room for, while the breaker lets it; drain before every stop and pause.

use std::sync::Arc;
use std::time::Duration;

use broker::{BrokerError, Delivery, Queue, Subscription};
use ledger::LedgerError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::breaker::Admission;
use crate::claim::Claim;
use crate::config::Submitter;
use crate::desk::Desk;
use crate::outcome::{Heard, Recorder};
use crate::rest::Rest;
use crate::{housekeeping, send, share};

const A_SECOND: Duration = Duration::from_secs(1);
/// Whoever may send nothing for so long leaves what waits to others.
const WITHOUT_SHARE: Duration = Duration::from_secs(3);

/// How long the recorder may take to end when nothing more is waited for.
const LAST_WORD: Duration = Duration::from_secs(1);

impl Submitter {
    /// Works until `shutdown`; then finishes what is in flight within the time-out and a margin, and gives the rest back.
    ///
    /// # Errors
    /// [`BrokerError::Unfit`] when the broker is not as it must be; outages are waited out.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BrokerError> {
        let desk = Arc::new(Desk::new(self));
        let tasks = TaskTracker::new();
        let (heard, outcomes) = mpsc::channel(usize::from(desk.role.config.max_in_flight).max(1) * 2);
        // The recorder outlives the stop of everything else: it ends when the last attempt has been recorded.
        let patience = CancellationToken::new();
        let mut recorder = tasks.spawn(Recorder::run(Arc::clone(&desk), patience.clone(), outcomes));
        // Ends with the role, however that ends.
        let stop = shutdown.child_token();
        let _end = stop.clone().drop_guard();
        let mut house = tasks.spawn(housekeeping::run(Arc::clone(&desk), stop.clone()));
        let mut sharing = tasks.spawn(share::run(Arc::clone(&desk), stop.clone()));
        info!(
            in_flight = desk.role.config.max_in_flight,
            worker = desk.role.worker,
            "the submitter is at work"
        );

        let overdue = desk.overdue(shutdown.clone());
        let shift = Shift { desk: Arc::clone(&desk), heard, tasks: tasks.clone(), shutdown };
        let worked = tokio::select! {
            biased;
            worked = shift.work() => worked,
            // Neither ends by itself: whatever brought it down, going on without it would lose outcomes, or never sweep.
            _ = &mut recorder => Err(broken("the recorder of outcomes")),
            () = early_end(&mut house, &stop) => Err(broken("housekeeping")),
            () = early_end(&mut sharing, &stop) => Err(broken("the renewal of shares")),
            () = overdue => {
                warn!("not everything could be finished in time; leases cover what is left");
                Ok(())
            }
        };
        stop.cancel();
        patience.cancel();
        // It may be in the middle of a call to a ledger that is away.
        if !recorder.is_finished() && timeout(LAST_WORD, recorder).await.is_err() {
            warn!("the last outcomes could not be recorded; leases will bring their invoices back");
        }
        if !house.is_finished() {
            let _ = timeout(LAST_WORD, house).await;
        }
        // No renewal may come after the share was given back.
        if sharing.is_finished() || timeout(LAST_WORD, sharing).await.is_ok() {
            share::leave(&desk, LAST_WORD).await;
        }
        info!("the submitter has stopped");
        worked
    }
}

/// Resolves when a task has ended that nobody had asked to end.
async fn early_end(task: &mut JoinHandle<()>, stop: &CancellationToken) {
    let _ = task.await;
    if stop.is_cancelled() {
        std::future::pending::<()>().await;
    }
}

fn broken(task: &str) -> BrokerError {
    BrokerError::Unfit(format!("{task} ended without being asked to; the submitter must be started again"))
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
            match self.desk.admission() {
                Admission::Closed(until) => {
                    tokio::select! {
                        biased;
                        () = self.shutdown.cancelled() => {}
                        // A straggler's answer may close it sooner.
                        () = sleep_until(until.min(Instant::now() + A_SECOND)) => {}
                    }
                }
                Admission::Free | Admission::Probe if self.desk.has_share() => self.take().await?,
                Admission::Free | Admission::Probe => {
                    tokio::select! {
                        biased;
                        () = self.shutdown.cancelled() => {}
                        () = self.desk.lanes.changed() => {}
                    }
                }
            }
        }
        self.drain().await;
        Ok(())
    }

    /// Consumes until every endpoint fails, this process has no share any more, or the role stops. Then everything is settled
    /// and the channel closed, so that what waits stays ready for others (RabbitMQ 3.10 needs a fresh channel to resume).
    async fn take(&self) -> Result<(), BrokerError> {
        let config = &self.desk.role.config;
        // A probe takes one hint and no more: what a channel gives back at its end counts as delivered, and the broker's last
        // guard would in time take innocent hints away.
        let prefetch = match self.desk.admission() {
            Admission::Probe => 1,
            Admission::Free | Admission::Closed(_) => {
                config.max_in_flight.saturating_add(config.max_in_flight / 2).max(1)
            }
        };
        let mut hints = match self.desk.role.broker.subscribe(Queue::ToSubmit, prefetch).await {
            Ok(hints) => hints,
            Err(BrokerError::Unavailable(reason)) => {
                warn!(%reason, "cannot consume yet");
                sleep(A_SECOND).await;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        while !self.shutdown.is_cancelled() {
            match self.desk.admission() {
                Admission::Closed(_) => break,
                Admission::Probe if !self.desk.has_share() => break,
                Admission::Probe => {
                    if self.probe(&mut *hints).await {
                        break;
                    }
                }
                Admission::Free => {
                    let Some((batch, room)) = self.next(&mut *hints).await else { break };
                    // It may have waited for long; what was taken goes back with the channel.
                    if self.desk.admission() != Admission::Free || self.submit(batch, room).await.is_none() {
                        break;
                    }
                }
            }
        }
        // Without a share, what is under way may take long to end, and others wait for the rest. They find it leased.
        if self.desk.has_share() {
            self.drain().await;
        }
        hints.close().await;
        Ok(())
    }

    /// The next batch that there is room for; none when nothing more is to be taken for now.
    async fn next(&self, hints: &mut dyn Subscription) -> Option<(Vec<Delivery>, OwnedSemaphorePermit)> {
        let config = &self.desk.role.config;
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            taken = async {
                let mut room = Arc::clone(&self.desk.room).acquire_owned().await.ok()?;
                // What there is no room for stays ready on the queue.
                let lanes = self.spare().await?;
                let spare = self.desk.room.available_permits().min(lanes.min(config.batch).saturating_sub(1));
                if let Ok(more) = Arc::clone(&self.desk.room).try_acquire_many_owned(u32::try_from(spare).unwrap_or(0)) {
                    room.merge(more);
                }
                let linger = Duration::from_millis(config.linger_ms);
                let batch = hints.next_batch(room.num_permits(), linger).await;
                (!batch.is_empty()).then_some((batch, room))
            } => taken,
        }
    }

    /// How many requests the endpoints have room for, once that is one at least; none when all of them fail, or nothing was
    /// granted to this process for a while. What merely takes long is waited for: whoever comes and goes uses up the broker's
    /// patience with what it hands out.
    async fn spare(&self) -> Option<usize> {
        let mut without_share = None;
        loop {
            let now = Instant::now();
            let spare = self.desk.lanes.spare(&self.desk.endpoints(), now);
            if spare > 0 {
                return Some(spare);
            }
            if self.desk.has_share() {
                without_share = None;
            } else if now.duration_since(*without_share.get_or_insert(now)) >= WITHOUT_SHARE {
                return None;
            }
            if self.desk.admission() != Admission::Free {
                return None;
            }
            self.desk.lanes.changed().await;
        }
    }

    /// Sends one invoice to see whether the authority is back, and waits for what comes of it. False: there was nothing to
    /// send behind this hint, and the next one may tell.
    async fn probe(&self, hints: &mut dyn Subscription) -> bool {
        let Ok(room) = Arc::clone(&self.desk.room).acquire_owned().await else { return true };
        let batch = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return true,
            batch = hints.next_batch(1, Duration::ZERO) => batch,
        };
        if batch.is_empty() {
            return true;
        }
        let sent = self.submit(batch, room).await;
        self.drain().await;
        sent != Some(0)
    }

    /// Claims a batch and sends what could be claimed; how many that were, or none when the hints must go back.
    async fn submit(&self, batch: Vec<Delivery>, room: OwnedSemaphorePermit) -> Option<usize> {
        let claimed = match Claim::new(&self.desk).claim(batch, false).await {
            Ok(claimed) => claimed,
            Err(error) => return self.give_up(&error).await,
        };
        let mut sent = claimed.attempts.len();
        send::dispatch(&self.desk, &self.tasks, &self.heard, claimed.attempts, room);
        let mut rest = claimed.rest;
        for delivery in claimed.alone {
            let wait = self.desk.alone().wait(Instant::now());
            if wait.is_zero() && !self.shutdown.is_cancelled() {
                sent += self.alone(delivery, &mut rest).await?;
            } else {
                rest.postpone(delivery, wait);
            }
        }
        match rest.settle(&self.desk).await {
            Ok(()) => Some(sent),
            Err(error) => self.give_up(&error).await,
        }
    }

    /// Claims one invoice and waits for what comes of it, with nothing else under way: a process that dies of it takes no
    /// other with it, and a death that others caused is not blamed on it (promise 14).
    async fn alone(&self, delivery: Delivery, rest: &mut Rest) -> Option<usize> {
        let began = Instant::now();
        let all = u32::from(self.desk.role.config.max_in_flight).max(1);
        let patience = self.desk.alone().patience();
        let Ok(room) = timeout(patience, Arc::clone(&self.desk.room).acquire_many_owned(all)).await else {
            self.desk.alone().spend(began, false, Instant::now());
            rest.postpone(delivery, self.desk.alone().wait(Instant::now()));
            return Some(0);
        };
        let mut room = room.ok()?;
        let claimed = match Claim::new(&self.desk).claim(vec![delivery], true).await {
            Ok(claimed) => claimed,
            Err(error) => return self.give_up(&error).await,
        };
        let sent = claimed.attempts.len();
        if let Some(one) = room.split(1) {
            send::dispatch(&self.desk, &self.tasks, &self.heard, claimed.attempts, one);
        }
        // The rest of the room stays taken until the one attempt has been recorded.
        let _ = self.desk.room.acquire().await;
        drop(room);
        self.desk.alone().spend(began, true, Instant::now());
        match claimed.rest.settle(&self.desk).await {
            Ok(()) => Some(sent),
            Err(error) => self.give_up(&error).await,
        }
    }

    /// The ledger refuses, or holds what cannot be read: the caller closes the channel, and the hints go back with it.
    async fn give_up(&self, error: &LedgerError) -> Option<usize> {
        warn!(%error, "nothing could be claimed; the hints go back to the queue");
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = sleep(A_SECOND) => {}
        }
        None
    }

    /// Waits until nothing is in flight, at most the longest call and a margin; leases cover the rest.
    async fn drain(&self) {
        let all = u32::from(self.desk.role.config.max_in_flight).max(1);
        if timeout(self.desk.drain_patience(), self.desk.room.acquire_many(all)).await.is_err() {
            warn!(
                in_flight =
                    usize::from(self.desk.role.config.max_in_flight) - self.desk.room.available_permits(),
                "attempts still under way are left to their leases"
            );
        }
    }
}
