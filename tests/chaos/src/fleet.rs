//! The fleet as an operator's machines run it: processes of the real binary, each with a configuration of its own that leads
//! all its connections through proxies; whoever ends by itself is started again. Must not know of faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use simulator::{FaultRule, Latency, Summary};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::links::{Links, Ports};
use crate::load::SOURCES;
use crate::plan::{Role, Service};
use crate::services::{Services, signal_process};

/// Total time-out of a call of the authority.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// Rungs of the retry ladder, milliseconds.
pub const RUNGS_MS: [u64; 3] = [200, 600, 2_000];
/// How many processes each role has.
const COUNTS: [(Role, usize); 3] = [(Role::Producer, 2), (Role::Encoder, 2), (Role::Submitter, 3)];
/// How long a new process may take to be ready.
const START: Duration = Duration::from_secs(60);
/// How long a process may take to end in good order, whatever is away meanwhile.
const STOP: Duration = Duration::from_secs(30);
/// How long the host waits before it starts again what ended by itself.
const RESTART: Duration = Duration::from_millis(500);
/// The name of the authority's process.
const AUTHORITY: &str = "authority";
/// The exit code of a panic.
const PANICKED: i32 = 101;

/// One process of the binary.
struct Process {
    role: Option<Role>,
    config: PathBuf,
    command: &'static str,
    log: PathBuf,
    /// Where it says whether it is ready.
    probe: String,
    life: Mutex<Life>,
}

#[derive(Default)]
struct Life {
    child: Option<Child>,
    /// It is to run: when it does not, it ended by itself.
    wanted: bool,
}

/// Everything that runs.
pub struct Fleet {
    folder: PathBuf,
    binary: PathBuf,
    processes: BTreeMap<String, Process>,
    /// The ways between them.
    pub links: Links,
    /// Where retailers find the producers.
    pub producers: Vec<String>,
    /// Where retailers find the broker.
    pub retailers_amqp: String,
    /// The configuration of whoever looks on: no proxies.
    operator: PathBuf,
    authority: String,
    http: reqwest::Client,
    exits: std::sync::Mutex<Vec<String>>,
}

