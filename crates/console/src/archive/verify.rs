//! Proves an archive untouched, offline: every file against the manifest, the manifest against itself, every invoice
//! against its own events. Bounded: one invoice in memory at a time, and a few dozen bytes for each that was seen.

mod case;
mod reader;
mod tree;

use std::fs;
use std::path::Path;

use invoice::Digest;
use serde::Serialize;

use super::error::{ArchiveError, At as _};
use super::export::Progress;
use super::layout;
use super::manifest::{Counts, Ending, FileLine, Header, InvoiceLine, Line};
use reader::{Manifest, Read};
use tree::Seen;

/// How many differences are told; the rest is only counted.
const TOLD: usize = 1_000;
/// The largest file that an export writes: no document that is read has more.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Something that is not as the export wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which file or folder, from the archive's root.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// How the signatures on signed documents came out. Told, never held against an archive: the check is unproven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SealCount {
    /// Signed documents.
    pub signed: u64,
    /// Those that fit digest, signature and QR.
    pub fitting: u64,
    /// Those of the fitting ones whose certificate names the department.
    pub by_department: u64,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The manifest's first line; none when it cannot be read.
    pub header: Option<Header>,
    /// SHA-256 over the lines of the manifest as they stand, to be compared with what was written down when it was made.
    pub sha256: Digest,
    /// Invoices read.
    pub invoices: u64,
    /// Files read.
    pub files: u64,
    /// What is not as it was; at most the first thousand.
    pub differences: Vec<Difference>,
    /// How many differences there are.
    pub difference_count: u64,
    /// How the signatures came out.
    pub seals: SealCount,
    /// What does not fit about signatures, without being a difference; at most the first thousand.
    pub remarks: Vec<Difference>,
}

impl Verified {
    /// Whether the archive is as it was written.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.difference_count == 0
    }

    fn differs(&mut self, path: &str, message: impl Into<String>) {
        self.difference_count += 1;
        if self.differences.len() < TOLD {
            self.differences.push(Difference { path: path.to_owned(), message: message.into() });
        }
    }

    fn remark(&mut self, path: &str, message: impl Into<String>) {
        if self.remarks.len() < TOLD {
            self.remarks.push(Difference { path: path.to_owned(), message: message.into() });
        }
    }
}

/// Verifies an archive. Needs no ledger and no settings.
///
/// # Errors
/// [`ArchiveError`] when the folder is no archive of a format known here, or the disk fails. Whatever else is wrong is in
/// [`Verified`].
pub fn verify(folder: &Path, mut progress: impl FnMut(Progress)) -> Result<Verified, ArchiveError> {
    let mut manifest = Manifest::open(folder)?;
    let mut found = Verified {
        header: None,
        sha256: Digest::of(&[]),
        invoices: 0,
        files: 0,
        differences: Vec::new(),
        difference_count: 0,
        seals: SealCount::default(),
        remarks: Vec::new(),
    };
    found.header = manifest.header()?;
    if found.header.is_none() {
        found.differs(super::manifest::FILE, "its first line cannot be read");
    }
    let mut counts = Counts::default();
    let mut seen = Seen::default();
    let mut group: Option<Group> = None;
    let mut ended = false;
    while let Some(read) = manifest.next()? {
        if ended {
            found.differs(super::manifest::FILE, "it goes on after its last line");
            break;
        }
        match read {
            Read::Line(Line::Invoice { invoice }) => {
                close(folder, group.replace(Group::new(*invoice)), &mut found, &mut seen)?;
                if let Some(group) = &group {
                    counts.invoice(&group.line);
                }
                progress(Progress { invoices: counts.invoices, files: counts.files, bytes: counts.bytes });
            }
            Read::Line(Line::File(file)) => {
                counts.file(&file);
                match &mut group {
                    Some(group) if group.takes(&file) => group.files.push(file),
                    _ => found.differs(&file.path, "the manifest lists it where no such file belongs"),
                }
            }
            Read::Line(Line::Ending(ending)) => {
                ended = true;
                close(folder, group.take(), &mut found, &mut seen)?;
                end(&manifest, &ending, &mut found);
            }
            Read::Unreadable(line) => {
                found.differs(super::manifest::FILE, format!("line {line} cannot be read"));
            }
        }
    }
    if !ended {
        close(folder, group, &mut found, &mut seen)?;
        found.differs(super::manifest::FILE, "it is cut off: its last line is missing");
    }
    found.sha256 = manifest.sha256();
    (found.invoices, found.files) = (counts.invoices, counts.files);
    if found.header.as_ref().is_some_and(|header| !counts.agree_with(header)) {
        found.differs(
            super::manifest::FILE,
            "its first line counts other invoices, files or sums than follow",
        );
    }
    tree::compare(folder, &seen, &mut found)?;
    Ok(found)
}

