//! A name for the sources that a simulated run depends on: whatever is recorded of a run says on which code it ran.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a build script")]

use std::path::{Path, PathBuf};

/// The rooms that take part, and what stands around them.
const ROOMS: &[&str] =
    &["invoice", "ubl", "ledger", "broker", "jofotara", "producer", "encoder", "submitter", "simulator"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> = ROOMS.iter().map(|room| root.join("crates").join(room).join("src")).collect();
    folders.extend([root.join("tests/src"), root.join("tests/simulation/src")]);
    let mut files = vec![root.join("Cargo.lock")];
    for folder in &folders {
        println!("cargo::rerun-if-changed={}", folder.display());
        sources(folder, &mut files);
    }
    println!("cargo::rerun-if-changed={}", root.join("Cargo.lock").display());
    files.sort();
    // FNV-1a: a name, no proof.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in files {
        let name = file.strip_prefix(&root).expect("it stands below the root").to_string_lossy().into_owned();
        let content = std::fs::read(&file).unwrap();
        for byte in name.into_bytes().into_iter().chain(content) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo::rustc-env=SIMULATED_CODE={hash:016x}");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
