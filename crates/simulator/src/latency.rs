//! How long the authority takes to answer; it draws a time and never waits itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// A distribution of answer times, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    /// At once.
    #[default]
    None,
    /// Always the same.
    Fixed {
        /// The time.
        ms: u64,
    },
    /// Evenly between two times, both included.
    Uniform {
        /// The shortest.
        min_ms: u64,
        /// The longest.
        max_ms: u64,
    },
    /// Half of the answers between half of `p50_ms` and it, nearly all of the others rising steeply towards
    /// `p99_ms`, and one in a hundred up to twice that: the long tail that services have.
    Percentiles {
        /// The median.
        p50_ms: u64,
        /// The time that one answer in a hundred exceeds.
        p99_ms: u64,
    },
}

impl Latency {
    /// Draws one answer time.
    pub(crate) fn draw(self, random: &mut Random) -> Duration {
        let micros = match self {
            Self::None => 0,
            Self::Fixed { ms } => ms.saturating_mul(1000),
            Self::Uniform { min_ms, max_ms } => {
                let (min, max) = (min_ms.saturating_mul(1000), max_ms.saturating_mul(1000));
                min + random.below(max.saturating_sub(min).saturating_add(1))
            }
            Self::Percentiles { p50_ms, p99_ms } => {
                let p50 = p50_ms.saturating_mul(1000);
                let p99 = p99_ms.max(p50_ms).saturating_mul(1000);
                let rank = random.below(10_000);
                if rank < 5_000 {
                    p50 / 2 + scaled(p50 / 2, rank, 5_000)
                } else if rank < 9_900 {
                    // The cube of the share keeps most answers near the median.
                    let share = |part: u64| scaled(part, rank - 5_000, 4_900);
                    p50 + share(share(share(p99 - p50)))
                } else {
                    p99 + scaled(p99, rank - 9_900, 100)
                }
            }
        };
        Duration::from_micros(micros)
    }
}

/// `value * part / whole`, without overflow.
fn scaled(value: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(value) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(latency: Latency) -> Vec<u128> {
        let mut random = Random::new(42);
        let mut all: Vec<u128> = (0..10_000).map(|_| latency.draw(&mut random).as_millis()).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn fixed_and_uniform_keep_their_bounds() {
        assert!(draws(Latency::None).iter().all(|ms| *ms == 0));
        assert!(draws(Latency::Fixed { ms: 7 }).iter().all(|ms| *ms == 7));
        let uniform = draws(Latency::Uniform { min_ms: 10, max_ms: 20 });
        assert_eq!((uniform[0], uniform[9_999]), (10, 20));
        assert!(draws(Latency::Uniform { min_ms: 20, max_ms: 10 }).iter().all(|ms| *ms == 20));
    }

    #[test]
    fn percentiles_are_near_what_was_asked() {
        let all = draws(Latency::Percentiles { p50_ms: 1_000, p99_ms: 5_000 });
        assert!((950..=1_050).contains(&all[5_000]), "{}", all[5_000]);
        assert!((4_500..=5_500).contains(&all[9_900]), "{}", all[9_900]);
        assert!(all[9_999] <= 10_000);
    }

    #[test]
    fn is_read_from_plain_json() {
        let latency: Latency =
            serde_json::from_str(r#"{"percentiles":{"p50_ms":100,"p99_ms":900}}"#).unwrap();
        assert_eq!(latency, Latency::Percentiles { p50_ms: 100, p99_ms: 900 });
        assert_eq!(serde_json::from_str::<Latency>("\"none\"").unwrap(), Latency::None);
    }
}
