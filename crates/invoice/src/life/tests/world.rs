//! A small world: an authority with a memory of its own, workers that die, pause and lose answers, and a person who does
//! whatever is allowed. What is held here is the point of it all: nobody can give up or change what the authority has,
//! and nothing that it has is forgotten.
//!
//! One thing is beyond any lease (promise 5), and left out: a worker that was paused before its POST for longer than its
//! lease, and whose answer is then never heard.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// How many workers there are.
const WORKERS: usize = 3;

/// What happens next.
#[derive(Debug, Clone)]
enum Happening {
    Time(i64),
    /// A worker begins an attempt.
    Claim(usize),
    /// It gives it back unsent.
    Release(usize),
    /// Its POST arrives, or not.
    Post(usize, Fate),
    /// What it heard is recorded.
    Record(usize),
    /// It is killed.
    Kill(usize),
    /// The authority changes its mind about what it likes.
    Mood(bool),
    Encode,
    FindUnfit,
    Amend,
    Requeue(RequeueMode),
    Abandon,
    Adopt,
}

/// What becomes of a POST.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered {
        qr: bool,
    },
    /// The authority took it, and nobody heard.
    AnswerLost,
    /// It never arrived, and nobody knows.
    RequestLost,
    Down,
    Failing,
    Locked,
}

/// What a worker has in hand.
#[derive(Debug, Clone)]
struct Job {
    attempt: u32,
    document: u32,
    xml: Digest,
    lease_until: Timestamp,
    heard: Option<Outcome>,
}

/// The authority's own memory.
#[derive(Debug, Default)]
struct Authority {
    refuses: bool,
    /// The bytes that it has taken under this UUID, for ever.
    holds: Option<Digest>,
}

impl Authority {
    fn answer(&mut self, xml: Digest, fate: Fate) -> Outcome {
        let qr = match fate {
            Fate::Answered { qr } => qr,
            Fate::AnswerLost => true,
            Fate::RequestLost => return Outcome::InDoubt,
            Fate::Down => return not_now(),
            Fate::Failing => return Outcome::Suspect,
            Fate::Locked => return Outcome::Credentials,
        };
        let already = self.holds.is_some();
        if !already && self.refuses {
            return if matches!(fate, Fate::AnswerLost) { Outcome::InDoubt } else { Outcome::Refused };
        }
        let holds = *self.holds.get_or_insert(xml);
        let text = format!("QR-{holds}");
        match fate {
            Fate::AnswerLost => Outcome::InDoubt,
            _ if holds != xml => Outcome::HoldsOther {
                qr: qr.then_some(text),
                difference: "البنود مختلفة".to_owned(),
            },
            _ if qr => Outcome::Cleared { qr: text, already, note: None, signed: None },
            _ => Outcome::AcceptedWithoutQr,
        }
    }
}

struct World {
    life: Life,
    authority: Authority,
    jobs: [Option<Job>; WORKERS],
    /// A POST after its lease went unheard: what it did nobody can know.
    beyond: bool,
    adopted: bool,
}

impl World {
    fn new() -> Self {
        let (life, authority) = (Life::draft(), Authority::default());
        Self { life, authority, jobs: [const { None }; WORKERS], beyond: false, adopted: false }
    }

    fn happen(&mut self, happening: &Happening) {
        let life = &mut self.life;
        match happening.clone() {
            Happening::Time(seconds) => life.wait(seconds),
            Happening::Claim(worker) => self.claim(worker),
            Happening::Release(worker) => {
                if let Some(job) = self.jobs[worker].take_if(|job| job.heard.is_none()) {
                    let _ = life.attempt(Command::Release { attempt: job.attempt, due_at: life.now });
                }
            }
            Happening::Post(worker, fate) => self.post(worker, fate),
            Happening::Record(worker) => self.record(worker),
            Happening::Kill(worker) => self.kill(worker),
            Happening::Mood(refuses) => self.authority.refuses = refuses,
            Happening::Encode => {
                let xml = bytes(life.invoice.document, life.invoice.version);
                let _ = life.attempt(Command::Encode { icv: 7, xml });
            }
            Happening::FindUnfit => {
                let _ = life
                    .attempt(Command::FindUnfit { message: "النسبة غير معروفة".to_owned() });
            }
            Happening::Amend => {
                let document = life.invoice.document;
                let _ = life.attempt(amend(document + 1, document));
            }
            Happening::Requeue(mode) => {
                let _ = life.attempt(requeue(mode));
            }
            Happening::Abandon => {
                let _ = life.attempt(abandon());
            }
            Happening::Adopt => self.adopted |= life.attempt(adopt()).is_ok(),
        }
        self.nothing_is_forgotten();
    }

