//! The life of a simulated process: at each step that others can see it may end, or stand still for a while. Whoever is
//! dead has no effect on the world any more, whatever tasks of it are left. Must not know what the process does.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// A process's life. Clones are the same life.
#[derive(Debug, Clone)]
pub struct Life(Arc<Thread>);

#[derive(Debug)]
struct Thread {
    name: String,
    death: CancellationToken,
    pulse: Mutex<Pulse>,
    fuse: Option<Arc<Fuse>>,
}

/// Counts the steps of several processes together, and does something at one of them.
pub struct Fuse {
    at: u64,
    steps: AtomicU64,
    strike: Box<dyn Fn(&Life) + Send + Sync>,
}

impl Fuse {
    /// Strikes at the `at`-th step, counted from 1.
    pub fn new(at: u64, strike: impl Fn(&Life) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { at, steps: AtomicU64::new(0), strike: Box::new(strike) })
    }

    /// How many steps there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Fuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fuse").field("at", &self.at).field("steps", &self.steps()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Pulse {
    /// Steps that are left to it.
    fuse: Option<u64>,
    frozen_until: Option<Instant>,
    harmed: bool,
}

impl Life {
    /// A new process; with a fuse it dies by itself at that step.
    #[must_use]
    pub fn new(name: impl Into<String>, fuse: Option<u64>) -> Self {
        Self::with(name.into(), fuse, None)
    }

    /// A new process whose steps are counted together with others'.
    #[must_use]
    pub fn sharing(name: impl Into<String>, fuse: Arc<Fuse>) -> Self {
        Self::with(name.into(), None, Some(fuse))
    }

    fn with(name: String, own: Option<u64>, fuse: Option<Arc<Fuse>>) -> Self {
        let pulse = Mutex::new(Pulse { fuse: own, ..Pulse::default() });
        Self(Arc::new(Thread { name, death: CancellationToken::new(), pulse, fuse }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.0.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(&self) {
        self.pulse().harmed = true;
        self.0.death.cancel();
    }

    /// Nothing of it moves for so long, and it does not know.
    pub fn freeze(&self, pause: Duration) {
        let mut pulse = self.pulse();
        pulse.harmed = true;
        pulse.frozen_until = Some(Instant::now() + pause);
    }

    /// It will not die by itself any more.
    pub fn disarm(&self) {
        self.pulse().fuse = None;
    }

    /// Notes that it was held up so long that its leases may have run out.
    pub fn note_harm(&self) {
        self.pulse().harmed = true;
    }

    /// It was killed, frozen or held up at some time: its leases may run out.
    #[must_use]
    pub fn was_harmed(&self) -> bool {
        self.pulse().harmed
    }

    /// Waits for its end.
    pub async fn died(&self) {
        self.0.death.cancelled().await;
    }

    /// A step that others can see. It may be the last: then this never returns.
    pub async fn step(&self) {
        self.burn();
        loop {
            if self.0.death.is_cancelled() {
                std::future::pending::<()>().await;
            }
            let until = self.pulse().frozen_until.filter(|until| *until > Instant::now());
            let Some(until) = until else { return };
            tokio::select! {
                biased;
                () = self.died() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    fn burn(&self) {
        if let Some(fuse) = &self.0.fuse
            && fuse.steps.fetch_add(1, Ordering::Relaxed) + 1 == fuse.at
        {
            (fuse.strike)(self);
        }
        let mut pulse = self.pulse();
        let Some(left) = pulse.fuse.as_mut() else { return };
        *left = left.saturating_sub(1);
        if *left == 0 {
            drop(pulse);
            self.kill();
        }
    }

    /// Does `work` as long as it lives; at death the work is dropped and this never returns.
    pub async fn live<T>(&self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            biased;
            () = self.died() => None,
            done = work => Some(done),
        };
        match done {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(1_000);

    #[tokio::test(start_paused = true)]
    async fn a_fuse_ends_it_at_its_step() {
        let life = Life::new("encoder", Some(3));
        life.step().await;
        life.step().await;
        assert!(!life.was_harmed());
        assert!(timeout(LONG, life.step()).await.is_err(), "the third step is never done");
        assert!(life.was_harmed());
        assert!(timeout(LONG, life.live(async {})).await.is_err(), "nor is anything after it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shared_fuse_strikes_whoever_makes_the_step() {
        let fuse = Fuse::new(3, Life::kill);
        let (one, other) =
            (Life::sharing("one", Arc::clone(&fuse)), Life::sharing("other", Arc::clone(&fuse)));
        one.step().await;
        other.step().await;
        assert!(
            timeout(LONG, other.step()).await.is_err(),
            "the third step of both is the last of the other"
        );
        one.step().await;
        assert_eq!((fuse.steps(), one.was_harmed(), other.was_harmed()), (4, false, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_process_goes_on_later() {
        let life = Life::new("encoder", None);
        life.freeze(Duration::from_secs(3));
        let start = Instant::now();
        life.step().await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }
}
