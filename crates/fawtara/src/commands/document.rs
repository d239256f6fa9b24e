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
    /// The file with one event, or with one a line; standard input when left out.
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
    let mut outcome = Outcome::Done;
    for (place, event) in events(&bytes) {
        let (faults, number) = match invoice::read(event) {
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

/// One event as a whole, or one a line.
fn events(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let whole: Result<serde_json::Value, _> = serde_json::from_slice(bytes);
    if whole.is_ok() || !bytes.contains(&b'\n') {
        return vec![(1, bytes)];
    }
    let lines: Vec<_> = bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
        .collect();
    // A broken event over several lines is one broken event, not many.
    let a_line_each =
        lines.iter().filter(|(_, line)| line.first() == Some(&b'{') && line.last() == Some(&b'}')).count();
    if a_line_each * 2 >= lines.len() { lines } else { vec![(1, bytes)] }
}
