//! Each endpoint by itself: what one suffers holds up no other, it is approached slowly after an outage, and the whole fleet
//! keeps to its cap (promise 9).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use invoice::IncomeSource;
use invoice::life::State;
use jofotara::{Credentials, Endpoint, Exchange, HttpRequest, Transport};
use ledger::unchanging;
use submitter::Submitter;
use tests::events::{event, general_source, income_source};
use tests::faulty::{self, Chaos, Weather};
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, invoices, settled};
use tests::life::Life;
use tests::random::Random;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::scene::{HOUR, MINUTE, key, look, when};

/// A road that counts what is under way on it, and where what must not arrive does not.
struct Watched {
    inner: Arc<dyn Transport>,
    /// No request whose address holds this gets through while `closed`.
    gate: &'static str,
    closed: AtomicBool,
    /// Nor is any answered that does, while it hangs.
    hangs: AtomicBool,
    under_way: AtomicUsize,
    most: AtomicUsize,
    began: Mutex<Vec<Instant>>,
}

impl Watched {
    fn over(seams: &mut Seams, gate: &'static str) -> Arc<Self> {
        let watched = Arc::new(Self {
            inner: Arc::clone(&seams.transport),
            gate,
            closed: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            began: Mutex::default(),
        });
        seams.transport = Arc::<Self>::clone(&watched);
        watched
    }

    fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    /// How many requests began from `start` on, within `time`.
    fn began(&self, start: Instant, time: Duration) -> usize {
        let began = self.began.lock().unwrap();
        began.iter().filter(|began| **began >= start && **began < start + time).count()
    }
}

/// One request's count: also taken back when whoever sent it dies.
struct Passing<'a>(&'a Watched);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Transport for Watched {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        self.began.lock().unwrap().push(Instant::now());
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _passing = Passing(self);
        self.most.fetch_max(under_way, Ordering::Relaxed);
        if self.closed.load(Ordering::Relaxed) && request.url().contains(self.gate) {
            return Exchange::NotSent { reason: "connection refused".to_owned() };
        }
        if self.hangs.load(Ordering::Relaxed) && request.url().contains(self.gate) {
            sleep(request.timeout()).await;
            return Exchange::Lost { reason: "no answer came in time".to_owned() };
        }
        self.inner.exchange(request).await
    }
}

