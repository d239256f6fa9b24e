//! The fields of a foreign format: what each is called there, and what it becomes. One table serves the mapping of faults, the
//! documentation and the JSON Schema, so that they cannot tell different stories.

use std::fmt::Write;

use crate::document::pattern;

/// One field of a format.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its path there, such as `InvoiceLines[].Price`.
    pub theirs: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a document without it is refused.
    pub required: bool,
    /// The event's field that it becomes, such as `lines[].unit_price`; [`Field::KEPT`] when it is kept beside; empty when it is only checked.
    pub ours: &'static str,
    /// What becomes of it, in words.
    pub meaning: &'static str,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A number, or a text that is one.
    Number,
    /// A date, `yyyy-mm-dd`.
    Date,
    /// True or false.
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl Field {
    /// What the event keeps without sending it.
    pub const KEPT: &'static str = "metadata";

    /// The path of the event's field `ours` in the terms of `fields`; unchanged when they have none for it.
    pub(crate) fn theirs(fields: &[Self], ours: &str) -> String {
        if let Some(kept) = ours.strip_prefix("metadata.") {
            return kept.to_owned();
        }
        let (wanted, indexes) = pattern(ours);
        // Where the family is a field at all, it is one with the scope.
        let mut wanted = if wanted == "scope" { "family" } else { wanted.as_str() };
        loop {
            if let Some(field) = fields.iter().find(|field| !wanted.is_empty() && field.ours == wanted) {
                return indexed(field.theirs, &indexes);
            }
            // A whole line, or a field within one that they keep together.
            if wanted == "lines[]" || wanted == "lines" {
                let line = fields.iter().find(|field| field.ours.starts_with("lines[]."));
                let list = line.and_then(|field| field.theirs.split_once("[]"));
                let list = list.map_or("lines", |(list, _)| list);
                return match indexes.first() {
                    Some(index) => format!("{list}[{index}]"),
                    None => list.to_owned(),
                };
            }
            match wanted.rsplit_once('.') {
                Some((parent, _)) => wanted = parent,
                None => return ours.to_owned(),
            }
        }
    }

    /// The field at a path of theirs, whatever the case of its letters.
    pub(crate) fn at<'f>(fields: &'f [Self], theirs: &str) -> Option<&'f Self> {
        let (wanted, _) = pattern(theirs);
        fields.iter().find(|field| field.theirs.eq_ignore_ascii_case(&wanted))
    }
}

fn indexed(theirs: &str, indexes: &[usize]) -> String {
    let mut indexes = indexes.iter();
    let mut path = String::with_capacity(theirs.len());
    for (n, piece) in theirs.split("[]").enumerate() {
        if n > 0 {
            match indexes.next() {
                Some(index) => {
                    let _ = write!(path, "[{index}]");
                }
                None => path.push_str("[]"),
            }
        }
        path.push_str(piece);
    }
    path
}

/// The table of a format for people, as Markdown.
#[must_use]
pub fn markdown(fields: &[Field]) -> String {
    let mut text = String::from("| field | holds | becomes | what happens to it |\n|---|---|---|---|\n");
    for field in fields {
        let holds = match field.kind {
            Kind::Text => "text".to_owned(),
            Kind::Number => "number".to_owned(),
            Kind::Date => "date, `yyyy-mm-dd`".to_owned(),
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::OneOf(values) => {
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let needed = if field.required { ", needed" } else { "" };
        let ours = match field.ours {
            "" => "–".to_owned(),
            ours => format!("`{ours}`"),
        };
        let _ = writeln!(text, "| `{}` | {holds}{needed} | {ours} | {} |", field.theirs, field.meaning);
    }
    text
}
