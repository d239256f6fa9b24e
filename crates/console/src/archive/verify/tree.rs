//! What lies in the folders besides what the manifest lists. Reads names, never contents.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use chrono::NaiveDate;
use invoice::Environment;
use uuid::Uuid;

use super::Verified;
use crate::archive::error::{ArchiveError, At as _};
use crate::archive::manifest::{FILE, FileLine, InvoiceLine};

/// The invoices that the manifest lists, by what their folders are named after.
#[derive(Default)]
pub(super) struct Seen(HashMap<(Environment, Uuid), NaiveDate>);

impl Seen {
    /// False when it was seen before.
    pub(super) fn add(&mut self, line: &InvoiceLine) -> bool {
        self.0.insert((line.environment, line.uuid), line.issue_date).is_none()
    }

    fn has(&self, environment: &str, date: &str, uuid: &str) -> bool {
        let (Ok(environment), Ok(parsed)) = (environment.parse(), Uuid::try_parse(uuid)) else {
            return false;
        };
        // Only as the export writes it: the same UUID in capitals would be another folder.
        parsed.to_string() == uuid
            && self
                .0
                .get(&(environment, parsed))
                .is_some_and(|issued| issued.format("%Y-%m-%d").to_string() == date)
    }
}

/// Tells files in an invoice's folder that the manifest does not list.
pub(super) fn compare_folder(
    root: &Path,
    folder: &str,
    files: &[FileLine],
    found: &mut Verified,
) -> Result<(), ArchiveError> {
    let listed: BTreeSet<&str> = files.iter().filter_map(|file| file.path.rsplit('/').next()).collect();
    for (name, _) in entries(&root.join(folder))? {
        if !listed.contains(name.as_str()) {
            found.differs(&format!("{folder}/{name}"), "it is not in the manifest");
        }
    }
    Ok(())
}

/// Tells folders and files that belong to no invoice of the manifest. The folders of invoices were compared before.
pub(super) fn compare(root: &Path, seen: &Seen, found: &mut Verified) -> Result<(), ArchiveError> {
    let extra = |found: &mut Verified, path: &str| found.differs(path, "it is not in the manifest");
    for (environment, is_folder) in entries(root)? {
        if !is_folder {
            if environment != FILE {
                extra(found, &environment);
            }
            continue;
        }
        let days = entries(&root.join(&environment))?;
        if days.is_empty() {
            extra(found, &environment);
        }
        for (day, is_folder) in days {
            let path = format!("{environment}/{day}");
            let invoices = if is_folder { entries(&root.join(&path))? } else { Vec::new() };
            if invoices.is_empty() {
                extra(found, &path);
            }
            for (uuid, is_folder) in invoices {
                if !is_folder || !seen.has(&environment, &day, &uuid) {
                    extra(found, &format!("{path}/{uuid}"));
                }
            }
        }
    }
    Ok(())
}

/// The names in a folder, sorted, and whether each is a folder itself (a link to one is not). None of one that is missing.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>, ArchiveError> {
    let listing = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        other => other.at(folder)?,
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.at(folder)?;
        let is_folder = entry.file_type().at(folder)?.is_dir();
        names.push((entry.file_name().to_string_lossy().into_owned(), is_folder));
    }
    names.sort_unstable();
    Ok(names)
}
