//! Random commands from several hands at once: duplicated, late, reordered, decided on old snapshots, while time jumps.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// How many hands there are.
const HANDS: usize = 3;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Time passes, or jumps back, seconds.
    Time(i64),
    /// A hand looks at the invoice, and will act on what it saw.
    Look(usize),
    /// A hand acts on what it saw last; when it comes too late it looks again and insists, or gives up.
    Act { hand: usize, wish: Wish, insists: bool },
    /// What was wished last is wished again.
    Again,
}

/// A command whose particulars depend on what has been.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Receive { content: u32, amends: Option<bool>, named: bool },
    Encode { own: bool, settings: u32 },
    FindUnfit,
    Start { seconds: i64 },
    Release { which: Index },
    Record { which: Which, outcome: Outcome },
    Requeue(RequeueMode),
    Abandon { named: bool },
    Adopt { qr: &'static str },
}

/// Which attempt an answer is for.
#[derive(Debug, Clone)]
pub(super) enum Which {
    Latest,
    Any(Index),
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let retry_after = prop_oneof![
        Just(None),
        Just(Some(std::time::Duration::from_secs(90))),
        Just(Some(std::time::Duration::MAX))
    ];
    prop_oneof![
        1 => Just(cleared()),
        1 => Just(Outcome::Cleared { qr: " ".to_owned(), already: true, note: None, signed: None }),
        2 => Just(Outcome::AcceptedWithoutQr),
        1 => Just(holds_other()),
        4 => Just(Outcome::Refused),
        4 => Just(Outcome::InDoubt),
        2 => retry_after.prop_map(|retry_after| Outcome::NotNow { retry_after }),
        6 => Just(Outcome::Suspect),
        1 => Just(Outcome::Credentials),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let which = prop_oneof![3 => Just(Which::Latest), 1 => any::<Index>().prop_map(Which::Any)];
    let mode = select(&[RequeueMode::SameBytes, RequeueMode::Reencode][..]);
    prop_oneof![
        4 => (1_u32..6, any::<Option<bool>>(), any::<bool>())
            .prop_map(|(content, amends, named)| Wish::Receive { content, amends, named }),
        6 => (prop::bool::weighted(0.9), 0_u32..3).prop_map(|(own, settings)| Wish::Encode { own, settings }),
        1 => Just(Wish::FindUnfit),
        12 => (-5_i64..120).prop_map(|seconds| Wish::Start { seconds }),
        1 => any::<Index>().prop_map(|which| Wish::Release { which }),
        14 => (which, outcome()).prop_map(|(which, outcome)| Wish::Record { which, outcome }),
        3 => mode.prop_map(Wish::Requeue),
        1 => prop::bool::weighted(0.9).prop_map(|named| Wish::Abandon { named }),
        2 => select(&["QR-آخر", ""][..]).prop_map(|qr| Wish::Adopt { qr }),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop_oneof![1 => -3_600_i64..0, 6 => 0_i64..100, 3 => 0_i64..100_000].prop_map(Step::Time),
        1 => (0..HANDS).prop_map(Step::Look),
        9 => (0..HANDS, wish(), prop::bool::weighted(0.8))
            .prop_map(|(hand, wish, insists)| Step::Act { hand, wish, insists }),
        1 => Just(Step::Again),
    ]
}

/// The ledger's stream and the hands around it.
struct Race {
    life: Life,
    seen: [Invoice; HANDS],
    /// Every attempt that ever began, and the document version that it sends.
    begun: Vec<(u32, u32)>,
    last: Option<Command>,
}

impl Race {
    fn new() -> Self {
        let life = Life::draft();
        let seen = std::array::from_fn(|_| life.invoice.clone());
        Self { life, seen, begun: Vec::new(), last: None }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Time(seconds) => self.life.wait(*seconds),
            Step::Look(hand) => self.seen[*hand] = self.life.invoice.clone(),
            Step::Act { hand, wish, insists } => {
                let Some(command) = self.command(&self.seen[*hand], wish) else { return };
                self.decide_and_swap(*hand, command.clone(), *insists);
                self.last = Some(command);
            }
            Step::Again => {
                if let Some(command) = self.last.clone() {
                    self.decide_and_swap(0, command, true);
                }
            }
        }
    }

    /// Decides on what the hand saw, and appends if the stream has not moved on since.
    fn decide_and_swap(&mut self, hand: usize, command: Command, insists: bool) {
        for _ in 0..2 {
            let seen = self.seen[hand].clone();
            let context = Context { now: self.life.now, policy: &self.life.policy };
            let decided = decide(&seen, command.clone(), context);
            if matches!(command, Command::Record { .. }) {
                assert_eq!(decided.as_ref().map(Vec::len), Ok(1), "what was heard is kept");
            }
            let Ok(events) = decided else { return };
            if seen.version == self.life.invoice.version {
                self.append(&command, &events);
                self.seen[hand] = self.life.invoice.clone();
                return;
            }
            self.seen[hand] = self.life.invoice.clone();
            if !insists {
                return;
            }
        }
        panic!("a fresh look is never outdated here");
    }

