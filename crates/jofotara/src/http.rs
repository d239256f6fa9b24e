//! The transport that really goes out, on reqwest. Knows the road, not what an answer means.
//!
//! * One exchange is one request: redirects are not followed and nothing is sent again, except on another connection when
//!   a kept-alive one turned out to be closed before a single byte was written.
//! * No proxy is used, whatever the environment says: a variable set for another program must not lead invoices away.
//! * HTTP/1.1 only, one request on a connection at a time, so that a cut connection costs one answer and not many.
//! * Header names go out spelled as every client of the authority spells them.
//! * No encoding of the body is asked for and none is taken off: a compressed answer is heard as such, and not read.
//! * Certificates are checked against the system's own list, plus what the configuration adds.

mod retry_after;
#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Certificate, Client, Response};

use crate::transport::{Exchange, HttpRequest, Method, Transport};

/// The longest answer that is read; a longer one counts as lost.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// A certificate authority that the system does not know, such as a gateway's own.
#[derive(Clone, PartialEq, Eq)]
pub enum ExtraCa {
    /// A PEM file, read once.
    File(PathBuf),
    /// PEM text.
    Pem(Bytes),
}

impl fmt::Debug for ExtraCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
        }
    }
}

/// How to go out. The total time-out of a call belongs to the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// The longest wait for a connection, name look-up and TLS included. Shorter than the endpoint's time-out, or else a
    /// connection that was never made counts as lost instead of not sent.
    pub connect_timeout: Duration,
    /// The most idle connections kept for one host. Connections in use are bounded by the callers.
    pub idle_connections: usize,
    /// How long an idle connection is kept. Shorter than what gateways commonly allow, so that a request is not written
    /// to a connection that is being closed.
    pub idle_timeout: Duration,
    /// Trusted beside the system's own.
    pub extra_ca: Option<ExtraCa>,
    /// What to call ourselves.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_connections: 256,
            idle_timeout: Duration::from_secs(30),
            extra_ca: None,
            user_agent: concat!("fawtara/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// The file with the extra certificate cannot be read.
    #[error("the certificate file {} cannot be read", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate in it, or a damaged one.
    #[error("the extra certificate authority is not fit: {0}")]
    Ca(String),
    /// The client cannot be made; without any certificate in the system, say (package `ca-certificates`).
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// Sends over HTTP. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    client: Client,
}

impl HttpTransport {
    /// Sets up the client; nothing goes out yet.
    ///
    /// # Errors
    /// [`HttpSetupError`]: a certificate or the configuration does not fit.
    pub fn new(config: HttpConfig) -> Result<Self, HttpSetupError> {
        let HttpConfig { connect_timeout, idle_connections, idle_timeout, extra_ca, user_agent } = config;
        let mut builder = Client::builder()
            .connect_timeout(connect_timeout)
            .pool_max_idle_per_host(idle_connections)
            .pool_idle_timeout(idle_timeout)
            .tcp_keepalive(Duration::from_secs(30))
            .user_agent(user_agent)
            .http1_only()
            .http1_title_case_headers()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy();
        if let Some(extra_ca) = extra_ca {
            builder = builder.tls_certs_merge(certificates(extra_ca)?);
        }
        match builder.build() {
            Ok(client) => Ok(Self { client }),
            Err(error) => Err(HttpSetupError::Client(told(error))),
        }
    }
}

fn certificates(extra_ca: ExtraCa) -> Result<Vec<Certificate>, HttpSetupError> {
    let pem = match extra_ca {
        ExtraCa::Pem(pem) => pem,
        ExtraCa::File(path) => match std::fs::read(&path) {
            Ok(pem) => Bytes::from(pem),
            Err(source) => return Err(HttpSetupError::CaFile { path, source }),
        },
    };
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if certificates.is_empty() => {
            Err(HttpSetupError::Ca("no certificate in it".to_owned()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(HttpSetupError::Ca(told(error))),
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        let (method, url, headers, body, timeout) = request.into_parts();
        let sending = match method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url).body(body),
        };
        let headers: HeaderMap = headers.into_iter().collect();
        // The time-out is of the whole call, the answer's last byte included.
        let sending = sending.headers(headers).timeout(timeout).send();
        let response = match sending.await {
            Ok(response) => response,
            // Connecting is all that surely comes before the first byte.
            Err(error) if error.is_connect() || error.is_builder() => {
                return Exchange::NotSent { reason: told(error) };
            }
            Err(error) => return Exchange::Lost { reason: told(error) },
        };
        let status = response.status().as_u16();
        let retry_after = retry_after::wait(response.headers());
        if let Some(encoding) = encoding(response.headers()) {
            // Said in the place of what was not read, so that the evidence shows it to people.
            let body = format!("an answer encoded as {encoding}, which nobody asked for: it was not read");
            return Exchange::Answered { status, retry_after, body: Bytes::from(body) };
        }
        match whole_body(response).await {
            Ok(body) => Exchange::Answered { status, retry_after, body },
            Err(reason) => Exchange::Lost { reason: format!("HTTP {status}, then {reason}") },
        }
    }
}

/// How the body is encoded, when it is: no encoding is ever asked for, and none is taken off, since a few bytes could become
/// gigabytes.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let named: Vec<_> =
        headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?")).collect();
    let named = named.join(", ");
    let plain =
        named.split(',').all(|name| matches!(name.trim().to_ascii_lowercase().as_str(), "" | "identity"));
    (!plain).then(|| named.chars().take(60).collect())
}

/// The body to its end, or why not.
async fn whole_body(mut response: Response) -> Result<Bytes, String> {
    let too_large = || format!("a body of more than {MAX_ANSWER_BYTES} bytes");
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > MAX_ANSWER_BYTES) {
        return Err(too_large());
    }
    // Most answers come in one piece, which is then handed on without a copy.
    let Some(first) = response.chunk().await.map_err(told)? else { return Ok(Bytes::new()) };
    let Some(second) = response.chunk().await.map_err(told)? else { return Ok(first) };
    let mut body = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(told)?;
    }
    Ok(body.freeze())
}

/// An error with its causes, without the address.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_told = inner.to_string();
        if !told.ends_with(&inner_told) {
            told.push_str(": ");
            told.push_str(&inner_told);
        }
        cause = inner.source();
    }
    told
}
