//! The one that owns the link and all consumers, and rebuilds all of them on any error. Nobody else ever repairs anything.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::link::Link;
use super::slot::Slot;
use super::tap::Tap;
use super::{Shared, fault, starve};
use crate::BrokerError;

/// The longest pause between two attempts to connect.
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// After so long a link was a good one, and the next attempt begins with short pauses again.
const STABLE: Duration = Duration::from_secs(10);

/// How often the supervisor looks for what nobody reports.
const LOOK: Duration = Duration::from_secs(1);

/// Whoever was given nothing for so long, while messages wait, is not given anything any more.
const STARVING: Duration = Duration::from_secs(30);

/// What subscriptions ask of the supervisor.
pub(super) enum Request {
    /// Begin to consume for a slot, unless a new link did already.
    Attach(u64),
    /// Close the channel of a slot that has ended.
    Detach { tap: Arc<Tap>, done: Option<oneshot::Sender<()>> },
}

/// The pauses between attempts, with jitter.
pub(super) fn delays() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(LONGEST_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}

impl Shared {
    pub(super) fn slots(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots().values().cloned().collect()
    }
}

pub(super) struct Supervisor {
    shared: Arc<Shared>,
    requests: mpsc::UnboundedReceiver<Request>,
    delays: ExponentialBackoff,
    /// Consumers and farewells, so that closing can wait for them.
    tasks: TaskTracker,
}

impl Supervisor {
    pub(super) fn new(shared: Arc<Shared>, requests: mpsc::UnboundedReceiver<Request>) -> Self {
        Self { shared, requests, delays: delays(), tasks: TaskTracker::new() }
    }

    /// Keeps a link standing until the broker is closed.
    pub(super) async fn run(mut self, first: Arc<Link>) {
        let mut link = Some(first);
        while let Some(current) = link.take() {
            self.serve(&current).await;
            self.tear_down(&current);
            link = self.rebuild(&current).await;
        }
        for slot in self.shared.all_slots() {
            slot.end();
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.shared.closed.cancel();
    }

    /// Until the link breaks or the broker is closed.
    async fn serve(&mut self, link: &Arc<Link>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = self.shared.clone();
        let mut fed = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = shared.closing.cancelled() => return,
                () = link.alarm.rung() => {
                    tracing::warn!(why = link.alarm.why(), "the connection to RabbitMQ is given up");
                    return;
                }
                Some(request) = self.requests.recv() => match request {
                    Request::Attach(id) => {
                        let slot = shared.slots().get(&id).cloned();
                        if let Some(slot) = slot && let Err(error) = self.attach(link, &slot).await {
                            link.alarm.ring(error.to_string());
                        }
                    }
                    Request::Detach { tap, done } => {
                        self.tasks.spawn(async move {
                            tap.close().await;
                            done.map(|done| done.send(()))
                        });
                    }
                },
                _ = look.tick() => {
                    let taps = || shared.all_slots().iter().filter_map(|slot| slot.tap()).find_map(|tap| tap.ailment());
                    if let Some(why) = link.ailment().or_else(taps) {
                        link.alarm.ring(why);
                    }
                    if fed.elapsed() >= STARVING / 3 {
                        fed = Instant::now();
                        let slots = shared.all_slots();
                        self.tasks.spawn(starve::watch(Arc::clone(link), slots, STARVING, shared.config.confirm_timeout));
                    }
                }
            }
        }
    }

    /// Lets a slot consume on this link. An error means that the link is no good.
    async fn attach(&self, link: &Arc<Link>, slot: &Arc<Slot>) -> Result<(), BrokerError> {
        if slot.tap().is_some() {
            return Ok(());
        }
        let patience = self.shared.config.confirm_timeout;
        let opened = timeout(patience, Tap::open(link, slot, self.shared.number(), patience)).await;
        let (tap, consumer) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                let error = fault::broker_error(&error);
                let refused = matches!(error, BrokerError::Unfit(_)) && slot.refuse(&error);
                return if refused { Ok(()) } else { Err(error) };
            }
            Err(_) => return Err(fault::too_late("a consumer")),
        };
        if slot.attach(&tap) {
            self.tasks.spawn(tap.pump(consumer, slot.clone()));
        } else {
            tap.close().await;
        }
        Ok(())
    }

    /// Everything that was delivered on this link is stale from here on.
    fn tear_down(&self, link: &Arc<Link>) {
        self.shared.link.send_replace(None);
        for slot in self.shared.all_slots() {
            slot.detach();
        }
        let link = link.clone();
        self.tasks.spawn(async move { link.close("the broker was closed").await });
    }

    /// A new link with all consumers on it, however long it takes; None when the broker was closed meanwhile.
    async fn rebuild(&mut self, last: &Link) -> Option<Arc<Link>> {
        if last.since.elapsed() >= STABLE {
            self.delays = delays();
        }
        let closing = self.shared.closing.clone();
        loop {
            let delay = self.delays.next().unwrap_or(LONGEST_DELAY);
            let attempt = async {
                sleep(delay).await;
                self.attempt().await
            };
            let attempted = tokio::select! {
                biased;
                () = closing.cancelled() => return None,
                attempted = attempt => attempted,
            };
            match attempted {
                Ok(link) => {
                    self.shared.rebuilt.fetch_add(1, Ordering::Relaxed);
                    self.shared.link.send_replace(Some(link.clone()));
                    tracing::info!("connected to RabbitMQ again");
                    return Some(link);
                }
                Err(error @ BrokerError::Unfit(_)) => {
                    tracing::error!(%error, "RabbitMQ is not as it must be");
                }
                Err(error) => tracing::warn!(%error, "RabbitMQ cannot be reached"),
            }
        }
    }

    async fn attempt(&self) -> Result<Arc<Link>, BrokerError> {
        const FAR: Duration = Duration::from_secs(3600);
        let link = Link::build(&self.shared, Instant::now() + FAR).await?;
        for slot in self.shared.all_slots() {
            if let Err(error) = self.attach(&link, &slot).await {
                self.tear_down(&link);
                return Err(error);
            }
        }
        Ok(link)
    }
}
