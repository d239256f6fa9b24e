//! Writes an archive: page by page, into a folder with another name until all of it is there.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{Datelike as _, NaiveDate};
use invoice::Digest;
use ledger::{Dossier, Issued, LedgerError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::error::{ArchiveError, At as _};
use super::layout;
use super::manifest::{Counts, Ending, FILE, FORMAT, FileLine, Header, InvoiceLine, Line, Period};
use crate::desk::Console;

/// How many invoices are looked at in one round trip.
const LOOK: u32 = 5_000;
/// How many are read whole at once: all of them are in memory.
const READ: usize = 50;
/// The manifest without its first and last line, until those are known.
const BODY: &str = "manifest.body";

/// What is to be archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which invoices.
    pub wanted: Issued,
    /// The folder, which must not exist.
    pub out: PathBuf,
    /// How long the installation keeps what it has, years.
    pub retention_years: u32,
    /// The name and version of the program.
    pub software: String,
}

/// How far an export has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Invoices written.
    pub invoices: u64,
    /// Files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// A finished archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Where it is.
    pub folder: PathBuf,
    /// SHA-256 over the lines of the manifest. Whoever writes it down elsewhere can prove that nobody wrote the archive anew.
    pub sha256: Digest,
    /// The manifest's first line.
    pub header: Header,
}

impl Console {
    /// Writes the invoices of a period, whatever became of them, into a folder. All or nothing: the folder has its name only
    /// when it is whole. An invoice that is under way stands as it stood at one moment.
    ///
    /// # Errors
    /// [`ArchiveError`]; an unfinished folder is left behind, with `.unfinished` at the end of its name.
    pub async fn export(
        &self,
        order: &Order,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Exported, ArchiveError> {
        let Issued { from, to, .. } = order.wanted;
        if to < from {
            return Err(ArchiveError::Backwards { from, to });
        }
        let mut writer = Writer::begin(&order.out)?;
        let archive = self.ledger.archive();
        let mut after = None;
        loop {
            let page = archive.issued(&order.wanted, after, LOOK).await?;
            for keys in page.keys.chunks(READ) {
                for dossier in archive.dossiers(keys).await? {
                    writer.add(&dossier)?;
                }
                progress(writer.progress());
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let checkpoint = archive.last_checkpoint().await?;
        let at = self.ledger.now().await?;
        let Issued { environment, tax_number, .. } = order.wanted.clone();
        let Counts { invoices, files, bytes, states, cleared } = writer.counts.clone();
        let header = Header {
            fawtara_archive: FORMAT,
            software: order.software.clone(),
            at,
            period: Period { from, to, environment, tax_number },
            retention_years: order.retention_years,
            keep_until: years_later(to, order.retention_years),
            invoices,
            states,
            cleared,
            files,
            bytes,
            checkpoint,
        };
        let sha256 = writer.finish(&header)?;
        Ok(Exported { folder: order.out.clone(), sha256, header })
    }
}

/// The same day so many years later; the 1st of March for a 29th of February.
fn years_later(day: NaiveDate, years: u32) -> NaiveDate {
    let year = day.year().saturating_add(i32::try_from(years).unwrap_or(i32::MAX));
    day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1)).unwrap_or(NaiveDate::MAX)
}

/// A folder under way.
struct Writer {
    out: PathBuf,
    unfinished: PathBuf,
    body: BufWriter<File>,
    counts: Counts,
    /// Lines in the body.
    lines: u64,
}

impl Writer {
    fn begin(out: &Path) -> Result<Self, ArchiveError> {
        if fs::symlink_metadata(out).is_ok() {
            return Err(ArchiveError::Exists(out.to_owned()));
        }
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".unfinished");
        let unfinished = out.with_file_name(name);
        match fs::create_dir(&unfinished) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ArchiveError::Unfinished(unfinished));
            }
            other => other.at(&unfinished)?,
        }
        let path = unfinished.join(BODY);
        let body = BufWriter::new(File::create_new(&path).at(&path)?);
        Ok(Self { out: out.to_owned(), unfinished, body, counts: Counts::default(), lines: 0 })
    }

    fn progress(&self) -> Progress {
        let Counts { invoices, files, bytes, .. } = self.counts;
        Progress { invoices, files, bytes }
    }

    fn add(&mut self, dossier: &Dossier) -> Result<(), ArchiveError> {
        let folder = layout::folder(dossier.invoice.key, dossier.summary.issue_date);
        let files = layout::files(dossier)?;
        let line = InvoiceLine::of(dossier, u64::try_from(files.len()).unwrap_or(u64::MAX));
        self.counts.invoice(&line);
        self.line(&Line::Invoice { invoice: Box::new(line) })?;
        let place = self.unfinished.join(&folder);
        fs::create_dir_all(&place).at(&place)?;
        for (name, bytes) in files {
            let path = place.join(&name);
            let mut file = File::create_new(&path).at(&path)?;
            file.write_all(&bytes).at(&path)?;
            let line = FileLine {
                path: format!("{folder}/{name}"),
                bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                sha256: Digest::of(&bytes),
            };
            self.counts.file(&line);
            self.line(&Line::File(line))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line) -> Result<(), ArchiveError> {
        let text = text(line)?;
        self.lines += 1;
        self.body.write_all(text.as_bytes()).at(&self.unfinished.join(BODY))
    }

    /// Puts the manifest together, and gives the folder its name.
    fn finish(mut self, header: &Header) -> Result<Digest, ArchiveError> {
        let body = self.unfinished.join(BODY);
        self.body.flush().at(&body)?;
        let path = self.unfinished.join(FILE);
        let mut manifest =
            Hashing { out: BufWriter::new(File::create_new(&path).at(&path)?), hash: Sha256::new() };
        manifest.write_all(text(header)?.as_bytes()).at(&path)?;
        let mut lines = BufReader::new(File::open(&body).at(&body)?);
        io::copy(&mut lines, &mut manifest).at(&path)?;
        let Hashing { mut out, hash } = manifest;
        let sha256 = Digest(hash.finalize().into());
        let ending = Line::Ending(Ending { lines: self.lines + 1, sha256 });
        out.write_all(text(&ending)?.as_bytes()).at(&path)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error).at(&path)?;
        file.sync_all().at(&path)?;
        fs::remove_file(&body).at(&body)?;
        // Somebody may have made the folder meanwhile; an empty one would be replaced in silence.
        if fs::symlink_metadata(&self.out).is_ok() {
            return Err(ArchiveError::Exists(self.out));
        }
        fs::rename(&self.unfinished, &self.out).at(&self.out)?;
        Ok(sha256)
    }
}

fn text(line: &impl Serialize) -> Result<String, ArchiveError> {
    let text = serde_json::to_string(line).map_err(|error| {
        LedgerError::Corrupt(format!("a line of the manifest cannot be written: {error}"))
    })?;
    Ok(text + "\n")
}

/// Hashes what it passes on.
struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
