//! What these tests need from outside the repository, and what happens where it is missing.

use std::path::PathBuf;

/// The directory that the environment names; without it the test is skipped, loudly, and fails where `complete` is set.
pub(crate) fn directory(variable: &str, what: &str, complete: &[&str]) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(directory) if !directory.is_empty() => Some(PathBuf::from(directory)),
        _ => {
            skipped(&format!("{variable} does not name the directory of {what}"), complete);
            None
        }
    }
}

/// Says that a test did not run.
///
/// # Panics
/// Where one of the variables of `complete` says that every test must run.
pub(crate) fn skipped(reason: &str, complete: &[&str]) {
    let demanded = complete.iter().find(|variable| {
        std::env::var(variable).is_ok_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    });
    if let Some(variable) = demanded {
        panic!("{reason}, and {variable} says that every test must run");
    }
    eprintln!("SKIPPED: {reason}");
}
