//! Every connection can be encrypted, and trusts nobody but whom it is told to: proved with an authority of our own, at real
//! listeners and before the real services.

use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::{BrokerError, RabbitBroker, RabbitConfig};
use ledger::{Ledger, PostgresConfig, PostgresLedger};
use producer::{Config, Producer};
use tests::fleet::{Numbers, Seams};
use tests::services::Ground;
use tokio_util::sync::CancellationToken;

use crate::ca::Ca;

/// Host and port of a URL.
fn place(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_intake_speaks_tls_and_clients_check_it() {
    let (ca, stranger) = (Ca::new(), Ca::new());
    let seams = Seams::memory(&Numbers::quick(), 1);
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Some(ca.files()),
        amqp_intake: false,
        ..Config::default()
    };
    let producer = Producer::bind(seams.intake(), config).await.unwrap();
    let (place, stop) =
        (format!("https://localhost:{}/v1/invoices", producer.address().port()), CancellationToken::new());
    let running = tokio::spawn(producer.run(stop.clone()));
    let client = |ca: Option<&Ca>| {
        let trusted = ca.map(|ca| reqwest::Certificate::from_pem(&ca.pem("ca.pem")).unwrap());
        reqwest::Client::builder().tls_certs_merge(trusted).build().unwrap()
    };
    let answer = client(Some(&ca)).post(&place).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 422);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    assert!(client(None).post(&place).body("{}").send().await.is_err());
    assert!(client(Some(&stranger)).post(&place).body("{}").send().await.is_err());

    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_reached_over_tls() {
    let ground = Ground::shared().await;
    let (ca, stranger) = (Ca::new(), Ca::new());
    let plain = ground.amqp_url();
    let front = ca.before(place(&plain), false).await;
    let url =
        plain.replace("amqp://", "amqps://").replace(&place(&plain), &format!("localhost:{}", front.port()));
    let connect = async |extra_ca: PathBuf, connect_timeout| {
        let extra_ca = Some(extra_ca);
        let config = RabbitConfig { extra_ca, connect_timeout, ..RabbitConfig::new(url.as_str().into()) };
        RabbitBroker::connect(config).await
    };
    let broker = connect(ca.file(), Duration::from_secs(60)).await.unwrap();
    assert!(broker::Broker::health(&broker).connected);
    broker::Broker::close(&broker).await;
    assert!(broker::examine(&url.as_str().into(), Some(&ca.file())).await.unwrap().is_fit());
    let brief = Duration::from_secs(5);
    let refused = connect(stranger.file(), brief).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().to_lowercase().contains("certificate"), "{refused}");
    let missing = connect(Path::new("/nowhere/ca.pem").to_owned(), brief).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&missing, BrokerError::Unfit(reason) if reason.contains("/nowhere/ca.pem")),
        "{missing}"
    );
    ground.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_reached_over_tls() {
    let ground = Ground::shared().await;
    let (ca, stranger) = (Ca::new(), Ca::new());
    let plain = ground.database_url();
    let front = ca.before(place(&plain), true).await;
    let url = plain.replace(&place(&plain), &format!("localhost:{}", front.port()));
    let connect = async |mode: &str, root: &Path| {
        let joint = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{joint}sslmode={mode}&sslrootcert={}", root.display());
        PostgresLedger::connect(PostgresConfig::new(url)).await
    };
    let ledger = connect("verify-full", &ca.file()).await.unwrap();
    ledger.now().await.unwrap();
    ledger.close().await;
    for mode in ["verify-full", "verify-ca"] {
        let refused = connect(mode, &stranger.file()).await.map(|_| ()).unwrap_err();
        assert!(refused.to_string().to_lowercase().contains("certificate"), "{mode}: {refused}");
    }
    ground.remove().await;
}
