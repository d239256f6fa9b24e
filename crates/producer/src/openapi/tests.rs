//! The document is well formed, and says neither more nor less than what is served.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations(document: &Value) -> impl Iterator<Item = (&String, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| item.get(method).map(|operation| (path, method, operation)))
    })
}

/// The OpenAPI rules that can be checked without its meta-schema.
#[test]
fn the_document_keeps_the_rules_of_openapi() {
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone().to_string()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        assert!(path.starts_with('/'), "{path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path} {method}: its id is taken");
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag.to_string())));
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{path}");
        let stated: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| {
                assert_eq!(parameter["required"], true);
                parameter["name"].as_str().unwrap()
            })
            .collect();
        let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(stated, named, "{path}");
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 30);
    for reference in references {
        assert!(
            document.pointer(reference.strip_prefix('#').unwrap()).is_some(),
            "{reference} leads nowhere"
        );
    }
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| collect(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, found)),
        _ => {}
    }
}

/// Each component is a JSON Schema by itself, as OpenAPI 3.1 has it.
#[test]
fn the_components_are_json_schemas() {
    let document = openapi();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A component with all that it refers to, as one schema.
pub(crate) fn component(name: &str) -> jsonschema::Validator {
    let mut document = openapi();
    document["$ref"] = json!(format!("#/components/schemas/{name}"));
    jsonschema::validator_for(&document).unwrap()
}

#[test]
fn the_examples_satisfy_the_event_component() {
    let validator = component("Event");
    for example in invoice::schema::EXAMPLES {
        let example: Value = serde_json::from_str(example).unwrap();
        assert!(validator.is_valid(&example), "{example}");
    }
    assert!(!validator.is_valid(&json!({ "schema_version": 1 })));
}
