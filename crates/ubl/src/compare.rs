//! Whether two documents say the same (promise 7). Knows no rule of the profile: trees, numbers and what is left out.
//!
//! Left out on both sides are the extensions, the signature and the QR reference, which the authority adds to its
//! signed copy (specification 4.2). Prefixes, the order of attributes, comments, processing instructions, and the white
//! space between elements and around text do not matter; amounts, quantities and percents are compared as numbers,
//! exactly. Everything else does matter. Both documents are read side by side and none is kept.

mod number;

use std::fmt;

use crate::namespace::Namespaces;
use crate::walk::{Attribute, Piece, Start, Unreadable, Walk};

/// The longest excerpt of a value in a [`Difference`], in characters.
const EXCERPT: usize = 200;

/// The first difference between our document and theirs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// They say different things. This wins over damage that comes later in the document.
    #[error("at {path}: ours is {ours}, theirs is {theirs}")]
    Value {
        /// Where, such as `/Invoice/InvoiceLine[2]/InvoicedQuantity/@unitCode`.
        path: String,
        /// What stands there in ours (shortened).
        ours: String,
        /// What stands there in theirs (shortened).
        theirs: String,
    },
    /// Theirs cannot be read; up to where it could be, it was equal.
    #[error("their document cannot be read: {0}")]
    TheirsUnreadable(Unreadable),
    /// Ours cannot be read, which is a fault of ours.
    #[error("our own document cannot be read: {0}")]
    OursUnreadable(Unreadable),
}

/// Compares our document with the one that the authority returned.
///
/// # Errors
/// The first [`Difference`]; none of the documents is trusted to be well-formed.
pub fn same_document(ours: &[u8], theirs: &[u8]) -> Result<(), Difference> {
    compare(ours, theirs, &mut Counter::default())
}

/// The same with the counter left out: a document that was lost and encoded anew stands there under its earlier one. Gives
/// theirs when it is another than ours.
///
/// # Errors
/// The first [`Difference`] elsewhere; both counters must be whole numbers.
pub fn same_but_counter(ours: &[u8], theirs: &[u8]) -> Result<Option<u64>, Difference> {
    let mut counter = Counter { left_out: true, ..Counter::default() };
    compare(ours, theirs, &mut counter)?;
    Ok(counter.theirs)
}

/// Where the counter stands, and whether it matters.
#[derive(Default)]
struct Counter {
    left_out: bool,
    /// The document reference that stands open is the counter's.
    here: bool,
    /// Theirs, where it was left out.
    theirs: Option<u64>,
}

impl Counter {
    /// Takes note of a text that both have.
    fn pass(&mut self, place: &Place<'_>, text: &str) {
        if place.is_in_reference("ID") {
            self.here = text.trim() == "ICV";
        } else if place.is_in_reference("UUID") {
            self.here = false;
        }
    }

    /// Whether these two differ in the counter alone.
    fn excuses(&mut self, place: &Place<'_>, ours: &str, theirs: &str) -> bool {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        if !self.left_out || !self.here || !place.is_in_reference("UUID") || number(ours).is_none() {
            return false;
        }
        let Some(theirs) = number(theirs) else { return false };
        self.theirs = Some(theirs);
        self.here = false;
        true
    }
}

fn compare(ours: &[u8], theirs: &[u8], counter: &mut Counter) -> Result<(), Difference> {
    let mut namespaces = Namespaces::new();
    let mut ours = Walk::new(ours).map_err(Difference::OursUnreadable)?;
    let mut theirs = Walk::new(theirs).map_err(Difference::TheirsUnreadable)?;
    let mut place = Place::default();
    loop {
        let our_piece = ours.next(&mut namespaces).map_err(Difference::OursUnreadable)?;
        let their_piece = theirs.next(&mut namespaces).map_err(Difference::TheirsUnreadable)?;
        match (our_piece, their_piece) {
            (Piece::Start(our_start), Piece::Start(their_start)) => {
                compare_starts(&our_start, &their_start, &place, &namespaces)?;
                place.enter(our_start);
                compare_attributes(&place, &namespaces, &their_start)?;
            }
            (Piece::Text(our_text), Piece::Text(their_text)) => {
                let equal =
                    our_text == their_text || place.holds_number() && number::equal(&our_text, &their_text);
                if equal {
                    counter.pass(&place, &our_text);
                } else if !counter.excuses(&place, &our_text, &their_text) {
                    return Err(place.difference(&quoted(&our_text), &quoted(&their_text)));
                }
            }
            (Piece::End(_), Piece::End(_)) => place.leave(),
            (Piece::Over, Piece::Over) => return Ok(()),
            (our_piece, their_piece) => {
                let (ours, theirs) =
                    (described(&our_piece, &namespaces), described(&their_piece, &namespaces));
                return Err(place.difference(&ours, &theirs));
            }
        }
    }
}

