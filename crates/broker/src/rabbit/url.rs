//! The broker's address, which holds a password: shown masked, always.

use std::fmt;

use lapin::uri::AMQPUri;

use super::RabbitConfig;
use crate::BrokerError;

/// `amqp://user:password@host:port/vhost`. Its Debug and Display show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(String);

impl BrokerUrl {
    /// Any text: whether it is an address shows when it is used.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// With the settings that lapin takes from the address.
    pub(super) fn parse(&self, config: &RabbitConfig) -> Result<AMQPUri, BrokerError> {
        let mut uri = self.parse_bare()?;
        let heartbeat_s = config.heartbeat.as_secs().max(1);
        uri.query.heartbeat = Some(u16::try_from(heartbeat_s).unwrap_or(u16::MAX));
        Ok(uri)
    }

    pub(super) fn parse_bare(&self) -> Result<AMQPUri, BrokerError> {
        // The parser's own message may quote what it could not parse.
        self.0.parse().map_err(|_| {
            BrokerError::Unfit(format!(
                "{self} is no address of a broker; expected amqp://user:password@host:port/vhost"
            ))
        })
    }
}

impl From<&str> for BrokerUrl {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for BrokerUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        // Whatever stands before the last @ may belong to the password, and so may parameters.
        let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let place = place.split('?').next().unwrap_or_default();
        match (scheme, user) {
            ("", _) => f.write_str("(something without a scheme)"),
            (_, "") => write!(f, "{scheme}://{place}"),
            (_, user) => write!(f, "{scheme}://{}:***@{place}", user.split(':').next().unwrap_or_default()),
        }
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_shows() {
        for (url, shown) in [
            ("amqp://fawtara:geheim@mq:5672/%2f?heartbeat=5", "amqp://fawtara:***@mq:5672/%2f"),
            ("amqp://fawtara:ge:he@im@mq/v", "amqp://fawtara:***@mq/v"),
            ("amqp://mq:5672", "amqp://mq:5672"),
            ("fawtara:geheim@mq", "(something without a scheme)"),
        ] {
            let url = BrokerUrl::from(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            if let Err(error) = url.parse_bare() {
                assert!(!error.to_string().contains("geheim"), "{error}");
            }
        }
        assert!(BrokerUrl::from("http://mq").parse_bare().is_err());
    }
}
