//! Where to send, and as whom; and the gate that lets nothing leave by accident. Knows nothing of documents or answers.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use invoice::{Digest, Environment};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::route::{Road, Route};

/// The address of the real service (specification 1.1).
pub const PRODUCTION_URL: &str = "https://backend.jofotara.gov.jo/core/invoices/";

/// The total time-out of one call that the field uses (specification 1.2).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(50);

/// The authority's own domains, and that of the gateway which hands on to it. Whatever lies in them or below is the
/// real thing: what is sent there may become an invoice in law.
const PRODUCTION_DOMAINS: [&str; 3] = ["jofotara.gov.jo", "istd.gov.jo", "post2tax.com"];

/// The pair from the portal's page "link devices". Never printed.
#[derive(Clone)]
pub struct Credentials {
    /// The user number.
    pub client_id: String,
    /// The secret key.
    pub secret_key: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(masked)")
    }
}

impl Credentials {
    /// White space around either is what a secret file or a copied cell brings along, never part of it.
    fn trimmed(self) -> Self {
        Self {
            client_id: self.client_id.trim().to_owned(),
            secret_key: SecretString::from(self.secret_key.expose_secret().trim()),
        }
    }
}

/// A checked place to send one income source's documents to. It can only be had through the gate. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint(Arc<Checked>);

struct Checked {
    road: Road,
    /// See [`Endpoint::authority`].
    authority: Arc<str>,
    /// See [`Endpoint::pair`].
    pair: Digest,
    environment: Environment,
    credentials: Credentials,
    /// Ready to be sent, and marked as sensitive.
    client_id: HeaderValue,
    secret_key: HeaderValue,
    timeout: Duration,
}

/// Why an endpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not an address.
    #[error("{url:?} is not an HTTP address: {reason}")]
    Address {
        /// What was given, without user name and password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The authority's own host, but the environment does not say production.
    #[error(
        "{host} is the authority's own host, or a gateway to it; it is refused unless the environment says production (it says {environment})"
    )]
    ProductionHost {
        /// The host.
        host: String,
        /// What the environment says.
        environment: Environment,
    },
    /// Production without an encrypted connection.
    #[error("production needs https, not {0}")]
    Unencrypted(String),
    /// Client id or secret key is empty.
    #[error("credentials are missing: set both the client id and the secret key")]
    NoCredentials,
    /// One of the pair cannot be sent; which one.
    #[error("the {0} holds a character that no HTTP header can carry; copy it from the portal again")]
    UnfitCredentials(&'static str),
    /// A gateway without its licence key.
    #[error("the route post2tax has no licence key: set either license_key_file or license_key_env")]
    NoLicenseKey,
    /// The licence key is not where it is said to be.
    #[error("the licence key cannot be read from {place}: {reason}")]
    LicenseKey {
        /// Which file or variable.
        place: String,
        /// Why not.
        reason: String,
    },
    /// No call could ever be answered in no time.
    #[error("the time-out of a call must be longer than zero")]
    NoTime,
}

impl Endpoint {
    /// The direct way to `url`, through the gate of [`Endpoint::routed`].
    ///
    /// # Errors
    /// [`EndpointError`] says which condition is not met.
    pub fn new(
        environment: Environment,
        url: &str,
        credentials: Credentials,
        timeout: Duration,
    ) -> Result<Self, EndpointError> {
        Self::routed(environment, url, &Route::Direct, credentials, timeout)
    }

