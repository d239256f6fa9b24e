//! The published JSON Schema of events, made from the types. Must not know where it is published.
//!
//! The schema says what a JSON Schema can say: shapes, names, lengths, digits. What one member asks of another (taxes by
//! family, a return's original, sums) is the validation's business. Blanks around a text are refused by the schema's
//! patterns and trimmed by the reader.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::published::Published;

/// The schema's name. A URN, since it is published with the program and not at an address.
pub const EVENT_SCHEMA_ID: &str = "urn:fawtara:schema:invoice-event:1";

/// Events as the schema shows them, also for documentation and tests: an income document sold for cash, a general sales
/// document sold on account, a shop's receipt with tax in its prices, a return of some lines, and the return of an invoice from
/// before this system's time.
pub const EXAMPLES: [&str; 5] = [
    include_str!("schema/income_cash.json"),
    include_str!("schema/general_receivable.json"),
    include_str!("schema/shop_receipt.json"),
    include_str!("schema/return_some.json"),
    include_str!("schema/return_outside.json"),
];

/// The JSON Schema (2020-12) of [`Published`] as producers of events see it.
#[must_use]
pub fn event_schema() -> Value {
    let schema =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<Published>();
    let mut schema = schema.to_value();
    if let Value::Object(root) = &mut schema {
        let examples = EXAMPLES.iter().filter_map(|json| serde_json::from_str(json).ok()).collect();
        root.insert("$id".to_owned(), EVENT_SCHEMA_ID.into());
        root.insert("title".to_owned(), "Fawtara invoice event, version 1".into());
        root.insert("examples".to_owned(), Value::Array(examples));
        // By `kind`, as the reader does it: an error then speaks of the one format that was meant.
        root.remove("anyOf");
        root.insert("type".to_owned(), "object".into());
        root.insert(
            "if".to_owned(),
            json!({ "properties": { "kind": { "const": "return" } }, "required": ["kind"] }),
        );
        root.insert("then".to_owned(), json!({ "$ref": "#/$defs/ReturnEvent" }));
        root.insert("else".to_owned(), json!({ "$ref": "#/$defs/InvoiceEvent" }));
    }
    if let Some(members) = schema.pointer_mut("/$defs/InvoiceEvent/properties") {
        // The completed document of a return has these; what is published as one has its own format.
        members["kind"] = json!({
            "description": "An invoice; a return has the format of its own.",
            "enum": ["invoice", null],
            "default": "invoice"
        });
        members["original"] = json!({ "description": "Returns only.", "type": "null" });
    }
    sorted(without_unused(schema))
}

/// [`event_schema`] as it is written to a file: indented, with a line end.
#[must_use]
pub fn event_schema_text() -> String {
    format!("{:#}\n", event_schema())
}

/// Without the definitions that nothing refers to.
fn without_unused(mut schema: Value) -> Value {
    loop {
        let text = schema.to_string();
        let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) else { return schema };
        let before = definitions.len();
        definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if definitions.len() == before {
            return schema;
        }
    }
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

#[cfg(test)]
mod tests;
