//! `fawtara import`: events from a file or standard input, straight into the ledger, with a progress bar.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Outcome, say};
use crate::settings::Settings;
use crate::wiring;

/// Arguments of `fawtara import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One event a line, or a JSON array of events; `-` is standard input.
    file: PathBuf,
    /// One JSON object for each event on standard output.
    #[arg(long)]
    json: bool,
}

/// Imports; exit code 1 when some events were refused.
///
/// # Errors
/// An input that cannot be read, or a service that is away.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let _telemetry = telemetry::init(&settings.telemetry, "import")?;
    let seams = wiring::connect(&settings, "import").await?;
    let intake = wiring::intake(&settings, &seams);
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let input: Box<dyn BufRead + Send> = if args.file.as_os_str() == "-" {
        Box::new(BufReader::new(stdin()))
    } else {
        let file = File::open(&args.file).with_context(|| args.file.display().to_string())?;
        bar.set_length(file.metadata().map(|data| data.len()).unwrap_or_default());
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    let style = "{bar:30} {bytes}/{total_bytes} {elapsed} {msg}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let report = producer::import(&intake, input, |line| {
        bar.set_position(line.read_bytes);
        bar.set_message(format!("event {}", line.number));
        // Whoever read our output may have gone; the import goes on.
        let _ = bar.suspend(|| show(line, args.json));
    })
    .await?;
    bar.finish_and_clear();
    seams.broker.close().await;
    eprintln!("taken {}, known before {}, refused {}", report.taken, report.repeats, report.refused);
    Ok(if report.refused == 0 { Outcome::Done } else { Outcome::No })
}

fn show(line: &producer::Line, json: bool) -> std::io::Result<()> {
    match (&line.answer, json) {
        (Ok(taken), true) => say!(
            "{}",
            serde_json::json!({
                "line": line.number, "uuid": taken.invoice.key.uuid, "environment": taken.invoice.key.environment,
                "number": taken.invoice.number, "state": taken.invoice.state, "repeat": !taken.new
            })
        ),
        (Err(refused), true) => {
            let faults = match refused {
                producer::Refused::Invalid(faults) => faults.as_slice(),
                _ => &[],
            };
            say!(
                "{}",
                serde_json::json!({
                    "line": line.number, "code": refused.code(), "detail": refused.to_string(), "faults": faults
                })
            )
        }
        (Ok(_), false) => Ok(()),
        (Err(producer::Refused::Invalid(faults)), false) if faults.len() > 1 => {
            eprintln!("event {}: refused (invalid), {} faults:", line.number, faults.len());
            faults.iter().for_each(|fault| eprintln!("  {fault}"));
            Ok(())
        }
        (Err(refused), false) => {
            eprintln!("event {}: refused ({}): {refused}", line.number, refused.code());
            Ok(())
        }
    }
}
