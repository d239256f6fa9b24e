//! The real binary: where it lies, and running a command of it to its end. Must not know what the command does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::services::target;

/// The name of its file.
const NAME: &str = "fawtara";

/// Gives a fleet a binary of its own beside its configuration: whoever builds another one meanwhile does not disturb it.
pub(super) fn keep_binary(folder: &Path) {
    let own = folder.join(NAME);
    if std::fs::hard_link(binary(), &own).is_err() {
        std::fs::copy(binary(), &own).expect("the binary can be copied");
    }
}

/// The binary under test.
pub(super) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(find_binary)
}

/// It lies beside the running test. Says so when it is missing or older than what it is made of.
fn find_binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its own file");
    let profile = test.ancestors().nth(2).expect("it lies below target");
    let binary = profile.join(NAME);
    assert!(binary.exists(), "{} is missing: `cargo build -p fawtara` first", binary.display());
    let built = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    // Cargo lists beside the binary what it was made of.
    let parts = std::fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    let newer = parts.split_whitespace().skip(1).find(|part| built(part.as_ref()) > built(&binary));
    if let Some(part) = newer {
        eprintln!("NOTE: {} is older than {part}: `cargo build -p fawtara` first", binary.display());
    }
    binary
}

/// A command of a fleet's binary, which lies beside its configuration.
pub(super) fn command(config: &Path) -> Command {
    let mut command = Command::new(config.with_file_name(NAME));
    command.arg("--config").arg(config).env_remove("FAWTARA_CONFIG").current_dir(target());
    command
}

/// Runs a command to its end.
///
/// # Panics
/// When it takes longer than five minutes.
pub async fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null());
    let mut command = tokio::process::Command::from(std::mem::replace(command, Command::new("true")));
    let output = command.kill_on_drop(true).output();
    tokio::time::timeout(Duration::from_secs(300), output).await.expect("it ends in time").expect("it runs")
}

/// Both outputs of a command, for messages.
#[must_use]
pub fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A command of the binary without any configuration file but what its arguments say.
#[must_use]
pub fn bare_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    // A folder without a fawtara.toml.
    command.args(arguments).env_remove("FAWTARA_CONFIG").current_dir(target());
    command
}
