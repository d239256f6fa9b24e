//! The seams with faults in them: what a network, a broker, a database and a power cut do to a process, by one seed.
//! Must not know what the roles do.

mod aside;
mod broker;
mod ledger;
mod sabotage;
mod transport;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::ledger::Clock;
use invoice::IncomeSource;

use crate::fleet::Seams;
use crate::life::Life;
use crate::random::Random;

pub use broker::FaultyBroker;
pub use ledger::FaultyLedger;
pub use sabotage::Sabotage;
pub use transport::FaultyTransport;

/// How often what goes wrong, in a thousand.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// The ledger is unavailable, and the call took no effect.
    pub ledger_before: u64,
    /// The ledger is unavailable, but the call took effect.
    pub ledger_after: u64,
    /// A call waits up to [`Weather::slow_ms`], before and after its effect.
    pub ledger_slow: u64,
    /// How long at most, milliseconds.
    pub slow_ms: u64,
    /// A call waits so long, before or after its effect, that leases run out.
    pub ledger_stall: u64,
    /// How long that is, milliseconds.
    pub stall_ms: u64,
    /// The ledger refuses a batch of several, which then is split.
    pub ledger_refuses: u64,
    /// A subscription's channel ends, and with it all deliveries that it handed out.
    pub channel_cut: u64,
    /// A request is given up by its sender, and comes to the authority all the same, up to [`Weather::late_ms`] later.
    pub request_late: u64,
    /// A hint is confirmed and lost all the same.
    pub hint_lost: u64,
    /// A hint comes twice.
    pub hint_twice: u64,
    /// A hint comes up to [`Weather::late_ms`] later.
    pub hint_late: u64,
    /// How long at most, milliseconds.
    pub late_ms: u64,
    /// A hint is there, but unconfirmed.
    pub hint_unconfirmed: u64,
    /// A hint is refused.
    pub hint_refused: u64,
    /// Hints of a batch change their order.
    pub shuffled: u64,
    /// Whether the hints for the encoder are spared loss, so that nothing but its own acknowledgements brings them home.
    pub drafts_arrive: bool,
}

/// How a road to the authority is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Connections are refused.
    Refused,
    /// Whatever is sent vanishes, and is waited for until the time-out.
    Hanging,
}

/// The source of everything that goes wrong in one run.
#[derive(Debug)]
pub struct Chaos {
    weather: Weather,
    sabotage: Option<Sabotage>,
    storm: AtomicBool,
    random: Mutex<Random>,
    /// Failures in a row, by process and call: never so many that an outage looks like a death.
    in_a_row: Mutex<BTreeMap<(String, &'static str), u32>>,
    /// By how much the clock that all share was stepped, milliseconds.
    stepped_ms: AtomicI64,
    /// How often.
    steps: AtomicU64,
    /// The clients, by id, whose road to the authority is closed, and how.
    closed: Mutex<BTreeMap<String, Closed>>,
    /// How many requests came to the authority after their senders had given them up.
    late_requests: AtomicU64,
    /// Whoever claims an invoice whose number begins so dies of it, as long as the storm lasts.
    killer: Option<&'static str>,
    /// For [`Sabotage::CounterOutside`].
    counters: Mutex<BTreeMap<IncomeSource, u64>>,
}

/// So many failures of one kind of call in a row, at most.
const IN_A_ROW: u32 = 3;

impl Chaos {
    /// A storm of this kind.
    #[must_use]
    pub fn new(weather: Weather, sabotage: Option<Sabotage>, random: Random) -> Arc<Self> {
        Self::with_killer(weather, sabotage, random, None)
    }

    /// A storm in which invoices whose numbers begin with `killer` bring down whoever claims them.
    #[must_use]
    pub fn with_killer(
        weather: Weather,
        sabotage: Option<Sabotage>,
        random: Random,
        killer: Option<&'static str>,
    ) -> Arc<Self> {
        Arc::new(Self {
            weather,
            sabotage,
            storm: AtomicBool::new(true),
            random: Mutex::new(random),
            in_a_row: Mutex::default(),
            stepped_ms: AtomicI64::new(0),
            steps: AtomicU64::new(0),
            closed: Mutex::default(),
            late_requests: AtomicU64::new(0),
            killer,
            counters: Mutex::default(),
        })
    }

