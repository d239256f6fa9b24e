//! One message to one webhook over HTTP: signed, sent once, and what was answered. Knows neither retries nor what the
//! message says.
//!
//! * Redirects are not followed: a receiver that moved must be set anew, or a message could be led anywhere.
//! * No proxy is used, whatever the environment says. Private addresses are allowed: receivers may stand inside the network.
//! * Of the answer no more is read than an excerpt needs.

#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use invoice::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Response, Url};
use uuid::Uuid;

use crate::secret::SigningSecret;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const CLOUD_EVENT: HeaderValue = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");

/// So many characters of an answer are kept.
const EXCERPT: usize = 300;
/// So many bytes of an answer are read at most.
const READ_MAX: usize = 4_096;
const GONE: u16 = 410;

/// Where messages go, and how they are signed.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    secrets: Vec<SigningSecret>,
}

/// Why a webhook, or the client for all of them, cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadWebhook {
    /// The address cannot be understood, or leads elsewhere than to HTTP.
    #[error("the url must be http:// or https:// and name a host")]
    Url,
    /// User name or password in the address would be sent along, and shown in logs on the way.
    #[error("the url must not hold a user name or password: receivers know us by the signature")]
    UserInfo,
    /// The client cannot be made.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

impl Webhook {
    /// A webhook at `url`; with two secrets every message has two signatures.
    ///
    /// # Errors
    /// [`BadWebhook`] when the address is not one.
    pub fn new(url: &str, secrets: Vec<SigningSecret>) -> Result<Self, BadWebhook> {
        let url = Url::parse(url).map_err(|_| BadWebhook::Url)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(BadWebhook::Url);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadWebhook::UserInfo);
        }
        Ok(Self { url, secrets })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Path and query of such addresses often are secrets.
        f.debug_struct("Webhook").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 2xx: it was heard.
    Heard {
        /// The HTTP status.
        status: u16,
    },
    /// 410: nothing is to be sent there any more.
    Gone,
    /// Any other answer.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer's body.
        excerpt: String,
    },
    /// No answer in time, or none at all.
    Silent {
        /// What went wrong, without the address.
        reason: String,
    },
}

/// Sends messages. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    http: Client,
    timeout: Duration,
}

impl WebhookClient {
    /// A client that gives each message so long, all in all. `extra_ca` is a PEM bundle to trust besides the system's.
    ///
    /// # Errors
    /// [`BadWebhook::Client`].
    pub fn new(timeout: Duration, extra_ca: Option<&[u8]>) -> Result<Self, BadWebhook> {
        let failed = |error: reqwest::Error| BadWebhook::Client(told(error));
        let mut builder = Client::builder()
            .connect_timeout(timeout)
            .timeout(timeout)
            .user_agent(concat!("Fawtara/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy();
        if let Some(pem) = extra_ca {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem).map_err(failed)?);
        }
        Ok(Self { http: builder.build().map_err(failed)?, timeout })
    }

    /// How long a message may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a message once. `id` is the same at every attempt; `now` goes into the signature, and receivers refuse what is
    /// minutes old.
    pub async fn send(&self, webhook: &Webhook, id: Uuid, now: Timestamp, body: &str) -> Answer {
        let timestamp = now.timestamp();
        let signatures: Vec<_> =
            webhook.secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
        let sending = self
            .http
            .post(webhook.url.clone())
            .header(CONTENT_TYPE, CLOUD_EVENT)
            .header(ID, id.to_string())
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signatures.join(" "))
            .body(body.to_owned())
            .send();
        match sending.await {
            Ok(response) if response.status().is_success() => {
                Answer::Heard { status: response.status().as_u16() }
            }
            Ok(response) if response.status().as_u16() == GONE => Answer::Gone,
            Ok(response) => {
                let status = response.status().as_u16();
                Answer::Refused { status, excerpt: excerpt(response).await }
            }
            Err(error) => Answer::Silent { reason: told(error) },
        }
    }
}

/// The beginning of the body, as far as it comes.
async fn excerpt(mut response: Response) -> String {
    let mut read = Vec::new();
    while read.len() < READ_MAX {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        read.extend_from_slice(chunk.get(..READ_MAX - read.len()).unwrap_or(&chunk));
    }
    let text = String::from_utf8_lossy(&read);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT).collect()
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
