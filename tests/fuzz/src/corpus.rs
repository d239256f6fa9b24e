//! Inputs that are kept: those that a person wrote, those that an engine found to reach something new, and those that once broke a law.
//!
//! `corpus/TARGET/` holds the first as files as they are, and the second in one file, `found.txt`, a line of Base64 each;
//! `regressions/TARGET/` holds the third, as files whose names say what was wrong.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Target;

/// What the engine found, packed.
const FOUND: &str = "found.txt";

/// An input, and where it comes from.
pub struct Input {
    /// File, and line in it where it has several.
    pub origin: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// This crate's folder.
fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a target's inputs are kept.
#[must_use]
pub fn folder(target: &Target) -> PathBuf {
    home().join("corpus").join(target.name)
}

/// Every input kept for a target, in a fixed order.
///
/// # Errors
/// A file that cannot be read, or a line that is no Base64.
pub fn kept(target: &Target) -> io::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for folder in [folder(target), home().join("regressions").join(target.name)] {
        for path in files(&folder)? {
            let bytes = fs::read(&path)?;
            let origin = path.strip_prefix(home()).unwrap_or(&path).display().to_string();
            if path.file_name().is_some_and(|name| name == FOUND) {
                for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
                    if !line.is_empty() {
                        let bytes = STANDARD.decode(line).map_err(io::Error::other)?;
                        inputs.push(Input { origin: format!("{origin}:{number}"), bytes });
                    }
                }
            } else {
                inputs.push(Input { origin, bytes });
            }
        }
    }
    Ok(inputs)
}

/// The files of a folder by name; none when there is no folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    files.push(entry.path());
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files.sort();
    Ok(files)
}

/// Writes every kept input as a file of its own into `to`, for the engine.
///
/// # Errors
/// As for [`kept`], and what cannot be written.
pub fn unpack(target: &Target, to: &Path) -> io::Result<usize> {
    fs::create_dir_all(to)?;
    let inputs = kept(target)?;
    for (number, input) in inputs.iter().enumerate() {
        fs::write(to.join(format!("kept-{number:05}")), &input.bytes)?;
    }
    Ok(inputs.len())
}

/// Packs the inputs of a folder, shortest first, as what was found; those over `largest` bytes and beyond `most` bytes in all stay out.
///
/// # Errors
/// What cannot be read or written.
pub fn pack(target: &Target, from: &Path, largest: usize, most: usize) -> io::Result<usize> {
    let mut inputs = files(from)?.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    inputs.dedup();
    let (mut text, mut count) = (String::new(), 0);
    for input in inputs.iter().filter(|input| !input.is_empty() && input.len() <= largest) {
        let line = STANDARD.encode(input);
        if text.len() + line.len() < most {
            text.push_str(&line);
            text.push('\n');
            count += 1;
        }
    }
    fs::create_dir_all(folder(target))?;
    fs::write(folder(target).join(FOUND), text)?;
    Ok(count)
}
