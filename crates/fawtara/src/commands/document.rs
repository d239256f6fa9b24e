//! `fawtara encode` and `fawtara validate`: one event, no services.

use std::io::{Read, Write, stdin, stdout};
use std::path::PathBuf;

use anyhow::Context;
use invoice::{Profile, Settled};
use serde_json::json;

use super::{Outcome, say};

/// The most that is read, bytes.
const LIMIT: u64 = 256 << 20;

/// Arguments of `fawtara encode`.
#[derive(Debug, clap::Args)]
pub struct EncodeArgs {
    /// The file with the event; standard input when left out.
    file: Option<PathBuf>,
    /// The invoice counter (ICV) to write.
    #[arg(long, default_value_t = 1)]
    icv: u64,
}

/// Arguments of `fawtara validate`.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// The file with one event, one a line or a JSON array of them; standard input when left out.
    file: Option<PathBuf>,
    /// Print one JSON object for each event, with the messages in both languages.
    #[arg(long)]
    json: bool,
    /// The language of the messages: en or ar.
    #[arg(long, value_name = "LANG", default_value_t = invoice::Language::En)]
    lang: invoice::Language,
}

fn input(file: Option<&PathBuf>) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match file {
        Some(file) => std::fs::File::open(file)
            .with_context(|| file.display().to_string())?
            .take(LIMIT)
            .read_to_end(&mut bytes)?,
        None => stdin().lock().take(LIMIT).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// `fawtara encode`: the XML on standard output, faults on standard error.
///
/// # Errors
/// An input that cannot be read.
pub fn encode(args: &EncodeArgs) -> anyhow::Result<Outcome> {
    let bytes = input(args.file.as_ref())?;
    let checked = match invoice::read(&bytes) {
        Ok(checked) => checked,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return Ok(Outcome::No);
        }
    };
    let mut xml = Vec::new();
    let Some(Settled { event, totals }) = &checked.document else {
        eprintln!(
            "a return is written once its original is known: publish it, and see the document with `fawtara show`"
        );
        return Ok(Outcome::No);
    };
    let profile = Profile::default();
    let document = ubl::Document { event, totals, icv: args.icv, profile: &profile, buyer: None };
    if let Err(error) = ubl::write(&document, &mut xml) {
        eprintln!("{error} ({})", error.code());
        return Ok(Outcome::No);
    }
    xml.push(b'\n');
    stdout().write_all(&xml)?;
    Ok(Outcome::Done)
}

/// `fawtara validate`: all faults of all events.
///
/// # Errors
/// An input that cannot be read.
pub fn validate(args: &ValidateArgs) -> anyhow::Result<Outcome> {
    let bytes = input(args.file.as_ref())?;
    let mut events = Vec::new();
    producer::each_event(bytes.as_slice(), |place, event| events.push((place, event.to_vec())))?;
    if events.is_empty() {
        // Nothing is no valid event.
        events.push((1, bytes));
    }
    let mut outcome = Outcome::Done;
    for (place, event) in events {
        let (faults, number) = match invoice::read(&event) {
            Ok(checked) => (Vec::new(), checked.event.number().to_owned()),
            Err(faults) => (faults, String::new()),
        };
        if !faults.is_empty() {
            outcome = Outcome::No;
        }
        if args.json {
            say!(
                "{}",
                json!({ "event": place, "number": number, "valid": faults.is_empty(), "faults": faults })
            )?;
        } else if faults.is_empty() {
            say!("event {place}: {number} is valid")?;
        } else {
            for fault in faults {
                say!("event {place}: {}", fault.line_in(args.lang))?;
            }
        }
    }
    Ok(outcome)
}