fn compare_starts(
    ours: &Start<'_>,
    theirs: &Start<'_>,
    place: &Place<'_>,
    namespaces: &Namespaces,
) -> Result<(), Difference> {
    if ours.is(theirs.namespace, theirs.local()) {
        return Ok(());
    }
    let theirs_named = element(theirs, namespaces);
    if theirs.level == 1 && !namespaces.is_ubl(theirs.namespace) {
        // An error page, say: they returned no document at all.
        return Err(Difference::TheirsUnreadable(Unreadable::NotUbl(shortened(&theirs_named))));
    }
    Err(place.difference(&element(ours, namespaces), &theirs_named))
}

/// Compares the attributes of the element that was entered just now.
fn compare_attributes(
    place: &Place<'_>,
    namespaces: &Namespaces,
    theirs: &Start<'_>,
) -> Result<(), Difference> {
    let ours = place.0.last().map_or(&[][..], |frame| frame.start.attributes.as_slice());
    if ours == theirs.attributes {
        return Ok(());
    }
    let value = |of: &[Attribute], wanted: &Attribute| {
        let found = of.iter().find(|(namespace, local, _)| (namespace, local) == (&wanted.0, &wanted.1));
        found.map_or_else(|| "absent".to_owned(), |(_, _, value)| quoted(value))
    };
    let odd = ours.iter().find(|attribute| !theirs.attributes.contains(attribute));
    let odd = odd.or_else(|| theirs.attributes.iter().find(|attribute| !ours.contains(attribute)));
    // Nothing odd: the same attributes in another order.
    let Some(odd) = odd else { return Ok(()) };
    let mut path = format!("{place}/@");
    if !namespaces.name(odd.0).is_empty() {
        path.push_str(&format!("{{{}}}", namespaces.name(odd.0)));
    }
    path.push_str(&odd.1);
    Err(Difference::Value {
        path: shortened(&path),
        ours: value(ours, odd),
        theirs: value(&theirs.attributes, odd),
    })
}

/// The elements that stand open, for the path of a difference.
#[derive(Default)]
struct Place<'x>(Vec<Frame<'x>>);

struct Frame<'x> {
    start: Start<'x>,
    /// Its place among neighbours of the same name, from 1.
    position: usize,
    /// Name of the child that ended last, and its position.
    last_child: Option<(String, usize)>,
}

impl<'x> Place<'x> {
    fn enter(&mut self, start: Start<'x>) {
        let position = match self.0.last().and_then(|parent| parent.last_child.as_ref()) {
            Some((name, position)) if name == start.local() => position + 1,
            _ => 1,
        };
        self.0.push(Frame { start, position, last_child: None });
    }

    fn leave(&mut self) {
        let Some(left) = self.0.pop() else { return };
        let Some(parent) = self.0.last_mut() else { return };
        match &mut parent.last_child {
            Some((name, position)) if name == left.start.local() => *position = left.position,
            other => *other = Some((left.start.local().to_owned(), left.position)),
        }
    }

    /// Whether the text here is a number by the naming rules of UBL; in the profile a document's description is its total too.
    fn holds_number(&self) -> bool {
        self.0.last().is_some_and(|frame| {
            let name = frame.start.local();
            name.ends_with("Amount")
                || name.ends_with("Quantity")
                || name.ends_with("Percent")
                || name == "DocumentDescription"
        })
    }

    /// Whether this is that child of a document reference of the document itself.
    fn is_in_reference(&self, child: &str) -> bool {
        match self.0.as_slice() {
            [_, reference, leaf] => {
                reference.start.local() == "AdditionalDocumentReference" && leaf.start.local() == child
            }
            _ => false,
        }
    }

    fn difference(&self, ours: &str, theirs: &str) -> Difference {
        Difference::Value { path: self.to_string(), ours: shortened(ours), theirs: shortened(theirs) }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|frame| {
            write!(f, "/{}", frame.start.local())?;
            if frame.start.local() == "InvoiceLine" || frame.position > 1 {
                write!(f, "[{}]", frame.position)?;
            }
            Ok(())
        })
    }
}

fn element(start: &Start<'_>, namespaces: &Namespaces) -> String {
    format!("element {} of {:?}", start.local(), namespaces.name(start.namespace))
}

fn described(piece: &Piece<'_>, namespaces: &Namespaces) -> String {
    match piece {
        Piece::Start(start) => element(start, namespaces),
        Piece::Text(text) => quoted(text),
        Piece::End(_) | Piece::Over => "nothing more".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    shortened(&format!("{text:?}"))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
