//! The seams with faults in them: what a network, a broker, a database and a power cut do to a process, by one seed.
//! Must not know what the roles do.

mod broker;
mod ledger;
mod transport;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use invoice::IncomeSource;

use crate::fleet::Seams;
use crate::life::Life;
use crate::random::Random;

pub use broker::FaultyBroker;
pub use ledger::FaultyLedger;
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

/// A bug put in on purpose at a seam, to prove that the simulation would find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The encoder acknowledges before it has committed.
    AckBeforeCommit,
    /// Nobody hints again what was lost.
    NoSweeper,
    /// A late refusal is taken for the truth.
    LateRefusalWins,
    /// Counters are drawn outside the transaction that fixes the bytes.
    CounterOutside,
    /// The publisher hears yes before the ledger has committed.
    YesBeforeDurable,
    /// A request that was not answered is sent again within the same attempt.
    SentTwice,
    /// An attempt's start is not committed before the POST.
    EffectBeforeIntent,
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
    /// For [`Sabotage::CounterOutside`].
    counters: Mutex<BTreeMap<IncomeSource, u64>>,
}

/// So many failures of one kind of call in a row, at most.
const IN_A_ROW: u32 = 3;

impl Chaos {
    /// A storm of this kind.
    #[must_use]
    pub fn new(weather: Weather, sabotage: Option<Sabotage>, random: Random) -> Arc<Self> {
        Arc::new(Self {
            weather,
            sabotage,
            storm: AtomicBool::new(true),
            random: Mutex::new(random),
            in_a_row: Mutex::default(),
            counters: Mutex::default(),
        })
    }

    /// Draws from the run's one generator.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&self) {
        self.storm.store(false, Ordering::Relaxed);
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
