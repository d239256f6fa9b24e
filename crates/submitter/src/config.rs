//! What the submitter is given: the seams, the endpoints, the numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::{Broker, Ladder};
use invoice::life::Policies;
use invoice::{Environment, IncomeSource};
use jofotara::{Client, Endpoint};
use ledger::{Ledger, Live};
use serde::{Deserialize, Serialize};

use crate::breaker::BreakerConfig;
use crate::pace::PaceConfig;
use crate::telling::Telling;

/// Where each income source's documents go, for each environment.
pub type Endpoints = BTreeMap<(Environment, IncomeSource), Endpoint>;

/// What can be set about the submitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Requests at the authority at once, at most, for this process.
    pub max_in_flight: u16,
    /// Requests at one endpoint of the authority at once, at most, for all submitters of the ledger together.
    pub fleet_max_in_flight: u32,
    /// How often a submitter renews its share of that, milliseconds.
    pub fleet_renew_ms: u64,
    /// A submitter that could not renew its share for so long sends nothing more, milliseconds. Its share is free for others
    /// after that and the longest call.
    pub fleet_margin_ms: u64,
    /// The most invoices claimed in one round trip.
    pub batch: usize,
    /// How long to gather a batch, milliseconds.
    pub linger_ms: u64,
    /// What a lease adds to the total time-out of a call, milliseconds.
    pub lease_margin_ms: u64,
    /// What draining on shutdown adds to the total time-out of a call, milliseconds.
    pub drain_margin_ms: u64,
    /// How often the dispatcher looks for what stands in the ledger alone while there is nothing, milliseconds; more often
    /// while there is.
    pub sweep_every_ms: u64,
    /// The most hints that the dispatcher keeps on a queue; less where half a second's work is less. At least 150.
    pub window: u32,
    /// How many hundredths of the room on the submitter's queue are for retries, while fresh invoices wait too.
    pub retry_percent: u8,
    /// How often the heads of all streams are sealed, milliseconds.
    pub checkpoint_every_ms: u64,
    /// How often the ledger's standing is measured and the dead-letter queue compared with it, milliseconds.
    pub survey_every_ms: u64,
    /// How often the dead-letter queue is compared with the ledger name by name, milliseconds; counts are compared with every
    /// survey.
    pub reconcile_every_ms: u64,
    /// Whether the signature on every returned document is checked; costs about 0.2 ms of processor time each. What does
    /// not fit is a remark on the invoice, never an obstacle.
    pub check_seals: bool,
    /// The breaker's numbers.
    pub breaker: BreakerConfig,
    /// How the number of requests at once adapts to what an endpoint bears.
    pub pace: PaceConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_in_flight: 64,
            fleet_max_in_flight: 256,
            fleet_renew_ms: 5_000,
            fleet_margin_ms: 15_000,
            batch: 64,
            linger_ms: 5,
            lease_margin_ms: 30_000,
            drain_margin_ms: 15_000,
            sweep_every_ms: 500,
            window: 1_000,
            retry_percent: 25,
            checkpoint_every_ms: 60_000,
            survey_every_ms: 15_000,
            reconcile_every_ms: 3_600_000,
            check_seals: true,
            breaker: BreakerConfig::default(),
            pace: PaceConfig::default(),
        }
    }
}

/// The role.
pub struct Submitter {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// The authority.
    pub client: Client,
    /// Where to, as whom; read anew for each batch.
    pub endpoints: Live<Endpoints>,
    /// The numbers of the life cycle, for each taxpayer.
    pub policies: Policies,
    /// The rungs that have a queue.
    pub ladder: Ladder,
    /// Whom to tell of invoices that have settled; none to tell nobody.
    pub telling: Option<Telling>,
    /// This process, unique for each start.
    pub worker: String,
    /// Its settings.
    pub config: Config,
}
