//! What is kept of all the seeds that ever ran: ranges, on which code, with how many failures. One line for each range.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The first line of the file.
const HEAD: &str = "code\tfrom\tto\tinvoices\tfailures\tseconds";

/// A range of seeds that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The sources that it ran on: [`crate::CODE`].
    pub code: String,
    /// The seeds, the end not included.
    pub seeds: Range<u64>,
    /// How many invoices were in these runs.
    pub invoices: u64,
    /// How many seeds broke a promise.
    pub failures: u64,
    /// How long it took, in seconds of one processor core.
    pub seconds: u64,
}

/// The file, read and written as a whole.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    lines: Vec<Line>,
}

impl Record {
    /// Reads it; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines = text
            .lines()
            .skip(1)
            .map(|line| {
                Line::parse(line).ok_or_else(|| {
                    let what = format!("{}: not a line of the record: {line:?}", path.display());
                    io::Error::new(io::ErrorKind::InvalidData, what)
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), lines })
    }

    /// Where the next range begins.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.lines.iter().map(|line| line.seeds.end).max().unwrap_or_default()
    }

    /// Adds a range and writes the file: a line of its own, or a longer one where it goes on the last.
    ///
    /// # Errors
    /// When the file cannot be written; it then stands as it was.
    pub fn add(&mut self, line: Line) -> io::Result<()> {
        match self.lines.last_mut() {
            Some(last) if last.code == line.code && last.seeds.end == line.seeds.start => {
                last.seeds.end = line.seeds.end;
                last.invoices += line.invoices;
                last.failures += line.failures;
                last.seconds += line.seconds;
            }
            _ => self.lines.push(line),
        }
        let mut text = format!("{HEAD}\n");
        for line in &self.lines {
            text.push_str(&line.text());
        }
        let new = self.path.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &self.path)
    }

    /// All that ran, or all that ran on this code: seeds, invoices, failures.
    #[must_use]
    pub fn total(&self, code: Option<&str>) -> (u64, u64, u64) {
        let lines = self.lines.iter().filter(|line| code.is_none_or(|code| line.code == code));
        lines.fold((0, 0, 0), |(seeds, invoices, failures), line| {
            let run = line.seeds.end.saturating_sub(line.seeds.start);
            (seeds + run, invoices + line.invoices, failures + line.failures)
        })
    }
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let [code, from, to, invoices, failures, seconds] =
            text.split('\t').collect::<Vec<_>>().try_into().ok()?;
        Some(Self {
            code: code.to_owned(),
            seeds: from.parse().ok()?..to.parse().ok()?,
            invoices: invoices.parse().ok()?,
            failures: failures.parse().ok()?,
            seconds: seconds.parse().ok()?,
        })
    }

    fn text(&self) -> String {
        let Self { code, seeds: Range { start, end }, invoices, failures, seconds } = self;
        format!("{code}\t{start}\t{end}\t{invoices}\t{failures}\t{seconds}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: &str, seeds: Range<u64>) -> Line {
        Line { code: code.to_owned(), seeds, invoices: 10, failures: 1, seconds: 2 }
    }

    #[test]
    fn a_record_goes_on_where_it_ended() {
        let path = std::env::temp_dir().join(format!("soak-{}.tsv", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut record = Record::open(&path).unwrap();
        assert_eq!(record.next(), 0);
        for (code, seeds) in [("a", 0..100), ("a", 100..150), ("b", 150..160), ("b", 400..500)] {
            record.add(line(code, seeds)).unwrap();
        }
        let again = Record::open(&path).unwrap();
        assert_eq!(again.lines, record.lines);
        assert_eq!(again.lines.len(), 3, "a range that goes on the last one stands with it");
        assert_eq!(again.next(), 500);
        assert_eq!(again.total(None), (260, 40, 4));
        assert_eq!(again.total(Some("a")), (150, 20, 2));
        std::fs::write(&path, "code\nnonsense\n").unwrap();
        assert!(Record::open(&path).is_err());
        std::fs::remove_file(&path).unwrap();
    }
}
