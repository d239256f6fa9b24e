//! Writes a tree in canonical form (inclusive C14N, white space between elements left out); it must not change a value.

use super::Element;

/// Appends an element and all below it.
pub(crate) fn write(element: &Element, out: &mut String) {
    write_with(element, "", None, out);
}

/// The canonical text of an element.
pub(crate) fn to_string(element: &Element) -> String {
    let mut out = String::with_capacity(4096);
    write(element, &mut out);
    out
}

/// Appends an element with `first` before its children and, where given, `(name, xml)`: the XML after the last
/// child of that name. Both must be canonical already.
pub(crate) fn write_with(element: &Element, first: &str, after: Option<(&str, &str)>, out: &mut String) {
    out.push('<');
    out.push_str(&element.name);
    let mut attributes: Vec<&(String, String)> = element.attributes.iter().collect();
    attributes.sort_by_key(|(name, _)| (!is_namespace(name), name));
    for (name, value) in attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape_attribute(value, out);
        out.push('"');
    }
    out.push('>');
    out.push_str(first);
    if element.children.is_empty() {
        escape_text(&element.text, out);
    }
    let last = after.and_then(|(name, _)| element.children.iter().rposition(|child| child.name == name));
    for (position, child) in element.children.iter().enumerate() {
        write(child, out);
        if let Some((_, xml)) = after
            && Some(position) == last
        {
            out.push_str(xml);
        }
    }
    out.push_str("</");
    out.push_str(&element.name);
    out.push('>');
}

fn is_namespace(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

fn escape_text(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

fn escape_attribute(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, parse};

    #[test]
    fn sorts_attributes_drops_white_space_and_escapes() {
        let text =
            "<a z=\"1\" b=\"&lt;&quot;\" xmlns:c=\"u:c\" xmlns=\"u\">\n <b> شاي &amp; &lt; </b>\n <c/>\n</a>";
        let root = parse(text, Limits { depth: 9, elements: 9 }).unwrap().root;
        let expected =
            "<a xmlns=\"u\" xmlns:c=\"u:c\" b=\"&lt;&quot;\" z=\"1\"><b> شاي &amp; &lt; </b><c></c></a>";
        assert_eq!(to_string(&root), expected);
    }

    #[test]
    fn puts_what_is_added_in_its_place() {
        let root = parse("<a><b/><b/><c/></a>", Limits { depth: 9, elements: 9 }).unwrap().root;
        let mut out = String::new();
        write_with(&root, "<x></x>", Some(("b", "<y></y>")), &mut out);
        assert_eq!(out, "<a><x></x><b></b><b></b><y></y><c></c></a>");
    }
}
