//! The events that the demo is to show, looked at before they are published: how many, whose, and which simulated keys
//! their sellers need. It must not judge them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};

use anyhow::Context;
use invoice::IncomeSource;
use serde::Deserialize;
use simulator::{Device, Family};

use super::sample::{self, Authority, Exception};

/// Where the events come from.
pub(super) enum Source {
    /// The sample that is shipped with the program.
    Sample,
    /// The reader's own file.
    File(PathBuf),
}

/// What is known of the events before they are published.
pub(super) struct Preview {
    /// How many there are.
    pub(super) events: u64,
    /// The number of each, as far as it can be read.
    pub(super) numbers: BTreeMap<u64, String>,
    /// Each income source with the family of its first event.
    pub(super) sellers: BTreeMap<IncomeSource, Family>,
}

/// As much of an event as a preview needs; everything may be missing or wrong.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sketch {
    number: serde_json::Value,
    family: serde_json::Value,
    seller: SketchOfSeller,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SketchOfSeller {
    tax_number: String,
    income_source: String,
}

impl Source {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Sample, Self::File)
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Sample => "the shipped sample (crates/fawtara/sample/invoices.ndjson)".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    pub(super) fn open(&self) -> anyhow::Result<Box<dyn BufRead + Send>> {
        Ok(match self {
            Self::Sample => Box::new(Cursor::new(sample::EVENTS)),
            Self::File(path) => Box::new(open(path)?),
        })
    }

    /// How the lines are meant to end; nothing is known of the reader's own.
    pub(super) fn exceptions(&self) -> anyhow::Result<Option<Vec<Exception>>> {
        match self {
            Self::Sample => sample::exceptions().map(Some),
            Self::File(_) => Ok(None),
        }
    }

    /// The authority that these events meet. It knows the sellers of the sample, and those of a file of the reader's own.
    pub(super) fn authority(&self, preview: &Preview) -> anyhow::Result<Authority> {
        let mut authority = Authority::shipped()?;
        if let Self::File(_) = self {
            authority.faults.clear();
            let known: Vec<IncomeSource> = authority.devices.iter().map(source_of).collect();
            let strangers = preview.sellers.iter().filter(|(source, _)| !known.contains(source));
            authority.devices.extend(strangers.map(|(source, family)| device(source, *family)));
        }
        Ok(authority)
    }

    pub(super) fn preview(&self) -> anyhow::Result<Preview> {
        let mut preview = Preview { events: 0, numbers: BTreeMap::new(), sellers: BTreeMap::new() };
        // Counted as the intake will count them.
        producer::each_event(self.open()?, |place, event| preview.note(place, event))
            .with_context(|| self.name())?;
        Ok(preview)
    }
}

impl Preview {
    fn note(&mut self, place: u64, event: &[u8]) {
        self.events += 1;
        let Ok(sketch) = serde_json::from_slice::<Sketch>(event) else { return };
        if let Some(number) = sketch.number.as_str() {
            self.numbers.insert(place, number.to_owned());
        }
        let source =
            IncomeSource { tax_number: sketch.seller.tax_number, sequence: sketch.seller.income_source };
        if !source.tax_number.is_empty() && !source.sequence.is_empty() {
            let family = match sketch.family.as_str() {
                Some("income") => Family::Income,
                Some("special_sales") => Family::Special,
                _ => Family::General,
            };
            self.sellers.entry(source).or_insert(family);
        }
    }
}

pub(super) fn source_of(device: &Device) -> IncomeSource {
    IncomeSource { tax_number: device.tax_number.clone(), sequence: device.income_source.clone() }
}

fn device(source: &IncomeSource, family: Family) -> Device {
    Device {
        client_id: format!("demo-{}-{}", source.tax_number, source.sequence),
        secret_key: "not-a-secret-only-for-the-demo".to_owned(),
        tax_number: source.tax_number.clone(),
        income_source: source.sequence.clone(),
        family,
        consumer_price: true,
    }
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    Ok(BufReader::new(file))
}
