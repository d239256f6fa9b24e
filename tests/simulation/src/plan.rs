//! What is published in one run, and how each invoice must end. Must not know how it gets there.

use std::collections::BTreeMap;

use invoice::event::Family;
use invoice::life::{Invoice, State};
use invoice::{Environment, InvoiceKey};
use serde_json::{Value, json};
use tests::events::{event, uuid};
use tests::random::Random;

use crate::houses::House;

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
    /// Whoever claims it dies, for as long as the storm lasts.
    Killer,
    /// The authority holds another document under its UUID and number.
    Taken,
    /// It takes back what another one sold.
    Back(Back),
}

/// What a return takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// All that is left.
    Whole,
    /// Half of what was sold.
    Half,
    /// It says something else than its original.
    Differing,
    /// What nobody has ever sold.
    Unknown,
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
            Self::Killer => KILLER,
            Self::Taken => "H-",
            Self::Back(_) => "B-",
        }
    }
}

/// Numbers of [`Fate::Unfit`] begin so.
pub(crate) const UNFIT: &str = "U-";
/// Numbers of [`Fate::Suspect`] begin so.
pub(crate) const SUSPECT: &str = "S-";
/// Numbers of [`Fate::Killer`] begin so.
pub(crate) const KILLER: &str = "K-";

/// One invoice as planned.
pub(crate) struct Planned {
    pub(crate) fate: Fate,
    pub(crate) event: Value,
    /// Whether it is published to the broker's intake queue.
    pub(crate) by_queue: bool,
    /// What it takes back.
    pub(crate) original: Option<InvoiceKey>,
    /// How it may end: one way, or several where the order of things decides.
    pub(crate) ends: Vec<(State, u32)>,
}

impl Planned {
    /// Whether it stands where it may end.
    pub(crate) fn may_end_as(&self, invoice: &Invoice) -> bool {
        self.ends.contains(&(invoice.state, invoice.document))
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
        if self.original.is_some() {
            event["original"]["reason"] = json!("سبب آخر");
        } else {
            event["lines"][0]["name"] = json!("بضاعة أخرى");
        }
        event
    }
}

/// Everything that is planned for one run.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) invoices: BTreeMap<InvoiceKey, Planned>,
    /// Returns that together want more than was sold, and how many of them must be cleared.
    pub(crate) rivals: Vec<(Vec<InvoiceKey>, usize)>,
    last: u64,
}

impl Plan {
    /// Whether any invoice has this fate.
    pub(crate) fn has(&self, fate: Fate) -> bool {
        self.invoices.values().any(|planned| planned.fate == fate)
    }

    /// Whether all of them stand where they may end.
    pub(crate) fn is_done(&self, all: &BTreeMap<InvoiceKey, Invoice>) -> bool {
        self.invoices.iter().all(|(key, planned)| all.get(key).is_some_and(|it| planned.may_end_as(it)))
            && self.rivals.iter().all(|(rivals, winners)| cleared(rivals, all) == *winners)
    }

    fn add(&mut self, planned: Planned) -> InvoiceKey {
        let key = key_of(&planned.event);
        self.invoices.insert(key, planned);
        key
    }

    /// An event of this house that is not published yet.
    fn event(&mut self, house: &House, prefix: &str) -> Value {
        let n = self.last;
        self.last += 1;
        let mut event = event(2 * n + u64::from(house.family == Family::GeneralSales));
        event["number"] = json!(format!("{prefix}{n:04}"));
        event["seller"]["tax_number"] = json!(house.source.tax_number);
        event["seller"]["income_source"] = json!(house.source.sequence);
        event
    }

    fn sell(&mut self, random: &mut Random, house: &House, fate: Fate) -> InvoiceKey {
        let mut event = self.event(house, fate.prefix());
        if matches!(fate, Fate::Refused | Fate::Amended | Fate::GivenUp) {
            event["lines"][0]["unit_price"] = json!("900");
        }
        let ends = vec![match fate {
            Fate::Sound | Fate::Suspect | Fate::Killer | Fate::Back(_) => (State::Cleared, 1),
            Fate::Amended => (State::Cleared, 2),
            Fate::Refused | Fate::Unfit => (State::Rejected, 1),
            Fate::GivenUp => (State::Abandoned, 1),
            Fate::Taken => (State::DeadLettered, 1),
        }];
        self.add(Planned { fate, event, by_queue: random.chance(300), original: None, ends })
    }

