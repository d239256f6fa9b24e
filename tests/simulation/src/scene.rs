//! One run from storm to calm, and what came of it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use invoice::Digest;
use tests::faulty::Sabotage;

use crate::checks::{self, Findings};
use crate::strike::Strike;
use crate::world::World;

/// What decides a run, wholly: the same scene runs the same way each time.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// Everything that is drawn comes from it.
    pub seed: u64,
    /// A bug put in on purpose.
    pub sabotage: Option<Sabotage>,
    /// In fair weather a few invoices and one harm at a given step; else a storm.
    pub strike: Option<Strike>,
}

impl Scene {
    /// The storm of this seed.
    #[must_use]
    pub fn storm(seed: u64) -> Self {
        Self { seed, sabotage: None, strike: None }
    }
}

/// What does not hold, with the story of the invoice concerned.
#[derive(Debug)]
pub struct Report {
    scene: Scene,
    text: String,
}

impl Report {
    /// Whether it says so.
    #[must_use]
    pub fn shows(&self, sign: &str) -> bool {
        self.text.contains(sign)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scene { seed, sabotage, strike } = self.scene;
        write!(f, "seed {seed} breaks promises")?;
        if let Some(Strike { harm, at }) = strike {
            write!(f, " when {harm:?} strikes at step {at}")?;
        }
        if let Some(bug) = sabotage {
            write!(f, ", with {bug:?} put in")?;
        }
        writeln!(f, " (repeat it with `make simulate SEEDS={seed}..{}`)", seed + 1)?;
        f.write_str(&self.text)
    }
}

/// What came of a run that kept all promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Of all that happened.
    pub digest: Digest,
    /// How many invoices there were.
    pub invoices: u64,
    /// How many steps the processes had made when everything was settled; counted only in fair weather.
    pub steps: u64,
}

/// Runs it. A panic in the fleet is a report as well.
///
/// # Errors
/// What does not hold.
pub fn run(scene: Scene) -> Result<Kept, Box<Report>> {
    catch_unwind(AssertUnwindSafe(|| play(scene)))
        .unwrap_or_else(|_| Err("- something panicked; its words stand above\n".to_owned()))
        .map_err(|text| Box::new(Report { scene, text }))
}

fn play(scene: Scene) -> Result<Kept, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(scene);
        world.run().await;
        let Findings { violations, digest, invoices } = checks::check(&world).await;
        if violations.is_empty() {
            return Ok(Kept { digest, invoices, steps: world.steps() });
        }
        let mut report = String::new();
        for violation in &violations {
            let whose = violation.key.map(|key| format!("{key}: ")).unwrap_or_default();
            report.push_str(&format!("- {whose}{}\n", violation.message));
        }
        if let Some(key) = violations.iter().find_map(|violation| violation.key) {
            report.push_str(&world.story(key).await);
        }
        Err(report)
    })
}
