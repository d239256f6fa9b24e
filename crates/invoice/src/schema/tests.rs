//! The published file, the types, the examples and the reader tell the same story.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::validate::{FaultCode, read};

fn example(index: usize) -> Value {
    serde_json::from_str(EXAMPLES[index]).expect("an example is JSON")
}

fn accepts(validator: &jsonschema::Validator, event: &Value) -> Result<(), String> {
    validator.validate(event).map_err(|error| error.to_string())
}

#[test]
fn the_published_file_is_what_the_types_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/invoice-event.v1.json");
    let published = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        published == event_schema_text(),
        "{} is not what the types say: run `make schemas` and look at the difference",
        file.display()
    );
}

#[test]
fn the_schema_itself_is_valid() {
    let schema = event_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], EVENT_SCHEMA_ID);
    jsonschema::meta::validate(&schema).expect("a valid schema");
}

#[test]
fn examples_satisfy_the_schema_and_the_reader() {
    let validator = jsonschema::validator_for(&event_schema()).expect("a schema");
    for (index, json) in EXAMPLES.iter().enumerate() {
        assert_eq!(accepts(&validator, &example(index)), Ok(()));
        let checked = read(json.as_bytes()).expect("a valid event");
        let normal: Value = serde_json::from_str(&checked.normal_form).expect("JSON");
        assert_eq!(accepts(&validator, &normal), Ok(()), "the normal form is an event too");
    }
}

#[test]
fn nulls_and_numbers_satisfy_both() {
    let validator = jsonschema::validator_for(&event_schema()).expect("a schema");
    let mut event = example(0);
    for member in ["uuid", "amends", "kind", "scope", "currency", "note", "buyer", "original"] {
        event[member] = Value::Null;
    }
    event["lines"][0]["discount"] = Value::Null;
    event["lines"][1]["quantity"] = json!(10);
    event["lines"][1]["unit_price"] = serde_json::from_str("0.123456789").expect("a number");
    event["lines"][1]["discount"] = json!(0);
    assert_eq!(accepts(&validator, &event), Ok(()));
    let checked = read(event.to_string().as_bytes()).expect("a valid event");
    let event = checked.event.invoice().expect("an invoice");
    assert_eq!(event.lines[1].unit_price.to_string(), "0.123456789");
    assert_eq!(event.currency, "JOD");
}

/// A way to break an event.
type Break = fn(&mut Value);

#[test]
fn what_is_broken_is_refused_by_both() {
    let validator = jsonschema::validator_for(&event_schema()).expect("a schema");
    let breaks: [(usize, Break, FaultCode); 17] = [
        (1, |event| event["schema_version"] = json!(2), FaultCode::UnsupportedVersion),
        (1, |event| event["familly"] = json!("income"), FaultCode::UnknownField),
        (1, |event| event["family"] = json!("vat"), FaultCode::InvalidValue),
        (1, |event| event["currency"] = json!("ILS"), FaultCode::UnknownCurrency),
        (1, |event| event["lines"] = json!([]), FaultCode::NoLines),
        (1, |event| event["lines"][0]["unit_price"] = json!("1,5"), FaultCode::InvalidValue),
        (1, |event| event["lines"][0]["id"] = json!(0), FaultCode::LineIdZero),
        (1, |event| event["seller"]["tax_number"] = json!("JO123"), FaultCode::NotDigits),
        (1, |event| event["seller"]["income_source"] = json!("٩٩٣٢٨٩٥"), FaultCode::NotDigits),
        (1, |event| event["number"] = json!(""), FaultCode::EmptyText),
        (1, |event| event["buyer"]["postal_code"] = json!("111181"), FaultCode::TextTooLong),
        (1, |event| event["buyer"]["governorate"] = json!("JO-XX"), FaultCode::InvalidValue),
        (3, |event| event["kind"] = json!("refund"), FaultCode::InvalidValue),
        (3, |event| event["discount"] = json!("1"), FaultCode::UnknownField),
        (3, |event| event["lines"][0]["id"] = json!(0), FaultCode::LineIdZero),
        (3, |event| event["original"]["reason"] = json!(""), FaultCode::EmptyText),
        (4, |event| event["original"]["lines"][0]["name"] = json!(""), FaultCode::EmptyText),
    ];
    for (position, (base, broken, code)) in breaks.into_iter().enumerate() {
        let mut event = example(base);
        broken(&mut event);
        assert!(!validator.is_valid(&event), "break {position} ({code}) satisfies the schema");
        let faults = read(event.to_string().as_bytes()).expect_err("a fault");
        assert!(faults.iter().any(|fault| fault.code == code), "break {position}: {faults:?}");
    }
}

#[test]
fn every_member_is_described() {
    fn undescribed(found: &mut Vec<String>, path: &str, schema: &Value) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            if member["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{path}.{name}"));
            }
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            undescribed(found, name, definition);
        }
    }
    let mut found = Vec::new();
    undescribed(&mut found, "", &event_schema());
    assert!(found.is_empty(), "{found:?}");
}
