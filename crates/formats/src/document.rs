//! What comes of one document of another system: an event that remembers how its source names things, or faults in those names.

use invoice::{Checked, Fault, Profile, Published};

use crate::field::Field;

/// One document.
#[derive(Debug, Clone)]
pub struct Document {
    /// Where it stands, from 1: the line, the place in a list, the first of its rows.
    pub place: u64,
    /// What it says, or all that is wrong with it.
    pub result: Result<Mapped, Vec<Fault>>,
}

/// An event, and the names that its source has for the event's fields.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// What the document says.
    pub event: Published,
    pub(crate) names: Names,
}

impl Mapped {
    /// The same faults in terms of the source's fields.
    #[must_use]
    pub fn explain(&self, faults: Vec<Fault>) -> Vec<Fault> {
        self.names.explain(faults)
    }

    /// Checks the event against all rules; faults name the source's fields.
    ///
    /// # Errors
    /// All faults.
    pub fn check(self, profile: &Profile) -> Result<Checked, Vec<Fault>> {
        let Self { event, names } = self;
        invoice::check(event, profile).map_err(|faults| names.explain(faults))
    }
}

/// From the event's paths to the source's.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// The event's own.
    Own,
    /// Another system's members.
    Fields(&'static [Field]),
    /// Cells of a table.
    Cells(crate::table::Cells),
    /// Elements of a UBL document.
    Ubl,
}

impl Names {
    fn explain(&self, faults: Vec<Fault>) -> Vec<Fault> {
        let place = |path: &str| match self {
            Self::Own => path.to_owned(),
            Self::Fields(fields) => Field::theirs(fields, path),
            Self::Cells(cells) => cells.place(path),
            Self::Ubl => ::ubl::xpath(path),
        };
        faults.into_iter().map(|fault| Fault { path: place(&fault.path), ..fault }).collect()
    }
}

/// `lines[3].unit_price` as `lines[].unit_price` and its indexes.
pub(crate) fn pattern(path: &str) -> (String, Vec<usize>) {
    let (mut pattern, mut indexes) = (String::with_capacity(path.len()), Vec::new());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        pattern.push_str(before);
        match after.split_once(']').map(|(index, after)| (index.parse(), after)) {
            Some((Ok(index), after)) => {
                indexes.push(index);
                pattern.push_str("[]");
                rest = after;
            }
            _ => {
                pattern.push('[');
                rest = after;
            }
        }
    }
    pattern.push_str(rest);
    (pattern, indexes)
}
