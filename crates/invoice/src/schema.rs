//! The published JSON Schema of the event, made from the types. Must not know where it is published.
//!
//! The schema says what a JSON Schema can say: shapes, names, lengths, digits. What one member asks of another (taxes by
//! family, a return's original, sums) is the validation's business. Blanks around a text are refused by the schema's
//! patterns and trimmed by the reader.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::event::InvoiceEvent;

/// The schema's name. A URN, since it is published with the program and not at an address.
pub const EVENT_SCHEMA_ID: &str = "urn:fawtara:schema:invoice-event:1";

/// Events as the schema shows them, also for documentation and tests: an income document sold for cash, and a general sales
/// document sold on account.
pub const EXAMPLES: [&str; 2] =
    [include_str!("schema/income_cash.json"), include_str!("schema/general_receivable.json")];

/// The JSON Schema (2020-12) of [`InvoiceEvent`] as producers of events see it.
#[must_use]
pub fn event_schema() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<InvoiceEvent>();
    let mut schema = schema.to_value();
    if let Value::Object(root) = &mut schema {
        let examples = EXAMPLES.iter().filter_map(|json| serde_json::from_str(json).ok()).collect();
        root.insert("$id".to_owned(), EVENT_SCHEMA_ID.into());
        root.insert("title".to_owned(), "Fawtara invoice event, version 1".into());
        root.insert("examples".to_owned(), Value::Array(examples));
    }
    sorted(schema)
}

/// [`event_schema`] as it is written to a file: indented, with a line end.
#[must_use]
pub fn event_schema_text() -> String {
    format!("{:#}\n", event_schema())
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
