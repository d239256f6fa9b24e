//! The roles in this process, over any seams, against the simulator's core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Ladder, MemoryBroker};
use encoder::{DocumentEncoder, Encoder};
use invoice::event::Family;
use invoice::life::{Invoice, Policy, State};
use invoice::{Environment, IncomeSource, InvoiceKey, Profile, Registration, Timestamp};
use jofotara::{Client, Credentials, Endpoint, Transport};
use ledger::{Clock, Filter, Ledger, Live, MemoryLedger, Registrations, Schedule, unchanging};
use producer::Intake;
use simulator::{Authority, Device, Handle, InProcess};
use submitter::{Endpoints, Submitter};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::events;

/// The numbers of a test: everything scaled down, so that hours take seconds.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// Total time-out of a call.
    pub timeout: Duration,
    /// The life cycle's waits.
    pub policy: Policy,
    /// The rungs with a queue.
    pub ladder: Ladder,
    /// The sweeper's patience.
    pub schedule: Schedule,
    /// The submitter's settings.
    pub submitter: submitter::Config,
    /// The encoder's settings.
    pub encoder: encoder::Config,
}

impl Numbers {
    /// Scaled down about a hundredfold.
    #[must_use]
    pub fn quick() -> Self {
        let rungs_ms = vec![50, 150, 400];
        Self {
            timeout: Duration::from_millis(1_000),
            policy: Policy {
                ladder_ms: vec![50, 150, 400],
                plateau_ms: 600,
                suspect_ms: vec![50, 50, 100, 100, 200],
                credentials_ms: 300,
                ..Policy::default()
            },
            ladder: Ladder { rungs_ms },
            schedule: Schedule { grace_ms: 500, pause_max_ms: 5_000 },
            submitter: submitter::Config {
                lease_margin_ms: 1_000,
                drain_margin_ms: 1_000,
                fleet_renew_ms: 200,
                fleet_margin_ms: 1_000,
                sweep_every_ms: 200,
                checkpoint_every_ms: 1_000,
                survey_every_ms: 500,
                breaker: submitter::BreakerConfig {
                    open_ms: 100,
                    open_max_ms: 1_000,
                    ..submitter::BreakerConfig::default()
                },
                ..submitter::Config::default()
            },
            encoder: encoder::Config::default(),
        }
    }

    /// As in production.
    #[must_use]
    pub fn real() -> Self {
        Self {
            timeout: Duration::from_secs(50),
            policy: Policy::default(),
            ladder: Ladder::default(),
            schedule: Schedule::default(),
            submitter: submitter::Config::default(),
            encoder: encoder::Config::default(),
        }
    }
}

/// The income sources of the tests, with their families.
#[must_use]
pub fn sources() -> Vec<(IncomeSource, Family)> {
    vec![(events::income_source(), Family::Income), (events::general_source(), Family::GeneralSales)]
}

/// A simulated authority that knows the tests' income sources and forgives nothing in the arithmetic.
#[must_use]
pub fn authority(seed: u64) -> Handle {
    let settings = simulator::Settings {
        tolerance: simulator::Decimal::scaled(5, 10),
        ..simulator::Settings::default()
    };
    let mut authority = Authority::new(settings, seed);
    register(&mut authority);
    Handle::new(authority)
}

/// Makes the tests' income sources known to an authority.
pub fn register(authority: &mut Authority) {
    for (source, family) in sources() {
        authority.register(Device {
            client_id: format!("client-{}", source.sequence),
            secret_key: format!("secret-{}", source.sequence),
            tax_number: source.tax_number,
            income_source: source.sequence,
            family: if family == Family::Income {
                simulator::Family::Income
            } else {
                simulator::Family::General
            },
            consumer_price: false,
        });
    }
}

/// A clock that follows tokio's: with paused time the ledger and the timers agree.
#[must_use]
pub fn tokio_clock() -> Clock {
    let base: Timestamp = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let start = tokio::time::Instant::now();
    Arc::new(move || base + chrono::TimeDelta::from_std(start.elapsed()).unwrap())
}

