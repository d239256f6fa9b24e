//! An authority of the tests' own, and what speaks TLS with its certificate. Knows nothing of who trusts it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use telemetry::listen::TlsFiles;
use tests::services::scratch;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority, and one certificate of it for `localhost`.
pub(crate) struct Ca {
    folder: PathBuf,
}

impl Ca {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(crate) fn pem(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap()
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles { cert: self.folder.join("cert.pem"), key: self.folder.join("key.pem"), client_ca: None }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let cert = CertificateDer::from_pem_slice(&self.pem("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&self.pem("key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![cert], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// What speaks TLS before a service that does not. Postgres's clients ask for it in clear first.
    pub(crate) async fn before(&self, service: String, asks_first: bool) -> SocketAddr {
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
