//! Random commands from several hands at once: duplicated, late, reordered, decided on old snapshots, while time jumps.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// A change of state: from, by, to.
pub(super) type Transition = (State, &'static str, State);

/// How many hands there are.
const HANDS: usize = 3;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, or jumps back, seconds.
    Time(i64),
    /// A hand looks at the invoice, and will act on what it saw.
    Look(usize),
    /// A hand acts on what it saw last; when it comes too late it looks again and insists, or gives up.
    Act { hand: usize, wish: Wish, insists: bool },
    /// A hand waits for its time, sends it, and hears this; so many times.
    Send { hand: usize, outcome: Outcome, times: usize },
    /// What was wished last is wished again.
    Again,
}

/// A command whose particulars depend on what has been.
#[derive(Debug, Clone)]
enum Wish {
    Receive { content: u32, amends: Option<bool>, named: bool },
    Encode { own: bool, settings: u32 },
    FindUnfit,
    Wait { other: bool, reason: WaitReason },
    Start { seconds: i64 },
    Release { which: Index },
    Record { which: Which, outcome: Outcome },
    Requeue(RequeueMode),
    Abandon { named: bool },
    Adopt { qr: &'static str },
}

/// Which attempt an answer is for.
#[derive(Debug, Clone)]
enum Which {
    First,
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
    let which = prop_oneof![6 => Just(Which::Latest), 1 => Just(Which::First), 1 => any::<Index>().prop_map(Which::Any)];
    let mode = select(&[RequeueMode::SameBytes, RequeueMode::Reencode][..]);
    prop_oneof![
        4 => (1_u32..6, any::<Option<bool>>(), any::<bool>())
            .prop_map(|(content, amends, named)| Wish::Receive { content, amends, named }),
        6 => (prop::bool::weighted(0.9), 0_u32..3).prop_map(|(own, settings)| Wish::Encode { own, settings }),
        1 => Just(Wish::FindUnfit),
        3 => (any::<bool>(), select(WaitReason::ALL)).prop_map(|(other, reason)| Wish::Wait { other, reason }),
        12 => (-5_i64..120).prop_map(|seconds| Wish::Start { seconds }),
        1 => any::<Index>().prop_map(|which| Wish::Release { which }),
        14 => (which, outcome()).prop_map(|(which, outcome)| Wish::Record { which, outcome }),
        3 => mode.prop_map(Wish::Requeue),
        1 => prop::bool::weighted(0.9).prop_map(|named| Wish::Abandon { named }),
        2 => select(&["QR-آخر", ""][..]).prop_map(|qr| Wish::Adopt { qr }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop_oneof![1 => -3_600_i64..0, 6 => 0_i64..100, 3 => 0_i64..100_000].prop_map(Step::Time),
        1 => (0..HANDS).prop_map(Step::Look),
        9 => (0..HANDS, wish(), prop::bool::weighted(0.8))
            .prop_map(|(hand, wish, insists)| Step::Act { hand, wish, insists }),
        2 => (0..HANDS, outcome(), select(&[1, 1, 7][..]))
            .prop_map(|(hand, outcome, times)| Step::Send { hand, outcome, times }),
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
                self.decide_and_swap(*hand, &command, *insists);
                self.last = Some(command);
            }
            Step::Send { hand, outcome, times } => {
                for _ in 0..*times {
                    self.send(*hand, outcome);
                }
            }
            Step::Again => {
                if let Some(command) = self.last.clone() {
                    self.decide_and_swap(0, &command, true);
                }
            }
        }
    }

    fn send(&mut self, hand: usize, outcome: &Outcome) {
        let invoice = &self.life.invoice;
        let time = invoice.due_at.or(invoice.lease_until).unwrap_or(self.life.now);
        self.life.now = time.max(self.life.now);
        self.decide_and_swap(hand, &start(self.life.now, 80), true);
        if let Some((attempt, document)) = self.begun.last() {
            self.decide_and_swap(hand, &record(*attempt, *document, outcome.clone()), true);
        }
    }

