//! How long to wait, and how often: the numbers of the design's table. All of them are settings.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{InvoiceKey, Timestamp};

/// The numbers behind every waiting time and limit. Durations in milliseconds, since tests scale them down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Waits after an outage, doubt or missing QR: 5 s, 30 s, 2, 4, 8, 16, 32 min.
    pub ladder_ms: Vec<u64>,
    /// Waits above the ladder: hourly.
    pub plateau_ms: u64,
    /// Waits after a suspect 500; with the first send, one more than these are tried before a person must look.
    pub suspect_ms: Vec<u64>,
    /// Wait after 401 or 403.
    pub credentials_ms: u64,
    /// The longest `Retry-After` that is obeyed.
    pub retry_after_max_ms: u64,
    /// How many silent leases are borne: one in company, and then so many alone.
    pub crashes_alone: u32,
    /// How long a return waits for an original that nobody knows, from when it was first looked for, before a person must
    /// look.
    pub original_wait_ms: u64,
    /// Jitter added to every wait, per mille of it.
    pub jitter_permille: u32,
}

const MINUTE: u64 = 60_000;

/// No setting makes anything wait longer than a year.
const WAIT_MAX_MS: u64 = 366 * 24 * 60 * MINUTE;

impl Default for Policy {
    fn default() -> Self {
        Self {
            ladder_ms: vec![5_000, 30_000, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, 32 * MINUTE],
            plateau_ms: 60 * MINUTE,
            suspect_ms: vec![2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, 32 * MINUTE],
            credentials_ms: 5 * MINUTE,
            retry_after_max_ms: 24 * 60 * MINUTE,
            crashes_alone: 3,
            original_wait_ms: 24 * 60 * MINUTE,
            jitter_permille: 100,
        }
    }
}

impl Policy {
    /// The wait after `retries` earlier ones.
    pub(super) fn ladder(&self, retries: u32) -> Duration {
        Duration::from_millis(rung(&self.ladder_ms, retries).unwrap_or(self.plateau_ms))
    }

    /// The wait after `charged` charged attempts, or none when that was the last.
    pub(super) fn suspect(&self, charged: u32) -> Option<Duration> {
        rung(&self.suspect_ms, charged.saturating_sub(1)).map(Duration::from_millis)
    }

    pub(super) fn original_wait(&self) -> Duration {
        Duration::from_millis(self.original_wait_ms.min(WAIT_MAX_MS))
    }

    pub(super) fn credentials(&self) -> Duration {
        Duration::from_millis(self.credentials_ms)
    }

    pub(super) fn retry_after(&self, wish: Duration) -> Duration {
        wish.min(Duration::from_millis(self.retry_after_max_ms))
    }

    /// `now` plus `wait` plus a jitter that is fixed for this invoice and attempt, so that a replay waits the same.
    pub(super) fn due(&self, now: Timestamp, wait: Duration, key: &InvoiceKey, attempt: u32) -> Timestamp {
        let seed = key.uuid.as_u128() ^ (u128::from(attempt) << 64);
        // splitmix64 finaliser over both halves: neighbouring UUIDs must not share their jitter.
        #[allow(clippy::as_conversions, reason = "taking the low half of a hash is meant to truncate")]
        let mut mixed = (seed ^ (seed >> 64)) as u64;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let share = mixed % (u64::from(self.jitter_permille) + 1);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        // A wait beyond the calendar must not turn into none at all.
        let total_ms = wait_ms.saturating_add(wait_ms.saturating_mul(share) / 1000).min(WAIT_MAX_MS);
        let total = chrono::TimeDelta::milliseconds(i64::try_from(total_ms).unwrap_or(0));
        now.checked_add_signed(total).unwrap_or(now)
    }
}

fn rung(ladder: &[u64], index: u32) -> Option<u64> {
    usize::try_from(index).ok().and_then(|index| ladder.get(index)).copied()
}
