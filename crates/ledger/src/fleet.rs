//! What the whole fleet may have under way at one endpoint of the authority, and how submitters share it: each holds a part by
//! a lease, and all parts together never exceed the cap, whoever comes, goes or falls silent. Knows no clock and no HTTP.

use std::time::Duration;

use async_trait::async_trait;
use invoice::Timestamp;

use crate::LedgerError;

/// A submitter asks for its share, or renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareRequest {
    /// Which endpoint; it counts by itself.
    pub endpoint: String,
    /// Which process; no two starts have the same name.
    pub worker: String,
    /// What it runs, for people.
    pub version: String,
    /// Higher than in any earlier request of the same process for the same endpoint.
    pub turn: u64,
    /// Requests that the whole fleet may have under way, at most.
    pub cap: u32,
    /// The most that this process can use.
    pub wanted: u32,
    /// What it keeps of its share as long as it has one: at least what it has under way, and what it may begin before it hears
    /// the answer.
    pub keeps: u32,
    /// What it has under way now, for people.
    pub in_flight: u32,
    /// How long after this call everything that was sent under the share has ended.
    pub lasts: Duration,
}

/// What a submitter may have under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// So many requests.
    pub granted: u32,
    /// An equal part of the cap. What exceeds it should not be asked for again, since others wait for it; what is missing comes
    /// once others have renewed theirs or theirs have run out.
    pub fair: u32,
}

/// One submitter's share, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitterShare {
    /// Of which endpoint.
    pub endpoint: String,
    /// Which process.
    pub worker: String,
    /// What it runs.
    pub version: String,
    /// What it may have under way.
    pub granted: u32,
    /// What it had under way when it was last heard of.
    pub in_flight: u32,
    /// When that was.
    pub seen_at: Timestamp,
    /// Until when its share counts without being renewed.
    pub until: Timestamp,
}

/// The submitters of one ledger, as far as they must know of one another.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Grants a share for `lasts`; none when a later request of the same process was heard before.
    async fn renew(&self, request: &ShareRequest) -> Result<Option<Granted>, LedgerError>;

    /// Gives all shares of a process back at once: it has nothing under way and will send nothing more.
    async fn leave(&self, worker: &str) -> Result<(), LedgerError>;

    /// All shares that count, by endpoint and process; at most a thousand.
    async fn submitters(&self) -> Result<Vec<SubmitterShare>, LedgerError>;
}

/// What `request` is granted beside the shares of `others` (process and what it holds), given what it holds itself.
///
/// Equal parts, the remainder to those who come first by name. Who holds more than that keeps what it has under way; who
/// comes when everything is given away waits.
pub(crate) fn grant(request: &ShareRequest, own: u32, others: &[(String, u32)]) -> Granted {
    let workers = u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1);
    let before = others.iter().filter(|(worker, _)| *worker < request.worker).count();
    let rank = u32::try_from(before).unwrap_or(u32::MAX);
    let fair = request.cap / workers + u32::from(rank < request.cap % workers);
    let taken = others.iter().fold(0_u32, |sum, (_, granted)| sum.saturating_add(*granted));
    let free = request.cap.saturating_sub(taken);
    let granted = fair.min(request.wanted).min(free).max(own.min(request.keeps));
    Granted { granted, fair }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(worker: &str, cap: u32, keeps: u32) -> ShareRequest {
        ShareRequest {
            endpoint: "direct https://authority.example".to_owned(),
            worker: worker.to_owned(),
            version: "1".to_owned(),
            turn: 1,
            cap,
            wanted: 64,
            keeps,
            in_flight: keeps,
            lasts: Duration::from_secs(60),
        }
    }

    fn others(granted: &[(&str, u32)]) -> Vec<(String, u32)> {
        granted.iter().map(|(worker, granted)| ((*worker).to_owned(), *granted)).collect()
    }

    #[test]
    fn parts_are_equal_and_the_remainder_goes_by_name() {
        for (cap, own, keeps, held, granted, fair) in [
            // Alone: as much as it can use.
            (256, 0, 0, &[][..], 64, 256),
            (10, 0, 0, &[], 10, 10),
            // A newcomer waits for what the other will leave.
            (10, 0, 0, &[("a", 10)], 0, 5),
            (10, 5, 5, &[("a", 5)], 5, 5),
            // Whoever has more keeps what it has under way.
            (10, 10, 7, &[("z", 0)], 7, 5),
            (10, 7, 3, &[("z", 3)], 5, 5),
            // 10 = 4 + 3 + 3, by name.
            (10, 0, 0, &[("x", 3), ("y", 3)], 4, 4),
            (10, 0, 0, &[("a", 3), ("b", 3)], 3, 3),
            // More submitters than places.
            (2, 0, 0, &[("a", 1), ("b", 1)], 0, 0),
            // What its share no longer covers is not kept: others may have it.
            (10, 0, 9, &[("a", 10)], 0, 5),
        ] {
            let told = grant(&request("m", cap, keeps), own, &others(held));
            assert_eq!(told, Granted { granted, fair }, "cap {cap}, own {own}, keeps {keeps}, {held:?}");
        }
    }
}
