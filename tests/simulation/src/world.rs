//! One run: a fleet of roles that die, freeze and come back, retailers, a person, and the storm around them; then calm,
//! in which everything must settle as planned. Everything that is drawn comes from one seed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::{Broker, MemoryBroker, Queue};
use invoice::InvoiceKey;
use invoice::life::Invoice;
use ledger::MemoryLedger;
use simulator::{Authority, Decimal, Fault, FaultRule, Handle, InProcess, Latency, Match, Settings, Times};
use tests::faulty::{Chaos, Closed, Weather};
use tests::fleet::{Numbers, Seams, tokio_clock};
use tests::life::{Fuse, Life};
use tests::random::Random;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::houses::{self, House};
use crate::plan::{self, Plan};
use crate::scene::Scene;
use crate::staff::{Post, Process};
use crate::weather;

/// Everything in one run.
pub(crate) struct World {
    pub(crate) seams: Seams,
    pub(crate) houses: Vec<House>,
    pub(crate) plan: Plan,
    /// What publishers heard yes to.
    pub(crate) yes: Mutex<BTreeMap<InvoiceKey, Invoice>>,
    /// What should not have happened, as it was seen.
    pub(crate) mishaps: Mutex<Vec<String>>,
    /// How many messages on the intake queue are no events.
    pub(crate) strangers: u64,
    pub(crate) numbers: Numbers,
    pub(crate) broker: MemoryBroker,
    pub(crate) chaos: Arc<Chaos>,
    /// Whether hints for the encoder must get there without the sweeper.
    pub(crate) drafts_arrive: bool,
    /// Whether the fleet tells others of what has settled.
    pub(crate) tells: bool,
    /// Whether a closed road hangs instead of refusing.
    hangs: bool,
    pub(crate) lives: Mutex<Vec<Life>>,
    pub(crate) alive: Mutex<BTreeMap<String, Process>>,
    pub(crate) stop: CancellationToken,
    /// In fair weather: the one harm.
    pub(crate) fuse: Option<Arc<Fuse>>,
    settled_at: AtomicU64,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(scene: Scene) -> Arc<Self> {
        let mut random = Random::new(scene.seed);
        let fair = scene.strike.is_some();
        let drafts_arrive = !fair && random.chance(250);
        // Not always: who dies while telling leaves a lease of a minute, and that much calm costs time.
        let tells = !fair && random.chance(150);
        let numbers = weather::numbers(&mut random);
        let weather = if fair { Weather::default() } else { weather::weather(&mut random, drafts_arrive) };
        let houses = houses::draw(&mut random);
        let sales = match random.between(0, 9) {
            _ if fair => random.between(1, 3),
            // So few that none finds the encoder's queue full: those would be left to the dispatcher.
            _ if drafts_arrive => random.between(2, 8),
            0..=5 => random.between(2, 8),
            6..=8 => random.between(8, 16),
            _ => random.between(16, 40),
        };
        // What waits for its original is the sweeper's when a hint is lost.
        let plan = plan::draw(&mut random, &houses, sales, !drafts_arrive);
        let settings = Settings {
            tolerance: Decimal::scaled(5, 10),
            name_limit_jod: Decimal::scaled(plan::NAMELESS_JOD, 0),
            ..Settings::default()
        };
        let mut authority = Authority::new(settings, random.bits());
        houses::register(&houses, &mut authority);
        let strangers = if fair { 0 } else { random.between(0, 4) };
        let chaos = Chaos::with_killer(weather, scene.sabotage, random, Some(plan::KILLER));
        let (authority, clock) = (Handle::new(authority), chaos.clock(tokio_clock()));
        let broker = MemoryBroker::new(numbers.ladder.clone());
        let ledger = MemoryLedger::new(clock.clone(), numbers.schedule.clone());
        let seams = Seams {
            ledger: Arc::new(if tells { ledger.with_notices() } else { ledger }),
            broker: Arc::new(broker.clone()),
            transport: Arc::new(InProcess::new(authority.clone(), clock)),
            authority,
        };
        let fuse = scene.strike.map(|strike| strike.harm.fuse(strike.at, broker.clone()));
        let world = Self {
            seams,
            houses,
            plan,
            yes: Mutex::default(),
            mishaps: Mutex::default(),
            strangers,
            numbers,
            broker,
            chaos,
            drafts_arrive,
            tells,
            // Of its own generator: all else stays what it was before endpoints could hang.
            hangs: Random::new(!scene.seed).chance(500),
            lives: Mutex::default(),
            alive: Mutex::default(),
            stop: CancellationToken::new(),
            fuse,
            settled_at: AtomicU64::new(0),
        };
        world.take_names();
        if !fair {
            let World { chaos, seams, plan, .. } = &world;
            seams.authority.with(|authority| {
                chaos.draw(|random| weather::misbehave(authority, random, plan));
            });
        }
        Arc::new(world)
    }

