//! Every document validates against the UBL 2.1 schemas, by xmllint, which shares no code with ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::{generate, golden, sample, surroundings};

/// Where these are set, every test must run.
const COMPLETE: [&str; 2] = ["CI", "FAWTARA_TESTS_COMPLETE"];
/// How many generated documents are validated.
const GENERATED: usize = 500;

/// The invoice schema, when it and xmllint are there.
fn schema() -> Option<PathBuf> {
    let directory = surroundings::directory("FAWTARA_UBL_SCHEMAS", "the UBL 2.1 schemas", &COMPLETE)?;
    if Command::new("xmllint").arg("--version").output().is_err() {
        surroundings::skipped("xmllint is not installed (Debian: libxml2-utils)", &COMPLETE);
        return None;
    }
    Some(directory.join("maindoc/UBL-Invoice-2.1.xsd"))
}

/// What xmllint says against the files; nothing when all are valid.
fn complaints(schema: &Path, files: &[PathBuf]) -> Option<String> {
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .args(files)
        .output()
        .unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A fresh directory under the target directory.
fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn golden_documents_are_valid() {
    let Some(schema) = schema() else { return };
    assert_eq!(complaints(&schema, &golden::files()), None);
}

#[test]
fn generated_documents_are_valid() {
    let Some(schema) = schema() else { return };
    let directory = scratch("generated");
    let mut runner = TestRunner::deterministic();
    let files: Vec<PathBuf> = (0..GENERATED)
        .map(|number| {
            let event = generate::event().new_tree(&mut runner).unwrap().current();
            let file = directory.join(format!("{number}.xml"));
            std::fs::write(&file, sample::written(&event)).unwrap();
            file
        })
        .collect();
    assert_eq!(complaints(&schema, &files), None);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_schema_does_refuse() {
    let Some(schema) = schema() else { return };
    let directory = scratch("broken");
    let good = sample::written_text(&sample::guide_general());
    let issue_date = "<cbc:IssueDate>2023-11-20</cbc:IssueDate>";
    for (name, from, to) in [
        ("order", "<cbc:ProfileID>reporting:1.0</cbc:ProfileID>", ""),
        ("date", issue_date, "<cbc:IssueDate>20-11-2023</cbc:IssueDate>"),
        ("missing", issue_date, ""),
        ("amount", "118.480", "118,480"),
        ("currency", " currencyID=\"JO\"", ""),
    ] {
        let mut broken = good.replacen(from, to, 1);
        if name == "order" {
            broken = broken.replacen(issue_date, &format!("{issue_date}{from}"), 1);
        }
        let file = directory.join(format!("{name}.xml"));
        std::fs::write(&file, broken).unwrap();
        assert!(complaints(&schema, &[file]).is_some(), "{name}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}
