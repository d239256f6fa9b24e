//! Who must go alone, and how long that may hold up everybody else. Knows time only as it is told, and nothing of endpoints.

use std::time::Duration;

use invoice::life::{Invoice, State};
use tokio::time::Instant;

/// An invoice whose lease once ran out in silence goes alone, so that it can harm nothing but itself (promise 14).
pub(crate) fn goes_alone(invoice: &Invoice) -> bool {
    // One that is due and still held has just fallen silent.
    invoice.crashes > 0 || invoice.state == State::Submitted
}

/// What is under way has so long to end before one goes alone; more each time that this was too short.
const PATIENCE: Duration = Duration::from_secs(2);
/// No call takes longer than that.
const PATIENCE_MAX: Duration = Duration::from_secs(64);
/// For so many times as long as some went alone all others have their way,
const OTHERS: u32 = 3;
/// unless all of it took no longer than this.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How much of the time is for those who go alone.
#[derive(Debug)]
pub(crate) struct Ration {
    /// When others will have had their part.
    even: Option<Instant>,
    patience: Duration,
}

impl Default for Ration {
    fn default() -> Self {
        Self { even: None, patience: PATIENCE }
    }
}

impl Ration {
    /// How long to wait until one may go alone; nothing when one may now.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let ahead = self.even.map_or(Duration::ZERO, |even| even.saturating_duration_since(now));
        ahead.saturating_sub(AT_ONCE * OTHERS)
    }

    /// How long to wait until nothing else is under way.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Others were held up since `began`; whether for the sake of one that went, or in vain because they took too long to end.
    pub(crate) fn spend(&mut self, began: Instant, went: bool, now: Instant) {
        let took = now.saturating_duration_since(began);
        self.even = Some(self.even.map_or(now, |even| even.max(now)) + took * OTHERS);
        self.patience = if went { PATIENCE } else { (self.patience * 2).min(PATIENCE_MAX) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_goes_alone_has_a_quarter_of_the_time() {
        let (start, mut ration, mut alone) = (Instant::now(), Ration::default(), Duration::ZERO);
        while start.elapsed() < 3_600 * SECOND {
            tokio::time::advance(ration.wait(Instant::now()).max(SECOND / 10)).await;
            if ration.wait(Instant::now()).is_zero() {
                let began = Instant::now();
                tokio::time::advance(50 * SECOND).await;
                ration.spend(began, true, Instant::now());
                alone += 50 * SECOND;
            }
        }
        let part = alone.as_secs_f64() / start.elapsed().as_secs_f64();
        assert!((0.2..=0.27).contains(&part), "{part} of the time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_quick_ones_go_one_after_the_other() {
        let (mut ration, mut went) = (Ration::default(), 0);
        while ration.wait(Instant::now()).is_zero() {
            let began = Instant::now();
            tokio::time::advance(SECOND / 4).await;
            ration.spend(began, true, Instant::now());
            went += 1;
        }
        assert!((8..=16).contains(&went), "{went} went");
        tokio::time::advance(6 * SECOND).await;
        assert!(ration.wait(Instant::now()).is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_waited_for_the_longer_the_more_often_in_vain() {
        let mut ration = Ration::default();
        let mut patience = Vec::new();
        for went in [false, false, false, false, false, false, true, false] {
            patience.push(ration.patience().as_secs());
            ration.spend(Instant::now(), went, Instant::now());
        }
        assert_eq!(patience, [2, 4, 8, 16, 32, 64, 64, 2]);
    }
}
