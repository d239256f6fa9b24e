//! The shape of the house: arrows point down, roles never import one another, each room keeps its subject to itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each room and its floor, from the ground up.
const FLOORS: &[(&str, u8)] = &[
    ("invoice", 0),
    ("ubl", 0),
    ("formats", 0),
    ("ledger", 1),
    ("broker", 1),
    ("jofotara", 1),
    ("notices", 1),
    ("telemetry", 1),
    ("producer", 2),
    ("encoder", 2),
    ("submitter", 2),
    ("console", 2),
    ("simulator", 2),
    ("fawtara", 3),
];

/// The arrows within a floor that are meant: a writer of invoices knows what an invoice is, and nothing else; whoever reads the formats of
/// others knows what they are to become.
const SAME_FLOOR: &[(&str, &str)] = &[("ubl", "invoice"), ("formats", "invoice"), ("formats", "ubl")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What each room depends on, outside of tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|package| {
            let needed = package["dependencies"].as_array().unwrap();
            let needed = needed.iter().filter(|dependency| dependency["kind"] != "dev").map(name).collect();
            (name(package), needed)
        })
        .collect()
}

#[test]
fn arrows_point_down() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    for (room, needed) in dependencies()
        .iter()
        .filter(|(room, _)| !["tests", "documents", "fuzz", "simulation", "chaos"].contains(&room.as_str()))
    {
        let floor =
            floors.get(room.as_str()).unwrap_or_else(|| panic!("room {room} has no floor: add it here"));
        for other in needed.iter().filter(|other| floors.contains_key(other.as_str())) {
            let down =
                floors[other.as_str()] < *floor || SAME_FLOOR.contains(&(room.as_str(), other.as_str()));
            assert!(
                down,
                "{room} (floor {floor}) must not depend on {other} (floor {})",
                floors[other.as_str()]
            );
        }
    }
}

#[test]
fn the_simulator_shares_no_reading_of_the_rules_with_the_writer() {
    let needed = &dependencies()["simulator"];
    for room in ["invoice", "ubl"] {
        assert!(!needed.iter().any(|other| other == room), "the simulator must not depend on {room}");
    }
}

#[test]
fn each_subject_stands_in_its_own_room() {
    let all = dependencies();
    for (library, home) in [
        ("sqlx", vec!["ledger"]),
        ("lapin", vec!["broker"]),
        // To the authority, to webhooks and to the collector: apart, so that none can be mistaken for another.
        ("reqwest", vec!["jofotara", "notices", "telemetry"]),
        ("clap", vec!["fawtara"]),
        ("csv", vec!["formats"]),
        ("config", vec!["fawtara"]),
    ] {
        let users: Vec<_> = all
            .iter()
            .filter(|(room, needed)| {
                !["tests", "chaos"].contains(&room.as_str()) && needed.iter().any(|other| other == library)
            })
            .map(|(room, _)| room.as_str())
            .collect();
        assert_eq!(users, home, "{library} is used outside its room");
    }
}

#[test]
fn the_pure_rooms_know_no_clock_no_io_and_no_async() {
    for room in ["invoice", "ubl", "formats"] {
        for file in sources(&root().join("crates").join(room).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for forbidden in [
                "std::fs",
                "std::net",
                "std::time::SystemTime",
                "Utc::now",
                "Instant::now",
                "async fn",
                "tokio",
            ] {
                assert!(!text.contains(forbidden), "{} mentions {forbidden}", file.display());
            }
        }
    }
}

/// The Rust files below a folder, test modules left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files
}
