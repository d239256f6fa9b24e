//! The runbooks (docs/runbooks), each followed by command as an operator does it.

mod authority;
mod broker;
mod restore;

use tests::processes::{FleetProcesses, said};

/// Who does it, and why.
const SIGNED: [&str; 4] = ["--by", "ليلى", "--reason", "استعادة من نسخة أقدم"];

/// Runs a command; its exit code and all that it said.
async fn run(fleet: &FleetProcesses, arguments: &[&str]) -> (Option<i32>, String) {
    let output = fleet.run(arguments).await;
    (output.status.code(), said(&output))
}

/// Runs a command that must succeed; what it said.
async fn done(fleet: &FleetProcesses, arguments: &[&str]) -> String {
    let (code, text) = run(fleet, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    text
}

/// The same with name and reason.
async fn signed(fleet: &FleetProcesses, arguments: &[&str]) -> String {
    done(fleet, &[arguments, &SIGNED].concat()).await
}

/// Ends these roles as a power cut does.
fn kill(fleet: &mut FleetProcesses, roles: &[&str]) {
    for role in roles {
        fleet.role(role).kill();
    }
}

fn start(fleet: &mut FleetProcesses, roles: &[&str]) {
    for role in roles {
        fleet.role(role).start();
    }
}