    fn take_back(
        &mut self,
        random: &mut Random,
        house: &House,
        original: InvoiceKey,
        back: Back,
        ends: Vec<(State, u32)>,
    ) -> InvoiceKey {
        let prefix = if random.chance(60) { SUSPECT } else { Fate::Back(back).prefix() };
        let mut event = self.event(house, prefix);
        if let Some(members) = event.as_object_mut() {
            for member in ["family", "payment", "lines"] {
                members.remove(member);
            }
        }
        event["kind"] = json!("return");
        event["original"] = json!({ "uuid": original.uuid, "reason": "بضاعة تالفة" });
        if let Some(sold) = self.invoices.get(&original).filter(|_| random.chance(300)) {
            event["original"] = json!({ "number": sold.event["number"], "reason": "بضاعة تالفة" });
        }
        match back {
            Back::Half => event["lines"] = json!([{ "id": 1, "quantity": "1" }]),
            Back::Differing => {
                event["lines"] = json!([{ "id": 1, "quantity": "1", "unit_price": "3" }]);
            }
            Back::Whole | Back::Unknown => {}
        }
        let by_queue = random.chance(300);
        self.add(Planned { fate: Fate::Back(back), event, by_queue, original: Some(original), ends })
    }

    /// Some returns of one sale, as few or as many as there can be.
    fn take_back_some(&mut self, random: &mut Random, house: &House, original: InvoiceKey, fate: Fate) {
        let once = |state| vec![(state, 1)];
        let end = match fate {
            Fate::GivenUp => Some(State::Rejected),
            // It waits for somebody who mends its original.
            Fate::Refused | Fate::Unfit | Fate::Taken => Some(State::Draft),
            _ => None,
        };
        if let Some(end) = end {
            let back = *random.pick(&[Back::Whole, Back::Half]);
            self.take_back(random, house, original, back, once(end));
            return;
        }
        let either = || vec![(State::Cleared, 1), (State::Rejected, 1)];
        match random.between(0, 5) {
            0 => {
                self.take_back(random, house, original, Back::Whole, once(State::Cleared));
            }
            1 => {
                self.take_back(random, house, original, Back::Half, once(State::Cleared));
            }
            2 => {
                self.take_back(random, house, original, Back::Half, once(State::Cleared));
                self.take_back(random, house, original, Back::Half, once(State::Cleared));
            }
            3 => {
                let rivals =
                    (0..3).map(|_| self.take_back(random, house, original, Back::Half, either())).collect();
                self.rivals.push((rivals, 2));
            }
            4 => {
                self.take_back(random, house, original, Back::Whole, once(State::Cleared));
                self.take_back(random, house, original, Back::Half, either());
            }
            _ => {
                self.take_back(random, house, original, Back::Differing, once(State::Rejected));
            }
        }
    }
}

fn cleared(keys: &[InvoiceKey], all: &BTreeMap<InvoiceKey, Invoice>) -> usize {
    keys.iter().filter(|key| all.get(key).is_some_and(|it| it.state == State::Cleared)).count()
}

/// The simulated authority refuses a nameless cash sale above this total in JOD; our own rules bear ten times as much.
pub(crate) const NAMELESS_JOD: u64 = 1_000;

fn key_of(event: &Value) -> InvoiceKey {
    let uuid = event["uuid"].as_str().and_then(|text| text.parse().ok()).expect("our events have a UUID");
    InvoiceKey { environment: Environment::Simulation, uuid }
}

/// So many sales, most of them sound, and what comes back of them when anything may.
pub(crate) fn draw(random: &mut Random, houses: &[House], sales: u64, returning: bool) -> Plan {
    let mut plan = Plan::default();
    let returns = if returning { *random.pick(&[0, 0, 250, 700]) } else { 0 };
    // Now and then one taxpayer publishes nearly everything.
    let lopsided = random.chance(500);
    for _ in 0..sales {
        let house = if lopsided && random.chance(800) { &houses[0] } else { random.pick(houses) }.clone();
        let fate = match random.between(0, 99) {
            0..=4 => Fate::Refused,
            5..=19 => Fate::Amended,
            20..=25 => Fate::GivenUp,
            26..=30 => Fate::Unfit,
            31..=36 => Fate::Suspect,
            37..=38 => Fate::Killer,
            39..=40 => Fate::Taken,
            _ => Fate::Sound,
        };
        let sale = plan.sell(random, &house, fate);
        if random.chance(returns) {
            plan.take_back_some(random, &house, sale, fate);
        }
        if returns > 0 && random.chance(25) {
            let nowhere = InvoiceKey { environment: Environment::Simulation, uuid: uuid(u64::MAX) };
            plan.take_back(random, &house, nowhere, Back::Unknown, vec![(State::DeadLettered, 1)]);
        }
    }
    plan
}
