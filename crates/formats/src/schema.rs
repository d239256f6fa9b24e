//! The JSON Schemas of the formats that are JSON, made from their tables of fields. Must not know where they are published.

use serde_json::{Map, Value, json};

use crate::field::{Field, Kind};
use crate::{eezi, post2tax};

/// A schema with the file that it is published in.
#[derive(Debug)]
pub struct Published {
    /// The name of its file.
    pub file: &'static str,
    /// The schema.
    pub schema: Value,
}

/// Examples of each format, as its schema shows them.
pub const POST2TAX_EXAMPLE: &str = include_str!("schema/post2tax.json");
/// An invoice and a credit note.
pub const EEZI_EXAMPLES: [&str; 2] =
    [include_str!("schema/eezi_invoice.json"), include_str!("schema/eezi_credit_note.json")];

/// All schemas of this room.
#[must_use]
pub fn all() -> Vec<Published> {
    vec![
        Published {
            file: "post2tax-invoice.v1.json",
            schema: schema(
                post2tax::FIELDS,
                "urn:fawtara:schema:post2tax-invoice:1",
                "The request body of the Post2Tax gateway, as it is taken",
                &[POST2TAX_EXAMPLE],
            ),
        },
        Published {
            file: "eezi-invoice.v1.json",
            schema: schema(
                eezi::FIELDS,
                "urn:fawtara:schema:eezi-invoice:1",
                "The eezi invoice or credit note, as it is taken",
                &EEZI_EXAMPLES,
            ),
        },
    ]
}

/// [`Published::schema`] as it is written to a file: indented, with a line end.
#[must_use]
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// One object of a schema under way.
#[derive(Default)]
struct Shape {
    members: Vec<(String, Shape)>,
    required: bool,
    list: bool,
    leaf: Option<Field>,
}

impl Shape {
    fn at(&mut self, path: &str) -> &mut Self {
        let mut place = self;
        for step in path.split('.') {
            let (name, list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
            let found = place.members.iter().position(|(known, _)| known == name);
            let index = found.unwrap_or_else(|| {
                place.members.push((name.to_owned(), Self { list, ..Self::default() }));
                place.members.len() - 1
            });
            #[allow(clippy::indexing_slicing, reason = "found, or pushed just now")]
            let (_, next) = &mut place.members[index];
            place = next;
        }
        place
    }

    fn schema(&self) -> Value {
        if let Some(field) = &self.leaf {
            return leaf(field);
        }
        let mut properties = Map::new();
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, shape) in &members {
            properties.insert(name.clone(), shape.schema());
        }
        let required: Vec<_> =
            members.iter().filter(|(_, shape)| shape.required).map(|(name, _)| name.clone()).collect();
        let mut object = json!({ "properties": properties, "type": "object" });
        if let (Some(members), false) = (object.as_object_mut(), required.is_empty()) {
            members.insert("required".to_owned(), json!(required));
        }
        if self.list { json!({ "items": object, "type": "array" }) } else { object }
    }
}

fn schema(fields: &[Field], id: &str, title: &str, examples: &[&str]) -> Value {
    let mut root = Shape::default();
    for field in fields {
        root.at(field.theirs).leaf = Some(*field);
        if field.required {
            // A field that must be there needs the objects around it; a list may still be empty.
            let mut path = field.theirs;
            loop {
                root.at(path).required = true;
                let Some((parent, _)) = path.rsplit_once('.') else { break };
                path = parent;
            }
        }
    }
    let mut schema = root.schema();
    let examples: Vec<Value> = examples.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    if let Some(members) = schema.as_object_mut() {
        members.insert("$id".to_owned(), id.into());
        members.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        members.insert("title".to_owned(), title.into());
        members.insert("examples".to_owned(), Value::Array(examples));
    }
    sorted(schema)
}

fn leaf(field: &Field) -> Value {
    let about = field.meaning;
    let number = "^-?[0-9]+(\\.[0-9]+)?$";
    match field.kind {
        Kind::Text => json!({ "description": about, "type": ["string", "number", "null"] }),
        Kind::Number => {
            json!({ "description": about, "pattern": number, "type": ["string", "number", "null"] })
        }
        Kind::Date => {
            json!({ "description": about, "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "type": "string" })
        }
        Kind::Flag => json!({ "description": about, "type": ["boolean", "string", "null"] }),
        Kind::OneOf(values) => {
            let mut any: Vec<Value> = values.iter().map(|value| json!(value)).collect();
            any.extend(values.iter().filter_map(|value| value.parse::<u64>().ok()).map(Value::from));
            if !field.required {
                any.extend([json!(""), Value::Null]);
            }
            json!({ "description": about, "enum": any })
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