    fn append(&mut self, command: &Command, events: &[Event]) {
        let before = self.life.invoice.clone();
        self.life.append(events);
        for event in events {
            if let Event::SubmissionStarted { attempt, document, .. } = event {
                self.begun.push((*attempt, *document));
            }
        }
        let after = &self.life.invoice;
        match command {
            Command::Receive { content, .. } if before.contents.contains(content) => {
                assert_eq!(events, [], "a repeat of any version");
            }
            Command::Record { outcome: Outcome::Cleared { qr, .. }, .. } if !qr.trim().is_empty() => {
                assert_eq!(after.state, State::Cleared, "a clearance clears from everywhere");
            }
            // These alone are never charged, and never end in front of a person.
            Command::Record { outcome: Outcome::InDoubt | Outcome::NotNow { .. } | Outcome::Credentials, .. } => {
                assert_eq!(after.charged, before.charged);
                assert_eq!(after.state.waits_for_person(), before.state.waits_for_person());
            }
            _ => {}
        }
        self.twice(command);
    }

    /// The same command once more would do no harm.
    fn twice(&self, command: &Command) {
        let once = &self.life.invoice;
        if matches!(command, Command::Start { lease_until, .. } if *lease_until <= self.life.now) {
            // A lease that has run out before it began is a silent attempt; the next one may begin at once.
            return;
        }
        let mut life = self.life.clone();
        if life.attempt(command.clone()).is_ok() {
            let twice = Invoice { version: once.version, updated_at: once.updated_at, ..life.invoice };
            assert_eq!(twice, *once, "{command:?}");
        }
    }

    fn command(&self, seen: &Invoice, wish: &Wish) -> Option<Command> {
        let nobody = Actor { name: "ليلى".to_owned(), reason: "  ".to_owned() };
        let signed = |named: bool| if named { actor() } else { nobody.clone() };
        let any = |which: &Index| (!self.begun.is_empty()).then(|| *which.get(&self.begun));
        Some(match wish.clone() {
            Wish::Receive { content: n, amends, named } => Command::Receive {
                content: content(n),
                amends: amends.map(|right| if right { seen.document } else { seen.document + 1 }),
                by: named.then(actor),
            },
            Wish::Encode { own, settings } => Command::Encode {
                icv: if own { seen.icv.unwrap_or(7) } else { 8 },
                xml: bytes(seen.document, settings),
            },
            Wish::FindUnfit => Command::FindUnfit { message: "النسبة غير معروفة".to_owned() },
            Wish::Start { seconds } => start(self.life.now, seconds),
            Wish::Release { which } => {
                Command::Release { attempt: any(&which)?.0, due_at: self.life.now + TimeDelta::seconds(5) }
            }
            Wish::Record { which, outcome } => {
                let (attempt, document) = match which {
                    Which::Latest => *self.begun.last()?,
                    Which::Any(index) => any(&index)?,
                };
                record(attempt, document, outcome)
            }
            Wish::Requeue(mode) => requeue(mode),
            Wish::Abandon { named } => Command::Abandon { by: signed(named) },
            Wish::Adopt { qr } => Command::Adopt { qr: qr.to_owned(), by: actor() },
        })
    }
}

fn run(steps: &[Step]) -> Life {
    let mut race = Race::new();
    for step in steps {
        race.step(step);
    }
    race.life
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_promises_hold(steps in vec(step(), 0..120)) {
        let life = run(&steps);
        prop_assert_eq!(life.refolded(), life.invoice.clone(), "the events are the state");
        prop_assert_eq!(usize::try_from(life.invoice.version), Ok(life.stream.len()));
        for (_, event) in &life.stream {
            let text = serde_json::to_string(event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event.clone());
            // The ledger may pass through a tree on the way.
            prop_assert_eq!(serde_json::from_value::<Event>(serde_json::to_value(event).unwrap()).unwrap(), event.clone());
        }
        let text = serde_json::to_string(&life.invoice).unwrap();
        prop_assert_eq!(serde_json::from_str::<Invoice>(&text).unwrap(), life.invoice);
    }
}

/// Every change of state that some run of many goes through, the same in every run.
pub(super) fn walked() -> BTreeSet<(State, &'static str, State)> {
    let mut runner = TestRunner::deterministic();
    let mut walked = BTreeSet::new();
    for _ in 0..3_000 {
        let steps = vec(step(), 60..160).new_tree(&mut runner).unwrap().current();
        let life = run(&steps);
        let mut invoice = Life::draft().invoice;
        for (at, event) in life.stream.iter().skip(1) {
            let from = invoice.state;
            invoice.evolve(event, *at);
            walked.insert((from, event.name(), invoice.state));
        }
    }
    walked
}