    fn claim(&mut self, worker: usize) {
        if self.jobs[worker].is_some() {
            return;
        }
        for event in self.life.attempt(start(self.life.now, 80)).unwrap_or_default() {
            if let Event::SubmissionStarted { attempt, document, xml, lease_until, .. } = event {
                self.jobs[worker] = Some(Job { attempt, document, xml, lease_until, heard: None });
            }
        }
    }

    fn post(&mut self, worker: usize, fate: Fate) {
        let Some(job) = &mut self.jobs[worker] else { return };
        if job.heard.is_some() {
            return;
        }
        let outcome = self.authority.answer(job.xml, fate);
        if job.lease_until <= self.life.now && outcome == Outcome::InDoubt {
            self.beyond = true;
        }
        job.heard = Some(outcome);
    }

    fn record(&mut self, worker: usize) {
        if let Some(Job { attempt, document, heard: Some(outcome), .. }) =
            self.jobs[worker].take_if(|job| job.heard.is_some())
        {
            self.life.act(record(attempt, document, outcome));
        }
    }

    fn kill(&mut self, worker: usize) {
        if let Some(job) = self.jobs[worker].take() {
            let holder =
                self.life.invoice.state == State::Submitted && self.life.invoice.attempt == job.attempt;
            // Another has answered for it already: what it heard itself is lost.
            self.beyond |= !holder && job.heard.is_some();
        }
    }

    /// Nobody has an answer in hand that is not yet recorded.
    fn is_quiet(&self) -> bool {
        !self.beyond && self.jobs.iter().flatten().all(|job| job.heard.is_none())
    }

    fn nothing_is_forgotten(&self) {
        let invoice = &self.life.invoice;
        if !self.is_quiet() {
            return;
        }
        let told = format!("{:?} holds, {invoice:?}", self.authority);
        let guarded = invoice.may_be_held() || invoice.cause == Some(Cause::AuthorityHoldsOther);
        match (invoice.state, self.authority.holds) {
            (State::Submitted | State::PendingRetry, _) => {}
            (State::Cleared, _) if self.adopted => {}
            (State::Cleared, Some(held)) => {
                assert_eq!(invoice.qr, Some(format!("QR-{held}")), "the QR of what is held: {told}");
            }
            (State::Cleared, None) => panic!("cleared by nobody: {told}"),
            (State::Draft | State::Abandoned, Some(_)) => panic!("held, and changed or given up: {told}"),
            (State::Rejected | State::DeadLettered, Some(_)) => {
                assert!(guarded, "held, and nobody knows: {told}");
            }
            (State::Draft | State::Rejected | State::DeadLettered | State::Abandoned, None) => {}
        }
    }

    /// Everybody finishes, the authority is well, and the ledger's sweeper sees to what is open.
    fn settle(&mut self) {
        for worker in 0..WORKERS {
            self.happen(&Happening::Post(worker, Fate::Answered { qr: true }));
            self.happen(&Happening::Record(worker));
        }
        for _ in 0..4 {
            self.life.wait(100_000);
            self.happen(&Happening::Encode);
            self.happen(&Happening::Claim(0));
            self.happen(&Happening::Post(0, Fate::Answered { qr: true }));
            self.happen(&Happening::Record(0));
        }
        let invoice = &self.life.invoice;
        assert!(invoice.state.is_settled(), "in the end: {invoice:?}");
        let held = invoice.may_be_held() || invoice.cause == Some(Cause::AuthorityHoldsOther);
        if self.authority.holds.is_some() && !self.beyond {
            assert!(invoice.state == State::Cleared || held, "in the end: {invoice:?}");
        }
        assert_eq!(self.life.refolded(), *invoice);
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => any::<bool>().prop_map(|qr| Fate::Answered { qr }),
        3 => Just(Fate::AnswerLost),
        2 => Just(Fate::RequestLost),
        1 => Just(Fate::Down),
        3 => Just(Fate::Failing),
        1 => Just(Fate::Locked),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let worker = || 0..WORKERS;
    prop_oneof![
        4 => prop_oneof![3 => 0_i64..50, 2 => 50_i64..200, 2 => 2_000_i64..5_000].prop_map(Happening::Time),
        10 => worker().prop_map(Happening::Claim),
        1 => worker().prop_map(Happening::Release),
        8 => (worker(), fate()).prop_map(|(worker, fate)| Happening::Post(worker, fate)),
        8 => worker().prop_map(Happening::Record),
        1 => worker().prop_map(Happening::Kill),
        2 => any::<bool>().prop_map(Happening::Mood),
        4 => Just(Happening::Encode),
        1 => Just(Happening::FindUnfit),
        3 => Just(Happening::Amend),
        1 => Just(Happening::Requeue(RequeueMode::SameBytes)),
        1 => Just(Happening::Requeue(RequeueMode::Reencode)),
        1 => Just(Happening::Abandon),
        1 => Just(Happening::Adopt),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_authority_holds_is_never_given_up_nor_forgotten(happenings in vec(happening(), 0..120)) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(happening);
        }
        world.settle();
    }
}
