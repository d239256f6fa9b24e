//! The fleet as operators run it: each role a process of the real binary, on real services, against a simulator in a process of
//! its own. Must not know what a test does to them.

mod binary;
mod load;
mod ports;
mod process;
mod publisher;
mod settings;
mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use broker::{Ladder, RabbitBroker};
use ledger::{Ledger, PostgresLedger};
use serde_json::Value;
use simulator::{FaultRule, Latency, Summary};

use crate::services::{Ground, scratch};
use crate::wait;

pub use binary::{bare_command, run, said};
pub use load::{Load, bad_day};
pub use ports::Ports;
pub use process::{Process, memory_mb, signal};
pub use publisher::{Publisher, Tally};
pub use settings::secret_key;
pub use verdict::{Fate, hold_promises};

use binary::{command, keep_binary};
use settings::settings;

/// How many of each role, and what they are told.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Producers.
    pub producers: usize,
    /// Encoders.
    pub encoders: usize,
    /// Submitters.
    pub submitters: usize,
    /// Requests at the authority at once, at most, for each submitter: few make a run slow.
    pub max_in_flight: u16,
    /// Waits, time-outs and leases as in production; else they are scaled down.
    pub production_waits: bool,
    /// Total time-out of a call of the authority, where it is scaled down.
    pub timeout: Duration,
    /// The bearer key that publishers must show, if any.
    pub key: Option<String>,
    /// Put into the database's URL where that has no password.
    pub database_password: Option<String>,
    /// The master key of stored secrets, if there is one.
    pub master_key: Option<String>,
    /// What is logged.
    pub log: String,
    /// More settings, as TOML: tables that the fleet has not got otherwise.
    pub more: String,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            producers: 2,
            encoders: 2,
            submitters: 2,
            max_in_flight: 64,
            production_waits: false,
            timeout: TIMEOUT,
            key: None,
            database_password: None,
            master_key: None,
            log: "info,sqlx=warn".to_owned(),
            more: String::new(),
        }
    }
}

/// Total time-out of a call of the authority in these fleets, where a test does not need another one.
pub const TIMEOUT: Duration = Duration::from_secs(2);
/// One for tests in which no answer may be given up, however busy the machine is.
pub const PATIENT: Duration = Duration::from_secs(15);
/// What lease and drain add to it, and how long clients may take to end their requests.
pub const MARGIN: Duration = Duration::from_secs(1);
/// Rungs of the retry ladder, milliseconds.
pub const RUNGS_MS: [u64; 3] = [200, 600, 2_000];
/// How long a role may take until it is ready.
const START: Duration = Duration::from_secs(30);

/// Producers, encoders, submitters and a simulator; killed when dropped, whatever happens.
pub struct FleetProcesses {
    /// By name: `producer-1`, `simulator`, …
    roles: BTreeMap<String, Process>,
    folder: PathBuf,
    config: PathBuf,
    simulator: String,
    producers: Vec<String>,
    key: Option<String>,
    ladder: Ladder,
    /// A view of the test's own.
    pub ledger: Arc<PostgresLedger>,
    http: reqwest::Client,
}

impl FleetProcesses {
    /// Migrates the database, starts everything, and waits until it is ready.
    pub async fn start(ground: &Ground, plan: &Plan) -> Self {
        let (folder, mut ports) = (scratch("fleet"), Ports::new());
        let simulator = format!("127.0.0.1:{}", ports.free());
        let config = folder.join("fawtara.toml");
        let master_key = plan.master_key.as_ref().map(|key| {
            let file = folder.join("master-key");
            std::fs::write(&file, key).expect("the folder can be written to");
            file
        });
        let settings = settings(ground, plan, &simulator, master_key.as_deref());
        std::fs::write(&config, settings).expect("the folder can be written to");
        keep_binary(&folder);
        let migrated = run(command(&config).arg("migrate")).await;
        assert!(migrated.status.success(), "migrate: {}", said(&migrated));
        let mut fleet = Self {
            roles: BTreeMap::new(),
            config,
            simulator: format!("http://{simulator}"),
            producers: Vec::new(),
            key: plan.key.clone(),
            ladder: if plan.production_waits { Ladder::default() } else { scaled_ladder() },
            ledger: Arc::new(ground.ledger().await),
            http: reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client"),
            folder,
        };
        fleet.add("simulator", vec!["simulator".to_owned()], None);
        for (role, count) in
            [("producer", plan.producers), ("encoder", plan.encoders), ("submitter", plan.submitters)]
        {
            for number in 1..=count {
                let admin = format!("127.0.0.1:{}", ports.free());
                let mut arguments =
                    vec![role.to_owned(), "--set".to_owned(), format!("admin.listen={admin}")];
                if role == "producer" {
                    let listen = format!("127.0.0.1:{}", ports.free());
                    arguments.extend(["--set".to_owned(), format!("producer.listen={listen}")]);
                    fleet.producers.push(format!("http://{listen}"));
                }
                fleet.add(&format!("{role}-{number}"), arguments, Some(format!("http://{admin}")));
            }
        }
        fleet.ready().await;
        fleet
    }

    fn add(&mut self, name: &str, arguments: Vec<String>, admin: Option<String>) {
        let log = self.folder.join(format!("{name}.log"));
        let mut process = Process::new(name, &self.config, arguments, log, admin);
        process.start();
        self.roles.insert(name.to_owned(), process);
    }

