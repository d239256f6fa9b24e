//! Reads a manifest line by line, hashing what it reads. Knows nothing of the files that it lists.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use invoice::Digest;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::archive::error::{ArchiveError, At as _};
use crate::archive::manifest::{FILE, FORMAT, Header, InvoiceLine, Line, MAX_LINE};

/// A line after the header.
pub(super) enum Read {
    Line(Line),
    /// One that nobody of us wrote; its place, from 1.
    Unreadable(u64),
}

/// A manifest under way.
pub(super) struct Manifest {
    path: PathBuf,
    lines: BufReader<File>,
    /// Over everything before `pending`.
    hash: Sha256,
    /// The line that was read last: it may be the last one, which does not count.
    pending: Vec<u8>,
    count: u64,
}

impl Manifest {
    pub(super) fn open(folder: &Path) -> Result<Self, ArchiveError> {
        let path = folder.join(FILE);
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ArchiveError::NoArchive(folder.to_owned()));
            }
            other => other.at(&path)?,
        };
        Ok(Self { path, lines: BufReader::new(file), hash: Sha256::new(), pending: Vec::new(), count: 0 })
    }

    /// The first line; none when it is damaged.
    pub(super) fn header(&mut self) -> Result<Option<Header>, ArchiveError> {
        let Some(line) = self.line()? else { return Ok(None) };
        if let Ok(header) = serde_json::from_slice::<Header>(&line)
            && header.fawtara_archive == FORMAT
        {
            return Ok(Some(header));
        }
        // A newer format may look otherwise, but says so.
        let format = serde_json::from_slice::<Value>(&line).ok();
        let format = format.and_then(|value| value.get("fawtara_archive")?.as_u64());
        match format.and_then(|format| u32::try_from(format).ok()) {
            Some(format) if format > FORMAT => Err(ArchiveError::NewerFormat(format)),
            _ => Ok(None),
        }
    }

    /// The next line; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Read>, ArchiveError> {
        let Some(line) = self.line()? else { return Ok(None) };
        let read = std::str::from_utf8(&line).ok().and_then(read);
        Ok(Some(read.map_or(Read::Unreadable(self.count), Read::Line)))
    }

    /// How many lines come before the one that was read last.
    pub(super) fn lines_before(&self) -> u64 {
        self.count.saturating_sub(1)
    }

    /// SHA-256 over the lines before the one that was read last.
    pub(super) fn sha256(&self) -> Digest {
        Digest(self.hash.clone().finalize().into())
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        let mut line = Vec::new();
        self.lines.by_ref().take(most).read_until(b'\n', &mut line).at(&self.path)?;
        if line.is_empty() {
            return Ok(None);
        }
        // A line that is too long comes in pieces, none of which can be read: the digest is over all of them.
        self.hash.update(&self.pending);
        self.pending.clone_from(&line);
        self.count += 1;
        Ok(Some(line))
    }
}

/// By its first member: the number of a payable amount does not survive an untagged enum.
fn read(line: &str) -> Option<Line> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped {
        invoice: Box<InvoiceLine>,
    }
    let line = line.strip_suffix('\n')?;
    if line.starts_with("{\"invoice\":") {
        let Wrapped { invoice } = serde_json::from_str(line).ok()?;
        Some(Line::Invoice { invoice })
    } else if line.starts_with("{\"path\":") {
        serde_json::from_str(line).ok().map(Line::File)
    } else {
        serde_json::from_str(line).ok().map(Line::Ending)
    }
}