/// The general source's documents go to another address than the income source's.
pub(crate) fn apart(seams: &Seams, numbers: &Numbers, worker: &str) -> Submitter {
    let endpoint = |source: &IncomeSource, url: &str| {
        let credentials = Credentials {
            client_id: format!("client-{}", source.sequence),
            secret_key: format!("secret-{}", source.sequence).into(),
        };
        let environment = invoice::Environment::Simulation;
        let endpoint = Endpoint::new(environment, url, credentials, numbers.timeout).unwrap();
        ((environment, source.clone()), endpoint)
    };
    let endpoints = [
        endpoint(&income_source(), "http://first.example/core/invoices/"),
        endpoint(&general_source(), "http://second.example/core/invoices/"),
    ];
    Submitter { endpoints: unchanging(endpoints.into()), ..seams.submitter(numbers, worker) }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_holds_up_no_other() {
    const COUNT: u64 = 200;
    let numbers = Numbers::real();
    let mut seams = Seams::memory(&numbers, 61);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Fixed { ms: 100 }));
    let road = Watched::over(&mut seams, "second.example");
    road.close(true);
    let fleet = Fleet::start_with(seams.encoder(&numbers), apart(&seams, &numbers, "worker-1"));
    seams.publish((0..COUNT).map(event)).await;
    for n in (0..COUNT).step_by(2) {
        when(&seams, key(n), "the other endpoint's to clear", MINUTE, |it| it.state == State::Cleared).await;
    }
    sleep(HOUR).await;
    let before = road.began.lock().unwrap().len();
    // What comes during the outage clears at once too.
    seams.publish((COUNT..COUNT + 20).map(event)).await;
    for n in (COUNT..COUNT + 20).step_by(2) {
        when(&seams, key(n), "a fresh one to clear", Duration::from_secs(20), |it| {
            it.state == State::Cleared
        })
        .await;
    }
    sleep(HOUR).await;
    let tried = road.began.lock().unwrap().len() - before - 10;
    // One probe each minute, but for those that were on their way at the very beginning.
    assert!((30..=75).contains(&tried), "{tried} attempts in an hour at an endpoint that is down");
    for (key, invoice) in invoices(&*seams.ledger).await {
        let waits = invoice.source == general_source();
        assert_eq!(invoice.state.is_settled(), !waits, "{key} is {}", invoice.state);
        assert_eq!((invoice.charged, invoice.in_doubt), (0, None), "{key}");
    }
    road.close(false);
    let all = settled(&*seams.ledger, usize::try_from(COUNT + 20).unwrap(), 2 * HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_leaves_room_for_the_others() {
    const BEFORE: u64 = 400;
    let numbers = Numbers::real();
    let mut seams = Seams::memory(&numbers, 66);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Fixed { ms: 100 }));
    let road = Watched::over(&mut seams, "second.example");
    let fleet = Fleet::start_with(seams.encoder(&numbers), apart(&seams, &numbers, "worker-1"));
    // It learns how much is borne.
    seams.publish((0..BEFORE).map(event)).await;
    settled(&*seams.ledger, usize::try_from(BEFORE).unwrap(), HOUR).await;
    road.hang(true);
    seams.publish((BEFORE..BEFORE + 200).map(|n| event(2 * n + 1))).await;
    tests::wait::until("many to be in flight", MINUTE, || async {
        (road.under_way.load(Ordering::Relaxed) >= 48).then_some(())
    })
    .await;
    // Nothing has timed out yet: no breaker can know.
    for n in 0..20 {
        let fresh = 2 * (BEFORE + 200 + n);
        seams.publish([event(fresh)]).await;
        when(&seams, key(fresh), "the other endpoint's to clear", Duration::from_secs(2), |it| {
            it.state == State::Cleared
        })
        .await;
    }
    road.hang(false);
    sleep(HOUR).await;
    let all = settled(&*seams.ledger, usize::try_from(BEFORE + 220).unwrap(), HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_worker_and_an_endpoint_that_hangs_hold_up_no_other() {
    // Of those that wait for it none was in flight when the worker was killed, or many were not.
    for (waiting, percent) in [(60, 25), (200, 5)] {
        let held_up = held_up_after_a_kill(waiting).await;
        println!("{waiting} wait: {held_up:?} of {WATCHED_FOR:?}");
        assert!(held_up < WATCHED_FOR * percent / 100, "{waiting} wait: {held_up:?} of {WATCHED_FOR:?}");
    }
}

const WATCHED_FOR: Duration = Duration::from_secs(1_200);

/// A worker is killed while so many wait for an endpoint that hangs; for how long the other one's have to wait then, all in
/// all.
async fn held_up_after_a_kill(waiting: u64) -> Duration {
    const BEFORE: u64 = 400;
    let numbers = Numbers::real();
    let mut seams = Seams::memory(&numbers, 65);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Fixed { ms: 100 }));
    let road = Watched::over(&mut seams, "second.example");
    let (life, chaos) = (Life::new("worker-1", None), Chaos::new(Weather::default(), None, Random::new(65)));
    let mortal = apart(&faulty::over(&seams, &chaos, &life), &numbers, life.name());
    let fleet = Fleet::start_with(seams.encoder(&numbers), mortal);
    // It learns how much is borne.
    seams.publish((0..BEFORE).map(event)).await;
    settled(&*seams.ledger, usize::try_from(BEFORE).unwrap(), HOUR).await;
    road.hang(true);
    seams.publish((BEFORE..BEFORE + waiting).map(|n| event(2 * n + 1))).await;
    tests::wait::until("many to be in flight", MINUTE, || async {
        (road.under_way.load(Ordering::Relaxed) >= 48).then_some(())
    })
    .await;
    life.kill();
    fleet.kill();

    let fleet = Fleet::start_with(seams.encoder(&numbers), apart(&seams, &numbers, "worker-2"));
    let (start, mut fresh, mut held_up) = (Instant::now(), 2 * BEFORE, Duration::ZERO);
    while start.elapsed() < WATCHED_FOR {
        let published = Instant::now();
        seams.publish([event(fresh)]).await;
        when(&seams, key(fresh), "the other endpoint's to clear", HOUR, |it| it.state == State::Cleared)
            .await;
        held_up += published.elapsed().saturating_sub(Duration::from_secs(2));
        fresh += 2;
        sleep(Duration::from_secs(3)).await;
    }
    road.hang(false);
    // Its invoices come back each at its own time.
    sleep(40 * MINUTE).await;
    let count = BEFORE + waiting + (fresh - 2 * BEFORE) / 2;
    let all = settled(&*seams.ledger, usize::try_from(count).unwrap(), HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
    held_up
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_authority_is_not_run_over() {
    const LATENCY: Duration = Duration::from_millis(200);
    let numbers = Numbers::real();
    let mut seams = Seams::memory(&numbers, 62);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Fixed { ms: 200 }));
    let road = Watched::over(&mut seams, "");
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..600).map(event)).await;
    settled(&*seams.ledger, 600, HOUR).await;
    assert_eq!(road.most.load(Ordering::Relaxed), 64, "it has learnt how much is borne");
    road.close(true);
    seams.publish((600..1_100).map(event)).await;
    sleep(10 * MINUTE).await;
    let waiting = invoices(&*seams.ledger).await;
    assert_eq!(waiting.values().filter(|it| it.state == State::Cleared).count(), 600);
    road.close(false);
    let all = settled(&*seams.ledger, 1_100, 2 * HOUR).await;
    let back =
        all.values().filter(|it| it.number.as_str() >= "T-000600").map(|it| it.updated_at).min().unwrap();
    let now = seams.ledger.now().await.unwrap();
    let back = Instant::now() - (now - back).to_std().unwrap() - LATENCY;
    // The probe, and then twice as many with each round trip, up to half of what was borne before.
    for (trips, most) in [(1, 1), (2, 3), (3, 7), (4, 15), (5, 31), (6, 63)] {
        let began = road.began(back, LATENCY * trips);
        assert!(began <= most, "{began} requests within {trips} round trips; {most} are allowed");
    }
    let first_minute = road.began(back, MINUTE);
    assert!(
        first_minute >= 400,
        "only {first_minute} requests in the first minute: it must not crawl either"
    );
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

