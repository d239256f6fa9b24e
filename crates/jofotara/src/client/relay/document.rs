//! Our own XML read back, as far as a gateway's figures need it. Knows the profile's elements, not the gateway.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// The deepest nesting that is read; an invoice has about ten levels.
const MAX_DEPTH: usize = 64;
/// The most elements that are read; an invoice of ten thousand lines has about three hundred thousand.
const MAX_ELEMENTS: usize = 1_000_000;

/// One element: local name, attributes, and either children or text.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    /// The element at a path of local names below this one, the first where there are several.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        path.split('/')
            .try_fold(self, |element, name| element.children.iter().find(|child| child.name == name))
    }

    /// The text at a path; none where it is absent or blank.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        Some(self.at(path)?.text.trim()).filter(|text| !text.is_empty())
    }

    /// The text at a path that every document has.
    pub(super) fn needed(&self, path: &'static str) -> Result<&str, String> {
        self.text(path).ok_or_else(|| format!("the document has no {path}"))
    }

    /// The children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// An attribute of the element at a path.
    pub(super) fn attribute(&self, path: &str, name: &str) -> Option<&str> {
        let element = self.at(path)?;
        element.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document whole, or says why not.
pub(super) fn read(xml: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(xml).map_err(|_| "the document is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Element::default()];
    let mut elements = 0usize;
    loop {
        let event = reader.read_event().map_err(|error| format!("the document is not XML: {error}"))?;
        match event {
            Event::Start(start) => {
                elements += 1;
                if elements > MAX_ELEMENTS || open.len() > MAX_DEPTH {
                    return Err("the document is more intricate than any invoice".to_owned());
                }
                open.push(element(&start)?);
            }
            Event::End(_) => {
                let Some(done) = open.pop() else { break };
                let Some(parent) = open.last_mut() else { break };
                parent.children.push(done);
            }
            Event::Text(text) => append(&mut open, &text),
            Event::CData(text) => append(&mut open, &text),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                let resolved = character.or_else(|| resolve_predefined_entity(&reference).map(str::to_owned));
                let Some(resolved) = resolved else {
                    return Err("the document has an entity of its own".to_owned());
                };
                append(&mut open, &resolved);
            }
            Event::DocType(_) => return Err("the document has a DOCTYPE".to_owned()),
            // Empty elements come as a start and an end.
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
    }
    let mut top = open.into_iter();
    match (top.next().and_then(|top| top.children.into_iter().next()), top.next()) {
        (Some(root), None) if root.name == "Invoice" => Ok(root),
        _ => Err("the document is no whole Invoice".to_owned()),
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("the document is not XML: {error}"))?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| format!("the document is not XML: {error}"))?;
        attributes.push((attribute.key.local_name().into_inner().to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.local_name().into_inner().to_owned(), attributes, ..Element::default() })
}
