//! By which way an income source's documents reach the authority: what is configured, and what became of it at the
//! gate. Knows addresses and secrets, not what is said there.

use std::path::PathBuf;

use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::credentials::{Endpoint, EndpointError, address, sensitive};

/// Where Post2Tax serves its interface, by its own description.
pub const POST2TAX_URL: &str = "https://apiservice.post2tax.com";

/// The way out of one income source. Holds no secret, so that it may be kept and shown as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Route {
    /// The one call of the guide, to the address of the income source.
    #[default]
    Direct,
    /// A token first, then the document with it. No official text knows this way: nothing about it has a default.
    Token(TokenRoute),
    /// A gateway that takes figures and makes the document itself.
    #[serde(rename = "post2tax")]
    Relay(RelayRoute),
}

impl Route {
    /// Its name, as in the configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Token(_) => "token",
            Self::Relay(_) => "post2tax",
        }
    }
}

/// A client-credentials grant (RFC 6749, section 4.4) with the income source's pair, then the document with the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRoute {
    /// Where tokens are had, by a form.
    pub token_url: String,
    /// Where documents are sent, in the body of the direct call.
    pub submit_url: String,
    /// Below which a document is asked for: `{status_url}/{uuid}`.
    pub status_url: String,
}

/// The gateway Post2Tax. It takes what its interface can say, local cash and receivable sales in JOD, and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayRoute {
    /// Its address, to which `/api/Invoice` is added.
    #[serde(default = "post2tax_url")]
    pub url: String,
    /// The file that holds the licence key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_key_file: Option<PathBuf>,
    /// The environment variable that holds the licence key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_key_env: Option<String>,
}

fn post2tax_url() -> String {
    POST2TAX_URL.to_owned()
}

impl RelayRoute {
    fn license_key(&self) -> Result<SecretString, EndpointError> {
        let key = match (&self.license_key_file, &self.license_key_env) {
            (Some(file), None) => std::fs::read_to_string(file).map_err(|error| {
                EndpointError::LicenseKey { place: file.display().to_string(), reason: error.to_string() }
            })?,
            (None, Some(name)) => std::env::var(name).map_err(|error| EndpointError::LicenseKey {
                place: format!("the variable {name}"),
                // The error of a value that is no text would repeat the value.
                reason: match error {
                    std::env::VarError::NotPresent => "it is not set".to_owned(),
                    std::env::VarError::NotUnicode(_) => "it is not text".to_owned(),
                },
            })?,
            _ => return Err(EndpointError::NoLicenseKey),
        };
        match key.trim() {
            "" => Err(EndpointError::NoLicenseKey),
            key => Ok(SecretString::from(key)),
        }
    }
}

/// A route whose every address has passed the gate.
pub(crate) enum Road {
    Direct { url: Url },
    Token(TokenRoad),
    Relay(RelayRoad),
}

pub(crate) struct TokenRoad {
    pub(crate) token: Url,
    pub(crate) submit: Url,
    pub(crate) status: Url,
}

pub(crate) struct RelayRoad {
    pub(crate) url: Url,
    /// Ready to be sent, and marked as sensitive.
    pub(crate) license_key: HeaderValue,
    /// To be masked.
    pub(crate) license: SecretString,
}

impl Road {
    /// Lets each address through `gate`, or none of them.
    pub(crate) fn build(
        route: &Route,
        url: &str,
        gate: impl Fn(Url) -> Result<Url, EndpointError>,
    ) -> Result<Self, EndpointError> {
        let through = |text: &str| address(text).and_then(&gate);
        Ok(match route {
            Route::Direct => Self::Direct { url: through(url)? },
            Route::Token(route) => Self::Token(TokenRoad {
                token: through(&route.token_url)?,
                submit: through(&route.submit_url)?,
                status: through(&route.status_url)?,
            }),
            Route::Relay(route) => {
                let mut url = through(&route.url)?;
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().extend(["api", "Invoice"]);
                }
                let license = route.license_key()?;
                let license_key = sensitive(license.expose_secret(), "licence key")?;
                Self::Relay(RelayRoad { url, license_key, license })
            }
        })
    }

    /// Where documents are sent.
    pub(crate) fn submit_url(&self) -> &Url {
        match self {
            Self::Direct { url } => url,
            Self::Token(road) => &road.submit,
            Self::Relay(road) => &road.url,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Direct { .. } => "direct",
            Self::Token(_) => "token",
            Self::Relay(_) => "post2tax",
        }
    }
}

impl Endpoint {
    /// By which kind of route documents go there: `direct`, `token` or `post2tax`.
    #[must_use]
    pub fn route(&self) -> &'static str {
        self.road().kind()
    }

    /// Whether the refusal of a document that is sent again tells that no earlier sending of it arrived. The guide makes
    /// sending again a question after its fate for the authority's own interface only; a gateway that refuses the second
    /// sending, perhaps for being the second, says nothing of the first.
    #[must_use]
    pub fn refusal_ends_doubt(&self) -> bool {
        match self.road() {
            Road::Direct { .. } | Road::Token(_) => true,
            Road::Relay(_) => false,
        }
    }
}
