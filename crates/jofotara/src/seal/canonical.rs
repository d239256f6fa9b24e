//! The canonical form of a signed document without what the signing added, and what that holds. Knows no cryptography but
//! the digest, and no meaning.
//!
//! Canonical XML 1.0, inclusive, without comments, as far as a whole document needs it: a namespace is declared where it
//! differs from the parent's, declarations come first, attributes follow in the order of namespace and name, values are
//! normalised and escaped, empty elements have two tags, CDATA and references become text. What is left out are whole
//! children of the root, so that no element loses a parent. White space is kept: only the authority may leave it out.

mod namespaces;

use aws_lc_rs::digest::{Context, SHA256};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesPI, BytesRef, BytesStart, Event};

use namespaces::{Scope, escape_attribute, escape_text};

/// The largest document that is read, in bytes; the same as for comparing.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The deepest nesting. A signed document has about 15 levels.
const MAX_DEPTH: usize = 64;
/// The most attributes, declarations included, of one element.
const MAX_ATTRIBUTES: usize = 256;
/// How much canonical text is gathered before it goes into the digest, in bytes.
const CHUNK: usize = 16 * 1024;

const EXTENSION: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2";
const AGGREGATE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASIC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// A document that was read.
#[derive(Debug)]
pub(super) struct Signed {
    /// SHA-256 of the canonical form without what the signing added.
    pub(super) digest: [u8; 32],
    /// What the signature states as the document's digest.
    pub(super) digest_value: Option<String>,
    pub(super) signature_value: Option<String>,
    pub(super) certificate: Option<String>,
    /// The text in the QR reference.
    pub(super) qr: Option<String>,
}

/// Why a document cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("it has {0} bytes, more than {MAX_BYTES}")]
    TooLarge(usize),
    #[error("it is more intricate than any invoice ({0})")]
    TooIntricate(&'static str),
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it has a DOCTYPE, which is refused")]
    Doctype,
    #[error("it is empty or cut off")]
    CutOff,
    #[error("it is not well-formed XML ({0})")]
    Malformed(String),
}

/// Reads a signed document.
pub(super) fn read(document: &[u8]) -> Result<Signed, Problem> {
    read_with(document, |_| {})
}

/// The canonical form itself.
#[cfg(test)]
pub(super) fn text(document: &[u8]) -> Result<String, Problem> {
    let mut text = String::new();
    read_with(document, |chunk| text.push_str(chunk))?;
    Ok(text)
}

fn read_with(document: &[u8], see: impl FnMut(&str)) -> Result<Signed, Problem> {
    if document.len() > MAX_BYTES {
        return Err(Problem::TooLarge(document.len()));
    }
    let text = std::str::from_utf8(document).map_err(|_| Problem::NotUtf8)?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut writer = Writer {
        see,
        digest: Context::new(&SHA256),
        out: String::with_capacity(CHUNK * 2),
        scope: Scope::default(),
        open: Vec::new(),
        rooted: false,
        dropping: false,
        reference: None,
        capturing: None,
        whole: false,
        seen: Seen::default(),
    };
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(tag) => writer.start(&tag)?,
            Event::Empty(tag) => {
                writer.start(&tag)?;
                writer.end();
            }
            Event::End(_) => writer.end(),
            Event::Text(text) => writer.text(&text.xml10_content())?,
            Event::CData(text) => writer.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => writer.reference(&reference)?,
            Event::PI(instruction) => writer.instruction(&instruction),
            Event::DocType(_) => return Err(Problem::Doctype),
            Event::Comment(_) | Event::Decl(_) => {}
            Event::Eof => return writer.finish(),
        }
    }
}

/// What the marks of a signature are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Digest,
    Signature,
    Certificate,
    ReferenceId,
    Embedded,
}

/// What was seen in the parts that are left out.
#[derive(Default)]
struct Seen {
    digest_value: Option<String>,
    /// That digest is the whole document's by its reference's own word.
    of_whole: bool,
    signature_value: Option<String>,
    certificate: Option<String>,
    qr: Option<String>,
}

/// A document reference that is under way: whether it is the QR's is known when it ends.
#[derive(Default)]
struct Reference {
    is_qr: bool,
    embedded: Option<String>,
}

