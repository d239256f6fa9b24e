//! Every connection can be encrypted, and trusts nobody but whom it is told to: proved with an authority of our own, at real
//! listeners and before the real services.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker::{BrokerError, RabbitBroker, RabbitConfig};
use ledger::{Ledger, PostgresConfig, PostgresLedger};
use producer::{Config, Producer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use telemetry::listen::TlsFiles;
use tests::fleet::{Numbers, Seams};
use tests::services::{Ground, scratch};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

/// An authority, and one certificate of it for `localhost`.
struct Ca {
    folder: PathBuf,
}

impl Ca {
    fn new() -> Self {
        let folder = scratch("tls");
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn pem(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap()
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { cert: self.folder.join("cert.pem"), key: self.folder.join("key.pem"), client_ca: None }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let cert = CertificateDer::from_pem_slice(&self.pem("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&self.pem("key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![cert], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// What speaks TLS before a service that does not. Postgres's clients ask for it in clear first.
    async fn before(&self, service: String, asks_first: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, acceptor) = (listener.local_addr().unwrap(), self.acceptor());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (acceptor, service) = (acceptor.clone(), service.clone());
                tokio::spawn(async move {
                    if asks_first {
                        stream.read_exact(&mut [0; 8]).await?;
                        stream.write_all(b"S").await?;
                    }
                    let mut inside = acceptor.accept(stream).await?;
                    let mut outside = TcpStream::connect(service).await?;
                    copy_bidirectional(&mut inside, &mut outside).await
                });
            }
        });
        address
    }
}

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
    let connect = async |extra_ca: Option<PathBuf>| {
        let config = RabbitConfig {
            extra_ca,
            connect_timeout: Duration::from_secs(5),
            ..RabbitConfig::new(url.as_str().into())
        };
        RabbitBroker::connect(config).await
    };
    let broker = connect(Some(ca.file())).await.unwrap();
    assert!(broker::Broker::health(&broker).connected);
    broker::Broker::close(&broker).await;
    assert!(broker::examine(&url.as_str().into(), Some(&ca.file())).await.unwrap().is_fit());
    let refused = connect(Some(stranger.file())).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().to_lowercase().contains("certificate"), "{refused}");
    let missing = connect(Some(Path::new("/nowhere/ca.pem").to_owned())).await.map(|_| ()).unwrap_err();
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
