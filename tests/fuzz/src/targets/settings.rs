//! The configuration, and the small texts in it that have a form of their own.

use secrecy::{ExposeSecret as _, SecretString};

use crate::laws;

pub(super) fn attack(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match fawtara::settings::read_text(text) {
        Err(error) => assert!(!format!("{error:#}").trim().is_empty()),
        Ok(settings) => {
            for source in &settings.income_sources {
                // Never what others can read, and never a panic.
                let _ = source.registration();
                if let Some(url) = &source.url {
                    endpoint(source.environment, url, &source.route);
                }
            }
            let shown = format!("{settings:?}");
            for source in &settings.income_sources {
                if source.secret_key.is_some()
                    && let Ok(secret) = source.secret()
                {
                    let secret = secret.expose_secret();
                    // The same text may stand in another place, where it is no secret.
                    let once = secret.len() >= 6 && text.matches(secret).count() == 1;
                    assert!(!once || !shown.contains(secret), "a secret is shown");
                }
            }
        }
    }
    if let Err(error) = notices::secrets(text) {
        laws::message(&error.to_string());
    }
    if let Err(error) = notices::Webhook::new(text, Vec::new()) {
        assert!(!error.to_string().trim().is_empty());
    }
}

/// The gate: whatever address is let through, the authority's own host is not, unless the environment says production.
fn endpoint(environment: invoice::Environment, url: &str, route: &jofotara::Route) {
    if matches!(route, jofotara::Route::Relay(_)) {
        return;
    }
    let credentials =
        jofotara::Credentials { client_id: "id".to_owned(), secret_key: SecretString::from("secret") };
    let timeout = std::time::Duration::from_secs(1);
    match jofotara::Endpoint::routed(environment, url, route, credentials, timeout) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(endpoint) => {
            let host = endpoint.url().host_str().unwrap_or_default().to_ascii_lowercase();
            let host = host.trim_end_matches('.');
            let authority = ["jofotara.gov.jo", "istd.gov.jo", "post2tax.com"]
                .iter()
                .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")));
            assert!(!authority || environment == invoice::Environment::Production, "{url} passed the gate");
        }
    }
}
