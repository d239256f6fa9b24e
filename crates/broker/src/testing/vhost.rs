//! A virtual host of RabbitMQ that belongs to one test.

use std::process::{Command, Output};

use uuid::Uuid;

use super::Proxy;
use crate::{BrokerUrl, RabbitConfig};

/// Where RabbitMQ is found unless `FAWTARA_TEST_AMQP_URL` says otherwise.
const STANDARD_URL: &str = "amqp://guest:guest@127.0.0.1:5672";

/// A virtual host with a random name; gone when this is dropped.
#[derive(Debug)]
pub struct TestVhost {
    name: String,
    /// The URL up to the host and port.
    server: String,
    user: String,
}

impl TestVhost {
    /// Makes one on the broker at `FAWTARA_TEST_AMQP_URL`, by the command prefix `FAWTARA_TEST_RABBITMQCTL`.
    ///
    /// # Panics
    /// When there is no broker, or no way to reach it by `rabbitmqctl`.
    pub async fn create() -> Self {
        let url = std::env::var("FAWTARA_TEST_AMQP_URL").unwrap_or_else(|_| STANDARD_URL.to_owned());
        let (scheme, rest) = url.split_once("://").expect("FAWTARA_TEST_AMQP_URL is a URL");
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let user = match authority.rsplit_once('@') {
            Some((userinfo, _)) => userinfo.split(':').next().unwrap_or_default(),
            None => "guest",
        };
        let vhost = Self {
            name: name_of_the_run(),
            server: format!("{scheme}://{authority}"),
            user: user.to_owned(),
        };
        vhost.rabbitmqctl(&["add_vhost", &vhost.name]).await;
        vhost.permit(".*", ".*", ".*").await;
        vhost
    }

    /// Sets what the user may do here: configure, write, read, each a pattern of names.
    ///
    /// # Panics
    /// When `rabbitmqctl` fails.
    pub async fn permit(&self, configure: &str, write: &str, read: &str) {
        let arguments = ["set_permissions", "--vhost", &self.name, &self.user, configure, write, read];
        self.rabbitmqctl(&arguments).await;
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> BrokerUrl {
        self.url_of(&self.name).into()
    }

    /// Its address with its password, for programs that take it as text.
    #[must_use]
    pub fn url_text(&self) -> String {
        self.url_of(&self.name)
    }

    /// The address of another virtual host on the same server.
    #[must_use]
    pub fn url_of(&self, vhost: &str) -> String {
        format!("{}/{vhost}", self.server)
    }

    /// Its address by way of a proxy.
    #[must_use]
    pub fn url_through(&self, proxy: &Proxy) -> BrokerUrl {
        let host_starts = self.server.rfind(['@', '/']).map_or(0, |at| at + 1);
        let before_host = self.server.get(..host_starts).unwrap_or_default();
        format!("{before_host}{}/{}", proxy.address(), self.name).into()
    }

    /// `host:port` of the server itself, for [`Proxy::start`].
    #[must_use]
    pub fn server_address(&self) -> String {
        let host_starts = self.server.rfind(['@', '/']).map_or(0, |at| at + 1);
        let host = self.server.get(host_starts..).unwrap_or_default();
        if host.contains(':') { host.to_owned() } else { format!("{host}:5672") }
    }

    /// A configuration for it that is quick to notice and to give up.
    #[must_use]
    pub fn config(&self) -> RabbitConfig {
        RabbitConfig { name: self.name.clone(), ..RabbitConfig::new(self.url()) }
    }

    /// The server closes every connection to this virtual host.
    ///
    /// # Panics
    /// When `rabbitmqctl` fails.
    pub async fn close_connections(&self) {
        self.rabbitmqctl(&["close_all_connections", "--vhost", &self.name, "a test"]).await;
    }

    /// Deletes a queue by its name, with whatever is in it.
    ///
    /// # Panics
    /// When `rabbitmqctl` fails.
    pub async fn delete_queue(&self, queue: &str) {
        self.rabbitmqctl(&["delete_queue", "--vhost", &self.name, queue]).await;
    }

    /// Runs `rabbitmqctl` on the server; what it printed.
    ///
    /// # Panics
    /// When it cannot be run or fails.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let shown = arguments.join(" ");
        let ran =
            tokio::task::spawn_blocking(move || rabbitmqctl(&arguments)).await.expect("it does not panic");
        let output = ran.unwrap_or_else(|error| {
            panic!("rabbitmqctl cannot be run ({error}); set FAWTARA_TEST_RABBITMQCTL to a command that acts as it")
        });
        assert!(
            output.status.success(),
            "rabbitmqctl {shown} failed; is RabbitMQ running?\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        // As well as it goes: whoever runs the tests sweeps up what is left over.
        let _ = rabbitmqctl(&["delete_vhost".to_owned(), self.name.clone()]);
    }
}

/// A name that nothing else has; by the part that the run gives it its leftovers are found.
pub(super) fn name_of_the_run() -> String {
    let run = std::env::var("FAWTARA_TEST_RUN").map(|run| format!("{run}_")).unwrap_or_default();
    format!("fawtara_test_{run}{}", Uuid::new_v4().simple())
}

pub(super) fn rabbitmqctl(arguments: &[String]) -> std::io::Result<Output> {
    let prefix = std::env::var("FAWTARA_TEST_RABBITMQCTL").unwrap_or_else(|_| "rabbitmqctl".to_owned());
    let mut words = prefix.split_whitespace();
    let program = words.next().unwrap_or("rabbitmqctl");
    Command::new(program).args(words).arg("--quiet").args(arguments).output()
}
