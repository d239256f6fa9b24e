//! Import from a file or a pipe: one event a line, a JSON array of events, a single one, or documents of other systems. Straight into the
//! ledger, without a listener.

mod source;

use std::io::BufRead;

use formats::{Context, Format};
use invoice::IncomeSource;
use ledger::Arrival;

use crate::batcher::take_split;
use crate::intake::{Intake, Refused, Taken, count};
use source::Source;
pub use source::each_event;

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
    #[error("line {line} cannot be read")]
    Input {
        /// Where.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON array that is none.
    #[error("the input begins with [ but is no JSON array: {0}")]
    Array(serde_json::Error),
    /// A person has closed intake.
    #[error("{0}")]
    Closed(Refused),
    /// The ledger is away.
    #[error(
        "the ledger is unavailable; import the same file again when it is back (what was taken is not taken twice)"
    )]
    Unavailable,
}

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
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let Some(piece) = source.next()? else { break };
            batch.push((piece.number, piece.read, intake.check(&piece.bytes, None)));
        }
        if batch.is_empty() {
            return Ok(sum);
        }
        take(intake, batch, &mut sum, &mut report).await?;
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
    let mut closed = None;
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
            Err(refused @ Refused::Closed { .. }) => {
                closed = Some(refused.clone());
                continue;
            }
            Err(_) => sum.refused += 1,
        }
        report(line);
    }
    if let Some(refused) = closed {
        return Err(ImportError::Closed(refused));
    }
    if complete { Ok(()) } else { Err(ImportError::Unavailable) }
}

#[cfg(test)]
mod tests;