    /// Decides on what the hand saw, and appends if the stream has not moved on since.
    fn decide_and_swap(&mut self, hand: usize, command: &Command, insists: bool) {
        for _ in 0..2 {
            let seen = self.seen[hand].clone();
            let context = Context { now: self.life.now, policy: &self.life.policy };
            let decided = decide(&seen, command.clone(), context);
            if matches!(command, Command::Record { .. }) {
                assert_eq!(decided.as_ref().map(Vec::len), Ok(1), "what was heard is kept");
            }
            let Ok(events) = decided else { return };
            if seen.version == self.life.invoice.version {
                self.append(command, &events);
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
            Command::Record {
                outcome: Outcome::InDoubt | Outcome::NotNow { .. } | Outcome::Credentials,
                ..
            } => {
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
        let mut twice = once.clone();
        for event in self.life.decide(command.clone()).unwrap_or_default() {
            twice.evolve(&event, self.life.now);
        }
        let twice = Invoice { version: once.version, updated_at: once.updated_at, ..twice };
        assert_eq!(twice, *once, "{command:?}");
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
            Wish::Wait { other, reason } => wait(if other { 2 } else { 1 }, reason),
            Wish::Start { seconds } => start(self.life.now, seconds),
            Wish::Release { which } => {
                Command::Release { attempt: any(&which)?.0, due_at: self.life.now + TimeDelta::seconds(5) }
            }
            Wish::Record { which, outcome } => {
                let (attempt, document) = match which {
                    Which::First => *self.begun.first()?,
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
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_promises_hold(steps in vec(step(), 0..120)) {
        let life = run(&steps);
        prop_assert_eq!(life.refolded(), life.invoice.clone(), "the events are the state");
        prop_assert_eq!(usize::try_from(life.invoice.version), Ok(life.stream.len()));
        let table = table::table();
        let mut folded = Life::draft().invoice;
        for (at, event) in life.stream.iter().skip(1) {
            let from = folded.state;
            folded.evolve(event, *at);
            let walked = (from, event.name(), folded.state);
            prop_assert!(table.contains(&walked), "not in the table of transitions: {walked:?}");
        }
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

/// Walks at random, the same way in every run, until `table` is walked out; gives what was not walked in reasonable time.
pub(super) fn unwalked(table: &BTreeSet<Transition>) -> BTreeSet<Transition> {
    let mut runner = TestRunner::deterministic();
    let mut left = table.clone();
    for turn in 0..1_000 {
        let mut steps = if turn % 4 < 2 { given_up_too_early(turn % 2 == 0) } else { Vec::new() };
        steps.extend(vec(step(), 30..90).new_tree(&mut runner).unwrap().current());
        let life = run(&steps);
        let mut invoice = Life::draft().invoice;
        for (at, event) in life.stream.iter().skip(1) {
            let from = invoice.state;
            invoice.evolve(event, *at);
            left.remove(&(from, event.name(), invoice.state));
        }
        if left.is_empty() {
            break;
        }
    }
    left
}

/// A first version that was refused, and a second one that was given up: by our own table, or by a person. Then it comes
/// out that the first one was accepted.
fn given_up_too_early(by_person: bool) -> Vec<Step> {
    let act = |wish| Step::Act { hand: 0, wish, insists: true };
    let send = |outcome, times| Step::Send { hand: 0, outcome, times };
    let encode = || act(Wish::Encode { own: true, settings: 0 });
    let amend = act(Wish::Receive { content: 2, amends: Some(true), named: true });
    let mut steps = vec![encode(), send(Outcome::Refused, 1), amend, encode()];
    if by_person {
        steps.push(act(Wish::Abandon { named: true }));
    } else {
        steps.push(send(Outcome::Suspect, 6));
    }
    steps.push(act(Wish::Record { which: Which::First, outcome: Outcome::AcceptedWithoutQr }));
    steps
}
