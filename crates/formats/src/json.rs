//! Reading another system's JSON member by member, with every fault at its path. Must not know any format.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use chrono::NaiveDate;
use invoice::{Amount, Fault, FaultCode, Message, limits};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::document::pattern;
use crate::field::Field;
use crate::money;

/// Objects and lists inside one another, at most; no format needs more than six.
const DEPTH: usize = 16;
/// Bytes of a member's name, at most. Every element below a member repeats its name in its path: what is not bounded here is multiplied.
const NAME: usize = 200;
/// Bytes of a path, at most; as many as a member of the metadata may have for a name.
const PATH: usize = limits::METADATA_CHARS;

/// A JSON value with its members in order and its numbers as they were written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Object(Vec<(String, Node)>),
    List(Vec<Node>),
    /// A text, a number or a boolean, as it was written.
    Leaf(String),
    Null,
}

/// Parses one document.
pub(crate) fn parse(json: &[u8]) -> Result<Node, Vec<Fault>> {
    let one = |code, message| vec![Fault::new(code, "", message)];
    if json.len() > limits::EVENT_BYTES {
        let most = limits::EVENT_BYTES;
        let message = format!("{} bytes are more than a document may have, {most}", json.len());
        return Err(one(FaultCode::TooLarge, message));
    }
    let text = std::str::from_utf8(json).map_err(|error| {
        let message = format!("byte {} is not UTF-8: send the document as UTF-8", error.valid_up_to());
        one(FaultCode::InvalidUnicode, message)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|error| one(FaultCode::MalformedJson, format!("is not JSON: {error}")))?;
    let root = node(raw, "", 0).map_err(|fault| vec![fault])?;
    if !matches!(root, Node::Object(_)) {
        return Err(one(
            FaultCode::InvalidValue,
            "is not an object: a document is one JSON object".to_owned(),
        ));
    }
    Ok(root)
}

/// The members of an object in order, repeated ones included: a tree of maps would keep one of them in silence.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        source.deserialize_map(Collect)
    }
}

fn node(raw: &RawValue, path: &str, depth: usize) -> Result<Node, Fault> {
    if depth > DEPTH {
        return Err(Fault::new(FaultCode::InvalidValue, path, "is nested too deeply for any invoice"));
    }
    if path.len() > PATH {
        let message =
            format!("has a path of more than {PATH} bytes: shorten its name and the names above it");
        return Err(Fault::new(FaultCode::InvalidValue, cut(path), message));
    }
    let text = raw.get().trim_ascii();
    let unreadable = |error: serde_json::Error| {
        Fault::new(FaultCode::InvalidUnicode, path, format!("cannot be read: {error}"))
    };
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(unreadable)?;
            let mut object: Vec<(String, Node)> = Vec::with_capacity(members.len());
            let mut seen = std::collections::BTreeSet::new();
            for (name, value) in members {
                if name.len() > NAME {
                    let message = format!(
                        "has a name of {} bytes: a name may have {NAME} at most; shorten it, or leave the member out",
                        name.len()
                    );
                    return Err(Fault::new(FaultCode::InvalidValue, joined(path, &cut(&name)), message));
                }
                let below = joined(path, &name);
                // Their own readers do not look at the case of letters, so two such names are one.
                if !seen.insert(name.to_ascii_lowercase()) {
                    let message = "stands there twice: keep one";
                    return Err(Fault::new(FaultCode::DuplicateField, below, message));
                }
                object.push((name, node(value, &below, depth + 1)?));
            }
            Node::Object(object)
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(unreadable)?;
            let elements = elements.into_iter().enumerate();
            let elements = elements.map(|(n, element)| node(element, &format!("{path}[{n}]"), depth + 1));
            Node::List(elements.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Node::Leaf(serde_json::from_str(text).map_err(unreadable)?),
        Some(b'n') => Node::Null,
        _ => Node::Leaf(text.to_owned()),
    })
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The beginning of a name or path that is too long to repeat.
fn cut(path: &str) -> String {
    path.chars().take(60).chain(['…']).collect()
}

/// A place in a document, whether or not something stands there.
#[derive(Debug, Clone)]
pub(crate) struct At<'n> {
    pub(crate) path: String,
    node: Option<&'n Node>,
}

impl<'n> At<'n> {
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { path: String::new(), node: Some(node) }
    }

    /// The member of that name, whatever the case of its letters.
    pub(crate) fn member(&self, name: &str) -> At<'n> {
        let node = match self.node {
            Some(Node::Object(members)) => {
                members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, node)| node)
            }
            _ => None,
        };
        At { path: joined(&self.path, name), node: node.filter(|node| **node != Node::Null) }
    }

    /// The first of several names that is there; the first name when none is.
    pub(crate) fn any(&self, names: &[&str]) -> At<'n> {
        let found = names.iter().map(|name| self.member(name)).find(At::is_there);
        found.unwrap_or_else(|| self.member(names.first().copied().unwrap_or_default()))
    }

    pub(crate) fn is_there(&self) -> bool {
        self.node.is_some()
    }

    /// A text, number or boolean stands here.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.node, Some(Node::Leaf(_)))
    }
}

/// Collects faults while members are read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) faults: Vec<Fault>,
}

impl Reader {
    pub(crate) fn fault(&mut self, code: FaultCode, at: &At<'_>, message: impl Into<Message>) {
        if self.faults.len() < limits::FAULTS {
            self.faults.push(Fault::new(code, at.path.as_str(), message));
        }
    }

