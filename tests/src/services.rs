//! RabbitMQ and Postgres for one test: a vhost and a database of its own on the services that all tests share, or a private
//! pair of services that the test may stop, kill and restart. Must not know what runs on them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use broker::testing::TestVhost;
use broker::{BrokerUrl, RabbitBroker, RabbitConfig};
use ledger::testing::TestDatabase;
use ledger::{PostgresConfig, PostgresLedger, Schedule};
use uuid::Uuid;

use crate::wait;

/// The services of one test.
pub enum Ground {
    /// Of its own on services that others use too.
    Shared {
        /// The queues.
        vhost: TestVhost,
        /// The tables.
        database: TestDatabase,
    },
    /// Nobody else's.
    Private(PrivateServices),
}

impl Ground {
    /// A vhost and an empty database on the services that the tests were given.
    pub async fn shared() -> Self {
        let vhost = TestVhost::create().await;
        let database =
            TestDatabase::create_bare().await.expect("FAWTARA_TEST_DATABASE_URL leads to a Postgres");
        Self::Shared { vhost, database }
    }

    /// Services of the test's own; takes some seconds.
    pub async fn private() -> Self {
        let started = tokio::task::spawn_blocking(PrivateServices::start).await;
        Self::Private(started.expect("the services start"))
    }

    /// The virtual host, with its password.
    #[must_use]
    pub fn amqp_url(&self) -> String {
        match self {
            Self::Shared { vhost, .. } => vhost.url_text(),
            Self::Private(services) => services.amqp_url.clone(),
        }
    }

    /// The database, as its owner.
    #[must_use]
    pub fn database_url(&self) -> String {
        match self {
            Self::Shared { database, .. } => database.url().to_owned(),
            Self::Private(services) => services.database_url.clone(),
        }
    }

    /// A look of the test's own into the ledger.
    pub async fn ledger(&self) -> PostgresLedger {
        let mut config = PostgresConfig::new(self.database_url());
        config.max_connections = 2;
        config.schedule = Schedule::default();
        PostgresLedger::connect(config).await.expect("the ledger can be read")
    }

    /// A connection of the test's own to the broker; its ladder must be the fleet's, since both declare the queues.
    pub async fn broker(&self, ladder: broker::Ladder) -> RabbitBroker {
        let mut config = RabbitConfig::new(BrokerUrl::new(self.amqp_url()));
        config.ladder = ladder;
        "a test".clone_into(&mut config.name);
        RabbitBroker::connect(config).await.expect("the broker can be reached")
    }

    /// Ends them. Dropping does so too, but says nothing of what fails.
    pub async fn remove(self) {
        match self {
            Self::Shared { database, vhost } => {
                database.remove().await.expect("the database can be removed");
                drop(vhost);
            }
            Self::Private(services) => drop(services),
        }
    }
}

/// RabbitMQ and Postgres that only this test uses; they end with it, or with the test's process at the latest.
pub struct PrivateServices {
    amqp_url: String,
    database_url: String,
    folder: PathBuf,
    /// `scripts/services.sh`: it ends when its standard input does, and stops what it started.
    keeper: Child,
    /// The node, once the test has started it again.
    node: Option<Child>,
}

/// How long a service may take to stop or start.
const PATIENCE: Duration = Duration::from_secs(60);

impl PrivateServices {
    fn start() -> Self {
        let folder = scratch("services");
        let log_path = folder.with_extension("log");
        let log = File::create(&log_path).expect("a log file");
        let mut keeper = Command::new("bash")
            .arg(root().join("scripts/services.sh"))
            .arg("private")
            .arg(&folder)
            .args(["sh", "-c", "env; echo; cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("bash runs");
        let output = BufReader::new(keeper.stdout.take().expect("it is piped"));
        let (mut amqp_url, mut database_url) = (None, None);
        for line in output.lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
            if let Some(url) = line.strip_prefix("FAWTARA_TEST_AMQP_URL=") {
                amqp_url = Some(url.to_owned());
            } else if let Some(url) = line.strip_prefix("FAWTARA_TEST_DATABASE_URL=") {
                database_url = Some(url.to_owned());
            }
        }
        let (Some(amqp_url), Some(database_url)) = (amqp_url, database_url) else {
            let _ = keeper.wait();
            panic!("no private services:\n{}", std::fs::read_to_string(log_path).unwrap_or_default());
        };
        Self { amqp_url, database_url, folder, keeper, node: None }
    }

    /// Stops the node in good order and starts it again.
    pub async fn restart_rabbitmq(&mut self) {
        self.run("rabbitmqctl", &["stop"]).await;
        self.start_rabbitmq().await;
    }

    /// Ends the node as a power cut does, and starts it again.
    pub async fn kill_and_start_rabbitmq(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("rabbitmq/pid")).expect("the node wrote its pid");
        crate::processes::signal(pid.trim().parse().expect("a pid"), "KILL");
        self.start_rabbitmq().await;
    }

    async fn start_rabbitmq(&mut self) {
        if let Some(mut node) = self.node.take() {
            // It was told to end.
            let _ = node.wait();
        }
        let node = Command::new(self.folder.join("rabbitmq-server"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the node can be started");
        self.node = Some(node);
        let address = self
            .amqp_url
            .rsplit('@')
            .next()
            .and_then(|rest| rest.split('/').next())
            .expect("a URL")
            .to_owned();
        wait::until("RabbitMQ to listen again", PATIENCE, || async {
            tokio::net::TcpStream::connect(&address).await.ok()
        })
        .await;
    }

    /// Stops Postgres without letting anybody finish, and starts it again: it recovers from its log.
    pub async fn restart_postgres_immediately(&self) {
        self.run("pg_ctl", &["restart", "-m", "immediate"]).await;
    }

    /// Stops Postgres without letting anybody finish.
    pub async fn stop_postgres_immediately(&self) {
        self.run("pg_ctl", &["stop", "-m", "immediate"]).await;
    }

    /// Starts Postgres again.
    pub async fn start_postgres(&self) {
        self.run("pg_ctl", &["start"]).await;
    }

    async fn run(&self, program: &str, arguments: &[&str]) {
        // The server that pg_ctl starts must not inherit anything of the test's.
        let status = tokio::process::Command::new(self.folder.join(program))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let status = tokio::time::timeout(PATIENCE, status).await.expect("in time").expect("it runs");
        assert!(status.success(), "{program} {arguments:?}: {status}");
    }
}

impl Drop for PrivateServices {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if let Some(mut node) = self.node.take() {
            let _ = node.kill();
            let _ = node.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_file(self.folder.with_extension("log"));
    }
}

/// The top folder of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the checkout").to_owned()
}

/// A new folder below `target`, which nobody else uses.
pub fn scratch(name: &str) -> PathBuf {
    let folder = target().join("tmp").join(format!("{name}-{}", Uuid::new_v4().simple()));
    std::fs::create_dir_all(&folder).expect("target can be written to");
    folder
}

/// The folder of what cargo builds, seen from the running test: `target/debug/deps/faults-…` lies three below it.
pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its own file");
    test.ancestors().nth(3).expect("it lies below target").to_owned()
}
