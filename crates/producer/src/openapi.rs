//! The contract of everything that is served over HTTP, as an OpenAPI 3.1 document. Must not know how it is served; a test
//! walks the real routes and fails when one is missing here.
#![allow(
    clippy::indexing_slicing,
    reason = "JSON that is put together right here; the tests put all of it together"
)]

mod components;
mod paths;

#[cfg(test)]
pub(crate) mod tests;

use serde_json::{Map, Value, json};

/// The document.
#[must_use]
pub fn openapi() -> Value {
    let (mut schemas, responses) = (components::schemas(), components::responses());
    let event = hoisted(invoice::schema::event_schema(), &mut schemas);
    schemas.insert("Event".to_owned(), event);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fawtara",
            "summary": "Clears invoices with JoFotara, Jordan's national e-invoicing system.",
            "description": "Publish an invoice event and it is made durable before you hear yes; it ends cleared, with the \
                authority's QR code, or in front of a person with the reason. Publishing the same event again is always safe.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The producer (producer.listen)." }],
        "security": [{ "bearer": [] }],
        "tags": [
            { "name": "publish", "description": "Ways in." },
            { "name": "look up", "description": "Where an invoice stands." },
            { "name": "other systems", "description": "Ways in for what was written for other systems." },
            { "name": "contract", "description": "This document." },
            { "name": "admin", "description": "The admin port of every role (admin.listen): for probes and scrapers." },
        ],
        "paths": paths::paths(),
        "components": {
            "securitySchemes": components::security(),
            "schemas": schemas,
            "responses": responses,
        },
    })
}

/// A JSON Schema as a component: its definitions become components of their own, since not every reader of OpenAPI finds
/// definitions within a component.
fn hoisted(mut schema: Value, components: &mut Map<String, Value>) -> Value {
    redirect(&mut schema);
    if let Value::Object(members) = &mut schema {
        for own in ["$schema", "$id"] {
            members.remove(own);
        }
        if let Some(Value::Object(definitions)) = members.remove("$defs") {
            components.extend(definitions);
        }
    }
    schema
}

fn redirect(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/$defs/", "#/components/schemas/");
            }
            members.values_mut().for_each(redirect);
        }
        Value::Array(elements) => elements.iter_mut().for_each(redirect),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
