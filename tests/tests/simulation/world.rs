//! One run: a fleet of roles that die, freeze and come back, retailers, a person, and the storm around them; then calm,
//! in which everything must settle as planned. Everything that is drawn comes from one seed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::{Broker, MemoryBroker, Queue};
use encoder::DocumentEncoder;
use invoice::life::{Invoice, Policy};
use invoice::{Environment, IncomeSource, InvoiceKey};
use ledger::{Draft, Encode, Encoding, MemoryLedger, Unencoded};
use producer::Producer;
use simulator::{Authority, Decimal, Handle, InProcess, Latency, Settings};
use tests::faulty::{self, Chaos, Sabotage};
use tests::fleet::{Numbers, Seams, tokio_clock};
use tests::life::Life;
use tests::random::Random;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::plan::{self, Planned};
use crate::weather;

/// The roles that have a process of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Post {
    Producer,
    Encoder,
    Submitter,
}

/// A process at work.
#[derive(Clone)]
struct Process {
    post: Post,
    life: Life,
    stop: CancellationToken,
}

/// Everything in one run.
pub(crate) struct World {
    pub(crate) seams: Seams,
    pub(crate) plan: BTreeMap<InvoiceKey, Planned>,
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
    lives: Mutex<Vec<Life>>,
    alive: Mutex<BTreeMap<String, Process>>,
    pub(crate) stop: CancellationToken,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses late what intake let pass.
struct Picky(DocumentEncoder);

impl Encode for Picky {
    fn icv_start(&self, environment: Environment, source: &IncomeSource) -> Option<u64> {
        self.0.icv_start(environment, source)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        if draft.invoice.number.starts_with(plan::UNFIT) {
            return Err(Unencoded::unfit("غير صالح: found unfit on purpose"));
        }
        self.0.encode(draft, icv)
    }

    fn policy(&self) -> Policy {
        self.0.policy()
    }
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Arc<Self> {
        let mut random = Random::new(seed);
        let drafts_arrive = random.chance(250);
        let (numbers, weather) =
            (weather::numbers(&mut random), weather::weather(&mut random, drafts_arrive));
        let count = random.between(8, 40);
        let plan = plan::draw(&mut random, count);
        let settings = Settings {
            tolerance: Decimal::scaled(5, 10),
            name_limit_jod: Decimal::scaled(plan::NAMELESS_JOD, 0),
            ..Settings::default()
        };
        let mut authority = Authority::new(settings, random.bits());
        tests::fleet::register(&mut authority);
        weather::misbehave(&mut authority, &mut random);
        let strangers = random.between(0, 4);
        let (authority, clock) = (Handle::new(authority), tokio_clock());
        let broker = MemoryBroker::new(numbers.ladder.clone());
        let seams = Seams {
            ledger: Arc::new(MemoryLedger::new(clock.clone(), numbers.schedule.clone())),
            broker: Arc::new(broker.clone()),
            transport: Arc::new(InProcess::new(authority.clone(), clock)),
            authority,
        };
        let chaos = Chaos::new(weather, sabotage, random);
        Arc::new(Self {
            seams,
            plan,
            yes: Mutex::default(),
            mishaps: Mutex::default(),
            strangers,
            numbers,
            broker,
            chaos,
            drafts_arrive,
            lives: Mutex::default(),
            alive: Mutex::default(),
            stop: CancellationToken::new(),
        })
    }

