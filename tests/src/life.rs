//! The life of a simulated process: at each step that others can see it may end, or stand still for a while. Whoever is
//! dead has no effect on the world any more, whatever tasks of it are left. Must not know what the process does.

use std::future::Future;
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
        let pulse = Mutex::new(Pulse { fuse, ..Pulse::default() });
        Self(Arc::new(Thread { name: name.into(), death: CancellationToken::new(), pulse }))
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
    async fn a_frozen_process_goes_on_later() {
        let life = Life::new("encoder", None);
        life.freeze(Duration::from_secs(3));
        let start = Instant::now();
        life.step().await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }
}
