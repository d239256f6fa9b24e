//! The document is well formed, and says neither more nor less than what is served.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::StatusCode;
use serde_json::json;

use super::*;
use crate::http::Problem;
use crate::intake::Refused;

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

/// Status and code of each refusal that the sources of the HTTP intake name together.
fn refusals() -> BTreeSet<(u16, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inner = std::fs::read_dir(source.join("http")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = BTreeSet::new();
    for path in inner.filter(|path| path.is_file()).chain([source.join("http.rs")]) {
        let text = std::fs::read_to_string(path).unwrap();
        for call in text.split("Problem::new(").skip(1) {
            let arguments = call.split(')').next().unwrap();
            let status = arguments.split("StatusCode::").nth(1).and_then(|rest| rest.split(',').next());
            let (Some(status), Some(code)) = (status, arguments.split('"').nth(1)) else { continue };
            found.insert((number(status), code.to_owned()));
        }
    }
    found
}

fn number(status: &str) -> u16 {
    let all = (400..=599).filter_map(|number| StatusCode::from_u16(number).ok());
    let named = |one: &StatusCode| {
        one.canonical_reason().is_some_and(|reason| reason.replace(' ', "_").eq_ignore_ascii_case(status))
    };
    all.into_iter().find(named).unwrap_or_else(|| panic!("{status} is no status")).as_u16()
}

/// The codes of what the intake refuses, by whichever way it came.
fn codes_of_refused() -> BTreeSet<String> {
    let text = include_str!("../intake/refused.rs");
    let body = text.split("pub fn code(&self)").nth(1).unwrap().split("\n    }\n").next().unwrap();
    body.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

#[test]
fn every_refusal_is_in_the_contract_and_no_other() {
    let document = openapi();
    let mut told = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let pointer = response["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let Some(response) = pointer.and_then(|pointer| document.pointer(pointer)) else { continue };
            let words = response["description"].as_str().unwrap().split('`').skip(1).step_by(2);
            told.extend(
                words.filter(|word| *word != "faults").map(|code| (status.parse().unwrap(), code.to_owned())),
            );
        }
    }
    let (refusals, mut codes) = (refusals(), codes_of_refused());
    assert!(
        refusals.len() > 15 && codes.len() > 15,
        "the sources were not understood: {refusals:?} {codes:?}"
    );
    // Of no operation: nothing is served there.
    let elsewhere = [(404, "no_such_route".to_owned()), (405, "method_not_allowed".to_owned())];
    let code = &document["components"]["schemas"]["Problem"]["properties"]["code"];
    assert!(elsewhere.iter().all(|(_, name)| code["description"].as_str().unwrap().contains(name)), "{code}");
    let missing: Vec<_> =
        refusals.iter().filter(|one| !elsewhere.contains(one) && !told.contains(one)).collect();
    assert!(missing.is_empty(), "name them in openapi/components.rs: {missing:?}");
    // Over AMQP alone, where nobody is answered.
    assert!(codes.remove("unknown_sender"));
    let named: BTreeSet<_> = told.iter().map(|(_, code)| code.clone()).collect();
    assert_eq!(codes.difference(&named).collect::<Vec<_>>(), [""; 0], "name them in openapi/components.rs");
    codes.extend(refusals.into_iter().map(|(_, code)| code));
    assert_eq!(named.difference(&codes).collect::<Vec<_>>(), [""; 0], "nothing is refused so");
}

/// The status of what is refused is one under which the contract names its code.
#[test]
fn the_intake_refuses_with_the_status_that_the_contract_says() {
    let document = openapi();
    let closed = Refused::Closed { since: invoice::Timestamp::UNIX_EPOCH, reason: "نسخة".to_owned() };
    let scope = Refused::OutOfScope { source_name: "1:1".to_owned() };
    for (refused, name) in [
        (closed, "Unavailable"),
        (Refused::Unavailable, "Unavailable"),
        (scope, "Forbidden"),
        (Refused::Invalid(Vec::new()), "Unprocessable"),
        (Refused::Unstorable(String::new()), "Unprocessable"),
        (Refused::NumberTaken { by: uuid::Uuid::nil() }, "Conflict"),
    ] {
        let status = Problem::from(&refused).told().0.as_u16().to_string();
        let publish = &document["paths"]["/v1/invoices"]["post"]["responses"][&status];
        assert_eq!(publish["$ref"], format!("#/components/responses/{name}"), "{refused:?}");
        let words = document["components"]["responses"][name]["description"].as_str().unwrap();
        assert!(words.contains(&format!("`{}`", refused.code())), "{refused:?}: {words}");
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
