//! Environment variables that look like settings and are none: easily written, silently without effect. Must not read their
//! values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Settings;

/// Not settings, but known: of the tests and benchmarks, the scripts and the compose file.
const KNOWN: [&str; 10] = [
    "FAWTARA_TEST_",
    "FAWTARA_TESTS_",
    "FAWTARA_BENCH_",
    "FAWTARA_SIM_",
    "FAWTARA_UBL_",
    "FAWTARA_UPDATE_",
    "FAWTARA_KEY_",
    "FAWTARA_MASTER_KEY",
    "FAWTARA_SERVICE_",
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

    #[test]
    fn known_names_are_not_told() {
        let known = [
            "FAWTARA_CONFIG",
            "FAWTARA__LEDGER__URL",
            "FAWTARA_TEST_DATABASE_URL",
            "FAWTARA_TESTS_COMPLETE",
            "FAWTARA_SIM_SEEDS",
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
