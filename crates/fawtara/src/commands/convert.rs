//! `fawtara convert`: documents of other systems as invoice events, to be looked at or published elsewhere. No services.

use std::path::PathBuf;

use anyhow::Context;
use formats::{Context as Told, Format};
use invoice::event::Family;
use invoice::{IncomeSource, Profile};

use super::import::{noun, open, whole};
use super::{Outcome, say};
use crate::settings::Settings;

/// Arguments of `fawtara convert`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to read; `-` is standard input.
    file: PathBuf,
    /// What the file is: post2tax, eezi, csv, ubl or event. Told from name and content when left out.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// The family of sellers who are not in the settings: income, general_sales or special_sales.
    #[arg(long, value_parser = family)]
    family: Option<Family>,
}

fn family(text: &str) -> Result<Family, String> {
    serde_json::from_value(text.into())
        .map_err(|_| format!("{text:?} is none of income, general_sales, special_sales"))
}

/// Prints one event a line; exit code 1 when a document could not become one, which is told on standard error.
///
/// # Errors
/// An input that cannot be read.
pub fn run(args: &Args, settings: &Settings) -> anyhow::Result<Outcome> {
    let name = args.file.display().to_string();
    let mut input = open(&args.file).with_context(|| name.clone())?;
    let format = match args.from {
        Some(format) => format,
        None => Format::guess(&name, input.fill_buf()?).with_context(|| {
            format!("{name}: what it is cannot be told from name and content: say --from FORMAT")
        })?,
    };
    let bytes = whole(input).with_context(|| name.clone())?;
    let registered = |source: &IncomeSource| {
        let mut sources = settings.income_sources.iter();
        let known = sources.find(|known| known.source() == *source);
        known.and_then(|known| known.family).or(args.family)
    };
    let told = Told { settings: &settings.producer.formats, family: &registered };
    let mut outcome = Outcome::Done;
    for document in formats::documents(format, &bytes, &told) {
        let place = document.place;
        let checked = document.result.and_then(|mapped| {
            let event = mapped.event.clone();
            mapped.check(&Profile::default()).map(|_| event)
        });
        match checked {
            Ok(event) => say!("{}", serde_json::to_string(&event)?)?,
            Err(faults) => {
                outcome = Outcome::No;
                faults.iter().for_each(|fault| eprintln!("{} {place}: {fault}", noun(format)));
            }
        }
    }
    Ok(outcome)
}
