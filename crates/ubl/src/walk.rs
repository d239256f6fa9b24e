//! One document, read piece by piece without what the authority adds to it. Knows names and text, not what they mean.
//!
//! Comments and processing instructions are passed over, text is joined across them (and across entities and CDATA)
//! and freed of the white space around it; white space alone is no text. Bounded in size, depth and namespaces.

use std::collections::VecDeque;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

use crate::namespace::{Namespace, Namespaces};

/// The largest document that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The deepest nesting that is read. A signed document has about 15 levels.
pub const MAX_DEPTH: usize = 64;
/// The most attributes of an element, namespace declarations among them.
const MAX_ATTRIBUTES: usize = 128;
/// The most pieces of one document reference; it is held until its ID is known.
const MAX_HELD: usize = 4096;

/// Characters that are repeated of what is wrong, at most.
const WORDS: usize = 100;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Nothing in it but white space.
    #[error("the document is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("the document has {bytes} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Deeper than [`MAX_DEPTH`], or with more elements, attributes or namespaces, or larger references, than any invoice has.
    #[error("the document is more intricate than any invoice: {0}")]
    TooIntricate(&'static str),
    /// It is not UTF-8.
    #[error("the document is not UTF-8")]
    NotUtf8,
    /// It has a document type declaration, which is never read.
    #[error("the document has a DOCTYPE, which is refused")]
    Doctype,
    /// It ends before its root element does.
    #[error("the document is cut off")]
    CutOff,
    /// It is not well-formed XML.
    #[error("the document is not well-formed XML: {0}")]
    Malformed(String),
    /// It is XML, but no UBL document.
    #[error("the document is XML, but not UBL: its root element is {0}")]
    NotUbl(String),
}

/// A piece of a document.
#[derive(Debug)]
pub(crate) enum Piece<'x> {
    /// An element begins.
    Start(Start<'x>),
    /// The text between two tags, not empty.
    Text(String),
    /// The element at this level (the root is 1) ends.
    End(usize),
    /// The document is over.
    Over,
}

/// The begin of an element.
#[derive(Debug)]
pub(crate) struct Start<'x> {
    pub(crate) namespace: Namespace,
    pub(crate) level: usize,
    /// In the document's order, without namespace declarations.
    pub(crate) attributes: Vec<Attribute>,
    /// Where its tag begins, in bytes.
    pub(crate) from: usize,
    /// Whether the tag declares a namespace.
    pub(crate) declares: bool,
    tag: BytesStart<'x>,
}

/// An attribute: namespace, local name, normalised value.
pub(crate) type Attribute = (Namespace, String, String);

impl Start<'_> {
    /// The name without its prefix.
    pub(crate) fn local(&self) -> &str {
        self.tag.local_name().into_inner()
    }

    /// The name with its prefix.
    pub(crate) fn qualified(&self) -> &str {
        self.tag.name().into_inner()
    }

    /// Whether it is this element.
    pub(crate) fn is(&self, namespace: Namespace, local: &str) -> bool {
        self.namespace == namespace && self.local() == local
    }
}

/// A document under way.
pub(crate) struct Walk<'x> {
    reader: NsReader<&'x [u8]>,
    /// A document reference, read whole and not yet given out.
    held: VecDeque<Piece<'x>>,
    /// The tag that ended the text given out last.
    pending: Option<Piece<'x>>,
    /// The text since the last tag.
    text: String,
    level: usize,
    rooted: bool,
    /// Where the piece read last begins, in bytes.
    from: usize,
}

impl<'x> Walk<'x> {
    /// At the begin of `xml`.
    pub(crate) fn new(xml: &'x [u8]) -> Result<Self, Unreadable> {
        if xml.len() > MAX_BYTES {
            return Err(Unreadable::TooLarge { bytes: xml.len() });
        }
        let xml = std::str::from_utf8(xml).map_err(|_| Unreadable::NotUtf8)?;
        let mut reader = NsReader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let held = VecDeque::new();
        Ok(Self { reader, held, pending: None, text: String::new(), level: 0, rooted: false, from: 0 })
    }

