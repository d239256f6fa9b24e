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
        let database = TestDatabase::create_bare().await.expect("FAWTARA_TEST_DATABASE_URL leads to a Postgres");
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

/// RabbitMQ and Postgres that only this test uses; they end with it.
pub struct PrivateServices {
    amqp_url: String,
    database_url: String,
    folder: PathBuf,
    keeper: Child,
    /// The node, once the test has started it again.
    node: Option<Child>,
}

/// How long a service may take to stop or start.
const PATIENCE: Duration = Duration::from_secs(60);

impl PrivateServices {
    fn start() -> Self {
        let folder = scratch("services");
        let script = root().join("scripts/services.sh");
        let log = File::create(folder.with_extension("log")).expect("a log file");
        let mut keeper = Command::new("bash")
            .arg(script)
            .arg("private")
            .arg(&folder)
            .args(["sh", "-c", "env; echo; cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("bash runs");
        let mut services =
            Self { amqp_url: String::new(), database_url: String::new(), folder, node: None, keeper: {
                // Taken before the move: the rest of the output is nothing.
                let output = keeper.stdout.take().expect("it is piped");
                let (mut amqp, mut database) = (None, None);
                for line in BufReader::new(output).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                    amqp = amqp.or(line.strip_prefix("FAWTARA_TEST_AMQP_URL=").map(ToOwned::to_owned));
                    database = database.or(line.strip_prefix("FAWTARA_TEST_DATABASE_URL=").map(ToOwned::to_owned));
                }
                return Self::started(keeper, amqp, database, scratch_of(&line_folder()));
            } };
        services.amqp_url.clear();
        services
    }
}
