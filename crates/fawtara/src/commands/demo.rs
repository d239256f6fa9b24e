//! `fawtara demo`: its arguments. What it does stands in `crate::demo`.

use std::path::PathBuf;

use super::Outcome;
use crate::demo::{self, DemoOptions};
use crate::settings::Settings;

/// Arguments of `fawtara demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Your own events instead of the shipped sample: one JSON object a line, a JSON array, or a single one.
    file: Option<PathBuf>,
    /// Use PostgreSQL and RabbitMQ (settings ledger.url and broker.url) instead of memory; both must be empty.
    #[arg(long)]
    services: bool,
    /// Where event, XML, answer and QR image of each invoice are written.
    #[arg(long, value_name = "FOLDER", default_value = "demo-out")]
    out: PathBuf,
}

/// Plays the demo; exit code 1 when something is still open or did not end as it is meant to.
///
/// # Errors
/// A file that cannot be read or written, or a service that is away.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let mut logs = settings.telemetry.clone();
    if logs == telemetry::Settings::default() {
        // The display tells what the roles would log.
        "off".clone_into(&mut logs.log);
    }
    let telemetry = telemetry::init(&logs, "demo")?;
    let well =
        demo::run(DemoOptions { file: args.file, services: args.services, out: args.out }, settings).await?;
    drop(telemetry);
    Ok(if well { Outcome::Done } else { Outcome::No })
}