    /// This clock, as far as it has been stepped.
    #[must_use]
    pub fn clock(self: &Arc<Self>, clock: Clock) -> Clock {
        let chaos = Arc::clone(self);
        Arc::new(move || clock() + chrono::TimeDelta::milliseconds(chaos.stepped_ms.load(Ordering::Relaxed)))
    }

    /// The clock that ledger and authority share goes forwards or backwards by so much at once. Timers do not notice.
    pub fn step_clock(&self, by_ms: i64) {
        self.stepped_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether times can be compared: the clock was never stepped.
    #[must_use]
    pub fn is_time_sound(&self) -> bool {
        self.steps.load(Ordering::Relaxed) == 0
    }

    /// Closes the road of this client to the authority.
    pub fn close_road(&self, client_id: String, how: Closed) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(client_id, how);
    }

    /// Opens it again.
    pub fn open_road(&self, client_id: &str) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).remove(client_id);
    }

    fn closed_to(&self, client_id: &str) -> Option<Closed> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).get(client_id).copied()
    }

    /// How many requests came to the authority after their senders had given them up.
    #[must_use]
    pub fn late_requests(&self) -> u64 {
        self.late_requests.load(Ordering::Relaxed)
    }

    fn kills(&self, number: &str) -> bool {
        self.is_storm() && self.killer.is_some_and(|killer| number.starts_with(killer))
    }

    /// Draws from the run's one generator.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&self) {
        self.storm.store(false, Ordering::Relaxed);
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether things still go wrong.
    #[must_use]
    pub fn is_storm(&self) -> bool {
        self.storm.load(Ordering::Relaxed)
    }

    /// The bug put in on purpose, if one was.
    #[must_use]
    pub fn sabotage(&self) -> Option<Sabotage> {
        self.sabotage
    }

    fn strikes(&self, permille: impl Fn(&Weather) -> u64) -> bool {
        self.is_storm() && self.draw(|random| random.chance(permille(&self.weather)))
    }

    /// One generator decides in the order of the run, so that the seed says it all.
    fn up_to(&self, limit_ms: impl Fn(&Weather) -> u64) -> u64 {
        self.draw(|random| random.between(0, limit_ms(&self.weather)))
    }

    /// Whether a call of a process fails now, but never too often in a row.
    fn fails(&self, life: &Life, call: &'static str, permille: impl Fn(&Weather) -> u64) -> bool {
        let strikes = self.strikes(permille);
        let mut in_a_row = self.in_a_row.lock().unwrap_or_else(PoisonError::into_inner);
        let row = in_a_row.entry((life.name().to_owned(), call)).or_default();
        *row = if strikes { *row + 1 } else { *row };
        strikes && *row <= IN_A_ROW
    }

    fn passed(&self, life: &Life, call: &'static str) {
        self.in_a_row.lock().unwrap_or_else(PoisonError::into_inner).remove(&(life.name().to_owned(), call));
    }

    fn next_counter(&self, source: &IncomeSource) -> u64 {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let next = counters.entry(source.clone()).or_insert(0);
        *next += 1;
        *next
    }
}

/// The same seams as one process sees them.
#[must_use]
pub fn over(seams: &Seams, chaos: &Arc<Chaos>, life: &Life) -> Seams {
    Seams {
        ledger: Arc::new(FaultyLedger::new(Arc::clone(&seams.ledger), Arc::clone(chaos), life.clone())),
        broker: Arc::new(FaultyBroker::new(Arc::clone(&seams.broker), Arc::clone(chaos), life.clone())),
        transport: Arc::new(FaultyTransport::new(
            Arc::clone(&seams.transport),
            Arc::clone(chaos),
            life.clone(),
        )),
        authority: seams.authority.clone(),
    }
}
