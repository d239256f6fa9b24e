//! Reads XML into a small tree, within limits; it must not know what an invoice is.

pub(crate) mod canonical;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// How much a document may ask of the reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Elements nested in one another.
    pub(crate) depth: usize,
    /// Elements in the whole document.
    pub(crate) elements: usize,
}

/// One element: its qualified name as written, its attributes as written, and either children or text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) root: Element,
    /// Whether the opening tag of the root stands on one line.
    pub(crate) one_line: bool,
}

/// Why a document was not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("not well-formed: {0}")]
    NotWellFormed(String),
    #[error("{0} is not allowed")]
    Forbidden(&'static str),
    #[error("the document is too large or too deep")]
    OverLimit,
}

impl Element {
    /// The element at a path of qualified names below this one, the first where there are several.
    pub(crate) fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.children.iter().find(|c| c.name == name))
    }

    /// The trimmed text at a path, empty where there is no such element.
    pub(crate) fn text_at(&self, path: &str) -> &str {
        self.at(path).map_or("", |element| element.text.trim())
    }

    /// The children of one name, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a whole document. DOCTYPE, entities of its own and processing instructions are refused: an invoice
/// needs none of them, and they are how XML is abused.
pub(crate) fn parse(text: &str, limits: Limits) -> Result<Parsed, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_xml_character) {
        return Err(XmlError::NotWellFormed("a character that XML does not allow".into()));
    }
    let mut reader = Reader::from_str(text);
    let mut builder = Builder { limits, open: Vec::new(), root: None, one_line: false, elements: 0 };
    let mut first = true;
    loop {
        match reader.read_event().map_err(|error| XmlError::NotWellFormed(error.to_string()))? {
            Event::Start(start) => builder.open(&start)?,
            Event::Empty(start) => {
                builder.open(&start)?;
                builder.close();
            }
            Event::End(_) => builder.close(),
            Event::Text(content) => {
                if content.contains("]]>") {
                    return Err(XmlError::NotWellFormed("']]>' in text".into()));
                }
                builder.text(&content.xml10_content())?;
            }
            Event::CData(content) => builder.text(&content.xml10_content())?,
            Event::GeneralRef(reference) => {
                let resolved = resolve(&reference).ok_or(XmlError::Forbidden("an entity of its own"))?;
                builder.text(resolved.encode_utf8(&mut [0; 4]))?;
            }
            Event::Comment(_) => {}
            Event::Decl(declaration) => {
                let utf8 = match declaration.encoding() {
                    None => true,
                    Some(Ok(name)) => name.eq_ignore_ascii_case("utf-8"),
                    Some(Err(_)) => false,
                };
                if !first || !utf8 {
                    return Err(XmlError::NotWellFormed("a misplaced or wrong XML declaration".into()));
                }
            }
            Event::PI(_) => return Err(XmlError::Forbidden("a processing instruction")),
            Event::DocType(_) => return Err(XmlError::Forbidden("DOCTYPE")),
            Event::Eof => break,
        }
        first = false;
    }
    builder.finish()
}

/// Holds the elements that are open while a document is read.
struct Builder {
    limits: Limits,
    open: Vec<Element>,
    root: Option<Element>,
    one_line: bool,
    elements: usize,
}

impl Builder {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        if self.open.is_empty() {
            if self.root.is_some() {
                return Err(XmlError::NotWellFormed("a second root element".into()));
            }
            self.one_line = !start.contains(['\n', '\r']);
        }
        self.elements += 1;
        if self.elements > self.limits.elements || self.open.len() >= self.limits.depth {
            return Err(XmlError::OverLimit);
        }
        let mut element = Element { name: name_of(start), ..Element::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| XmlError::NotWellFormed(error.to_string()))?;
            if attribute.value.contains('<') {
                return Err(XmlError::NotWellFormed("'<' in an attribute".into()));
            }
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .map_err(|error| XmlError::NotWellFormed(error.to_string()))?;
            if !value.chars().all(is_xml_character) {
                return Err(XmlError::NotWellFormed("a character that XML does not allow".into()));
            }
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        self.open.push(element);
        Ok(())
    }

    /// Ends the innermost element; the reader has checked that the names agree.
    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::NotWellFormed("text outside the root element".into())),
        }
        Ok(())
    }

    fn finish(self) -> Result<Parsed, XmlError> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(Parsed { root, one_line: self.one_line }),
            _ => Err(XmlError::NotWellFormed("the document ends too early".into())),
        }
    }
}

fn name_of(start: &BytesStart<'_>) -> String {
    start.name().as_ref().to_owned()
}

/// The character behind one of the five predefined entities or a character reference.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character).filter(|c| is_xml_character(*c));
    }
    match reference.as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

/// The characters that XML 1.0 allows (production 2).
fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { depth: 4, elements: 6 };

    fn read(text: &str) -> Result<Parsed, XmlError> {
        parse(text, LIMITS)
    }

    #[test]
    fn reads_elements_attributes_and_arabic_text() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x=\"&quot;1\">\n <b>شاي &amp; سكر&#x21;</b><c/></a>\n";
        let parsed = read(text).unwrap();
        assert!(parsed.one_line);
        assert_eq!(parsed.root.attribute("x"), Some("\"1"));
        assert_eq!(parsed.root.text_at("b"), "شاي & سكر!");
        assert_eq!(parsed.root.all("c").count(), 1);
    }

    #[test]
    fn sees_an_opening_tag_on_two_lines() {
        assert!(!read("<a x=\"1\"\n y=\"2\"><b/></a>").unwrap().one_line);
        assert!(read("<a x=\"1\">\n<b\n/></a>").unwrap().one_line);
    }

    #[test]
    fn refuses_what_is_not_well_formed() {
        for bad in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "</a>",
            "<a x=1/>",
            "<a x=\"1\" x=\"2\"/>",
            "<a>&</a>",
            "<a>\u{1}</a>",
            "<a>&#1;</a>",
            "<a>]]></a>",
            "<a x=\"<\"/>",
            " <?xml version=\"1.0\"?><a/>",
            "<?xml version=\"1.0\" encoding=\"windows-1256\"?><a/>",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refuses_doctype_entities_and_instructions() {
        for bad in ["<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a>&b;</a>", "<?go now?><a/>"] {
            assert!(matches!(read(bad), Err(XmlError::Forbidden(_))), "{bad}");
        }
    }

    #[test]
    fn keeps_its_limits() {
        assert!(read("<a><a><a><a/></a></a></a>").is_ok());
        assert_eq!(read("<a><a><a><a><a/></a></a></a></a>").unwrap_err(), XmlError::OverLimit);
        assert!(read("<a><b/><b/><b/><b/><b/></a>").is_ok());
        assert_eq!(read("<a><b/><b/><b/><b/><b/><b/></a>").unwrap_err(), XmlError::OverLimit);
    }
}
