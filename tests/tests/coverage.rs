//! docs/coverage.md keeps its word: each row names tests that exist, or says why there is none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Number, what users rely on, what there is, which tests.
fn rows() -> Vec<[String; 4]> {
    let page = std::fs::read_to_string(root().join("docs/coverage.md")).expect("docs/coverage.md");
    page.lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| {
            let cells: Vec<_> =
                line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
            cells.try_into().unwrap_or_else(|cells| panic!("a row has four cells: {cells:?}"))
        })
        .collect()
}

/// The names of all functions of this repository's Rust code.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for (_, rest) in text.match_indices("fn ").map(|(at, _)| text.split_at(at + 3)) {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                names.insert(name);
            }
        }
    }
}

#[test]
fn every_row_of_the_coverage_page_names_tests_that_exist_or_its_reason() {
    let mut names = BTreeSet::new();
    for folder in ["crates", "tests"] {
        functions(&root().join(folder), &mut names);
    }
    let mut wrong = Vec::new();
    for [row, _, here, tests] in rows() {
        if tests == "–" {
            if here.len() < 20 {
                wrong.push(format!("{row} has neither test nor reason"));
            }
            continue;
        }
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            wrong.push(format!("{row} names no test: {tests}"));
        }
        for name in named.iter().filter(|name| !names.contains(**name)) {
            wrong.push(format!("{row}: no test {name}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rows_are_numbered_without_gaps() {
    let mut expected = (0, 0);
    for [row, ..] in rows() {
        let (section, place) = row.split_once('.').expect("section.place");
        let (section, place): (u32, u32) = (section.parse().unwrap(), place.parse().unwrap());
        let follows =
            (section, place) == (expected.0, expected.1 + 1) || (section, place) == (expected.0 + 1, 1);
        assert!(follows, "{row} does not follow {expected:?}");
        expected = (section, place);
    }
    assert_eq!(expected.0, 7);
}

/// Tests are named in backticks, and by nothing else there: commands, settings and metrics have dots, blanks or braces, or begin
/// with the program's name.
#[test]
fn every_test_that_the_page_of_failures_names_exists() {
    let mut names = BTreeSet::new();
    for folder in ["crates", "tests"] {
        functions(&root().join(folder), &mut names);
    }
    let page = std::fs::read_to_string(root().join("docs/failures.md")).expect("docs/failures.md");
    let is_name = |word: &&str| {
        word.contains('_')
            && !word.starts_with("fawtara_")
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let named: Vec<_> = page.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
