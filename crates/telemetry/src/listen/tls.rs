//! TLS of a listener: certificate and key from files, read again when they change, so that whoever renews certificates need
//! not restart anything. TLS 1.2 or newer; it knows nothing of what is said over it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, version};
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

/// How often the files are looked at.
const REFRESH: Duration = Duration::from_secs(5);

/// Where certificate and key of a listener stand, as PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, and those between it and the root after it.
    pub cert: PathBuf,
    /// Its private key; readable for this program alone.
    pub key: PathBuf,
    /// The certificates that sign clients' certificates. When given, nobody without one of those comes in.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// Why a listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("tls: {path} cannot be read: {reason}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file holds nothing of the kind.
    #[error("tls: {path} holds no {what} in PEM form")]
    Empty {
        /// Which.
        path: PathBuf,
        /// What should stand there.
        what: &'static str,
    },
    /// They do not fit together, or are of a kind that is not spoken here.
    #[error("tls: {cert} and {key} cannot be used: {reason}")]
    Unfit {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's.
        key: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// The TLS of a listener as it is now. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files, and goes on looking at them for as long as anybody holds this. What cannot be used later is said in
    /// the log, and what was read last goes on.
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Self::load_refreshing(files, REFRESH)
    }

    pub(super) fn load_refreshing(files: &TlsFiles, refresh: Duration) -> Result<Self, TlsError> {
        let read = Read::of(files)?;
        let tls = Self(Arc::new(RwLock::new(read.config(files)?)));
        tokio::spawn(keep_up(Arc::downgrade(&tls.0), files.clone(), read.digest(), refresh));
        Ok(tls)
    }

    /// Shakes hands with a client, with the certificate as it is now.
    ///
    /// # Errors
    /// The handshake's own, or that it took longer than `within`.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        within: Duration,
    ) -> io::Result<TlsStream<S>> {
        let shaken = timeout(within, TlsAcceptor::from(self.config()).accept(stream)).await;
        shaken.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn keep_up(
    tls: Weak<RwLock<Arc<ServerConfig>>>,
    files: TlsFiles,
    mut known: [u8; 32],
    refresh: Duration,
) {
    // What was found unfit is complained of once, not every few seconds.
    let mut complained = None;
    loop {
        tokio::time::sleep(refresh).await;
        let Some(tls) = tls.upgrade() else { return };
        let found = {
            let files = files.clone();
            tokio::task::spawn_blocking(move || {
                Read::of(&files).map(|read| (read.digest(), read.config(&files)))
            })
            .await
        };
        let result = match found {
            Ok(Ok((digest, _))) if digest == known => continue,
            Ok(Ok((digest, Ok(config)))) => {
                *tls.write().unwrap_or_else(PoisonError::into_inner) = config;
                (known, complained) = (digest, None);
                info!(cert = %files.cert.display(), "the certificate was changed; new connections use it");
                continue;
            }
            Ok(Ok((_, Err(error))) | Err(error)) => error.to_string(),
            Err(_) => return,
        };
        if complained.as_ref() != Some(&result) {
            warn!(error = %result, "the changed certificate cannot be used; the former one goes on");
            complained = Some(result);
        }
    }
}

/// The files' contents.
struct Read {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Read {
    fn of(files: &TlsFiles) -> Result<Self, TlsError> {
        let client_ca = files.client_ca.as_deref().map(read).transpose()?;
        Ok(Self { cert: read(&files.cert)?, key: read(&files.key)?, client_ca })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.cert, &self.key].into_iter().chain(&self.client_ca) {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let unfit =
            |reason: String| TlsError::Unfit { cert: files.cert.clone(), key: files.key.clone(), reason };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| unfit(error.to_string()))?;
        let builder = match (&self.client_ca, &files.client_ca) {
            (Some(pem), Some(path)) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(pem, path)? {
                    roots.add(certificate).map_err(|error| unfit(error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| unfit(error.to_string()))?)
            }
            _ => builder.with_no_client_auth(),
        };
        let empty = || TlsError::Empty { path: files.key.clone(), what: "private key" };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| empty())?;
        let mut config = builder
            .with_single_cert(certificates(&self.cert, &files.cert)?, key)
            .map_err(|error| unfit(error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path)
        .map_err(|error| TlsError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let empty = || TlsError::Empty { path: path.to_owned(), what: "certificate" };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| empty())?;
    if found.is_empty() { Err(empty()) } else { Ok(found) }
}
