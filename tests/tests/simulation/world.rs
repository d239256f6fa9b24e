//! One run: a fleet of roles that die, freeze and come back, retailers, a person, and the storm around them; then calm,
//! in which everything must settle as planned. Everything that is drawn comes from one seed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::{Broker, MemoryBroker, Outgoing, Queue};
use encoder::DocumentEncoder;
use invoice::life::{Actor, Cause, Command, Context, Invoice, RequeueMode, State, decide};
use invoice::{IncomeSource, InvoiceKey};
use ledger::{Change, Draft, Encode, Filter, MemoryLedger, Unfit};
use producer::{Producer, Refused, Taken};
use serde_json::Value;
use simulator::{Authority, Decimal, Fault, FaultRule, Handle, InProcess, Latency, Match, Settings, Times};
use tests::faulty::{self, Chaos, Sabotage, Weather};
use tests::fleet::{Numbers, Seams, tokio_clock};
use tests::life::Life;
use tests::random::Random;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::plan::{self, Fate, Planned};

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
    numbers: Numbers,
    broker: MemoryBroker,
    chaos: Arc<Chaos>,
    /// Whether hints for the encoder must get there without the sweeper.
    drafts_arrive: bool,
    lives: Mutex<Vec<Life>>,
    alive: Mutex<BTreeMap<String, Process>>,
    stop: CancellationToken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses late what intake let pass.
struct Picky(DocumentEncoder);

