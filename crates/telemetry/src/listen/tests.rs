//! A listener with certificates of an authority of our own.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// An authority, and a folder for what it signs.
struct Ca {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Ca {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        let folder = std::env::temp_dir().join(format!(
            "fawtara-tls-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key, as PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn install(&self, (cert, key): &(String, String)) -> TlsFiles {
        let files =
            TlsFiles { cert: self.folder.join("cert"), key: self.folder.join("key"), client_ca: None };
        std::fs::write(&files.cert, cert).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }
}

impl Drop for Ca {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Door {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Door {
    async fn open(tls: Tls, patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let token = stop.clone();
        let router = Router::new().route("/", get(async || "marhaba"));
        tokio::spawn(async move { serve(listener, router, patience, Some(tls), &token).await });
        Self { address, stop }
    }

    /// What the listener answers to somebody who trusts `ca`, with a certificate of their own or without.
    async fn ask(&self, ca: &str, own: Option<&(String, String)>) -> Result<String, String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![cert], key).unwrap()
            }
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("fawtara.test").unwrap();
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let mut stream = connected.map_err(|error| error.to_string())?;
        let request = b"GET / HTTP/1.1\r\nhost: fawtara.test\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.map_err(|error| error.to_string())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(answer).unwrap())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn patience() -> Patience {
    Patience::new(8, Duration::from_secs(5))
}

#[tokio::test]
async fn only_who_trusts_the_authority_talks_to_it() {
    let (ca, stranger) = (Ca::new("ours"), Ca::new("another"));
    let tls = Tls::load(&ca.install(&ca.sign("fawtara.test"))).unwrap();
    let door = Door::open(tls, patience()).await;
    assert!(door.ask(&ca.pem, None).await.unwrap().ends_with("marhaba"));
    let refused = door.ask(&stranger.pem, None).await.unwrap_err();
    assert!(refused.contains("UnknownIssuer") || refused.contains("BadSignature"), "{refused}");
    // Whoever speaks plainly hears nothing, and harms nobody.
    let mut plain = TcpStream::connect(door.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard).await;
    assert!(!String::from_utf8_lossy(&heard).contains("marhaba"));
    assert!(door.ask(&ca.pem, None).await.is_ok());
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_restart() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let files = old.install(&old.sign("fawtara.test"));
    let tls = Tls::load_refreshing(&files, Duration::from_millis(10)).unwrap();
    let door = Door::open(tls, patience()).await;
    assert!(door.ask(&old.pem, None).await.is_ok());
    // Half of a change, which fits nothing, and then the other half.
    let (cert, key) = new.sign("fawtara.test");
    std::fs::write(&files.cert, &cert).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(door.ask(&old.pem, None).await.is_ok(), "what does not fit changes nothing");
    std::fs::write(&files.key, &key).unwrap();
    let changed = async {
        while door.ask(&new.pem, None).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), changed).await.unwrap();
    assert!(door.ask(&old.pem, None).await.is_err());
}

#[tokio::test]
async fn clients_need_a_certificate_where_that_is_set() {
    let (ca, stranger) = (Ca::new("ours"), Ca::new("another"));
    let mut files = ca.install(&ca.sign("fawtara.test"));
    let path = ca.folder.join("clients");
    std::fs::write(&path, &ca.pem).unwrap();
    files.client_ca = Some(path);
    let door = Door::open(Tls::load(&files).unwrap(), patience()).await;
    assert!(door.ask(&ca.pem, Some(&ca.sign("till"))).await.unwrap().ends_with("marhaba"));
    assert!(door.ask(&ca.pem, None).await.is_err());
    assert!(door.ask(&ca.pem, Some(&stranger.sign("till"))).await.is_err());
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let ca = Ca::new("ours");
    let tls = Tls::load(&ca.install(&ca.sign("fawtara.test"))).unwrap();
    let head = Duration::from_secs(2);
    let door = Door::open(tls, Patience { connections: 1, head, ..patience() }).await;
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    // The only place is free again once the silent one was cut.
    timeout(Duration::from_secs(20), door.ask(&ca.pem, None)).await.unwrap().unwrap();
    let mut heard = Vec::new();
    let _ = timeout(Duration::from_secs(20), silent.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"");
}

#[tokio::test]
async fn what_cannot_be_used_is_said_by_its_file() {
    let ca = Ca::new("ours");
    let (cert, key) = ca.sign("fawtara.test");
    let (_, other_key) = ca.sign("fawtara.test");
    let told = |cert: &str, key: &str| {
        let files = ca.install(&(cert.to_owned(), key.to_owned()));
        Tls::load(&files).map(|_| ()).unwrap_err().to_string()
    };
    assert!(told("", &key).contains("cert holds no certificate"));
    assert!(told(&cert, "garbage").contains("key holds no private key"));
    let unfit = told(&cert, &other_key);
    assert!(unfit.contains("cannot be used") && !unfit.contains("PRIVATE KEY"), "{unfit}");
    let missing = TlsFiles { cert: "/nowhere/cert.pem".into(), ..ca.install(&(cert, key)) };
    let told = Tls::load(&missing).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("/nowhere/cert.pem cannot be read"), "{told}");
}