/// What the roles run on.
#[derive(Clone)]
pub struct Seams {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// The road to the authority.
    pub transport: Arc<dyn Transport>,
    /// The authority itself.
    pub authority: Handle,
}

impl Seams {
    /// Everything in memory.
    #[must_use]
    pub fn memory(numbers: &Numbers, seed: u64) -> Self {
        let authority = authority(seed);
        let clock = tokio_clock();
        Self {
            ledger: Arc::new(MemoryLedger::new(clock.clone(), numbers.schedule.clone())),
            broker: Arc::new(MemoryBroker::new(numbers.ladder.clone())),
            transport: Arc::new(InProcess::new(authority.clone(), clock)),
            authority,
        }
    }

    /// The intake over these seams.
    #[must_use]
    pub fn intake(&self) -> Intake {
        Intake {
            ledger: Arc::clone(&self.ledger),
            broker: Arc::clone(&self.broker),
            registrations: registrations(),
            gate: producer::Gate::open(),
        }
    }

    /// An encoder over these seams.
    #[must_use]
    pub fn encoder(&self, numbers: &Numbers) -> Encoder {
        Encoder {
            ledger: Arc::clone(&self.ledger),
            broker: Arc::clone(&self.broker),
            documents: Arc::new(DocumentEncoder::new(registrations()).with_policies(numbers.policy.clone())),
            config: numbers.encoder.clone(),
        }
    }

    /// A submitter over these seams.
    #[must_use]
    pub fn submitter(&self, numbers: &Numbers, worker: &str) -> Submitter {
        Submitter {
            ledger: Arc::clone(&self.ledger),
            broker: Arc::clone(&self.broker),
            client: Client::new(Arc::clone(&self.transport)),
            endpoints: unchanging(endpoints("http://127.0.0.1:9/core/invoices/", numbers.timeout)),
            policies: numbers.policy.clone().into(),
            ladder: numbers.ladder.clone(),
            telling: None,
            worker: worker.to_owned(),
            config: numbers.submitter.clone(),
        }
    }

    /// Publishes events as the producer's import does, and gives what became of them.
    pub async fn publish(&self, events: impl IntoIterator<Item = serde_json::Value>) -> Vec<bool> {
        let intake = self.intake();
        let arrivals = events
            .into_iter()
            .map(|event| intake.check(event.to_string().as_bytes(), None).expect("the event is valid"))
            .collect();
        let answers = intake.take(arrivals).await.expect("the ledger answers");
        intake
            .announce(answers.iter().filter_map(|answer| answer.as_ref().ok()).map(|taken| (taken, None)))
            .await;
        answers.iter().map(Result::is_ok).collect()
    }
}

/// The tests' income sources, as the roles see them.
#[must_use]
pub fn registrations() -> Live<Registrations> {
    let registration = |(source, family)| {
        let registration = Registration {
            environment: Environment::Simulation,
            family: Some(family),
            icv_start: 1,
            profile: Profile::default(),
            active: true,
        };
        (source, registration)
    };
    unchanging(sources().into_iter().map(registration).collect())
}

/// Where the tests' income sources send to.
#[must_use]
pub fn endpoints(url: &str, timeout: Duration) -> Endpoints {
    sources()
        .into_iter()
        .map(|(source, _)| {
            let credentials = Credentials {
                client_id: format!("client-{}", source.sequence),
                secret_key: format!("secret-{}", source.sequence).into(),
            };
            let endpoint = Endpoint::new(Environment::Simulation, url, credentials, timeout)
                .expect("a simulated endpoint");
            ((Environment::Simulation, source), endpoint)
        })
        .collect()
}

/// Encoder and submitter at work.
pub struct Fleet {
    stop: CancellationToken,
    roles: Vec<JoinHandle<()>>,
}