    /// A text, or a number or boolean as it was written; blank is absent.
    pub(crate) fn text(&mut self, at: &At<'_>) -> Option<String> {
        match at.node {
            None | Some(Node::Null) => None,
            Some(Node::Leaf(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Some(Node::Object(_) | Node::List(_)) => {
                self.fault(FaultCode::InvalidValue, at, "is an object or a list: write a single value");
                None
            }
        }
    }

    /// As [`Reader::text`]; a fault when there is none.
    pub(crate) fn needed(&mut self, at: &At<'_>) -> Option<String> {
        let faults = self.faults.len();
        let text = self.text(at);
        if text.is_none() && self.faults.len() == faults {
            self.fault(FaultCode::MissingField, at, "is missing: it is mandatory");
        }
        text
    }

    pub(crate) fn amount(&mut self, at: &At<'_>) -> Option<Amount> {
        let text = self.text(at)?;
        match money::plain(&text).parse() {
            Ok(amount) => Some(amount),
            Err(error) => {
                self.fault(FaultCode::InvalidValue, at, error.to_string());
                None
            }
        }
    }

    pub(crate) fn needed_amount(&mut self, at: &At<'_>) -> Option<Amount> {
        self.needed(at)?;
        self.amount(at)
    }

    /// A date; a time of day after it is not looked at.
    pub(crate) fn needed_date(&mut self, at: &At<'_>) -> Option<NaiveDate> {
        let text = self.needed(at)?;
        let date = text.split_once(['T', ' ']).map_or(text.as_str(), |(date, _)| date);
        let read = NaiveDate::parse_from_str(&money::plain(date), "%Y-%m-%d").ok();
        if read.is_none() || date.len() != 10 {
            let message = format!("{} is not a date: write it as 2026-11-20", money::quoted(&text));
            self.fault(FaultCode::InvalidValue, at, message);
            return None;
        }
        read
    }

    /// The elements of a list, which must be objects or single values as the format has it.
    pub(crate) fn list<'n>(&mut self, at: &At<'n>) -> Vec<At<'n>> {
        match at.node {
            None | Some(Node::Null) => Vec::new(),
            Some(Node::List(elements)) => {
                let at = |(n, node)| At { path: format!("{}[{n}]", at.path), node: Some(node) };
                elements.iter().enumerate().map(at).collect()
            }
            Some(_) => {
                self.fault(FaultCode::InvalidValue, at, "is not a list");
                Vec::new()
            }
        }
    }

    /// What is kept beside the event: the members that `fields` says so of, and those that it does not know, unless their names say that
    /// they could change the amounts. `others` are second names of fields.
    pub(crate) fn kept(
        &mut self,
        root: &Node,
        fields: &[Field],
        others: &[&str],
    ) -> Option<BTreeMap<String, String>> {
        let mut kept = BTreeMap::new();
        // Whether it broke off is a fault, which says so already.
        let _ = self.keep(&mut kept, At::root(root), fields, others);
        Some(kept).filter(|kept| !kept.is_empty())
    }

    /// Breaks off with a fault once as much is kept as an event may keep.
    fn keep(
        &mut self,
        kept: &mut BTreeMap<String, String>,
        at: At<'_>,
        fields: &[Field],
        others: &[&str],
    ) -> ControlFlow<()> {
        match at.node {
            Some(Node::Object(members)) => {
                for (name, node) in members {
                    let at = At { path: joined(&at.path, name), node: Some(node) };
                    self.keep(kept, at, fields, others)?;
                }
            }
            Some(Node::List(elements)) => {
                for (n, node) in elements.iter().enumerate() {
                    let at = At { path: format!("{}[{n}]", at.path), node: Some(node) };
                    self.keep(kept, at, fields, others)?;
                }
            }
            Some(Node::Leaf(text)) => {
                let text = text.trim();
                match Field::at(fields, &at.path) {
                    Some(field) if field.ours != Field::KEPT => {}
                    _ if text.is_empty() => {}
                    None if others.contains(&pattern(&at.path).0.as_str()) => {}
                    None if counts(&at.path, text) => {
                        let message = "is not known here, and by its name it could change the amounts: it is not \
                                       passed over in silence; leave it out, or say it by the fields of the format";
                        self.fault(FaultCode::UnknownField, &at, message);
                    }
                    Some(_) | None if kept.len() >= limits::METADATA => {
                        let most = limits::METADATA;
                        let message = format!(
                            "is one more than the {most} members that are kept beside an invoice: leave out what is not needed"
                        );
                        self.fault(FaultCode::TextTooLong, &at, message);
                        return ControlFlow::Break(());
                    }
                    Some(_) | None => {
                        kept.insert(at.path, text.to_owned());
                    }
                }
            }
            Some(Node::Null) | None => {}
        }
        ControlFlow::Continue(())
    }
}

/// Whether a member holds a number other than 0 and its name speaks of amounts.
fn counts(path: &str, value: &str) -> bool {
    let number = money::plain(value).parse::<Amount>().is_ok_and(|amount| amount != Amount::ZERO);
    let path = path.to_ascii_lowercase();
    let words =
        ["amount", "charge", "discount", "allowance", "tax", "total", "price", "quantity", "percent", "rate"];
    number && words.iter().any(|word| path.contains(word))
}
