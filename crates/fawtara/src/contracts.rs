//! Everything that is published as a contract, as files: made from the types and tables themselves, so that a test can tell when
//! they have moved on. Must not know where the files go.
#![allow(
    clippy::indexing_slicing,
    reason = "JSON that is put together right here; the tests put all of it together"
)]

mod asyncapi;
#[cfg(test)]
mod tests;

use invoice::schema::{EVENT_SCHEMA_ID, EXAMPLES, event_schema};
use notices::{CloudEvent, notice_schema};
use serde_json::{Map, Value, json};

/// A file of the contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder of the contracts.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// All of them.
#[must_use]
pub fn files() -> Vec<File> {
    let openapi = producer::openapi();
    let mut files = vec![
        file("invoice-event.v1.json", event_schema()),
        file("invoice-notice.v1.json", notice_schema()),
        file("hint.v1.json", hint_schema()),
        file("openapi.json", openapi.clone()),
        file("asyncapi.json", asyncapi::document()),
    ];
    for (name, component) in
        [("cloud-event", "CloudEvent"), ("receipt", "Receipt"), ("result", "Result"), ("problem", "Problem")]
    {
        files.push(file(&format!("{name}.v1.json"), standalone(&openapi, component, name)));
    }
    files.extend(formats::schema::all().into_iter().map(|published| file(published.file, published.schema)));
    files.extend(examples());
    files
}

fn file(path: &str, value: Value) -> File {
    File { path: path.to_owned(), text: format!("{:#}\n", sorted(value)) }
}

/// With the members of every object in alphabetical order, whichever map `serde_json` was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Events as they may be published, alone and in an envelope, and the fleet's own.
fn examples() -> Vec<File> {
    let mut files = Vec::new();
    for (n, example) in (1..).zip(EXAMPLES) {
        // They are checked by the tests of their own room.
        let event: Value = serde_json::from_str(example).unwrap_or_default();
        if n == 1 {
            files.push(file("examples/cloud-event.json", in_envelope(&event)));
        }
        files.push(file(&format!("examples/invoice-event-{n}.json"), event));
    }
    for notice in CloudEvent::examples() {
        let name = notice.event_type.trim_start_matches("jo.fawtara.invoice.").trim_end_matches(".v1");
        files.push(file(&format!("examples/invoice-notice-{name}.json"), json!(notice)));
    }
    files
}

fn in_envelope(event: &Value) -> Value {
    // A document of its own, so that it can be published beside the one without an envelope.
    let mut event = event.clone();
    event["uuid"] = "3f1c9f0e-7d55-4a4e-9d3b-0a6f5c1e2b90".into();
    event["number"] = "INV-2026-0100".into();
    json!({
        "specversion": "1.0",
        "id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "source": "/erp/amman",
        "type": producer::EVENT_TYPE,
        "subject": event["uuid"],
        "time": "2026-11-22T08:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": EVENT_SCHEMA_ID,
        "data": event,
    })
}

/// What travels on the queues between the roles.
fn hint_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:fawtara:schema:hint:1",
        "title": "Fawtara hint, version 1",
        "description": "\"Look at this invoice\": the ledger says what there is to do. For the fleet's own queues; in the dead-letter \
            queue a hint of version 0 names a record of refused intake.",
        "type": "object",
        "properties": {
            "environment": { "enum": ["simulation", "sandbox", "production"] },
            "uuid": { "type": "string", "format": "uuid" },
            "version": {
                "type": "integer", "minimum": 0, "description": "The version of the invoice's history when the hint was written.",
            },
        },
        "required": ["environment", "uuid", "version"],
        "additionalProperties": false,
        "examples": [{ "environment": "simulation", "uuid": "11111111-1111-4111-8111-111111111111", "version": 3 }],
    })
}

/// A component of the OpenAPI document as a JSON Schema of its own, with all that it refers to.
fn standalone(openapi: &Value, component: &str, name: &str) -> Value {
    let components = &openapi["components"]["schemas"];
    let mut wanted = vec![component.to_owned()];
    let mut definitions = Map::new();
    while let Some(next) = wanted.pop() {
        if definitions.contains_key(&next) {
            continue;
        }
        let mut schema = components.get(&next).cloned().unwrap_or_default();
        gather(&mut schema, &mut wanted);
        definitions.insert(next, schema);
    }
    let mut schema = definitions.remove(component).unwrap_or_default();
    if let Value::Object(members) = &mut schema {
        members.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("$id".to_owned(), format!("urn:fawtara:schema:{name}:1").into());
        if !definitions.is_empty() {
            members.insert("$defs".to_owned(), Value::Object(definitions));
        }
    }
    schema
}

/// Turns references to components into references to definitions, and says to which.
fn gather(schema: &mut Value, wanted: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/components/schemas/").map(str::to_owned)
            {
                *reference = format!("#/$defs/{name}");
                wanted.push(name);
            }
            members.values_mut().for_each(|member| gather(member, wanted));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| gather(element, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