impl Fleet {
    /// Migrates the database and starts everything.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(services: &Services, built: &Path, folder: &Path) -> anyhow::Result<Self> {
        // Beside the services, so that their guard ends what runs from there.
        let bin = services.fleet_folder();
        std::fs::create_dir_all(&bin)?;
        std::fs::create_dir_all(folder)?;
        let binary = bin.join("fawtara");
        // A copy of its own: whoever builds another one meanwhile does not disturb it.
        std::fs::copy(built, &binary)
            .with_context(|| format!("{} is missing; build it first", built.display()))?;
        let mut ports = Ports::default();
        let authority = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.free()?));
        let mut fleet = Self {
            folder: folder.to_owned(),
            binary,
            processes: BTreeMap::new(),
            links: Links::default(),
            producers: Vec::new(),
            retailers_amqp: String::new(),
            operator: folder.join("operator.toml"),
            authority: format!("http://{authority}"),
            http: reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?,
            exits: std::sync::Mutex::default(),
        };
        let direct = Addresses {
            database: services.database_url(services.postgres.port()),
            amqp: services.amqp_url(services.nodes.iter().map(SocketAddr::port)),
            authority,
            listen: authority,
        };
        std::fs::write(&fleet.operator, direct.settings()?)?;
        fleet.run(&["migrate"]).await?;
        let probe = format!("{}/_simulator/summary?documents=false", fleet.authority);
        fleet.add(AUTHORITY, None, "simulator", fleet.operator.clone(), probe);
        for (role, count) in COUNTS {
            for number in 1..=count {
                let name = format!("{}-{number}", role.name());
                fleet.add_role(services, &mut ports, &name, role, authority).await?;
            }
        }
        let retailers = fleet.amqp_links(services, &mut ports, "retailers").await?;
        fleet.retailers_amqp = services.amqp_url(retailers);
        for name in fleet.processes.keys().cloned().collect::<Vec<_>>() {
            fleet.start_process(&name).await?;
        }
        for name in fleet.processes.keys() {
            fleet.is_ready(name, START).await?;
        }
        Ok(fleet)
    }

    async fn amqp_links(
        &mut self,
        services: &Services,
        ports: &mut Ports,
        process: &str,
    ) -> anyhow::Result<Vec<u16>> {
        let mut found = Vec::new();
        for node in &services.nodes {
            found.push(self.links.add(ports, process, Service::RabbitMq, *node).await?);
        }
        Ok(found)
    }

    async fn add_role(
        &mut self,
        services: &Services,
        ports: &mut Ports,
        name: &str,
        role: Role,
        authority: SocketAddr,
    ) -> anyhow::Result<()> {
        let amqp = self.amqp_links(services, ports, name).await?;
        let database = self.links.add(ports, name, Service::Postgres, services.postgres).await?;
        let mut way = authority;
        if role == Role::Submitter {
            way.set_port(self.links.add(ports, name, Service::Authority, authority).await?);
        }
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.free()?));
        if role == Role::Producer {
            let front = self.links.add(ports, name, Service::Intake, listen).await?;
            self.producers.push(format!("http://127.0.0.1:{front}"));
        }
        let addresses = Addresses {
            database: services.database_url(database),
            amqp: services.amqp_url(amqp),
            authority: way,
            listen,
        };
        let admin = ports.free()?;
        let config = self.folder.join(format!("{name}.toml"));
        let settings = format!("{}[admin]\nlisten = \"127.0.0.1:{admin}\"\n", addresses.settings()?);
        std::fs::write(&config, settings)?;
        self.add(name, Some(role), role.name(), config, format!("http://127.0.0.1:{admin}/readyz"));
        Ok(())
    }

    fn add(&mut self, name: &str, role: Option<Role>, command: &'static str, config: PathBuf, probe: String) {
        let log = self.folder.join(format!("{name}.log"));
        let process = Process { role, config, command, log, probe, life: Mutex::default() };
        self.processes.insert(name.to_owned(), process);
    }

    fn process(&self, name: &str) -> anyhow::Result<&Process> {
        self.processes.get(name).with_context(|| format!("there is no {name}"))
    }

    /// The names of a role's processes.
    #[must_use]
    pub fn of_role(&self, role: Role) -> Vec<String> {
        let of_role = |(_, process): &(&String, &Process)| process.role == Some(role);
        self.processes.iter().filter(of_role).map(|(name, _)| name.clone()).collect()
    }

    /// Starts a process.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub async fn start_process(&self, name: &str) -> anyhow::Result<()> {
        let process = self.process(name)?;
        let mut life = process.life.lock().await;
        life.child = Some(self.spawn(process)?);
        life.wanted = true;
        Ok(())
    }

    fn spawn(&self, process: &Process) -> anyhow::Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(&process.log)?;
        let mut command = self.command(&process.config);
        command.arg(process.command).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command.kill_on_drop(true).spawn()?)
    }

    fn command(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(config).env_remove("FAWTARA_CONFIG").current_dir(&self.folder);
        command
    }

    /// Ends a process as a power cut does; it stays away.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn kill(&self, name: &str) -> anyhow::Result<()> {
        let mut life = self.process(name)?.life.lock().await;
        life.wanted = false;
        if let Some(mut child) = life.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Asks a process to end in good order; it stays away. How long that took.
    ///
    /// # Errors
    /// When it does not end in time (it is killed then), or ends in another way.
    pub async fn stop(&self, name: &str) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let mut life = self.process(name)?.life.lock().await;
        life.wanted = false;
        let Some(mut child) = life.child.take() else { return Ok(begun.elapsed()) };
        if let Some(pid) = child.id() {
            signal_process(pid, "TERM").await?;
        }
        match timeout(STOP, child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(ExitStatus::success) => Ok(begun.elapsed()),
            Ok(status) => bail!("{name} was asked to stop and ended with {}", status?),
            Err(_) => {
                child.kill().await?;
                bail!("{name} was asked to stop and still ran after {STOP:?}")
            }
        }
    }

    /// Sends a signal to a process that runs.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn signal(&self, name: &str, signal: &str) -> anyhow::Result<()> {
        let life = self.process(name)?.life.lock().await;
        let pid = life.child.as_ref().and_then(Child::id).with_context(|| format!("{name} does not run"))?;
        signal_process(pid, signal).await
    }

    /// Sends a signal to the authority.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn signal_authority(&self, signal: &str) -> anyhow::Result<()> {
        self.signal(AUTHORITY, signal).await
    }

    /// Waits until a process says that it is ready.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn is_ready(&self, name: &str, deadline: Duration) -> anyhow::Result<()> {
        let probe = &self.process(name)?.probe;
        let end = Instant::now() + deadline;
        loop {
            let answer = self.http.get(probe).timeout(Duration::from_secs(2)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("{name} is not ready after {deadline:?}");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes what every process measures at this moment into the folder of the logs.
    pub async fn keep_metrics(&self) {
        for (name, process) in &self.processes {
            let metrics = process.probe.replace("/readyz", "/metrics");
            let asked = self.http.get(metrics).timeout(Duration::from_secs(2)).send().await;
            let text = match asked {
                Ok(answer) => answer.text().await.unwrap_or_else(|error| error.to_string()),
                Err(error) => error.to_string(),
            };
            let _ = std::fs::write(self.folder.join(format!("{name}.metrics")), text);
        }
    }

    /// Waits until all processes are ready.
    ///
    /// # Errors
    /// When one takes too long.
    pub async fn all_ready(&self, deadline: Duration) -> anyhow::Result<()> {
        for name in self.processes.keys() {
            self.is_ready(name, deadline).await?;
        }
        Ok(())
    }

    /// Starts again whatever ends by itself, as a host does; never returns.
    pub async fn watch(&self) {
        loop {
            sleep(RESTART).await;
            for (name, process) in &self.processes {
                // Whoever holds it is starting or ending this process.
                let Ok(mut life) = process.life.try_lock() else { continue };
                let ended = life.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
                let (true, Some(status)) = (life.wanted, ended) else { continue };
                let mut exits = self.exits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                exits.push(match status.code() {
                    Some(PANICKED) => format!("{name} panicked"),
                    _ => format!("{name} ended by itself: {status}"),
                });
                drop(exits);
                if let Ok(child) = self.spawn(process) {
                    life.child = Some(child);
                }
            }
        }
    }

    /// What ended by itself so far.
    #[must_use]
    pub fn exits(&self) -> Vec<String> {
        self.exits.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// How often a process panicked, as its log has it: a panic need not end the process.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, process) in &self.processes {
            let log = std::fs::read(&process.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            found.extend(
                log.lines().filter(|line| line.contains("panicked at")).map(|line| format!("{name}: {line}")),
            );
        }
        found
    }

    /// Runs a command of the binary as an operator, without proxies; what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(&self.operator);
        let output = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs(300), output).await.context("it takes too long")??;
        let said = said(&output);
        if !output.status.success() {
            bail!("fawtara {}: {} {said}", arguments.join(" "), output.status);
        }
        Ok(said)
    }

    /// What the authority has seen and cleared.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn summary(&self) -> anyhow::Result<Summary> {
        let answer = self.http.get(format!("{}/_simulator/summary", self.authority)).send().await?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// How the authority misbehaves and how long it takes from now on.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn tell_authority(&self, rules: &[FaultRule], latency: Latency) -> anyhow::Result<()> {
        for (what, body) in
            [("faults", serde_json::to_string(rules)?), ("latency", serde_json::to_string(&latency)?)]
        {
            let request = self.http.put(format!("{}/_simulator/{what}", self.authority));
            let request = request.header("content-type", "application/json").body(body);
            request.send().await?.error_for_status()?;
        }
        Ok(())
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    format!("{} {}", text(&output.stdout), text(&output.stderr))
}