impl Fleet {
    /// Starts one encoder and one submitter.
    #[must_use]
    pub fn start(seams: &Seams, numbers: &Numbers) -> Self {
        Self::start_with(seams.encoder(numbers), seams.submitter(numbers, "worker-1"))
    }

    /// Starts these two.
    #[must_use]
    pub fn start_with(encoder: Encoder, submitter: Submitter) -> Self {
        let stop = CancellationToken::new();
        let token = stop.clone();
        let encoding = tokio::spawn(async move { encoder.run(token).await.expect("the encoder runs") });
        let token = stop.clone();
        let submitting = tokio::spawn(async move { submitter.run(token).await.expect("the submitter runs") });
        Self { stop, roles: vec![encoding, submitting] }
    }

    /// Stops in good order.
    pub async fn stop(self) {
        self.stop.cancel();
        for role in self.roles {
            role.await.expect("no role panics");
        }
    }

    /// Stops as a power cut does.
    pub fn kill(self) {
        for role in self.roles {
            role.abort();
        }
    }
}

/// All invoices of a ledger, by key.
pub async fn invoices(ledger: &dyn Ledger) -> BTreeMap<InvoiceKey, Invoice> {
    let mut all = BTreeMap::new();
    let mut after = None;
    loop {
        let page = ledger.list(&Filter::default(), after, 500).await.expect("the ledger answers");
        all.extend(page.rows.into_iter().map(|row| (row.invoice.key, row.invoice)));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// How many invoices a ledger has cleared.
pub async fn cleared(ledger: &dyn Ledger) -> u64 {
    let standing = ledger.standing().await.expect("the standing");
    standing.counts.iter().filter(|line| line.state == State::Cleared).map(|line| line.count).sum()
}

/// Waits until every one of `count` invoices is settled.
pub async fn settled(ledger: &dyn Ledger, count: usize, deadline: Duration) -> BTreeMap<InvoiceKey, Invoice> {
    crate::wait::until("every invoice to be settled", deadline, || async {
        let all = invoices(ledger).await;
        (all.len() == count && all.values().all(|invoice| invoice.state.is_settled())).then_some(all)
    })
    .await
}

/// The promises that can be seen from outside, on a run in which every invoice should have been cleared:
/// the simulator's record and the ledger agree, nothing cleared twice, counters without gap or repeat, chains intact.
pub async fn hold_promises(seams: &Seams, all: &BTreeMap<InvoiceKey, Invoice>) {
    let summary = seams.authority.with(|authority| authority.summary(true));
    assert!(summary.suspicious.is_empty(), "suspicious: {:?}", summary.suspicious);
    let mut held: BTreeMap<String, u32> = BTreeMap::new();
    for cleared in &summary.cleared {
        *held.entry(cleared.uuid.clone()).or_default() += 1;
    }
    for invoice in all.values() {
        let times = held.remove(&invoice.key.uuid.to_string()).unwrap_or_default();
        match invoice.state {
            State::Cleared => assert_eq!(times, 1, "{} is cleared here, {times} times there", invoice.number),
            _ => assert_eq!(times, 0, "{} is {} here, cleared there", invoice.number, invoice.state),
        }
        assert_eq!(invoice.qr.is_some(), invoice.state == State::Cleared, "{}", invoice.number);
    }
    assert!(held.is_empty(), "the authority cleared what the ledger does not know: {held:?}");
    counters_without_gap(all);
    let verification = seams.ledger.verify().await.expect("the ledger answers");
    assert!(verification.violations.is_empty(), "{:?}", verification.violations);
}

/// Each income source's counters are 1, 2, 3, … each once.
pub fn counters_without_gap(all: &BTreeMap<InvoiceKey, Invoice>) {
    let mut counters: BTreeMap<&IncomeSource, Vec<u64>> = BTreeMap::new();
    for invoice in all.values() {
        counters.entry(&invoice.source).or_default().extend(invoice.icv);
    }
    for (source, mut numbers) in counters {
        numbers.sort_unstable();
        let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "counters of {source}");
    }
}
