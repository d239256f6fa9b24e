//! The broker's address, which holds a password: shown masked, always.

use std::fmt;

use lapin::uri::AMQPUri;
use secrecy::zeroize::Zeroizing;

use super::RabbitConfig;
use crate::BrokerError;

/// `amqp://user:password@host:port/vhost`; the nodes of a cluster may all be named, with commas between them:
/// `amqp://user:password@host1:5672,host2:5672/vhost`. Its Debug and Display show no password, and it is wiped when
/// it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(Zeroizing<String>);

impl BrokerUrl {
    /// Any text: whether it is an address shows when it is used.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(Zeroizing::new(url.into()))
    }

    /// One for each node, with the settings that lapin takes from the address.
    pub(super) fn parse(&self, config: &RabbitConfig) -> Result<Vec<AMQPUri>, BrokerError> {
        let mut nodes = self.parse_bare()?;
        let heartbeat_s = config.heartbeat.as_secs().max(1);
        for node in &mut nodes {
            node.query.heartbeat = Some(u16::try_from(heartbeat_s).unwrap_or(u16::MAX));
        }
        Ok(nodes)
    }

    /// One for each node that is named; at least one.
    pub(super) fn parse_bare(&self) -> Result<Vec<AMQPUri>, BrokerError> {
        // The parser's own message may quote what it could not parse.
        let unfit = || {
            BrokerError::Unfit(format!(
                "{self} is no address of a broker; expected amqp://user:password@host:port/vhost, or several host:port \
                 with commas between them"
            ))
        };
        // The nodes stand between the last @ and what follows them; a user may have commas in the password.
        let (scheme, rest) = self.0.split_once("://").ok_or_else(unfit)?;
        let (user, place) = rest.rsplit_once('@').map_or(("", rest), |(user, place)| (user, place));
        let at = if user.len() == rest.len() - place.len() { "" } else { "@" };
        let (hosts, path) = place.split_at(place.find(['/', '?']).unwrap_or(place.len()));
        hosts
            .split(',')
            .map(str::trim)
            .map(|host| {
                let text = Zeroizing::new(format!("{scheme}://{user}{at}{host}{path}"));
                let mut node: AMQPUri = text.parse().map_err(|_| unfit())?;
                // The parser takes an IPv6 address for no host at all, and would lead to localhost.
                if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
                    address.clone_into(&mut node.authority.host);
                }
                Ok(node)
            })
            .collect()
    }
}

impl From<&str> for BrokerUrl {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for BrokerUrl {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", self.0.as_str()));
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
    fn it_is_wiped_when_it_is_dropped() {
        /// Compiles for nothing else.
        fn is_wiped(_: &impl secrecy::zeroize::ZeroizeOnDrop) {}
        is_wiped(&BrokerUrl::new("amqp://u:p@h").0);
    }

    #[test]
    fn no_password_shows() {
        for (url, shown) in [
            ("amqp://fawtara:geheim@mq:5672/%2f?heartbeat=5", "amqp://fawtara:***@mq:5672/%2f"),
            ("amqp://fawtara:ge:he@im@mq/v", "amqp://fawtara:***@mq/v"),
            ("amqp://fawtara:geheim@mq1:5672,mq2/v", "amqp://fawtara:***@mq1:5672,mq2/v"),
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

    #[test]
    fn every_node_has_the_same_user_and_virtual_host() {
        let nodes = |url: &str| -> Vec<_> {
            let parsed = BrokerUrl::from(url).parse_bare().unwrap_or_default();
            parsed.into_iter().map(|uri| (uri.authority.host, uri.authority.port, uri.vhost)).collect()
        };
        let node = |host: &str, port, vhost: &str| (host.to_owned(), port, vhost.to_owned());
        assert_eq!(nodes("amqp://mq"), [node("mq", 5672, "/")]);
        assert_eq!(
            nodes("amqp://f:a%2Cb@mq1:1,mq2, [::1]:3/v?channel_max=9"),
            [node("mq1", 1, "v"), node("mq2", 5672, "v"), node("::1", 3, "v")]
        );
        for user in BrokerUrl::from("amqps://f:g@mq1,mq2/%2f").parse_bare().unwrap_or_default() {
            assert_eq!(user.authority.userinfo.password, "g");
            assert_eq!(user.scheme.to_string(), "amqps");
        }
    }
}