/// A submitter of its own, to be stopped in good order or not.
struct Worker {
    stop: CancellationToken,
    role: JoinHandle<()>,
}

impl Worker {
    fn start(seams: &Seams, numbers: &Numbers, name: &str) -> Self {
        let (submitter, stop) = (seams.submitter(numbers, name), CancellationToken::new());
        let token = stop.clone();
        let role = tokio::spawn(async move { submitter.run(token).await.unwrap() });
        Self { stop, role }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.role.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_fleet_keeps_to_its_cap_whoever_comes_and_goes() {
    const CAP: usize = 10;
    let mut numbers = Numbers::quick();
    numbers.submitter.fleet_max_in_flight = 10;
    numbers.submitter.max_in_flight = 8;
    let mut seams = Seams::memory(&numbers, 63);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Uniform { min_ms: 50, max_ms: 400 }));
    let road = Watched::over(&mut seams, "");
    let stop = CancellationToken::new();
    let encoding = tokio::spawn({
        let (encoder, stop) = (seams.encoder(&numbers), stop.clone());
        async move { encoder.run(stop).await.unwrap() }
    });
    seams.publish((0..500).map(event)).await;
    let mut workers: Vec<_> =
        (0..4).map(|n| Worker::start(&seams, &numbers, &format!("worker-{n}"))).collect();
    let mut shares = Vec::new();
    for round in 4..12 {
        sleep(Duration::from_millis(500)).await;
        shares.push(seams.ledger.fleet().submitters().await.unwrap());
        // One leaves in good order or falls silent, another comes.
        let gone = workers.remove(0);
        if round % 2 == 0 {
            gone.stop().await;
        } else {
            gone.role.abort();
        }
        workers.push(Worker::start(&seams, &numbers, &format!("worker-{round}")));
    }
    let all = settled(&*seams.ledger, 500, HOUR).await;
    for at_once in shares {
        let granted: u32 = at_once.iter().map(|share| share.granted).sum();
        assert!(granted <= 10, "{granted} granted: {at_once:?}");
    }
    let most = road.most.load(Ordering::Relaxed);
    assert!((CAP - 2..=CAP).contains(&most), "{most} requests at once; the cap is {CAP}");
    assert!(all.values().all(|it| it.state == State::Cleared));
    hold_promises(&seams, &all).await;
    for worker in workers {
        worker.stop().await;
    }
    let left = seams.ledger.fleet().submitters().await.unwrap();
    assert!(left.is_empty(), "whoever stopped in good order has left: {left:?}");
    stop.cancel();
    encoding.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_taxpayer_waits_by_its_own_numbers() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 64);
    seams.authority.with(|it| it.set_down(true));
    let patient = invoice::life::Policy { ladder_ms: vec![7_200_000], ..numbers.policy.clone() };
    let own = [(general_source().tax_number, patient)].into();
    let policies = invoice::life::Policies::new(numbers.policy.clone(), own);
    let submitter = Submitter { policies, ..seams.submitter(&numbers, "worker-1") };
    let fleet = Fleet::start_with(seams.encoder(&numbers), submitter);
    seams.publish((0..2).map(event)).await;
    for (n, least, most) in [(0, 5, 6), (1, 7_200, 7_920)] {
        when(&seams, key(n), "it to be tried", MINUTE, |it| it.state == State::PendingRetry).await;
        let invoice = look(&seams, key(n)).await;
        let waits = (invoice.due_at.unwrap() - invoice.updated_at).num_seconds();
        assert!((least..=most).contains(&waits), "invoice {n} waits {waits} s");
    }
    fleet.stop().await;
}
