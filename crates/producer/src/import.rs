//! Import from a file or a pipe: one event a line, a JSON array of events, or documents of other systems. Straight into the ledger, without a
//! listener.

use std::io::{BufRead, Read};

use formats::{Context, Format};
use invoice::IncomeSource;
use ledger::Arrival;
use serde_json::value::RawValue;

use crate::batcher::take_split;
use crate::intake::{Intake, Refused, Taken, count};

/// What became of one event of the file.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its line (or its place in the array), from 1.
    pub number: u64,
    /// Bytes of the input read so far, for the progress bar; of other systems' documents, how many are done.
    pub read_bytes: u64,
    /// What became of it.
    pub answer: Result<Taken, Refused>,
}

/// The sum of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// New drafts, and amendments.
    pub taken: u64,
    /// Known before; nothing changed.
    pub repeats: u64,
    /// Not taken.
    pub refused: u64,
}

/// Why an import cannot go on. What was reported before is durable; the same file can be imported again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The input cannot be read.
    #[error("line {line}: {source}")]
    Input {
        /// Where.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON array that is none.
    #[error("the input begins with [ but is no JSON array: {0}")]
    Array(serde_json::Error),
    /// The ledger is away.
    #[error(
        "the ledger is unavailable; import the same file again when it is back (what was taken is not taken twice)"
    )]
    Unavailable,
}

/// The most that a JSON array may have, bytes; lines have no limit together.
const ARRAY_BYTES: u64 = 256 << 20;
const BATCH: usize = 256;

/// Imports events and reports each one.
///
/// # Errors
/// [`ImportError`] when the input or the ledger gives out. Single bad events are reported, not errors.
pub async fn import(
    intake: &Intake,
    mut input: impl BufRead + Send,
    mut report: impl FnMut(&Line) + Send,
) -> Result<ImportReport, ImportError> {
    let mut source = Source::open(&mut input)?;
    let mut sum = ImportReport::default();
    loop {
        let batch = source.next_batch()?;
        if batch.is_empty() {
            return Ok(sum);
        }
        let check = |(number, bytes, read_bytes): (u64, Vec<u8>, u64)| {
            (number, read_bytes, intake.check(&bytes, None))
        };
        take(intake, batch.into_iter().map(check).collect(), &mut sum, &mut report).await?;
    }
}

/// Imports documents in the format of another system; faults name its own fields.
///
/// # Errors
/// [`ImportError::Unavailable`]. Single bad documents are reported, not errors.
pub async fn import_documents(
    intake: &Intake,
    format: Format,
    bytes: &[u8],
    settings: &formats::Settings,
    mut report: impl FnMut(&Line) + Send,
) -> Result<ImportReport, ImportError> {
    let family = |source: &IncomeSource| intake.family(source);
    let context = Context { settings, family: &family };
    let mut documents = formats::documents(format, bytes, &context);
    let mut sum = ImportReport::default();
    let mut done = 0;
    loop {
        let check = |document: formats::Document| {
            // How far in the bytes it stands is not known; the bar shows how many documents are done.
            done += 1;
            let mapped = document.result.map_err(Refused::Invalid);
            (document.place, done, mapped.and_then(|mapped| intake.check_mapped(mapped, None)))
        };
        let batch: Vec<_> = documents.by_ref().take(BATCH).map(check).collect();
        if batch.is_empty() {
            return Ok(sum);
        }
        take(intake, batch, &mut sum, &mut report).await?;
    }
}

/// An event or document, its place, how far the input is read, and whether it is fit.
type Checked = (u64, u64, Result<Arrival, Refused>);

/// Makes a batch durable, and reports it.
async fn take(
    intake: &Intake,
    batch: Vec<Checked>,
    sum: &mut ImportReport,
    report: &mut (impl FnMut(&Line) + Send),
) -> Result<(), ImportError> {
    let mut lines = Vec::with_capacity(batch.len());
    let mut arrivals = Vec::with_capacity(batch.len());
    for (number, read_bytes, checked) in batch {
        match checked {
            Ok(arrival) => {
                arrivals.push(arrival);
                lines.push(Line { number, read_bytes, answer: Err(Refused::Unavailable) });
            }
            Err(refused) => lines.push(Line { number, read_bytes, answer: Err(refused) }),
        }
    }
    let mut answers = take_split(intake, arrivals).await.into_iter();
    for line in &mut lines {
        if matches!(line.answer, Err(Refused::Unavailable)) {
            line.answer = answers.next().unwrap_or(Err(Refused::Unavailable));
        }
    }
    intake
        .announce(lines.iter().filter_map(|line| line.answer.as_ref().ok()).map(|taken| (taken, None)))
        .await;
    let mut complete = true;
    for line in &lines {
        count("file", &line.answer);
        match &line.answer {
            Ok(taken) if taken.new => sum.taken += 1,
            Ok(_) => sum.repeats += 1,
            // What else is known of the batch is told first.
            Err(Refused::Unavailable) => {
                complete = false;
                continue;
            }
            Err(_) => sum.refused += 1,
        }
        report(line);
    }
    if complete { Ok(()) } else { Err(ImportError::Unavailable) }
}

/// Where events come from.
enum Source<'a, R: BufRead> {
    Lines { input: &'a mut R, line: u64, read: u64 },
    Array { events: std::vec::IntoIter<Box<RawValue>>, place: u64, read: u64 },
}

impl<'a, R: BufRead> Source<'a, R> {
    fn open(input: &'a mut R) -> Result<Self, ImportError> {
        let failed = |source| ImportError::Input { line: 1, source };
        let beginning = input.fill_buf().map_err(failed)?;
        let first = beginning.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'[') {
            return Ok(Self::Lines { input, line: 0, read: 0 });
        }
        let mut bytes = Vec::new();
        let size = input.take(ARRAY_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if size as u64 > ARRAY_BYTES {
            let reason = format!("an array of more than {ARRAY_BYTES} bytes: write one event a line instead");
            return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
        }
        let events: Vec<Box<RawValue>> = serde_json::from_slice(&bytes).map_err(ImportError::Array)?;
        Ok(Self::Array { events: events.into_iter(), place: 0, read: 0 })
    }

    fn next_batch(&mut self) -> Result<Vec<(u64, Vec<u8>, u64)>, ImportError> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            match self {
                Self::Array { events, place, read } => {
                    let Some(event) = events.next() else { break };
                    *place += 1;
                    *read += event.get().len() as u64;
                    batch.push((*place, event.get().as_bytes().to_vec(), *read));
                }
                Self::Lines { input, line, read } => {
                    let mut bytes = Vec::new();
                    // One byte more than an event may have, so that `check` sees that it is too large; the rest is skipped.
                    let limit = invoice::limits::EVENT_BYTES as u64 + 2;
                    *line += 1;
                    let place = *line;
                    let failed = |source| ImportError::Input { line: place, source };
                    let mut size =
                        input.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(failed)?;
                    if size == 0 {
                        break;
                    }
                    if size as u64 == limit && bytes.last() != Some(&b'\n') {
                        size += input.skip_until(b'\n').map_err(failed)?;
                    }
                    *read += size as u64;
                    if !bytes.iter().all(u8::is_ascii_whitespace) {
                        batch.push((*line, bytes, *read));
                    }
                }
            }
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests;
