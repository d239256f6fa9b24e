//! A simulation that finds nothing proves nothing: each bug put in on purpose must be found, by the sign that names it.

use std::time::{Duration, Instant};

use tests::faulty::Sabotage;

use crate::scene::{Scene, run};

/// What a report says of a bug.
#[must_use]
pub fn sign(bug: Sabotage) -> &'static str {
    match bug {
        Sabotage::AckBeforeCommit | Sabotage::NoSweeper => "ends as (Draft",
        Sabotage::LateRefusalWins => "refused after it was cleared",
        Sabotage::LateAcceptanceLost => "a late acceptance was only kept",
        Sabotage::CounterOutside => "the counters of",
        Sabotage::YesBeforeDurable => "was published and never taken",
        Sabotage::SentTwice | Sabotage::EffectBeforeIntent => "requests, and only",
        Sabotage::UnfencedWrite => "begins after attempt",
        Sabotage::DoubtForgotten => "counts as never sent, and was seen there",
        Sabotage::BytesNotFixed => "sent bytes that were never fixed",
        Sabotage::NothingReserved => "sold were taken back from",
        Sabotage::LeaseTooShort => "fell silent, though nothing had happened",
        Sabotage::AnyDocumentBelieved => "here and cleared 0 times there",
        Sabotage::DeadLettersForgotten => "hints in dead-letter",
        Sabotage::OutageCharged => "was charged",
        Sabotage::EvidenceDropped => "nothing is kept of the attempts",
        Sabotage::DueTimeIgnored => "when it was due",
        Sabotage::ToldBeforehand => "others were told",
    }
}

/// How a bug was found.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Which one.
    pub bug: Sabotage,
    /// In so many runs, the last of which showed its sign.
    pub seeds: u64,
    /// How long that took.
    pub took: Duration,
}

/// Runs the seeds from 0 on, with the bug put in, until one shows its sign; none when `most` did not.
#[must_use]
pub fn find(bug: Sabotage, most: u64) -> Option<Found> {
    let begun = Instant::now();
    let shows = |seed: &u64| {
        let scene = Scene { sabotage: Some(bug), ..Scene::storm(*seed) };
        run(scene).is_err_and(|report| report.shows(sign(bug)))
    };
    let seed = (0..most).find(shows)?;
    Some(Found { bug, seeds: seed + 1, took: begun.elapsed() })
}
