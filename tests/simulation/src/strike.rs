//! Fair weather, a few invoices, and one harm at one step: each step in turn.

use std::time::Duration;

use broker::MemoryBroker;
use tests::life::{Fuse, Life};

use crate::scene::{Kept, Report, Scene, run};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The process that makes the step dies on it.
    Kill,
    /// It stands still until its leases have run out.
    Freeze,
    /// All connections to the broker end.
    Cut,
}

impl Harm {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Kill, Self::Freeze, Self::Cut];

    /// What strikes at this step, given the broker.
    pub(crate) fn fuse(self, at: u64, broker: MemoryBroker) -> std::sync::Arc<Fuse> {
        Fuse::new(at, move |life: &Life| match self {
            Self::Kill => life.kill(),
            Self::Freeze => life.freeze(Duration::from_secs(9)),
            Self::Cut => broker.restart(),
        })
    }
}

/// One harm at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// What happens.
    pub harm: Harm,
    /// At which step that others can see (a call of ledger, broker or authority begins or ends), counted from 1 over all
    /// processes.
    pub at: u64,
}

/// Lets this harm strike at each step of the seed's run in turn, or at each `stride`-th one, until everything is settled; how
/// many runs that were.
///
/// # Errors
/// What does not hold after the first strike that breaks a promise.
pub fn every_step(seed: u64, harm: Harm, stride: u64) -> Result<u64, Box<Report>> {
    let scene = |at| Scene { strike: Some(Strike { harm, at }), ..Scene::storm(seed) };
    let Kept { steps, .. } = run(scene(u64::MAX))?;
    let mut runs = 0;
    let mut at = 1;
    while at <= steps {
        run(scene(at))?;
        runs += 1;
        at += stride.max(1);
    }
    Ok(runs)
}
