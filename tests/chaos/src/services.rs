//! The cluster and the database that `scripts/services.sh cluster` has started, and what can be done to them. Must not know why.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tests::random::Random;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

/// How long a command of RabbitMQ or Postgres may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one node may take to answer before another one is asked.
const ASKING: Duration = Duration::from_secs(20);

/// Three RabbitMQ nodes and a Postgres.
pub struct Services {
    folder: PathBuf,
    /// Where each node listens.
    pub nodes: Vec<SocketAddr>,
    /// Where Postgres listens.
    pub postgres: SocketAddr,
    /// Nodes that were started again, to be waited for when they end.
    started: Mutex<Vec<Child>>,
}

impl Services {
    /// Those of the environment.
    ///
    /// # Errors
    /// When the environment names none.
    pub fn from_environment() -> anyhow::Result<Self> {
        let variable = |name: &str| {
            std::env::var(name)
                .with_context(|| format!("{name} is not set; start me by scripts/services.sh cluster"))
        };
        let amqp = variable("FAWTARA_TEST_AMQP_URL")?;
        let nodes = hosts(&amqp).map(|host| host.parse().with_context(|| format!("{host} in {amqp}")));
        let nodes: Vec<SocketAddr> = nodes.collect::<anyhow::Result<_>>()?;
        if nodes.len() != 3 {
            bail!("three RabbitMQ nodes are wanted, FAWTARA_TEST_AMQP_URL names {}", nodes.len());
        }
        let database = variable("FAWTARA_TEST_DATABASE_URL")?;
        let postgres = hosts(&database).next().unwrap_or_default();
        let postgres = postgres.parse().with_context(|| format!("{postgres} in {database}"))?;
        let folder = PathBuf::from(variable("FAWTARA_TEST_SERVICES_DIR")?);
        Ok(Self { folder, nodes, postgres, started: Mutex::default() })
    }

    /// What runs from here is ended with the services, whatever happens to us.
    #[must_use]
    pub fn fleet_folder(&self) -> PathBuf {
        self.folder.join("fleet")
    }

    /// The folder of the services' data and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The broker's address, by way of these ports.
    #[must_use]
    pub fn amqp_url(&self, ports: impl IntoIterator<Item = u16>) -> String {
        let hosts: Vec<_> = ports.into_iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("amqp://guest:guest@{}/%2f", hosts.join(","))
    }

    /// The database's address, by way of this port.
    #[must_use]
    pub fn database_url(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    /// Sends a signal to a node. Nodes count from 0 here, and from 1 in what is shown.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn signal_node(&self, node: usize, signal: &str) -> anyhow::Result<()> {
        let file = self.folder.join(format!("rabbitmq-{}/pid", node + 1));
        let pid = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        signal_process(pid.trim().parse()?, signal).await
    }

    /// Starts a node again. It listens some seconds later.
    ///
    /// # Errors
    /// When its program cannot be run.
    pub async fn start_node(&self, node: usize) -> anyhow::Result<()> {
        let mut started = self.started.lock().await;
        started.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let log = std::fs::File::create(self.folder.join(format!("rabbitmq-{}/again.log", node + 1)))?;
        let program = self.folder.join(format!("rabbitmq-server-{}", node + 1));
        started.push(quiet(&program).stderr(log).spawn()?);
        Ok(())
    }

    /// Waits until a node takes connections.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn node_is_up(&self, node: usize, deadline: Duration) -> anyhow::Result<()> {
        let address = self.nodes.get(node).copied().unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let end = Instant::now() + deadline;
        while TcpStream::connect(address).await.is_err() {
            if Instant::now() > end {
                bail!("RabbitMQ node {} does not listen after {deadline:?}", node + 1);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Runs `rabbitmqctl` on a node; what it printed.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn rabbitmqctl(&self, node: usize, arguments: &[&str]) -> anyhow::Result<String> {
        self.run(&format!("rabbitmqctl-{}", node + 1), arguments, ASKING).await
    }

    /// Runs `rabbitmqctl` on the first node that answers.
    ///
    /// # Errors
    /// When none does.
    pub async fn rabbitmqctl_somewhere(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut last = None;
        for node in 0..self.nodes.len() {
            match self.rabbitmqctl(node, arguments).await {
                Ok(said) => return Ok(said),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("there are no nodes")))
    }

    /// The node that leads a queue; any other where it has no leader now.
    pub async fn leader(&self, queue: &str, random: &mut Random) -> usize {
        let listed =
            self.rabbitmqctl_somewhere(&["-q", "--no-table-headers", "list_queues", "name", "leader"]).await;
        let listed = listed.unwrap_or_default();
        let leader = listed.lines().find_map(|line| {
            let (name, leader) = line.split_once('\t')?;
            let number = leader.strip_prefix("fawtara-")?.split('@').next()?;
            (name == queue).then(|| number.parse::<usize>().ok()?.checked_sub(1)).flatten()
        });
        leader.filter(|leader| *leader < self.nodes.len()).unwrap_or_else(|| self.any_node(random))
    }

    /// Any node.
    pub fn any_node(&self, random: &mut Random) -> usize {
        usize::try_from(random.between(0, self.nodes.len() as u64 - 1)).unwrap_or_default()
    }

    /// How many members every queue has, by queue.
    ///
    /// # Errors
    /// When no node answers.
    pub async fn members(&self) -> anyhow::Result<Vec<(String, usize)>> {
        let listed = self
            .rabbitmqctl_somewhere(&["-q", "--no-table-headers", "list_queues", "name", "members"])
            .await?;
        let count = |line: &str| {
            let (name, members) = line.split_once('\t')?;
            Some((name.to_owned(), members.matches("fawtara-").count()))
        };
        Ok(listed.lines().filter_map(count).collect())
    }

    /// Runs `pg_ctl`.
    ///
    /// # Errors
    /// When it fails or takes too long.
    pub async fn pg_ctl(&self, arguments: &[&str]) -> anyhow::Result<()> {
        // The server that it starts must not inherit a pipe of ours, or we would wait for the server's end.
        let mut command = quiet(&self.folder.join("pg_ctl"));
        let status =
            timeout(PATIENCE, command.args(arguments).status()).await.context("pg_ctl takes too long")??;
        if !status.success() {
            bail!("pg_ctl {arguments:?}: {status}");
        }
        Ok(())
    }

    async fn run(&self, program: &str, arguments: &[&str], patience: Duration) -> anyhow::Result<String> {
        let mut command = quiet(&self.folder.join(program));
        let output =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).output();
        let output = timeout(patience, output)
            .await
            .with_context(|| format!("{program} {arguments:?} takes too long"))??;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {arguments:?}: {} {}", output.status, said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The hosts of a URL, with their ports.
fn hosts(url: &str) -> impl Iterator<Item = &str> {
    let place = url.rsplit('@').next().unwrap_or_default();
    place.split(['/', '?']).next().unwrap_or_default().split(',')
}

/// Sends a signal by its name without SIG; the standard library has no words for this.
///
/// # Errors
/// When there is no such process.
pub async fn signal_process(pid: u32, signal: &str) -> anyhow::Result<()> {
    let status = quiet(Path::new("sh")).arg("-c").arg(format!("kill -{signal} {pid}")).status().await?;
    if !status.success() {
        bail!("kill -{signal} {pid}: {status}");
    }
    Ok(())
}
