//! The commands, one file each, and what they have in common.

mod answer;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod document;
pub mod import;
pub mod migrate;
pub mod roles;
pub mod schemas;
pub mod show;
pub mod simulator;
pub mod verify;

use ledger::LedgerError;

/// `println!` for a product: a reader who has gone (`| head`) is an error to be passed on, not a panic.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout().lock(), $($words)*)
    }};
}
pub(crate) use say;

use crate::settings::Settings;

/// How a command ended, when nothing went wrong with the command itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done: exit code 0.
    Done,
    /// What was asked for does not hold; the output says why: exit code 1.
    No,
}

/// Whether waiting, or starting a service, may mend it.
#[must_use]
pub fn is_unavailable(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(LedgerError::Unavailable(_)))
            || matches!(cause.downcast_ref(), Some(broker::BrokerError::Unavailable(_)))
    })
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

/// `fawtara config`.
///
/// # Errors
/// None that a user could meet.
pub fn config(settings: &Settings) -> anyhow::Result<Outcome> {
    say!("{}", serde_json::to_string_pretty(settings)?)?;
    Ok(Outcome::Done)
}