    /// The next piece, past the extensions, the signature and the QR reference that the authority adds.
    pub(crate) fn next(&mut self, namespaces: &mut Namespaces) -> Result<Piece<'x>, Unreadable> {
        loop {
            if let Some(piece) = self.held.pop_front() {
                return Ok(piece);
            }
            match self.read(namespaces)? {
                Piece::Start(start) if start.level == 2 && added_by_authority(&start) => {
                    self.skip_element(namespaces)?;
                }
                Piece::Start(start)
                    if start.level == 2 && start.is(Namespace::AGGREGATE, "AdditionalDocumentReference") =>
                {
                    self.hold_reference(start, namespaces)?;
                }
                piece => return Ok(piece),
            }
        }
    }

    /// Where the tag that was read last ends, in bytes.
    pub(crate) fn read_to(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Passes over the rest of a child of the root.
    fn skip_element(&mut self, namespaces: &mut Namespaces) -> Result<(), Unreadable> {
        loop {
            if let Piece::End(2) = self.read(namespaces)? {
                return Ok(());
            }
        }
    }

    /// Reads a document reference whole, and holds it unless its ID is `QR`.
    fn hold_reference(&mut self, start: Start<'x>, namespaces: &mut Namespaces) -> Result<(), Unreadable> {
        let mut held = VecDeque::from([Piece::Start(start)]);
        let mut in_id = false;
        let mut is_qr = false;
        loop {
            let piece = self.read(namespaces)?;
            match &piece {
                Piece::Start(start) => in_id = start.level == 3 && start.is(Namespace::BASIC, "ID"),
                Piece::Text(text) => is_qr |= in_id && text == "QR",
                Piece::End(_) | Piece::Over => in_id = false,
            }
            let done = matches!(piece, Piece::End(2));
            held.push_back(piece);
            if done {
                break;
            }
            if held.len() > MAX_HELD {
                return Err(Unreadable::TooIntricate("a document reference"));
            }
        }
        if !is_qr {
            self.held = held;
        }
        Ok(())
    }

    /// The next piece of all. Text is given out before the tag that ended it, which waits.
    fn read(&mut self, namespaces: &mut Namespaces) -> Result<Piece<'x>, Unreadable> {
        if let Some(piece) = self.pending.take() {
            return Ok(piece);
        }
        let piece = self.read_tag(namespaces)?;
        let text = self.text.trim_matches(XML_SPACE);
        if text.is_empty() {
            self.text.clear();
            return Ok(piece);
        }
        let text = text.to_owned();
        self.text.clear();
        self.pending = Some(piece);
        Ok(Piece::Text(text))
    }

    /// Gathers text up to the next tag or the document's end.
    fn read_tag(&mut self, namespaces: &mut Namespaces) -> Result<Piece<'x>, Unreadable> {
        loop {
            self.from = self.read_to();
            match self.reader.read_event().map_err(malformed)? {
                Event::Start(tag) | Event::Empty(tag) => {
                    return self.start(tag, namespaces).map(Piece::Start);
                }
                Event::End(_) => {
                    let level = self.level;
                    self.level = level.saturating_sub(1);
                    return Ok(Piece::End(level));
                }
                Event::Text(text) => self.gather(&text.xml10_content())?,
                Event::CData(text) => self.gather(&text.xml10_content())?,
                Event::GeneralRef(reference) => self.gather_reference(&reference)?,
                Event::DocType(_) => return Err(Unreadable::Doctype),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::Eof if self.level > 0 => return Err(Unreadable::CutOff),
                Event::Eof if !self.rooted => return Err(Unreadable::Empty),
                Event::Eof => return Ok(Piece::Over),
            }
        }
    }

    fn gather(&mut self, text: &str) -> Result<(), Unreadable> {
        if self.level > 0 {
            self.text.push_str(text);
        } else if !text.trim_matches(XML_SPACE).is_empty() {
            return Err(Unreadable::Malformed("text outside the root element".to_owned()));
        }
        Ok(())
    }

    fn gather_reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Unreadable> {
        if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
            return self.gather(character.encode_utf8(&mut [0; 4]));
        }
        let name = reference.xml10_content();
        match resolve_predefined_entity(&name) {
            Some(text) => self.gather(text),
            None => {
                Err(Unreadable::Malformed(format!("unknown entity &{};", invoice::excerpt(&name, WORDS))))
            }
        }
    }

    fn start(&mut self, tag: BytesStart<'x>, namespaces: &mut Namespaces) -> Result<Start<'x>, Unreadable> {
        if self.level == 0 && self.rooted {
            return Err(Unreadable::Malformed("a second root element".to_owned()));
        }
        self.rooted = true;
        self.level += 1;
        if self.level > MAX_DEPTH {
            return Err(Unreadable::TooIntricate("nesting"));
        }
        let resolver = self.reader.resolver();
        let namespace = number(resolver.resolve_element(tag.name()).0, namespaces)?;
        let mut attributes = Vec::new();
        let mut declares = false;
        for (place, attribute) in tag.attributes().enumerate() {
            if place >= MAX_ATTRIBUTES {
                return Err(Unreadable::TooIntricate("attributes"));
            }
            let attribute = attribute.map_err(|error| malformed(error.into()))?;
            if attribute.key.as_namespace_binding().is_some() {
                declares = true;
                continue;
            }
            let (bound, local) = resolver.resolve_attribute(attribute.key);
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?;
            attributes.push((number(bound, namespaces)?, local.into_inner().to_owned(), value.into_owned()));
        }
        Ok(Start { namespace, level: self.level, attributes, from: self.from, declares, tag })
    }
}

/// White space as XML means it; a no-break space is text.
const XML_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What the authority adds to the copy that it signs, besides the QR reference (specification 4.2).
fn added_by_authority(start: &Start<'_>) -> bool {
    start.is(Namespace::EXTENSION, "UBLExtensions") || start.is(Namespace::AGGREGATE, "Signature")
}

fn number(bound: ResolveResult<'_>, namespaces: &mut Namespaces) -> Result<Namespace, Unreadable> {
    match bound {
        ResolveResult::Unbound => Ok(Namespace::NONE),
        ResolveResult::Bound(name) => namespaces.number(name.0).ok_or(Unreadable::TooIntricate("namespaces")),
        ResolveResult::Unknown(prefix) => {
            let prefix = invoice::excerpt(&prefix.to_string(), WORDS);
            Err(Unreadable::Malformed(format!("unknown prefix {prefix}")))
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn malformed(error: quick_xml::Error) -> Unreadable {
    Unreadable::Malformed(invoice::excerpt(&error.to_string(), 2 * WORDS))
}
