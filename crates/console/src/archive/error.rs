//! Why an archive was not written or not read. What is wrong *in* an archive is no error but what verifying finds.

use std::path::{Path, PathBuf};

use ledger::LedgerError;

/// Why there is no archive, or no verdict on one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The folder is there already.
    #[error("{} exists already, and an archive overwrites nothing: name a folder that does not exist", .0.display())]
    Exists(PathBuf),
    /// An export into this folder was interrupted, or is under way.
    #[error("{} is there: an export was interrupted, or is under way; remove it when none is, and export again", .0.display())]
    Unfinished(PathBuf),
    /// The last day lies before the first.
    #[error("the period ends on {to}, before it begins on {from}: exchange them")]
    Backwards {
        /// Its first day.
        from: chrono::NaiveDate,
        /// Its last day.
        to: chrono::NaiveDate,
    },
    /// No manifest: whatever this is, it is no archive of ours.
    #[error("{} is no archive: it has no readable {}", .0.display(), super::manifest::FILE)]
    NoArchive(PathBuf),
    /// The manifest says that a newer program wrote it.
    #[error(
        "the archive has format {0}, which this program does not know; verify it with the program that wrote it"
    )]
    NewerFormat(u32),
    /// A file or folder cannot be written or read.
    #[error("{}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The ledger could not answer, or what it holds cannot be archived.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Says which file it was.
pub(super) trait At<T> {
    /// The same, with the path.
    fn at(self, path: &Path) -> Result<T, ArchiveError>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, ArchiveError> {
        self.map_err(|source| ArchiveError::File { path: path.to_owned(), source })
    }
}
