//! `fawtara correct`: takes a cleared invoice back as a whole and issues the corrected one, both or neither.

use std::path::PathBuf;

use anyhow::Context;
use invoice::Environment;
use producer::{Corrected, Correction, Returning, Taken};
use serde_json::{Value, json};
use uuid::Uuid;

use super::import::{open, whole};
use super::{Outcome, say};
use crate::settings::Settings;
use crate::wiring;

/// Arguments of `fawtara correct`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// UUID or number of the cleared invoice that is wrong.
    #[arg(value_name = "UUID|NUMBER")]
    original: String,
    /// The number of the return.
    #[arg(long)]
    return_number: String,
    /// The UUID of the return; derived from seller, income source and number when left out.
    #[arg(long)]
    return_uuid: Option<Uuid>,
    /// Why the invoice comes back; the authority asks for it.
    #[arg(long, default_value = "تصحيح فاتورة")]
    reason: String,
    /// The date of issue of the return, yyyy-mm-dd; the corrected invoice's when left out.
    #[arg(long)]
    date: Option<String>,
    /// The event of the corrected invoice, under a UUID and number of its own; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    invoice: PathBuf,
    /// One JSON object on standard output.
    #[arg(long)]
    json: bool,
}

/// Corrects; exit code 1 when the correction is refused.
///
/// # Errors
/// A file that cannot be read, or a service that is away.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let shown = args.invoice.display().to_string();
    let bytes = whole(open(&args.invoice).with_context(|| shown.clone())?).with_context(|| shown.clone())?;
    let event: Value =
        serde_json::from_slice(&bytes).with_context(|| format!("{shown} is no invoice event"))?;
    let correction = Correction {
        returning: Returning {
            number: args.return_number,
            reason: args.reason,
            issue_date: args.date,
            uuid: args.return_uuid,
        },
        original: args.original,
        invoice: event,
    };
    let _telemetry = telemetry::init(&settings.telemetry, "correct")?;
    let seams = wiring::connect(&settings, "correct").await?;
    let intake = wiring::intake(&settings, &seams);
    let corrected = match intake.check_correction(&correction, None) {
        Ok((returning, invoice)) => intake.correct(returning, invoice).await,
        Err(refused) => Err(refused),
    };
    seams.broker.close().await;
    match corrected {
        Ok(Corrected { returned, invoice }) if args.json => {
            say!("{}", json!({ "return": object(&returned), "invoice": object(&invoice) }))?;
            Ok(Outcome::Done)
        }
        Ok(Corrected { returned, invoice }) => {
            let original = &correction.original;
            say!("the return of {original} is taken: {}", line(&returned))?;
            say!("the corrected invoice is taken: {}", line(&invoice))?;
            Ok(Outcome::Done)
        }
        Err(refused) => {
            if args.json {
                let (half, code) = (refused.half.as_str(), refused.refused.code());
                let detail = refused.to_string();
                say!(
                    "{}",
                    json!({ "half": half, "code": code, "detail": detail, "other_half_stands": refused.other_stands })
                )?;
            } else {
                eprintln!("{refused}");
                if let producer::Refused::Invalid(faults) = &refused.refused {
                    faults.iter().skip(1).for_each(|fault| eprintln!("  {fault}"));
                }
            }
            Ok(Outcome::No)
        }
    }
}

fn object(taken: &Taken) -> Value {
    let invoice = &taken.invoice;
    json!({
        "uuid": invoice.key.uuid, "environment": invoice.key.environment, "number": invoice.number, "state": invoice.state,
        "repeat": !taken.new
    })
}

fn line(taken: &Taken) -> String {
    let invoice = &taken.invoice;
    let simulated = if invoice.key.environment == Environment::Production {
        String::new()
    } else {
        format!(", {}", invoice.key.environment)
    };
    let known = if taken.new { "" } else { " (known before)" };
    format!("number {}, UUID {}{simulated}{known}", invoice.number, invoice.key.uuid)
}
