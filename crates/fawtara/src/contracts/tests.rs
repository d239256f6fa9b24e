//! The published files, the types and the examples tell the same story.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use broker::Ladder;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn made() -> BTreeMap<String, Value> {
    files().into_iter().map(|file| (file.path, serde_json::from_str(&file.text).unwrap())).collect()
}

#[test]
fn the_published_files_are_what_the_program_says() {
    let mut stale = Vec::new();
    let files = files();
    for file in &files {
        if std::fs::read_to_string(folder().join(&file.path)).unwrap_or_default() != file.text {
            stale.push(&file.path);
        }
    }
    assert!(stale.is_empty(), "run `make schemas` and look at the difference: {stale:?}");
    let mut there = BTreeSet::new();
    for place in ["", "examples/"] {
        for entry in std::fs::read_dir(folder().join(place)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                there.insert(format!("{place}{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    let expected: BTreeSet<_> = files.into_iter().map(|file| file.path).collect();
    assert_eq!(there, expected, "a file that nothing makes");
}

#[test]
fn every_schema_is_valid_and_named() {
    let made = made();
    let mut names = BTreeSet::new();
    for (path, schema) in made.iter().filter(|(path, _)| path.ends_with(".v1.json")) {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{path}");
        assert!(names.insert(schema["$id"].as_str().unwrap()), "{path}: its name is taken");
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{path}: {error}"));
        let validator = jsonschema::validator_for(schema).unwrap();
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert!(validator.is_valid(example), "{path}: {example}");
        }
    }
    assert!([EVENT_SCHEMA_ID, notices::NOTICE_SCHEMA_ID].iter().all(|name| names.contains(name)));
}

#[test]
fn every_example_satisfies_its_schema() {
    let made = made();
    let mut checked = 0;
    for (path, example) in &made {
        let Some(name) = path.strip_prefix("examples/") else { continue };
        let schema = ["invoice-event", "invoice-notice", "cloud-event"]
            .into_iter()
            .find(|schema| name.starts_with(schema))
            .unwrap_or_else(|| panic!("{path} has no schema"));
        let validator = jsonschema::validator_for(&made[&format!("{schema}.v1.json")]).unwrap();
        let errors: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        checked += 1;
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn the_asyncapi_document_names_every_queue_and_leads_nowhere_wrong() {
    let made = made();
    let document = &made["asyncapi.json"];
    let ladder = Ladder::default();
    let queues: BTreeSet<_> = ladder.queues().into_iter().filter_map(|queue| ladder.name(queue)).collect();
    let channels = document["channels"].as_object().unwrap();
    let named: BTreeSet<_> = channels
        .values()
        .filter_map(|channel| channel["bindings"]["amqp"]["queue"]["name"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(named, queues);
    assert_eq!(channels["events"]["bindings"]["amqp"]["exchange"]["name"], broker::EVENTS_EXCHANGE);
    let text = document.to_string();
    let references: BTreeSet<_> =
        text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 15, "{references:?}");
    for reference in references {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere"),
            None => assert!(made.contains_key(reference), "{reference} is not published"),
        }
    }
}