/// Where a process finds the others.
struct Addresses {
    database: String,
    amqp: String,
    authority: SocketAddr,
    listen: SocketAddr,
}

impl Addresses {
    /// The configuration, with everything that waits scaled down so that minutes hold what else takes a day.
    fn settings(&self) -> anyhow::Result<String> {
        let Self { database, amqp, authority, listen } = self;
        let mut text = format!(
            r#"[ledger]
url = "{database}"
max_connections = 4
answer_timeout_ms = 8000
[broker]
url = "{amqp}"
ladder_ms = {RUNGS_MS:?}
[authority]
connect_timeout_ms = 1000
timeout_ms = {timeout}
[producer]
listen = "{listen}"
drain_ms = 2000
[submitter]
max_in_flight = 64
lease_margin_ms = 2000
drain_margin_ms = 2000
sweep_every_ms = 500
checkpoint_every_ms = 5000
survey_every_ms = 2000
[submitter.breaker]
open_ms = 200
open_max_ms = 2000
[policy]
ladder_ms = {RUNGS_MS:?}
plateau_ms = 3000
suspect_ms = [500, 1000, 2000, 4000, 8000]
credentials_ms = 1000
[schedule]
grace_ms = 2000
pause_max_ms = 8000
[simulator]
listen = "{authority}"
tolerance = "0.0000000005"
[telemetry]
log = "info,sqlx=warn"
"#,
            timeout = TIMEOUT.as_millis(),
        );
        for source in SOURCES {
            let family = if source.income { "income" } else { "general_sales" };
            let (tax_number, sequence) = (source.tax_number, source.sequence);
            write!(
                text,
                "[[income_sources]]\ntax_number = \"{tax_number}\"\nsequence = \"{sequence}\"\nenvironment = \"simulation\"\n\
                 family = \"{family}\"\nclient_id = \"client-{sequence}\"\nsecret_key = \"secret-{sequence}\"\n\
                 url = \"http://{authority}/core/invoices/\"\n",
            )?;
        }
        Ok(text)
    }
}