/// An element that is open.
struct Open {
    qualified: String,
    /// Namespace and local name.
    name: (&'static str, String),
}

impl Open {
    fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.0 == namespace && self.name.1 == local
    }
}

struct Writer<F> {
    see: F,
    digest: Context,
    /// Canonical text that is not in the digest yet.
    out: String,
    scope: Scope,
    open: Vec<Open>,
    rooted: bool,
    /// Inside the extensions or the signature: nothing is written.
    dropping: bool,
    /// Inside a document reference; what is written since may have to be taken back.
    reference: Option<Reference>,
    capturing: Option<(Mark, String)>,
    /// The `ds:Reference` that is open is to the whole document.
    whole: bool,
    seen: Seen,
}

impl<F: FnMut(&str)> Writer<F> {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Problem> {
        if self.open.is_empty() && self.rooted {
            return Err(Problem::Malformed("a second root element".to_owned()));
        }
        self.rooted = true;
        let level = self.open.len() + 1;
        if level > MAX_DEPTH {
            return Err(Problem::TooIntricate("nesting"));
        }
        self.flush();
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| malformed(error.into()))?;
            if attributes.len() >= MAX_ATTRIBUTES {
                return Err(Problem::TooIntricate("attributes"));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?;
            attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        let declarations = self.scope.enter(&attributes, level)?;
        let name = tag.name();
        let qualified: &str = name.as_ref();
        let (prefix, local) = qualified.split_once(':').unwrap_or(("", qualified));
        let namespace = known(self.scope.uri(prefix).ok_or_else(|| unknown(prefix))?);
        let element = Open { qualified: qualified.to_owned(), name: (namespace, local.to_owned()) };
        if level == 2 {
            self.dropping = element.is(EXTENSION, "UBLExtensions") || element.is(AGGREGATE, "Signature");
            self.reference = element.is(AGGREGATE, "AdditionalDocumentReference").then(Reference::default);
        }
        if !self.dropping {
            self.write_tag(qualified, declarations, attributes.iter())?;
        }
        if element.is(DSIG, "Reference") {
            self.whole = attributes.iter().any(|(name, value)| name == "URI" && value.is_empty());
        }
        self.capturing = self.mark(&element, level).map(|mark| (mark, String::new()));
        self.open.push(element);
        Ok(())
    }

