//! Who is told over HTTP, and where the secret is that signs what they are told. Must not know how it is sent.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, bail};
use notices::{NoticeType, SigningSecret, Webhook, secrets};
use serde::{Deserialize, Serialize};

use super::SecretUrl;
use super::secret::variable;
use crate::failure::{BlameSettings, Misconfigured};

/// The most webhooks; each has a loop of its own.
const WEBHOOKS_MAX: usize = 64;

/// One receiver of messages about settled invoices.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Its name, for good: what is kept for it is kept under this name.
    pub name: String,
    /// Where messages go.
    pub url: SecretUrl,
    /// The file that holds its secret (`whsec_…`), or two while one is being replaced.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The environment variable that holds the same.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// Only these types of events; all when empty.
    #[serde(default)]
    pub types: Vec<String>,
    /// Only invoices of sellers with these tax numbers; all when empty.
    #[serde(default)]
    pub tax_numbers: Vec<String>,
}

impl WebhookSettings {
    /// The receiver, with its secrets read.
    ///
    /// # Errors
    /// [`Misconfigured`] when there is no address or no secret to be had.
    pub fn webhook(&self) -> anyhow::Result<Webhook> {
        let secrets = self.secrets()?;
        let webhook = Webhook::new(self.url.expose(), secrets);
        webhook.with_context(|| format!("webhook {}", self.name)).blame_settings()
    }

    fn secrets(&self) -> anyhow::Result<Vec<SigningSecret>> {
        let name = &self.name;
        let (what, text) = match (&self.secret_file, &self.secret_env) {
            (Some(file), None) => {
                let what = format!("webhook {name}: secret_file {}", file.display());
                (what.clone(), std::fs::read_to_string(file).context(what).blame_settings()?)
            }
            (None, Some(named)) => {
                let what = format!("webhook {name}: secret_env names {named}");
                (what.clone(), variable(named).context(what).blame_settings()?)
            }
            _ => {
                return Err(Misconfigured::because(format!(
                    "webhook {name} needs its secret from one place: set secret_file or secret_env"
                )));
            }
        };
        secrets(&text).context(what).blame_settings()
    }
}

/// Refuses what could not work, without reading any secret.
///
/// # Errors
/// Which webhook, and what is wrong with it.
pub(super) fn check(webhooks: &[WebhookSettings]) -> anyhow::Result<()> {
    if webhooks.len() > WEBHOOKS_MAX {
        bail!("{} webhooks are too many; {WEBHOOKS_MAX} may be configured", webhooks.len());
    }
    let mut names = BTreeSet::new();
    for webhook in webhooks {
        let name = &webhook.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
            bail!("webhook {name:?}: a name has 1 to 40 lower-case letters, digits and hyphens");
        }
        if !names.insert(name) {
            bail!("webhook {name} is configured twice");
        }
        for stated in &webhook.types {
            let known = NoticeType::ALL.map(NoticeType::as_str);
            if !known.contains(&stated.as_str()) {
                bail!("webhook {name}: types holds {stated:?}; known are {}", known.join(", "));
            }
        }
        Webhook::new(webhook.url.expose(), Vec::new()).with_context(|| format!("webhook {name}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(name: &str, url: &str) -> WebhookSettings {
        WebhookSettings {
            name: name.to_owned(),
            url: SecretUrl::new(url),
            secret_file: None,
            secret_env: None,
            types: Vec::new(),
            tax_numbers: Vec::new(),
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let good = webhook("erp", "https://erp.example/hook");
        assert!(check(std::slice::from_ref(&good)).is_ok());
        let typo = WebhookSettings { types: vec!["invoice.cleared".to_owned()], ..good.clone() };
        for (webhooks, told) in [
            (vec![good.clone(), good.clone()], "twice"),
            (vec![webhook("ERP 1", "https://erp.example/")], "lower-case"),
            (vec![webhook("erp", "ftp://erp.example/")], "http"),
            (vec![typo], "jo.fawtara.invoice.cleared.v1"),
            (vec![good.clone(); 65], "too many"),
        ] {
            let complaint = format!("{:#}", check(&webhooks).unwrap_err());
            assert!(complaint.contains(told), "{complaint}");
        }
    }

    #[test]
    fn a_secret_comes_from_one_place_and_is_never_told() {
        let good = webhook("erp", "https://erp.example/hook");
        assert!(format!("{:#}", good.webhook().unwrap_err()).contains("secret_file"));
        let file = std::env::temp_dir().join(format!("fawtara-webhook-{}", std::process::id()));
        let from_file = WebhookSettings { secret_file: Some(file.clone()), ..good };
        std::fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        assert!(from_file.webhook().is_ok());
        std::fs::write(&file, "geheim").unwrap();
        let complaint = format!("{:#}", from_file.webhook().unwrap_err());
        std::fs::remove_file(&file).unwrap();
        assert!(complaint.contains("whsec_") && !complaint.contains("geheim"), "{complaint}");
    }
}
