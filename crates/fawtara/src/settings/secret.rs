//! Settings that must never be printed, and how they look instead. Must not know what they are used for.

use std::env::VarError;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What stands for a secret.
const MASK: &str = "***";

/// The secret in an environment variable.
///
/// # Errors
/// It is not set, or no text. The standard library's own error would repeat the value.
pub(super) fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).map_err(|error| without_value(&error))
}

fn without_value(error: &VarError) -> anyhow::Error {
    anyhow::anyhow!(match error {
        VarError::NotPresent => "it is not set",
        VarError::NotUnicode(_) => "it is not text",
    })
}

/// A text that is never printed.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Masked(pub SecretString);

impl Serialize for Masked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// A URL whose password is never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(SecretString);

impl SecretUrl {
    /// Keeps a URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self(SecretString::from(url))
    }

    /// The whole URL; for connecting only.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The embedded default instead of a service.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.expose() == "memory"
    }

    /// The URL with `***` for every password in it. People forget to escape passwords, and such a URL is printed with the
    /// complaint about it: so where a password may end is never taken from a delimiter that may be part of it, and rather
    /// too much is masked than too little.
    #[must_use]
    pub fn masked(&self) -> String {
        if self.is_memory() {
            return self.expose().to_owned();
        }
        let Some((scheme, rest)) = self.expose().split_once("://") else { return MASK.to_owned() };
        format!("{scheme}://{}", mask(rest))
    }
}

fn mask(rest: &str) -> String {
    let colon = rest.find(':');
    let last_at = rest.rfind('@');
    let parameter = secret_value(rest);
    if let (Some(value), Some(at)) = (parameter, last_at)
        && value <= at
    {
        // Either a password in the query holds an @, or the one before the host looks like a query: both reach to the end.
        let from = colon.map_or(value, |colon| value.min(colon + 1));
        return format!("{}{MASK}", rest.get(..from).unwrap_or_default());
    }
    let (front, behind) = match (colon, last_at) {
        (Some(colon), Some(at)) if colon < at => rest.split_at(colon + 1),
        _ => ("", rest),
    };
    let behind = if front.is_empty() { behind } else { behind.rsplit_once('@').map_or("", |(_, host)| host) };
    let front = if front.is_empty() { String::new() } else { format!("{front}{MASK}@") };
    let (place, query) = behind.split_once('?').map_or((behind, None), |(place, query)| (place, Some(query)));
    match query {
        Some(query) => format!("{front}{place}?{}", mask_query(query)),
        None => format!("{front}{place}"),
    }
}

/// Where the value of the first secret parameter begins.
fn secret_value(rest: &str) -> Option<usize> {
    let mut begin = rest.find('?')? + 1;
    for pair in rest.get(begin..)?.split('&') {
        if let Some((name, _)) = pair.split_once('=')
            && is_secret(name)
        {
            return Some(begin + name.len() + 1);
        }
        begin += pair.len() + 1;
    }
    None
}

fn mask_query(query: &str) -> String {
    let mut after_secret = false;
    let pairs: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                after_secret = true;
                format!("{name}={MASK}")
            }
            // The rest of a password with an & in it.
            None if after_secret => MASK.to_owned(),
            _ => pair.to_owned(),
        })
        .collect();
    pairs.join("&")
}

/// `password`, `sslpassword`, `PGPASSWORD`, …; and whatever is escaped, since it can be read as any of them.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "%"].iter().any(|part| name.contains(part))
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_no_text_is_told_without_its_value() {
        let value = VarError::NotUnicode("s3cret".into());
        assert!(value.to_string().contains("s3cret"), "the library's own words do repeat it");
        let told = format!("{:?}", without_value(&value));
        assert!(told.contains("not text") && !told.contains("s3cret"), "{told}");
        let told = format!("{:#}", variable("FAWTARA_NO_SUCH_VARIABLE").unwrap_err());
        assert_eq!(told, "it is not set");
    }

    #[test]
    fn what_is_no_secret_stays() {
        for (url, masked) in [
            ("postgres://app:s3cret@db:5432/fawtara", "postgres://app:***@db:5432/fawtara"),
            (
                "postgres://app:p@ss@db/fawtara?sslmode=require",
                "postgres://app:***@db/fawtara?sslmode=require",
            ),
            ("postgres://app:p/ss@db/x", "postgres://app:***@db/x"),
            ("postgres://app:p?s#s:s@db/x", "postgres://app:***@db/x"),
            ("postgres://:s3cret@db/x", "postgres://:***@db/x"),
            ("amqp://guest:guest@[::1]:5672/%2f", "amqp://guest:***@[::1]:5672/%2f"),
            ("postgres://app@db:5432/fawtara", "postgres://app@db:5432/fawtara"),
            ("postgres://db:5432/x?sslmode=require", "postgres://db:5432/x?sslmode=require"),
            (
                "postgres://db/x?user=app&password=s3cret&sslmode=require",
                "postgres://db/x?user=app&password=***&sslmode=require",
            ),
            ("postgres:///x?host=/run&PASSWORD=s3&cret", "postgres:///x?host=/run&PASSWORD=***&***"),
            ("postgres://a:b@db/x?sslpassword=s#3", "postgres://a:***@db/x?sslpassword=***"),
            ("memory", "memory"),
            ("host=db password=s3cret", "***"),
        ] {
            assert_eq!(SecretUrl::new(url).masked(), masked);
        }
    }

    /// Whatever a password holds, and wherever it stands, no piece of it is printed.
    #[test]
    fn passwords_are_never_printed() {
        // Each piece between the delimiters can be recognised.
        for separator in ["@", "/", "?", "#", ":", "&", "=", "?password=", "&password=", "%", "://", "سر", ""]
        {
            let password = format!("alif{separator}baa{separator}taa");
            for url in [
                format!("postgres://app:{password}@db:5432/x"),
                format!("postgres://app:{password}@db/x?sslmode=require&user=app"),
                format!("postgres://:{password}@db"),
                format!("postgres://db:5432/x?user=app&password={password}"),
                format!("postgres://app@db/x?password={password}"),
                format!("postgres://app:{password}@db/x?password={password}"),
                format!("postgres://app:{password}@db/x?sslpassword={password}"),
                format!("amqp://fawtara:{password}@mq:5672/%2f"),
            ] {
                let secret = SecretUrl::new(&url);
                let told = [secret.masked(), format!("{secret:?}"), serde_json::to_string(&secret).unwrap()];
                for text in told {
                    for piece in ["alif", "baa", "taa"] {
                        assert!(!text.contains(piece), "{url} is printed as {text}");
                    }
                }
            }
        }
    }
}