    fn write_tag<'a>(
        &mut self,
        qualified: &str,
        declarations: Vec<(String, String)>,
        attributes: impl Iterator<Item = &'a (String, String)>,
    ) -> Result<(), Problem> {
        self.out.push('<');
        self.out.push_str(qualified);
        for (prefix, uri) in declarations {
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(&prefix);
            self.out.push_str("=\"");
            escape_attribute(&uri, &mut self.out);
            self.out.push('"');
        }
        let mut sorted = Vec::new();
        for (name, value) in attributes.filter(|(name, _)| namespaces::declared(name).is_none()) {
            let (namespace, local) = match name.split_once(':') {
                Some((prefix, local)) => (self.scope.uri(prefix).ok_or_else(|| unknown(prefix))?, local),
                None => ("", name.as_str()),
            };
            sorted.push((namespace, local, name, value));
        }
        sorted.sort_unstable();
        for (_, _, name, value) in sorted {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape_attribute(value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
        Ok(())
    }

    /// Which mark begins with this element, if any does.
    fn mark(&self, element: &Open, level: usize) -> Option<Mark> {
        let above = |steps: usize, local: &str| {
            let place = self.open.len().checked_sub(steps)?;
            self.open.get(place).filter(|open| open.is(DSIG, local))
        };
        if self.reference.is_some() {
            return match level {
                3 if element.is(BASIC, "ID") => Some(Mark::ReferenceId),
                4.. if element.is(BASIC, "EmbeddedDocumentBinaryObject") => Some(Mark::Embedded),
                _ => None,
            };
        }
        if !self.dropping || element.name.0 != DSIG {
            return None;
        }
        match element.name.1.as_str() {
            // Not the certificate's, and not one in some other object.
            "DigestValue" => above(1, "Reference").and(above(2, "SignedInfo")).map(|_| Mark::Digest),
            "SignatureValue" => above(1, "Signature").map(|_| Mark::Signature),
            "X509Certificate" => above(1, "X509Data").map(|_| Mark::Certificate),
            _ => None,
        }
    }

    fn end(&mut self) {
        if let Some((mark, text)) = self.capturing.take() {
            self.note(mark, text);
        }
        // The reader has checked that the tags agree.
        let Some(element) = self.open.pop() else { return };
        let level = self.open.len() + 1;
        self.scope.leave(level);
        if !self.dropping {
            self.out.push_str("</");
            self.out.push_str(&element.qualified);
            self.out.push('>');
        }
        if level == 2 {
            self.dropping = false;
            if let Some(reference) = self.reference.take_if(|reference| reference.is_qr) {
                // It was all held back since it began.
                self.out.clear();
                self.seen.qr = self.seen.qr.take().or(reference.embedded);
            }
            self.reference = None;
        }
    }

    fn note(&mut self, mark: Mark, text: String) {
        let seen = &mut self.seen;
        match (mark, &mut self.reference) {
            (Mark::Digest, _) if seen.digest_value.is_none() || self.whole && !seen.of_whole => {
                seen.digest_value = Some(text);
                seen.of_whole = self.whole;
            }
            (Mark::Signature, _) if seen.signature_value.is_none() => seen.signature_value = Some(text),
            (Mark::Certificate, _) if seen.certificate.is_none() => seen.certificate = Some(text),
            (Mark::ReferenceId, Some(reference)) => reference.is_qr |= text.trim() == "QR",
            (Mark::Embedded, Some(reference)) => {
                reference.embedded = reference.embedded.take().or(Some(text));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Problem> {
        if self.open.is_empty() {
            return match text.trim_matches([' ', '\t', '\n', '\r']) {
                "" => Ok(()),
                _ => Err(Problem::Malformed("text outside the root element".to_owned())),
            };
        }
        if let Some((_, captured)) = &mut self.capturing {
            captured.push_str(text);
        }
        if !self.dropping {
            escape_text(text, &mut self.out);
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Problem> {
        if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        let name = reference.xml10_content();
        match resolve_predefined_entity(&name) {
            Some(text) => self.text(text),
            None => Err(Problem::Malformed("an entity of its own".to_owned())),
        }
    }

    /// A processing instruction stays, even outside the root, where it has a line of its own.
    fn instruction(&mut self, instruction: &BytesPI<'_>) {
        if self.dropping {
            return;
        }
        let outside = self.open.is_empty();
        if outside && self.rooted {
            self.out.push('\n');
        }
        self.out.push_str("<?");
        self.out.push_str(instruction.target());
        let content = instruction.content().trim_start_matches([' ', '\t', '\n', '\r']);
        if !content.is_empty() {
            self.out.push(' ');
            self.out.push_str(&content.replace("\r\n", "\n").replace('\r', "\n"));
        }
        self.out.push_str("?>");
        if outside && !self.rooted {
            self.out.push('\n');
        }
    }

    /// Puts what was gathered into the digest, unless it may have to be taken back.
    fn flush(&mut self) {
        let begins_a_child = self.open.len() == 1;
        if self.reference.is_none() && (begins_a_child || self.out.len() >= CHUNK) {
            self.digest.update(self.out.as_bytes());
            (self.see)(&self.out);
            self.out.clear();
        }
    }

    fn finish(mut self) -> Result<Signed, Problem> {
        if !self.rooted || !self.open.is_empty() {
            return Err(Problem::CutOff);
        }
        self.digest.update(self.out.as_bytes());
        (self.see)(&self.out);
        let digest = self.digest.finish();
        let Ok(digest) = <[u8; 32]>::try_from(digest.as_ref()) else {
            return Err(Problem::Malformed("no digest".to_owned()));
        };
        let Seen { digest_value, signature_value, certificate, qr, .. } = self.seen;
        Ok(Signed { digest, digest_value, signature_value, certificate, qr })
    }
}

/// The namespaces whose elements mean something here; all others are one.
fn known(uri: &str) -> &'static str {
    [EXTENSION, AGGREGATE, BASIC, DSIG].into_iter().find(|known| *known == uri).unwrap_or("")
}

fn unknown(prefix: &str) -> Problem {
    Problem::Malformed(format!("an unknown prefix, {}", invoice::excerpt(prefix, 40)))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn malformed(error: quick_xml::Error) -> Problem {
    // The parser's words may quote the document.
    Problem::Malformed(invoice::excerpt(&error.to_string(), 120))
}