    /// Runs the storm and the calm after it, until everything is settled or the time is up.
    pub(crate) async fn run(self: &Arc<Self>) {
        let mut tasks = Vec::new();
        let seats = |post, most| (0..self.between(1, most)).map(move |seat| (post, seat)).collect::<Vec<_>>();
        let posts = [seats(Post::Producer, 2), seats(Post::Encoder, 3), seats(Post::Submitter, 3)]
            .into_iter()
            .flatten();
        for (post, seat) in posts {
            tasks.push(tokio::spawn(Arc::clone(self).keep(post, seat)));
        }
        let mut publishers = Vec::new();
        for (key, planned) in &self.plan {
            if !planned.by_queue {
                publishers.push(tokio::spawn(Arc::clone(self).retail(*key)));
            }
        }
        publishers.push(tokio::spawn(Arc::clone(self).retail_by_queue()));
        tasks.push(tokio::spawn(Arc::clone(self).desk()));

        self.storm(Duration::from_millis(self.between(2_000, 8_000))).await;
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

    /// Whether this process was killed, frozen or held up at some time.
    pub(crate) fn was_harmed(&self, worker: &str) -> bool {
        lock(&self.lives).iter().any(|life| life.name() == worker && life.was_harmed())
    }

    pub(crate) fn born(&self, name: String, mortal: bool) -> Life {
        let fuse = mortal && self.chaos.is_storm() && self.chance(600);
        let life = Life::new(name, fuse.then(|| self.between(3, 400)));
        lock(&self.lives).push(life.clone());
        life
    }

    /// Keeps one seat filled: whoever dies is replaced under a new name.
    async fn keep(self: Arc<Self>, post: Post, seat: u64) {
        let mut incarnation = 0;
        while !self.stop.is_cancelled() {
            let name = format!("{post:?}-{seat}.{incarnation}").to_lowercase();
            let life = self.born(name.clone(), self.may_die(post));
            let process = Process { post, life: life.clone(), stop: self.stop.child_token() };
            lock(&self.alive).insert(format!("{post:?}-{seat}"), process.clone());
            let mut work = tokio::spawn(Arc::clone(&self).work(process));
            tokio::select! {
                biased;
                () = life.died() => {
                    work.abort();
                    let _ = work.await;
                }
                end = &mut work => match end {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => self.mishap(format!("{name} gave up: {error}")),
                    Err(error) => self.mishap(format!("{name} ended by itself: {error}")),
                },
            }
            incarnation += 1;
            if !self.stop.is_cancelled() {
                self.pause(300).await;
            }
        }
    }

    fn may_die(&self, post: Post) -> bool {
        !(self.drafts_arrive && post == Post::Producer)
    }

    async fn work(self: Arc<Self>, process: Process) -> Result<(), String> {
        let Process { post, life, stop } = process;
        let seams = faulty::over(&self.seams, &self.chaos, &life);
        match post {
            Post::Producer => {
                let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let config =
                    producer::Config { listen, batch: 4, prefetch: 8, ..producer::Config::default() };
                let producer =
                    Producer::bind(seams.intake(), config).await.map_err(|error| error.to_string())?;
                producer.run(stop).await.map_err(|error| error.to_string())
            }
            Post::Encoder => {
                let mut encoder = seams.encoder(&self.numbers);
                encoder.documents = Arc::new(Picky(
                    DocumentEncoder::new(tests::fleet::registrations())
                        .with_policy(self.numbers.policy.clone()),
                ));
                encoder.run(stop).await.map_err(|error| error.to_string())
            }
            Post::Submitter => {
                let submitter = seams.submitter(&self.numbers, life.name());
                submitter.run(stop).await.map_err(|error| error.to_string())
            }
        }
    }

    /// What happens to the fleet for so long.
    async fn storm(&self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.pause(500).await;
            let processes: Vec<Process> = lock(&self.alive).values().cloned().collect();
            let one = self.chaos.draw(|random| random.pick(&processes).clone());
            match self.between(0, 11) {
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
                _ => {}
            }
        }
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
            let ended = self.plan.iter().all(|(key, planned)| {
                all.get(key).is_some_and(|invoice| (invoice.state, invoice.document) == planned.ends())
            });
            let agrees = ended && self.dead_letters().await == self.waiting_for_person().await;
            agreed = if agrees { agreed + 1 } else { 0 };
            if agreed == 50 {
                return;
            }
            sleep(Duration::from_millis(100)).await;
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