    /// Runs the storm and the calm after it, until everything is settled or the time is up.
    pub(crate) async fn run(self: &Arc<Self>) {
        let mut tasks = Vec::new();
        let most = if self.fuse.is_some() { [1, 1, 1] } else { [2, 3, 3] };
        for (post, most) in [Post::Producer, Post::Encoder, Post::Submitter].into_iter().zip(most) {
            for seat in 0..self.between(1, most) {
                tasks.push(tokio::spawn(Arc::clone(self).keep(post, seat)));
            }
        }
        let mut publishers = Vec::new();
        for (key, planned) in &self.plan.invoices {
            if !planned.by_queue {
                publishers.push(tokio::spawn(Arc::clone(self).retail(*key)));
            }
        }
        publishers.push(tokio::spawn(Arc::clone(self).retail_by_queue()));
        tasks.push(tokio::spawn(Arc::clone(self).desk()));

        if self.fuse.is_none() {
            self.storm().await;
        }
        self.calm();
        for publisher in publishers {
            self.watch("a publisher", publisher.await);
        }
        self.wait_until_settled().await;
        self.stop.cancel();
        for task in tasks {
            self.watch("a keeper", task.await);
        }
    }

    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        self.chaos.draw(|random| random.between(low, high))
    }

    pub(crate) fn chance(&self, permille: u64) -> bool {
        self.chaos.draw(|random| random.chance(permille))
    }

    pub(crate) async fn pause(&self, up_to_ms: u64) {
        sleep(Duration::from_millis(self.between(1, up_to_ms))).await;
    }

    pub(crate) fn mishap(&self, what: String) {
        lock(&self.mishaps).push(what);
    }

    pub(crate) fn watch(&self, whose: &str, end: Result<(), tokio::task::JoinError>) {
        if let Err(error) = end {
            self.mishap(format!("{whose} ended by itself: {error}"));
        }
    }

    /// Whether leases of this process may have run out: it was killed, frozen or held up at some time, or the clock was stepped.
    pub(crate) fn was_harmed(&self, worker: &str) -> bool {
        !self.chaos.is_time_sound()
            || lock(&self.lives).iter().any(|life| life.name() == worker && life.was_harmed())
    }

    /// How many steps had been made when everything was settled.
    pub(crate) fn steps(&self) -> u64 {
        self.settled_at.load(Ordering::Relaxed)
    }

    /// What happens to the fleet for as long as the storm lasts.
    async fn storm(&self) {
        // Most are short; in a long one invoices come to the end of their ladders.
        let longest = if self.chance(100) { 30_000 } else { 8_000 };
        let end = Instant::now() + Duration::from_millis(self.between(2_000, longest));
        let steps_clock = self.chance(250);
        while Instant::now() < end {
            self.pause(500).await;
            let processes: Vec<Process> = lock(&self.alive).values().cloned().collect();
            let one = self.chaos.draw(|random| random.pick(&processes).clone());
            match self.between(0, 14) {
                0..=3 if self.may_die(one.post) => one.life.kill(),
                4 => processes.iter().filter(|it| self.may_die(it.post)).for_each(|it| it.life.kill()),
                5 | 6 => one.life.freeze(Duration::from_millis(self.between(100, 9_000))),
                7 | 8 => one.stop.cancel(),
                9 => self.broker.restart(),
                10 => self.purge_one().await,
                11 => {
                    self.seams.authority.with(|authority| authority.set_down(true));
                    self.pause(1_500).await;
                    self.seams.authority.with(|authority| authority.set_down(false));
                }
                12 => self.close_one().await,
                13 => self.revoke_one().await,
                14 if steps_clock => {
                    let by_ms = i64::try_from(self.between(0, 16_000)).unwrap_or_default();
                    self.chaos.step_clock(by_ms - 8_000);
                }
                _ => {}
            }
        }
    }

    fn any_client(&self) -> String {
        self.chaos.draw(|random| random.pick(&self.houses).client_id())
    }

    /// One income source's road to the authority is cut; or its endpoint hangs, for all who send there, at times for longer
    /// than a lease.
    async fn close_one(&self) {
        let one = self.chaos.draw(|random| random.pick(&self.houses).clone());
        let (how, up_to_ms) = if self.hangs { (Closed::Hanging, 9_000) } else { (Closed::Refused, 1_500) };
        let closed: Vec<&House> = self
            .houses
            .iter()
            .filter(|it| it.source == one.source || self.hangs && it.is_beside(&one))
            .collect();
        closed.iter().for_each(|it| self.chaos.close_road(it.client_id(), how));
        self.pause(up_to_ms).await;
        closed.iter().for_each(|it| self.chaos.open_road(&it.client_id()));
    }

    /// The authority takes this pair of credentials for wrong ones, for a while.
    async fn revoke_one(&self) {
        let now = self.seams.ledger.now().await.expect("memory answers");
        let matching = Match {
            client_id: Some(self.any_client()),
            until: Some(now + chrono::TimeDelta::milliseconds(2_000)),
            ..Match::default()
        };
        let fault = Fault::Status { code: 403, retry_after_s: None, processed: false };
        self.seams
            .authority
            .with(|authority| authority.add_fault(FaultRule { matching, times: Times::Always, fault }));
    }

    async fn purge_one(&self) {
        let mut queues = self.numbers.ladder.queues();
        // The events of retailers are no hints.
        queues.retain(|queue| *queue != Queue::Intake && !(self.drafts_arrive && *queue == Queue::Draft));
        let queue = self.chaos.draw(|random| *random.pick(&queues));
        self.broker.purge(queue).await.expect("the queue is there");
    }

    fn calm(&self) {
        self.chaos.calm();
        lock(&self.lives).iter().for_each(Life::disarm);
        self.seams.authority.with(|authority| {
            authority.clear_faults();
            authority.set_down(false);
            authority.set_latency(Latency::Uniform { min_ms: 0, max_ms: 50 });
        });
    }

    /// Waits until every invoice has ended as planned and the dead-letter queue agrees; the checks say what is missing.
    async fn wait_until_settled(&self) {
        let end = Instant::now() + Duration::from_secs(180);
        // Somebody may be filling the dead-letter queue anew just now: agreement is what lasts.
        let mut agreed = 0;
        while Instant::now() < end {
            let all = tests::fleet::invoices(&*self.seams.ledger).await;
            let agrees = self.plan.is_done(&all)
                && self.dead_letters().await == self.waiting_for_person().await
                && self.is_told().await;
            if agrees && agreed == 0 {
                self.settled_at.store(self.fuse.as_ref().map_or(0, |fuse| fuse.steps()), Ordering::Relaxed);
            }
            agreed = if agrees { agreed + 1 } else { 0 };
            // Longer than anybody is frozen.
            if agreed == 25 {
                return;
            }
            sleep(Duration::from_millis(400)).await;
        }
    }

    /// How many hints stand in the dead-letter queue, or are being looked at.
    pub(crate) async fn dead_letters(&self) -> u64 {
        let ready = self.broker.depth(Queue::DeadLetter).await.expect("the queue is there");
        ready + self.broker.unsettled(Queue::DeadLetter) as u64
    }

    /// How many should.
    pub(crate) async fn waiting_for_person(&self) -> u64 {
        let standing = self.seams.ledger.standing().await.expect("memory answers");
        let lines = standing.counts.iter().filter(|line| line.state.waits_for_person());
        lines.map(|line| line.count).sum::<u64>() + standing.refused_intake
    }
}