    /// The production gate (promise 12), for every address of the route: any host under `jofotara.gov.jo`,
    /// `istd.gov.jo` or `post2tax.com` only when the environment says production; production only with https and both
    /// credentials. An address with a user name or password in it is always refused, since it would be sent along.
    /// `url` is where the direct route goes; the others bring their own addresses.
    ///
    /// # Errors
    /// [`EndpointError`] says which condition is not met.
    pub fn routed(
        environment: Environment,
        url: &str,
        route: &Route,
        credentials: Credentials,
        timeout: Duration,
    ) -> Result<Self, EndpointError> {
        let credentials = credentials.trimmed();
        let production = environment == Environment::Production;
        let road = Road::build(route, url, |url| {
            let host = url.host_str().unwrap_or_default();
            if !production && is_authority(host) {
                return Err(EndpointError::ProductionHost { host: host.to_owned(), environment });
            }
            if production && url.scheme() != "https" {
                return Err(EndpointError::Unencrypted(url.scheme().to_owned()));
            }
            Ok(url)
        })?;
        if production
            && (credentials.client_id.is_empty() || credentials.secret_key.expose_secret().is_empty())
        {
            return Err(EndpointError::NoCredentials);
        }
        let client_id = sensitive(&credentials.client_id, "client id")?;
        let secret_key = sensitive(credentials.secret_key.expose_secret(), "secret key")?;
        if timeout.is_zero() {
            return Err(EndpointError::NoTime);
        }
        let authority = format!("{} {}", road.kind(), road.submit_url().origin().ascii_serialization());
        let pair = Digest::of_parts(&[
            authority.as_bytes(),
            credentials.client_id.as_bytes(),
            credentials.secret_key.expose_secret().as_bytes(),
        ]);
        let authority = authority.into();
        let checked =
            Checked { road, authority, pair, environment, credentials, client_id, secret_key, timeout };
        Ok(Self(Arc::new(checked)))
    }

    /// Whether both are clones of one another. An endpoint that was made anew is another one, even from the same words: what
    /// was refused may have been mended at the other end.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Which service answers here: route, scheme, host and port, without credentials or path. What is down, slow or limited
    /// is so for all endpoints of the same name. Fit for logs and metrics.
    #[must_use]
    pub fn authority(&self) -> &Arc<str> {
        &self.0.authority
    }

    /// The same for endpoints that show the same credentials to the same service, whatever their income source. Not to be
    /// shown: it could serve to try out guessed secrets.
    #[must_use]
    pub fn pair(&self) -> Digest {
        self.0.pair
    }

    /// Where documents are sent.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.0.road.submit_url()
    }

    /// The way there.
    pub(crate) fn road(&self) -> &Road {
        &self.0.road
    }

    /// The environment.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.0.environment
    }

    /// The credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// The total time-out of one call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.timeout
    }

    /// `Client-Id` as it is sent.
    pub(crate) fn client_id_header(&self) -> HeaderValue {
        self.0.client_id.clone()
    }

    /// `Secret-Key` as it is sent.
    pub(crate) fn secret_key_header(&self) -> HeaderValue {
        self.0.secret_key.clone()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("route", &self.route())
            .field("url", &self.url().as_str())
            .field("environment", &self.environment())
            .field("credentials", self.credentials())
            .field("timeout", &self.timeout())
            .finish()
    }
}

/// An address as it may stand in a configuration.
pub(crate) fn address(text: &str) -> Result<Url, EndpointError> {
    let refuse = |reason: String| {
        // Whatever stands before an @ may be a password.
        let url = text.rfind('@').and_then(|at| text.get(at..)).map(|rest| format!("…{rest}"));
        EndpointError::Address { url: url.unwrap_or_else(|| text.to_owned()), reason }
    };
    let url = Url::parse(text.trim()).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("the scheme must be http or https".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must not hold a user name or a password".to_owned()));
    }
    Ok(url)
}

/// Whether a host, as [`Url`] normalises it (lower case, ASCII), belongs to the authority.
fn is_authority(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    PRODUCTION_DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// A secret as a header's value, marked so that nobody shows it.
pub(crate) fn sensitive(text: &str, which: &'static str) -> Result<HeaderValue, EndpointError> {
    let unfit = EndpointError::UnfitCredentials(which);
    if !text.is_ascii() {
        return Err(unfit);
    }
    let mut value = HeaderValue::from_str(text).map_err(|_| unfit)?;
    value.set_sensitive(true);
    Ok(value)
}
