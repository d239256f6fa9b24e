//! What the demo plays on: the real roles, with waiting times of milliseconds, before a simulated authority. It must not
//! know which events are played.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::bail;
use broker::Ladder;
use invoice::event::Family;
use invoice::life::{Policies, Policy};
use invoice::{Environment, IncomeSource};
use ledger::{Draft, Encode, Encoding, PostgresLedger, Schedule, Unencoded};
use producer::Intake;
use secrecy::SecretString;
use simulator::{Device, Handle};
use submitter::BreakerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::sample::Authority;
use super::simulated::SimulatedTransport;
use crate::settings::{Masked, SecretUrl, Settings, SourceSettings};
use crate::wiring::{self, Seams};

/// How long one call may take here, milliseconds.
const TIMEOUT_MS: u64 = 2_000;

/// What happens where the ledger does not count it.
#[derive(Default)]
pub(super) struct Tally {
    /// Events read.
    pub(super) read: AtomicU64,
    /// Events refused at the intake.
    pub(super) refused: AtomicU64,
    /// Documents whose bytes were fixed.
    pub(super) encoded: AtomicU64,
    /// Calls of the authority.
    pub(super) calls: Arc<AtomicU64>,
}

/// The fleet in this process.
pub(super) struct Stage {
    pub(super) seams: Seams,
    pub(super) intake: Intake,
    pub(super) authority: Handle,
    pub(super) tally: Arc<Tally>,
    shutdown: CancellationToken,
    roles: TaskTracker,
}

impl Stage {
    /// Starts the roles. With `services`, `base` says where the ledger and the broker are, and both must be the demo's own.
    pub(super) async fn set(
        authority: &Authority,
        base: Settings,
        services: bool,
        own: bool,
    ) -> anyhow::Result<Self> {
        let settings = settings(base, &authority.devices, services);
        if services && !settings.ledger.url.is_memory() {
            PostgresLedger::migrate(settings.ledger.url.expose()).await?;
        }
        let seams = wiring::connect(&settings, "demo").await?;
        let counts = seams.ledger.standing().await?.counts;
        if counts.iter().any(|count| count.count > 0) {
            bail!(
                "the ledger at {} holds invoices already, and the demo could not tell its own apart: \
                 name an empty database and vhost (settings ledger.url and broker.url)",
                settings.ledger.url.masked()
            );
        }
        let tally = Arc::new(Tally::default());
        let handle = simulate(authority, &settings, own);
        let transport =
            SimulatedTransport::new(handle.clone(), wiring::wall_clock(), Arc::clone(&tally.calls));
        let mut encoder = wiring::encoder(&settings, &seams);
        encoder.documents = Arc::new(Counting { inner: encoder.documents, tally: Arc::clone(&tally) });
        let submitter = wiring::submitter(&settings, &seams, Arc::new(transport))?;
        let intake = wiring::intake(&settings, &seams);
        let (shutdown, roles) = (CancellationToken::new(), TaskTracker::new());
        let stop = shutdown.clone();
        roles.spawn(async move { encoder.run(stop).await });
        roles.spawn(submitter.run(shutdown.clone()));
        roles.close();
        Ok(Self { seams, intake, authority: handle, tally, shutdown, roles })
    }

    /// Whether a role has ended by itself, which it must not.
    pub(super) fn is_broken(&self) -> bool {
        self.roles.len() < 2
    }

    /// Ends the roles as SIGTERM does.
    pub(super) async fn strike(&self) {
        self.shutdown.cancel();
        self.roles.wait().await;
    }
}

fn simulate(authority: &Authority, settings: &Settings, own: bool) -> Handle {
    let simulation = simulator::Settings {
        // Who is exempt among the buyers of the reader's own file is not known here.
        development_buyers: (!own).then(|| authority.development_buyers.clone()),
        ..simulator::Settings::default()
    };
    let mut simulated = simulator::Authority::new(simulation, settings.simulator.seed);
    simulated.set_latency(authority.latency);
    authority.devices.iter().for_each(|device| simulated.register(device.clone()));
    authority.faults.iter().for_each(|rule| simulated.add_fault(rule.clone()));
    Handle::new(simulated)
}

/// The settings of production, with the waits scaled from minutes to fractions of a second.
fn settings(base: Settings, devices: &[Device], services: bool) -> Settings {
    let mut settings = base;
    if !services {
        settings.ledger.url = SecretUrl::new("memory");
        settings.broker.url = SecretUrl::new("memory");
    }
    settings.broker.ladder_ms = Ladder { rungs_ms: vec![100, 250, 500, 1_000] };
    settings.authority.timeout_ms = TIMEOUT_MS;
    settings.policy = Policy {
        ladder_ms: vec![200, 500, 1_000, 1_000, 1_000],
        plateau_ms: 1_500,
        suspect_ms: vec![200, 250, 300, 400, 500],
        credentials_ms: 1_000,
        retry_after_max_ms: 2_000,
        ..Policy::default()
    };
    settings.schedule = Schedule { grace_ms: 2_000, pause_max_ms: 4_000 };
    settings.submitter = submitter::Config {
        max_in_flight: 16,
        batch: 16,
        lease_margin_ms: 5_000,
        drain_margin_ms: 1_000,
        sweep_every_ms: 500,
        checkpoint_every_ms: 1_000,
        survey_every_ms: 2_000,
        breaker: BreakerConfig { failures: 10, open_ms: 300, open_max_ms: 1_000, neighbours_ms: 60_000 },
        ..submitter::Config::default()
    };
    settings.income_sources = devices.iter().map(source).collect();
    settings
}

/// What is registered is left to the authority, so that the demo can show its refusal.
fn source(device: &Device) -> SourceSettings {
    let IncomeSource { tax_number, sequence } = super::source::source_of(device);
    SourceSettings {
        tax_number,
        sequence,
        environment: Environment::Simulation,
        family: None::<Family>,
        icv_start: 1,
        profile: invoice::Profile::default(),
        url: None,
        route: jofotara::Route::Direct,
        client_id: device.client_id.clone(),
        secret_key: Some(Masked(SecretString::from(device.secret_key.as_str()))),
        secret_key_file: None,
        secret_key_env: None,
    }
}

/// Counts the documents on their way through the encoder.
struct Counting {
    inner: Arc<dyn Encode>,
    tally: Arc<Tally>,
}

impl Encode for Counting {
    fn icv_start(&self, environment: Environment, source: &IncomeSource) -> Option<u64> {
        self.inner.icv_start(environment, source)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        let encoding = self.inner.encode(draft, icv)?;
        self.tally.encoded.fetch_add(1, Ordering::Relaxed);
        Ok(encoding)
    }

    fn policies(&self) -> Policies {
        self.inner.policies()
    }
}
