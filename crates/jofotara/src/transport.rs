//! The seam below the client: one bounded HTTP exchange, or what went wrong on the road. It must not know whose
//! addresses these are, nor what an answer means.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoice::Environment;
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is asked of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Nothing changes there.
    Get,
    /// Something may.
    Post,
}

/// One request, ready to go out. Only this crate makes them, from addresses that passed the production gate.
#[derive(Clone)]
pub struct HttpRequest {
    environment: Environment,
    method: Method,
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    timeout: Duration,
}

/// Secrets stand in headers and bodies: neither is shown.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("environment", &self.environment)
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl HttpRequest {
    /// A POST of JSON.
    pub(crate) fn post(environment: Environment, url: Url, body: Bytes, timeout: Duration) -> Self {
        let headers = vec![(CONTENT_TYPE, JSON), (ACCEPT, JSON)];
        Self { environment, method: Method::Post, url, headers, body, timeout }
    }

    /// A POST of a form.
    pub(crate) fn form(environment: Environment, url: Url, body: Bytes, timeout: Duration) -> Self {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = vec![(CONTENT_TYPE, form), (ACCEPT, JSON)];
        Self { environment, method: Method::Post, url, headers, body, timeout }
    }

    /// A GET.
    pub(crate) fn get(environment: Environment, url: Url, timeout: Duration) -> Self {
        let headers = vec![(ACCEPT, JSON)];
        Self { environment, method: Method::Get, url, headers, body: Bytes::new(), timeout }
    }

    /// The same with another header; secrets are marked as sensitive by whoever made the value.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What it is meant for: a road that simulates must not take what is meant for production.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// What is asked.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The address without scheme, host and query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// A header's value, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(own, _)| own.as_str() == name)?;
        value.to_str().ok()
    }

    /// The body; empty for a GET.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How long the whole exchange may take, the answer's last byte included.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Everything that goes out.
    pub(crate) fn into_parts(self) -> (Method, Url, Vec<(HeaderName, HeaderValue)>, Bytes, Duration) {
        (self.method, self.url, self.headers, self.body, self.timeout)
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// An answer with a whole body (bounded in size).
    Answered {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, in seconds or as a date, turned into a wait.
        retry_after: Option<Duration>,
        /// The body.
        body: Bytes,
    },
    /// Surely nothing was sent: name not found, connection refused, TLS failed, connecting timed out.
    NotSent {
        /// For people.
        reason: String,
    },
    /// Something may have been sent, and no whole answer came: time-out, reset, body cut or too large.
    Lost {
        /// For people.
        reason: String,
    },
}

/// Sends one request. Errors are outcomes here.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends it once and waits for the answer, at most the request's time-out.
    async fn exchange(&self, request: HttpRequest) -> Exchange;
}
