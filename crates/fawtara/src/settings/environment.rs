//! Environment variables that look like settings and are none: easily written, silently without effect. Must not read their
//! values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Settings;

/// Not settings, but known: of the tests and benchmarks, the scripts and the compose file.
const KNOWN: [&str; 15] = [
    "FAWTARA_ADVISORY_DB",
    "FAWTARA_BACKLOG",
    "FAWTARA_BENCH_",
    "FAWTARA_GROWTH",
    "FAWTARA_KEY_",
    "FAWTARA_MASTER_KEY",
    "FAWTARA_OFFLINE",
    "FAWTARA_OUTAGE",
    "FAWTARA_PRIVATE_",
    "FAWTARA_SERVICE_",
    "FAWTARA_TEST_",
    "FAWTARA_TESTS_",
    "FAWTARA_UBL_",
    "FAWTARA_UPDATE_",
    "FAWTARA_VECTORS",
];
/// Ports of the compose file, and what Kubernetes sets for services of this name.
const KNOWN_ANYWHERE: [&str; 2] = ["_PORT", "_SERVICE_HOST"];

/// A warning for each of `names` that begins like ours and is nobody's.
pub fn warnings(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut unknown: Vec<String> = names.into_iter().filter(|name| is_unknown(name)).collect();
    unknown.sort();
    let meant = if unknown.is_empty() { BTreeMap::new() } else { names_of_settings() };
    unknown
        .into_iter()
        .map(|name| {
            let advice = match meant.get(&name) {
                Some(right) => format!("is {right} meant?"),
                None => "settings are named FAWTARA__SECTION__KEY, such as FAWTARA__LEDGER__URL".to_owned(),
            };
            format!("the environment variable {name} has no effect: {advice}")
        })
        .collect()
}

fn is_unknown(name: &str) -> bool {
    name.starts_with("FAWTARA_")
        // Two underscores: a setting, and refused when there is none of that name.
        && !name.starts_with("FAWTARA__")
        && name != "FAWTARA_CONFIG"
        && !KNOWN.iter().any(|known| name.starts_with(known))
        && !KNOWN_ANYWHERE.iter().any(|known| name.contains(known))
}

/// The right name of every setting, by the wrong one with single underscores.
fn names_of_settings() -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    // Settings that cannot be written down cost the advice, no more.
    if let Ok(Value::Object(sections)) = serde_json::to_value(Settings::default()) {
        for (section, settings) in sections.iter().filter(|(_, settings)| settings.is_object()) {
            collect(&section.to_uppercase(), &section.to_uppercase(), settings, &mut names);
        }
    }
    names
}

fn collect(wrong: &str, right: &str, value: &Value, names: &mut BTreeMap<String, String>) {
    if let Value::Object(members) = value {
        for (name, member) in members {
            let name = name.to_uppercase();
            collect(&format!("{wrong}_{name}"), &format!("{right}__{name}"), member, names);
        }
    } else {
        names.insert(format!("FAWTARA_{wrong}"), format!("FAWTARA__{right}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn of(names: &[&str]) -> Vec<String> {
        warnings(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn a_single_underscore_is_told_with_what_is_meant() {
        for (wrong, right) in [
            ("FAWTARA_LEDGER_URL", "is FAWTARA__LEDGER__URL meant?"),
            ("FAWTARA_SUBMITTER_MAX_IN_FLIGHT", "is FAWTARA__SUBMITTER__MAX_IN_FLIGHT meant?"),
            ("FAWTARA_SUBMITTER_BREAKER_OPEN_MS", "is FAWTARA__SUBMITTER__BREAKER__OPEN_MS meant?"),
            ("FAWTARA_LEDGER_ROLE", "is FAWTARA__LEDGER__ROLE meant?"),
            ("FAWTARA_SECRET", "FAWTARA__SECTION__KEY"),
        ] {
            let told = of(&[wrong, "PATH"]);
            assert!(matches!(&told[..], [one] if one.contains(wrong) && one.contains(right)), "{told:?}");
        }
    }

    /// Every name that the project's own commands set or read.
    #[test]
    fn nobody_is_warned_of_our_own_scripts() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files = vec![root.join("Makefile"), root.join(".ci/run")];
        let mut folders = vec![root.join("scripts"), root.join("tests")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let to = if entry.file_type().unwrap().is_dir() { &mut folders } else { &mut files };
                to.push(entry.path());
            }
        }
        let of_a_name = |c: char| c.is_ascii_uppercase() || c == '_';
        let mut names = BTreeSet::new();
        for file in files {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            for (at, _) in text.match_indices("FAWTARA_") {
                let length = text[at..].find(|c| !of_a_name(c)).unwrap_or(text.len() - at);
                names.insert(text[at..at + length].to_owned());
            }
        }
        assert!(names.contains("FAWTARA_ADVISORY_DB") && names.contains("FAWTARA_VECTORS"), "{names:?}");
        assert_eq!(warnings(names), Vec::<String>::new());
    }

    #[test]
    fn known_names_are_not_told() {
        let known = [
            "FAWTARA_CONFIG",
            "FAWTARA__LEDGER__URL",
            "FAWTARA_TEST_DATABASE_URL",
            "FAWTARA_TESTS_COMPLETE",
            "FAWTARA_BENCH_INVOICES",
            "FAWTARA_UBL_SCHEMAS",
            "FAWTARA_UPDATE_GOLDEN",
            "FAWTARA_VECTORS",
            "FAWTARA_KEY_SHA256",
            "FAWTARA_MASTER_KEY",
            "FAWTARA_POSTGRES_PORT",
            "FAWTARA_PORT_8080_TCP_ADDR",
            "FAWTARA_PRODUCER_SERVICE_HOST",
        ];
        assert_eq!(of(&known), Vec::<String>::new());
    }
}
