//! What is published in one run, and how each invoice must end. Must not know how it gets there.

use std::collections::BTreeMap;

use invoice::life::State;
use invoice::{Environment, InvoiceKey};
use serde_json::{Value, json};
use tests::events::{event, uuid};
use tests::random::Random;

/// What is wrong with an invoice, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Sound,
    /// The authority refuses its content, and nobody mends it.
    Refused,
    /// The authority refuses its content; the retailer amends it.
    Amended,
    /// The authority refuses its content; a person gives it up.
    GivenUp,
    /// Our own rules refuse it, found only when it is encoded.
    Unfit,
    /// The authority answers 500 to it for as long as faults last.
    Suspect,
}

impl Fate {
    fn prefix(self) -> &'static str {
        match self {
            Self::Sound => "T-",
            Self::Refused => "R-",
            Self::Amended => "A-",
            Self::GivenUp => "G-",
            Self::Unfit => UNFIT,
            Self::Suspect => SUSPECT,
        }
    }
}

/// Numbers of [`Fate::Unfit`] begin so.
pub(crate) const UNFIT: &str = "U-";
/// Numbers of [`Fate::Suspect`] begin so.
pub(crate) const SUSPECT: &str = "S-";

/// One invoice as planned.
pub(crate) struct Planned {
    pub(crate) fate: Fate,
    pub(crate) event: Value,
    /// Whether it is published to the broker's intake queue.
    pub(crate) by_queue: bool,
}

impl Planned {
    /// How it must end.
    pub(crate) fn ends(&self) -> (State, u32) {
        match self.fate {
            Fate::Sound | Fate::Suspect => (State::Cleared, 1),
            Fate::Amended => (State::Cleared, 2),
            Fate::Refused | Fate::Unfit => (State::Rejected, 1),
            Fate::GivenUp => (State::Abandoned, 1),
        }
    }

    /// The retailer's correction, of a total that the authority takes.
    pub(crate) fn amendment(&self) -> Value {
        let mut event = self.event.clone();
        event["lines"][0]["unit_price"] = json!("4.5");
        event["amends"] = json!(1);
        event
    }

    /// Other content under the same UUID, and no amendment.
    pub(crate) fn conflict(&self) -> Value {
        let mut event = self.event.clone();
        event["lines"][0]["name"] = json!("بضاعة أخرى");
        event
    }
}

/// The simulated authority refuses a nameless cash sale above this total in JOD; our own rules bear ten times as much.
pub(crate) const NAMELESS_JOD: u64 = 1_000;

pub(crate) fn key(n: u64) -> InvoiceKey {
    InvoiceKey { environment: Environment::Simulation, uuid: uuid(n) }
}

/// So many invoices, most of them sound.
pub(crate) fn draw(random: &mut Random, count: u64) -> BTreeMap<InvoiceKey, Planned> {
    (0..count)
        .map(|n| {
            let fate = match random.between(0, 99) {
                0..=4 => Fate::Refused,
                5..=19 => Fate::Amended,
                20..=25 => Fate::GivenUp,
                26..=30 => Fate::Unfit,
                31..=36 => Fate::Suspect,
                _ => Fate::Sound,
            };
            let mut event = event(n);
            event["number"] = json!(format!("{}{n:04}", fate.prefix()));
            if matches!(fate, Fate::Refused | Fate::Amended | Fate::GivenUp) {
                event["lines"][0]["unit_price"] = json!("900");
            }
            (key(n), Planned { fate, event, by_queue: random.chance(300) })
        })
        .collect()
}