impl Encode for Picky {
    fn icv_start(&self, source: &IncomeSource) -> u64 {
        self.0.icv_start(source)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Vec<u8>, Unfit> {
        if draft.invoice.number.starts_with(plan::UNFIT) {
            return Err(Unfit { message: "غير صالح: found unfit on purpose".to_owned() });
        }
        self.0.encode(draft, icv)
    }
}

fn weather(random: &mut Random, drafts_arrive: bool) -> Weather {
    let often = |random: &mut Random, levels: &[u64]| *random.pick(levels);
    Weather {
        ledger_before: often(random, &[0, 20, 80]),
        // A publisher who asks again after an answer that was lost is not hinted again.
        ledger_after: if drafts_arrive { 0 } else { often(random, &[0, 20, 80]) },
        ledger_slow: often(random, &[0, 100, 400]),
        slow_ms: often(random, &[5, 40]),
        ledger_stall: often(random, &[0, 3, 12]),
        stall_ms: 9_000,
        hint_lost: often(random, &[0, 50, 200]),
        hint_twice: often(random, &[0, 100, 300]),
        hint_late: often(random, &[0, 100, 300]),
        late_ms: often(random, &[20, 2_000]),
        hint_unconfirmed: often(random, &[0, 50]),
        hint_refused: often(random, &[0, 50]),
        shuffled: often(random, &[0, 300]),
        drafts_arrive,
    }
}

fn numbers(random: &mut Random) -> Numbers {
    let mut numbers = Numbers::quick();
    numbers.submitter.lease_margin_ms = 3_000;
    // Longer than it takes to fill the dead-letter queue anew, as in production.
    numbers.submitter.survey_every_ms = 3_000;
    numbers.submitter.max_in_flight = *random.pick(&[1, 4, 16]);
    numbers.submitter.batch = *random.pick(&[1, 4, 16]);
    numbers.encoder.batch = *random.pick(&[1, 3, 16]);
    numbers.encoder.prefetch = *random.pick(&[1, 8, 64]);
    numbers
}

fn misbehave(authority: &mut Authority, random: &mut Random) {
    let suspect = Match { number_prefix: Some(plan::SUSPECT.to_owned()), ..Match::default() };
    let status = |code, retry_after_s, processed| Fault::Status { code, retry_after_s, processed };
    let down = status(500, None, false);
    authority.add_fault(FaultRule { matching: suspect, times: Times::Always, fault: down.clone() });
    let processed = random.chance(500);
    let faults = [
        status(503, None, processed),
        status(502, None, !processed),
        status(429, Some(1), false),
        status(403, None, false),
        status(302, None, processed),
        down,
        Fault::InnerError,
        Fault::Garbage { processed },
        Fault::Html { processed: !processed },
        Fault::Empty { processed },
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Late { delay_ms: 1_500 },
        Fault::WithoutQr,
        Fault::WithoutDocument,
    ];
    for fault in faults {
        let chance_permille = Some(*random.pick(&[0, 5, 20, 60]));
        let matching = Match { chance_permille, ..Match::default() };
        authority.add_fault(FaultRule { matching, times: Times::Always, fault });
    }
    authority.set_latency(*random.pick(&[
        Latency::None,
        Latency::Uniform { min_ms: 0, max_ms: 200 },
        Latency::Percentiles { p50_ms: 60, p99_ms: 900 },
    ]));
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Arc<Self> {
        let mut random = Random::new(seed);
        let drafts_arrive = random.chance(250);
        let (numbers, weather) = (numbers(&mut random), weather(&mut random, drafts_arrive));
        let count = random.between(8, 40);
        let plan = plan::draw(&mut random, count);
        let mut settings = Settings::default();
        settings.tolerance = Decimal::scaled(5, 10);
        settings.name_limit_jod = Decimal::scaled(plan::NAMELESS_JOD, 0);
        let mut authority = Authority::new(settings, random.bits());
        tests::fleet::register(&mut authority);
        misbehave(&mut authority, &mut random);
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

    fn between(&self, low: u64, high: u64) -> u64 {
        self.chaos.draw(|random| random.between(low, high))
    }

    fn chance(&self, permille: u64) -> bool {
        self.chaos.draw(|random| random.chance(permille))
    }

    async fn pause(&self, up_to_ms: u64) {
        sleep(Duration::from_millis(self.between(1, up_to_ms))).await;
    }

    fn mishap(&self, what: String) {
        lock(&self.mishaps).push(what);
    }

    fn watch(&self, whose: &str, end: Result<(), tokio::task::JoinError>) {
        if let Err(error) = end {
            self.mishap(format!("{whose} ended by itself: {error}"));
        }
    }

    /// Whether this process was killed, frozen or held up at some time.
    pub(crate) fn was_harmed(&self, worker: &str) -> bool {
        lock(&self.lives).iter().any(|life| life.name() == worker && life.was_harmed())
    }

    fn born(&self, name: String, mortal: bool) -> Life {
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
                encoder.documents = Arc::new(Picky(DocumentEncoder::new(BTreeMap::new())));
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

    /// A retailer with one event, who asks until there is a yes, and now and then again afterwards.
    async fn retail(self: Arc<Self>, key: InvoiceKey) {
        self.pause(3_000).await;
        let mut incarnation = 0;
        loop {
            let name = format!("intake-{}.{incarnation}", key.uuid);
            let life = self.born(name, !self.drafts_arrive);
            let mut publishing = tokio::spawn(Arc::clone(&self).publish(key, life.clone()));
            tokio::select! {
                biased;
                () = life.died() => publishing.abort(),
                end = &mut publishing => {
                    self.watch("publishing", end);
                    return;
                }
            }
            incarnation += 1;
            self.pause(200).await;
        }
    }

    async fn publish(self: Arc<Self>, key: InvoiceKey, life: Life) {
        let planned = &self.plan[&key];
        let Ok(taken) = self.offer(&life, &planned.event).await else {
            return self.mishap(format!("{key} was refused"));
        };
        lock(&self.yes).insert(key, taken.invoice);
        if self.chance(200) {
            self.pause(2_000).await;
            match self.offer(&life, &planned.event).await {
                Ok(taken) if !taken.new => {}
                other => self.mishap(format!("a repeat of {key} came to {other:?}")),
            }
        }
        if self.chance(100) {
            self.pause(2_000).await;
            match self.offer(&life, &planned.conflict()).await {
                Err(Refused::Conflict { .. }) => {}
                other => self.mishap(format!("other content for {key} came to {other:?}")),
            }
        }
    }

    /// Asks until the ledger answers, then hints.
    async fn offer(&self, life: &Life, event: &Value) -> Result<Taken, Refused> {
        let intake = faulty::over(&self.seams, &self.chaos, life).intake();
        let arrival = intake.check(event.to_string().as_bytes(), None)?;
        loop {
            if let Ok(mut answers) = intake.take(vec![arrival.clone()]).await
                && let Some(answer) = answers.pop()
            {
                intake.announce(answer.iter().map(|taken| (taken, None))).await;
                return answer;
            }
            self.pause(100).await;
        }
    }

    /// Retailers who publish straight to the broker; some twice, some what is no event at all.
    async fn retail_by_queue(self: Arc<Self>) {
        let mut messages: Vec<String> = Vec::new();
        for planned in self.plan.values().filter(|planned| planned.by_queue) {
            let times = if self.chance(300) { 2 } else { 1 };
            messages.extend(std::iter::repeat_n(planned.event.to_string(), times));
        }
        messages.extend((0..self.strangers).map(|n| format!("ليست فاتورة {n}")));
        self.chaos.draw(|random| random.shuffle(&mut messages));
        for message in messages {
            self.pause(300).await;
            let outgoing = Outgoing { queue: Queue::Intake, payload: message.into(), traceparent: None };
            let answers = self.broker.publish(vec![outgoing]).await;
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        }
    }

    /// A person, and the retailer's own system, who mend what waits for them.
    async fn desk(self: Arc<Self>) {
        let life = Life::new("desk", None);
        while !self.stop.is_cancelled() {
            self.pause(200).await;
            let states = vec![State::Rejected, State::DeadLettered];
            let filter = Filter { states, ..Filter::default() };
            let page = self.seams.ledger.list(&filter, None, 1_000).await.expect("memory answers");
            for listed in page.rows {
                let invoice = listed.invoice;
                let by = Actor { name: "سلمى".to_owned(), reason: "محاكاة".to_owned() };
                let planned = &self.plan[&invoice.key];
                match (planned.fate, invoice.cause) {
                    (Fate::Amended, Some(Cause::Refused)) => {
                        // Refused as long as it is in doubt: asked again at the next turn.
                        let _ = self.offer(&life, &planned.amendment()).await;
                    }
                    (Fate::GivenUp, Some(Cause::Refused)) => {
                        self.change(invoice, Command::Abandon { by }).await
                    }
                    (_, Some(Cause::KillsWorker | Cause::Suspect)) => {
                        let command = Command::Requeue { mode: RequeueMode::SameBytes, by };
                        self.change(invoice, command).await;
                    }
                    _ => {}
                }
            }
        }
    }

    async fn change(&self, invoice: Invoice, command: Command) {
        let now = self.seams.ledger.now().await.expect("memory answers");
        if let Ok(events) = decide(&invoice, command, Context { now, policy: &self.numbers.policy }) {
            let change = Change { invoice, events, at: now, documents: Vec::new(), attempt: None };
            self.seams.ledger.append(vec![change]).await.expect("memory answers");
        }
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
