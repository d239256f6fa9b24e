//! The commands, one file each, and what they have in common.

mod admin;
mod answer;
pub mod archive;
pub mod catalogue;
pub mod check;
pub mod convert;
pub mod correct;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod document;
pub mod import;
pub mod intake;
pub mod keys;
pub mod migrate;
pub mod qr;
pub mod recover;
pub mod requeue;
pub mod retention;
pub mod roles;
pub mod rules;
pub mod schemas;
pub mod show;
pub mod simulator;
pub mod status;
pub mod submitters;
pub mod taxpayers;
pub mod verify;
pub mod webhooks;

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

/// `fawtara config`.
///
/// # Errors
/// None that a user could meet.
pub fn config(settings: &Settings) -> anyhow::Result<Outcome> {
    say!("{}", serde_json::to_string_pretty(settings)?)?;
    Ok(Outcome::Done)
}