fn end(manifest: &Manifest, ending: &Ending, found: &mut Verified) {
    let file = super::manifest::FILE;
    if ending.lines != manifest.lines_before() {
        let counted = manifest.lines_before();
        found.differs(file, format!("it has {counted} lines before its last, which counts {}", ending.lines));
    }
    if ending.sha256 != manifest.sha256() {
        found.differs(file, "its lines do not have the SHA-256 that its last line states: it was changed");
    }
}

/// An invoice with its files, as the manifest lists them.
struct Group {
    line: InvoiceLine,
    folder: String,
    files: Vec<FileLine>,
}

impl Group {
    fn new(line: InvoiceLine) -> Self {
        let key = invoice::InvoiceKey { environment: line.environment, uuid: line.uuid };
        Self { folder: layout::folder(key, line.issue_date), line, files: Vec::new() }
    }

    /// Whether it is a file of this invoice, by a name that cannot lead anywhere else.
    fn takes(&self, file: &FileLine) -> bool {
        let name = file.path.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'));
        let simple = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        name.is_some_and(|name| {
            name.chars().all(simple) && name.starts_with(|c: char| c.is_ascii_lowercase())
        }) && self.files.iter().all(|known| known.path != file.path)
    }
}

/// Looks at all files of an invoice whose lines have been read.
fn close(
    root: &Path,
    group: Option<Group>,
    found: &mut Verified,
    seen: &mut Seen,
) -> Result<(), ArchiveError> {
    let Some(Group { line, folder, files }) = group else { return Ok(()) };
    if !seen.add(&line) {
        found.differs(&folder, "the manifest lists this invoice twice");
    }
    let listed = u64::try_from(files.len()).unwrap_or(u64::MAX);
    if listed != line.files {
        found.differs(&folder, format!("it has {} files by its line, and {listed} are listed", line.files));
    }
    let mut contents = case::Contents::new();
    let mut whole = true;
    for file in &files {
        match content(root, file)? {
            Ok(bytes) => {
                let name = file.path.rsplit('/').next().unwrap_or_default();
                contents.insert(name.to_owned(), bytes);
            }
            Err(problem) => {
                whole = false;
                found.differs(&file.path, problem);
            }
        }
    }
    tree::compare_folder(root, &folder, &files, found)?;
    case::check(&line, &folder, &contents, whole, found);
    Ok(())
}

/// The bytes of a file, or how it differs from its line.
fn content(root: &Path, line: &FileLine) -> Result<Result<Vec<u8>, String>, ArchiveError> {
    let path = root.join(&line.path);
    let about = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Err("it is missing".to_owned()));
        }
        other => other.at(&path)?,
    };
    if !about.is_file() {
        return Ok(Err("it is no file".to_owned()));
    }
    if about.len() != line.bytes {
        return Ok(Err(format!("it has {} bytes, and had {}", about.len(), line.bytes)));
    }
    if about.len() > MAX_FILE {
        return Ok(Err(format!("it has {} bytes, more than any export writes", about.len())));
    }
    let bytes = fs::read(&path).at(&path)?;
    if Digest::of(&bytes) == line.sha256 {
        Ok(Ok(bytes))
    } else {
        Ok(Err("its content was changed".to_owned()))
    }
}