    /// One process, by name.
    pub fn role(&mut self, name: &str) -> &mut Process {
        self.roles.get_mut(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Ends a process as a power cut does, and starts it again at once.
    pub fn kill_and_start(&mut self, name: &str) {
        let process = self.role(name);
        process.kill();
        process.start();
    }

    /// Waits until every process is ready for work.
    pub async fn ready(&self) {
        for (name, process) in &self.roles {
            let url = match process.admin() {
                Some(admin) => format!("{admin}/readyz"),
                None => format!("{}/_simulator/summary?documents=false", self.simulator),
            };
            wait::until(&format!("{name} to be ready"), START, || async {
                let answer = self.http.get(&url).send().await.ok()?;
                answer.status().is_success().then_some(())
            })
            .await;
        }
    }

    /// Every process still is the one that was started last: none ended by itself.
    pub fn all_alive(&mut self) {
        for (name, process) in &mut self.roles {
            assert_eq!(process.ended(), None, "{name} ended by itself");
        }
    }

    /// A command of the binary with this fleet's configuration.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.config);
        command.args(arguments);
        command
    }

    /// Runs a command of the binary with this fleet's configuration.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        run(&mut self.command(arguments)).await
    }

    /// A publisher to all producers.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.producers.clone(), self.key.clone())
    }

    /// Where the producers listen: `http://127.0.0.1:port`.
    #[must_use]
    pub fn producers(&self) -> &[String] {
        &self.producers
    }

    /// What a producer says of an invoice.
    pub async fn shown(&self, uuid: uuid::Uuid) -> Value {
        let mut request = self.http.get(format!("{}/v1/invoices/{uuid}", self.producers[0]));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.expect("the producer answers").text().await.expect("a body");
        serde_json::from_str(&answer).expect("JSON")
    }

    /// The metrics of every role, as a scraper sees them.
    pub async fn metrics(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (name, admin) in self.roles.iter().filter_map(|(name, process)| Some((name, process.admin()?))) {
            let answer =
                self.http.get(format!("{admin}/metrics")).send().await.expect("the admin port answers");
            all.insert(name.clone(), answer.text().await.expect("a body"));
        }
        all
    }

    /// A folder that ends with the fleet.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What every process has logged so far.
    #[must_use]
    pub fn logs(&self) -> BTreeMap<String, String> {
        self.roles.iter().map(|(name, process)| (name.clone(), process.logged())).collect()
    }

    /// What the authority has seen and cleared.
    pub async fn summary(&self) -> Summary {
        let url = format!("{}/_simulator/summary", self.simulator);
        // Of a million documents it is long.
        let asking = self.http.get(url).timeout(Duration::from_secs(300)).send();
        let answer = asking.await.expect("the simulator answers").text().await.expect("a body");
        serde_json::from_str(&answer).expect("a summary")
    }

    /// Links devices at the authority; one of the same client id is replaced.
    pub async fn register_devices(&self, devices: &Value) {
        let url = format!("{}/_simulator/devices", self.simulator);
        let request =
            self.http.post(url).header("content-type", "application/json").body(devices.to_string());
        let answer = request.send().await.expect("the simulator answers");
        assert!(answer.status().is_success(), "devices: {}", answer.status());
    }

    /// How the authority misbehaves from now on.
    pub async fn misbehave(&self, rules: &[FaultRule]) {
        self.tell_simulator("faults", &serde_json::to_string(rules).unwrap()).await;
    }

    /// How long the authority takes from now on.
    pub async fn latency(&self, latency: Latency) {
        self.tell_simulator("latency", &serde_json::to_string(&latency).unwrap()).await;
    }

    async fn tell_simulator(&self, what: &str, body: &str) {
        let url = format!("{}/_simulator/{what}", self.simulator);
        let request = self.http.put(url).header("content-type", "application/json").body(body.to_owned());
        let answer = request.send().await.expect("the simulator answers");
        assert!(answer.status().is_success(), "{what}: {}", answer.status());
    }

    /// Waits until so many invoices are known and all of them are settled. A ledger that is away is waited for.
    pub async fn settled(&self, count: u64, deadline: Duration) {
        wait::until(&format!("{count} settled invoices"), deadline, || async {
            let standing = self.ledger.standing().await.ok()?;
            let all: u64 = standing.counts.iter().map(|line| line.count).sum();
            (all == count && open(&standing) == 0).then_some(())
        })
        .await;
    }

    /// Waits until at least so many invoices are settled: a moment in the middle of a run, however fast it is. How many they
    /// are.
    pub async fn progressed(&self, settled: u64, deadline: Duration) -> u64 {
        wait::until(&format!("{settled} invoices to be settled"), deadline, || async {
            let standing = self.ledger.standing().await.ok()?;
            let all: u64 = standing.counts.iter().map(|line| line.count).sum();
            Some(all - open(&standing)).filter(|now| *now >= settled)
        })
        .await
    }

    /// A connection of the test's own to the fleet's queues.
    pub async fn queues(&self, ground: &Ground) -> RabbitBroker {
        ground.broker(self.ladder.clone()).await
    }
}

fn scaled_ladder() -> Ladder {
    Ladder { rungs_ms: RUNGS_MS.to_vec() }
}

impl Drop for FleetProcesses {
    fn drop(&mut self) {
        for process in self.roles.values_mut() {
            process.kill();
        }
        if std::thread::panicking() {
            for (name, process) in &self.roles {
                eprintln!("--- the end of what {name} logged (all of it is in {})", self.folder.display());
                eprintln!("{}", tail(&process.logged(), 40));
            }
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn open(standing: &ledger::Standing) -> u64 {
    standing.counts.iter().filter(|line| !line.state.is_settled()).map(|line| line.count).sum()
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
