//! A document as a tree in memory, bounded. Knows no element but the buyer's, whose bytes it keeps.

use crate::namespace::{AGGREGATE, BASIC, Namespace, Namespaces};
use crate::walk::{Attribute, Piece, Start, Unreadable, Walk};
use crate::write::push_text;

/// The most elements of a document: 10,000 lines have about 400,000.
const MAX_ELEMENTS: usize = 1_000_000;

/// A document.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) namespaces: Namespaces,
    pub(crate) root: Element,
    /// Whether the opening tag of the root stands on one line.
    pub(crate) opens_on_one_line: bool,
    /// The buyer's element byte for byte, if it can stand in our documents so.
    pub(crate) buyer_as_written: Option<String>,
}

/// An element.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) namespace: Namespace,
    /// Without its prefix.
    pub(crate) name: String,
    pub(crate) attributes: Vec<Attribute>,
    /// Without white space around it.
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Element {
    fn new(start: Start<'_>) -> Self {
        Self {
            namespace: start.namespace,
            name: start.local().to_owned(),
            attributes: start.attributes,
            text: String::new(),
            children: Vec::new(),
        }
    }

    /// Whether it is this element.
    pub(crate) fn is(&self, namespace: Namespace, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// Whether it is the element that we write so, with prefix.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let (namespace, local) = split(name);
        self.is(namespace, local)
    }

    /// The first child of this name (with our prefix).
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children_named(name).next()
    }

    /// All children of this name.
    pub(crate) fn children_named<'t>(&'t self, name: &str) -> impl Iterator<Item = &'t Self> {
        let (namespace, local) = split(name);
        let local = local.to_owned();
        self.children.iter().filter(move |child| child.is(namespace, &local))
    }

    /// The first element at a path of names.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text at a path, empty when there is no such element.
    pub(crate) fn text_at(&self, path: &str) -> &str {
        self.at(path).map_or("", |element| element.text.as_str())
    }

    /// The value of an attribute without namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|(namespace, local, _)| *namespace == Namespace::NONE && local == name);
        found.map(|(_, _, value)| value.as_str())
    }

    /// Calls `see` with every element, in the document's order.
    pub(crate) fn each<'t>(&'t self, see: &mut impl FnMut(&'t Self)) {
        see(self);
        for child in &self.children {
            child.each(see);
        }
    }

    /// The name with the prefix that our documents have for its namespace.
    pub(crate) fn qualified(&self) -> String {
        let prefix = match self.namespace {
            Namespace::AGGREGATE => "cac:",
            Namespace::BASIC => "cbc:",
            Namespace::EXTENSION => "ext:",
            Namespace::INVOICE => "",
            _ => "?:",
        };
        format!("{prefix}{}", self.name)
    }
}

/// The namespace and the local part of a name as our documents have it.
fn split(name: &str) -> (Namespace, &str) {
    match name.split_once(':') {
        Some(("cac", local)) => (Namespace::AGGREGATE, local),
        Some(("cbc", local)) => (Namespace::BASIC, local),
        _ => (Namespace::INVOICE, name),
    }
}

/// Reads a whole document.
pub(crate) fn read(xml: &[u8]) -> Result<Tree, Unreadable> {
    let mut namespaces = Namespaces::new();
    let mut walk = Walk::new(xml)?;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut opens_on_one_line = true;
    let mut buyer = Buyer::default();
    let mut elements: usize = 0;
    loop {
        match walk.next(&mut namespaces)? {
            Piece::Start(start) => {
                elements = elements.saturating_add(1);
                if elements > MAX_ELEMENTS {
                    return Err(Unreadable::TooIntricate("elements"));
                }
                if start.level == 1 {
                    let tag = xml.get(start.from..walk.read_to()).unwrap_or_default();
                    opens_on_one_line = !tag.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
                }
                buyer.start(&start);
                open.push(Element::new(start));
            }
            Piece::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Piece::End(level) => {
                buyer.end(level, walk.read_to(), xml);
                let Some(element) = open.pop() else { continue };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Piece::Over => break,
        }
    }
    let root = root.ok_or(Unreadable::Empty)?;
    Ok(Tree { namespaces, root, opens_on_one_line, buyer_as_written: buyer.written })
}

/// Watches for the buyer's element, and whether its bytes mean the same inside a document of ours.
#[derive(Default)]
struct Buyer {
    from: Option<usize>,
    portable: bool,
    seen: bool,
    written: Option<String>,
}

impl Buyer {
    fn start(&mut self, start: &Start<'_>) {
        let is_buyer = start.is(Namespace::AGGREGATE, "AccountingCustomerParty");
        if start.level == 2 && is_buyer && !self.seen {
            self.from = Some(start.from);
            self.portable = true;
            self.seen = true;
        }
        let usual = match start.namespace {
            Namespace::AGGREGATE => "cac:",
            Namespace::BASIC => "cbc:",
            _ => "no prefix of ours",
        };
        let bound = start.attributes.iter().any(|(namespace, ..)| *namespace != Namespace::NONE);
        if start.declares || bound || !start.qualified().starts_with(usual) {
            self.portable = false;
        }
    }

    fn end(&mut self, level: usize, to: usize, xml: &[u8]) {
        if level != 2 {
            return;
        }
        let Some(from) = self.from.take() else { return };
        if self.portable {
            let written = xml.get(from..to).and_then(|bytes| std::str::from_utf8(bytes).ok());
            // An empty-element tag is not what the writer expects to paste.
            self.written =
                written.filter(|text| text.ends_with("</cac:AccountingCustomerParty>")).map(str::to_owned);
        }
    }
}

/// The element as our documents write it.
pub(crate) fn rewritten(element: &Element, namespaces: &Namespaces) -> String {
    let mut out = Vec::new();
    rewrite(element, namespaces, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn rewrite(element: &Element, namespaces: &Namespaces, out: &mut Vec<u8>) {
    let name = namespaces.name(element.namespace);
    if name != AGGREGATE && name != BASIC {
        // Nothing that a profile document can hold; an element of unknown meaning is not carried over.
        return;
    }
    let name = element.qualified();
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    for (namespace, local, value) in &element.attributes {
        if *namespace == Namespace::NONE {
            out.extend_from_slice(format!(" {local}=\"").as_bytes());
            push_value(out, value);
            out.push(b'"');
        }
    }
    out.push(b'>');
    // The parser let no character through that XML cannot carry.
    let _ = push_text(out, &element.text);
    for child in &element.children {
        rewrite(child, namespaces, out);
    }
    out.extend_from_slice(format!("</{name}>").as_bytes());
}

fn push_value(out: &mut Vec<u8>, value: &str) {
    let mut escaped = Vec::new();
    let _ = push_text(&mut escaped, value);
    for byte in escaped {
        match byte {
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\n' => out.extend_from_slice(b"&#10;"),
            b'\t' => out.extend_from_slice(b"&#9;"),
            other => out.push(other),
        }
    }
}
