//! Some thousands of the documents of `make million`, in every run of the tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::path::PathBuf;

use documents::{Schema, Tally, check};

/// Cases of each of the tests, which run side by side.
const CASES: u64 = 750;

/// The schema where it is at hand; where every test must run, its absence is a failure.
fn schema() -> Option<Schema> {
    match std::env::var_os("FAWTARA_UBL_SCHEMAS") {
        Some(directory) if !directory.is_empty() => Some(Schema::load(&PathBuf::from(directory)).unwrap()),
        _ => {
            let complete = ["CI", "FAWTARA_TESTS_COMPLETE"];
            let demanded = complete.iter().find(|variable| {
                std::env::var(variable).is_ok_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
            });
            assert_eq!(demanded, None, "FAWTARA_UBL_SCHEMAS does not name the UBL 2.1 schemas");
            eprintln!("SKIPPED: the schema; FAWTARA_UBL_SCHEMAS does not name the UBL 2.1 schemas");
            None
        }
    }
}

fn hold(from: u64) {
    let schema = schema();
    let mut tally = Tally::default();
    for seed in from..from + CASES {
        match check(seed, schema.as_ref()) {
            Ok(done) => tally += done,
            Err(fault) => panic!("{fault}"),
        }
    }
    assert!(
        tally.documents > CASES && tally.returns > 0 && tally.settled > 0 && tally.simulated > 0,
        "{tally:?}"
    );
    assert!(tally.exhausted > 0 && tally.amounts > 10 * tally.lines / 2, "{tally:?}");
}

#[test]
fn random_documents_hold_by_independent_means_first() {
    hold(1_000_000_000);
}

#[test]
fn random_documents_hold_by_independent_means_second() {
    hold(2_000_000_000);
}

#[test]
fn random_documents_hold_by_independent_means_third() {
    hold(3_000_000_000);
}

#[test]
fn random_documents_hold_by_independent_means_fourth() {
    hold(4_000_000_000);
}

#[test]
fn the_schema_refuses_what_xmllint_refuses() {
    let Some(schema) = schema() else { return };
    let good = std::fs::read_to_string("../../crates/ubl/tests/golden/guide_3_general.xml").unwrap();
    assert_eq!(schema.check(good.as_bytes()), Ok(()));
    let date = "<cbc:IssueDate>2023-11-20</cbc:IssueDate>";
    for (what, broken) in [
        ("missing", good.replacen(date, "", 1)),
        ("date", good.replacen(date, "<cbc:IssueDate>20-11-2023</cbc:IssueDate>", 1)),
        ("order", good.replacen(date, "", 1).replacen("<cbc:Note>", &format!("{date}<cbc:Note>"), 1)),
        ("amount", good.replacen("118.480", "118,480", 1)),
        ("currency", good.replacen(" currencyID=\"JO\"", "", 1)),
        ("unknown", good.replacen(date, &format!("{date}<cbc:Nonsense>1</cbc:Nonsense>"), 1)),
    ] {
        assert!(schema.check(broken.as_bytes()).is_err(), "{what}");
    }
}
