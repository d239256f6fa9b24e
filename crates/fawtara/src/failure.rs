//! What a failure means for whoever called: which exit code it ends with. Must not know the commands.

use std::error::Error;
use std::fmt;

use broker::BrokerError;
use jofotara::{EndpointError, HttpSetupError};
use ledger::LedgerError;
use producer::{ImportError, ProducerError};
use telemetry::{AdminError, SetupError};

/// The configuration is wrong: trying again will not help, changing a setting will.
pub const EX_CONFIG: u8 = 78;
/// A service cannot be reached: trying again later may help.
pub const EX_UNAVAILABLE: u8 = 69;
/// Anything else.
pub const EX_OTHER: u8 = 1;

/// Marks an error as the configuration's fault. It reads and chains exactly as the error that it holds.
#[derive(Debug)]
pub struct Misconfigured(anyhow::Error);

impl Misconfigured {
    /// A setting is not as it must be; `message` names it and says what to set.
    #[must_use]
    pub fn because(message: impl Into<String>) -> anyhow::Error {
        Self(anyhow::Error::msg(message.into())).into()
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Misconfigured {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Blames the configuration for whatever went wrong.
pub trait BlameSettings<T> {
    /// The same, with every error marked as [`Misconfigured`].
    ///
    /// # Errors
    /// The error that was there before.
    fn blame_settings(self) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> BlameSettings<T> for Result<T, E> {
    fn blame_settings(self) -> anyhow::Result<T> {
        self.map_err(|error| Misconfigured(error.into()).into())
    }
}

/// A service that was asked gave no answer that tells; which it was has been told already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered(pub String);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unanswered {}

/// The exit code that `error` ends with.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.chain().any(is_misconfigured) {
        EX_CONFIG
    } else if error.chain().any(is_unavailable) {
        EX_UNAVAILABLE
    } else {
        EX_OTHER
    }
}

fn is_misconfigured(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<Misconfigured>()
        || cause.is::<EndpointError>()
        || cause.is::<HttpSetupError>()
        || matches!(cause.downcast_ref(), Some(ProducerError::Unguarded(_)))
        || matches!(cause.downcast_ref(), Some(AdminError::Unguarded(_)))
        || matches!(
            cause.downcast_ref(),
            Some(SetupError::Filter(_) | SetupError::Otlp(_) | SetupError::OtlpCa { .. })
        )
}

fn is_unavailable(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<Unanswered>()
        || matches!(cause.downcast_ref(), Some(LedgerError::Unavailable(_)))
        || matches!(cause.downcast_ref(), Some(BrokerError::Unavailable(_)))
        // A transparent error stands for the one that it holds, which the chain therefore never shows.
        || matches!(cause.downcast_ref(), Some(ProducerError::Broker(BrokerError::Unavailable(_))))
        || matches!(cause.downcast_ref(), Some(ImportError::Unavailable))
}

/// Whoever read our output has gone: that is no failure.
#[must_use]
pub fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use anyhow::Context;

    use super::*;

    fn code(error: impl Into<anyhow::Error>) -> u8 {
        exit_code(&error.into().context("while starting"))
    }

    #[test]
    fn services_that_are_away_are_seen_through_every_wrapping() {
        let away = || BrokerError::Unavailable("connection refused".to_owned());
        assert_eq!(code(LedgerError::Unavailable("gone".to_owned())), EX_UNAVAILABLE);
        assert_eq!(code(away()), EX_UNAVAILABLE);
        assert_eq!(code(ProducerError::Broker(away())), EX_UNAVAILABLE);
        assert_eq!(code(ImportError::Unavailable), EX_UNAVAILABLE);
        assert_eq!(code(Unanswered("no answer".to_owned())), EX_UNAVAILABLE);
        assert_eq!(code(BrokerError::Unfit("no permission".to_owned())), EX_OTHER);
        assert_eq!(code(LedgerError::Corrupt("damaged".to_owned())), EX_OTHER);
    }

    #[test]
    fn wrong_settings_are_told_from_the_rest() {
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080));
        assert_eq!(code(Misconfigured::because("أي إعداد")), EX_CONFIG);
        assert_eq!(code(EndpointError::NoCredentials), EX_CONFIG);
        assert_eq!(code(HttpSetupError::Ca("damaged".to_owned())), EX_CONFIG);
        assert_eq!(code(ProducerError::Unguarded(everywhere)), EX_CONFIG);
        assert_eq!(code(AdminError::Unguarded(everywhere)), EX_CONFIG);
        let source = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        assert_eq!(code(AdminError::Listen { address: everywhere, source }), EX_OTHER);
    }

    #[test]
    fn the_mark_changes_nothing_that_is_read() {
        let missing = || Err::<(), _>(std::io::Error::other("no such file")).context("secret_key_file /x");
        let (plain, marked) = (missing().unwrap_err(), missing().blame_settings().unwrap_err());
        assert_eq!(format!("{plain:#}"), format!("{marked:#}"));
        assert_eq!(exit_code(&plain), EX_OTHER);
        assert_eq!(exit_code(&marked), EX_CONFIG);
    }
}
