//! JSON read without expectations: any member may be missing, null, or of another kind. Knows no member's name.
//!
//! Bounded: past [`MAX_NODES`] values the rest is checked for syntax and not kept, so that a hostile body cannot
//! blow up to many times its own size.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most values that are kept of one answer. A refusal with a thousand reasons has about six thousand.
pub(super) const MAX_NODES: usize = 20_000;

/// A value. Numbers and truth values are texts, as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Text(String),
    List(Vec<Node>),
    /// Names in lower case and without underscores, so that `EINV_QR` and `einvQr` are one.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads a whole JSON text, with or without a byte order mark. None when it is no JSON.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let left = Cell::new(MAX_NODES);
        let mut reader = serde_json::Deserializer::from_slice(body);
        let read = Keep(&left).deserialize(&mut reader).and_then(|node| reader.end().map(|()| node));
        match (read, std::str::from_utf8(body)) {
            (Ok(node), _) => Some(node),
            // One broken character in a message must not cost the answer.
            (Err(_), Err(_)) => Self::read(String::from_utf8_lossy(body).as_bytes()),
            (Err(_), Ok(_)) => None,
        }
    }

    /// The first of an object's members with one of these names that is not null.
    pub(super) fn member(&self, names: &[&str]) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members
            .iter()
            .find(|(name, node)| *node != Self::Null && names.contains(&name.as_str()))
            .map(|(_, node)| node)
    }

    /// A text that says something. An object of a single text counts as that text: so do numbers arrive whose
    /// digits are kept.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
            Self::Object(members) => match members.as_slice() {
                [(_, Self::Text(text))] => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
                _ => None,
            },
            Self::Null | Self::List(_) => None,
        }
    }

    /// The items of a list; one value alone is a list of one, nothing is none.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::Null => &[],
            Self::List(items) => items,
            other => std::slice::from_ref(other),
        }
    }
}

/// Reads one value, as long as something is left of the budget.
#[derive(Clone, Copy)]
struct Keep<'a>(&'a Cell<usize>);

impl Keep<'_> {
    fn spend(self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'de> DeserializeSeed<'de> for Keep<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if self.spend() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Node::Null)
        }
    }
}

impl<'de> Visitor<'de> for Keep<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut kept = Vec::new();
        while self.0.get() > 0 {
            match items.next_element_seed(self)? {
                Some(node) => kept.push(node),
                None => return Ok(Node::List(kept)),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::List(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut kept = Vec::new();
        while self.0.get() > 0 {
            let Some(name) = members.next_key::<String>()? else { return Ok(Node::Object(kept)) };
            let name = name.chars().filter(|&c| c != '_').map(|c| c.to_ascii_lowercase()).collect();
            kept.push((name, members.next_value_seed(self)?));
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Node::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        Node::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_folded_and_null_is_absent() {
        let node = read(r#"{"EINV_QR": null, "einvQr": " رمز ", "n": 007}"#.replace("007", "1.50").as_str());
        assert_eq!(node.member(&["einvqr"]).and_then(Node::text), Some(" رمز "));
        assert_eq!(node.member(&["n"]).and_then(Node::text), Some("1.50"));
        assert_eq!(node.member(&["absent"]), None);
    }

    #[test]
    fn one_value_is_a_list_of_one() {
        assert_eq!(read("[1, [2], {}]").items().len(), 3);
        assert_eq!(read(r#""وحيد""#).items().len(), 1);
        assert_eq!(read("null").items(), []);
    }

    #[test]
    fn a_mark_a_broken_character_and_white_space_are_borne() {
        assert_eq!(Node::read(b"\xef\xbb\xbf {} \r\n"), Some(Node::Object(Vec::new())));
        let broken = Node::read(b"{\"m\": \"a\xffb\"}").unwrap();
        assert_eq!(broken.member(&["m"]).and_then(Node::text), Some("a\u{fffd}b"));
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for body in ["", "<html/>", "{", "{} {}", r#"{"a": "b"#, &"[".repeat(100_000), "\u{feff}\u{feff}{}"] {
            assert_eq!(Node::read(body.as_bytes()), None, "{body:.20}");
        }
        assert_eq!(Node::read(b"\xff\xfe{\0}\0"), None);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_rest_still_checked() {
        let many = format!("{{\"a\": [{}], \"b\": 1}}", vec!["[]"; 3 * MAX_NODES].join(","));
        let node = read(&many);
        assert!(node.member(&["a"]).unwrap().items().len() <= MAX_NODES);
        assert_eq!(Node::read(many.strip_suffix('}').unwrap().as_bytes()), None);
    }
}
