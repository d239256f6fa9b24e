//! Ways in: the body of another system's invoice becomes an invoice event, or faults in terms of that system's own fields.
//!
//! Each format is a pure mapping in a module of its own: bytes in, one result for each document out. No I/O, no clock, no async, and
//! nothing of queues or ledgers. What a format cannot say (the seller's family, exempt or zero-rated) comes from the caller's
//! [`Context`]; what it says and the authority's document has no place for becomes the event's metadata.

#![deny(clippy::as_conversions, clippy::float_arithmetic)]

mod document;
mod event;
mod field;
mod json;
mod money;
mod settings;
mod split;

pub mod eezi;
pub mod post2tax;
pub mod schema;
pub mod table;
pub mod ubl;

use std::fmt;
use std::str::FromStr;

use invoice::IncomeSource;
use invoice::event::Family;

pub use document::{Document, Mapped};
pub use field::{Field, Kind, markdown};
pub use settings::{Eezi, Post2Tax, Settings, ZeroCategory};

/// A format that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Our own events.
    Event,
    /// The request body of the Post2Tax gateway.
    Post2Tax,
    /// The eezi invoice or credit note.
    Eezi,
    /// A table with one row for each line of an invoice.
    Csv,
    /// A ready-made UBL 2.1 document of the Jordan profile.
    Ubl,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Event, Self::Post2Tax, Self::Eezi, Self::Csv, Self::Ubl];

    /// Its name in commands and addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Post2Tax => "post2tax",
            Self::Eezi => "eezi",
            Self::Csv => "csv",
            Self::Ubl => "ubl",
        }
    }

    /// What a file is by its name's ending and its beginning, as far as that can be told: `.csv` and `.tsv` are tables, `.xml` is UBL,
    /// and JSON shows by its members whose it is.
    #[must_use]
    pub fn guess(name: &str, beginning: &[u8]) -> Option<Self> {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let text = String::from_utf8_lossy(beginning);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        match ending.as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "xml" => Some(Self::Ubl),
            _ if text.starts_with('<') => Some(Self::Ubl),
            _ if text.starts_with(['{', '[']) => {
                let has = |name: &str| text.contains(&format!("\"{name}\""));
                match () {
                    () if has("schema_version") => Some(Self::Event),
                    () if has("InvoiceLines") || has("Supplier") => Some(Self::Post2Tax),
                    () if has("customInfo") || has("invoiceRefs") => Some(Self::Eezi),
                    // Whoever breaks off or misspells an event is told so in terms of the event.
                    () => Some(Self::Event),
                }
            }
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of the formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(pub String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Format::ALL.map(Format::as_str).join(", ");
        write!(f, "{:?} is none of the formats {names}", invoice::excerpt(&self.0, 40))
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// What a mapping is told besides the bytes.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The choices where a format leaves one.
    pub settings: &'a Settings,
    /// The family that an income source is registered for, when that is known.
    pub family: &'a (dyn Fn(&IncomeSource) -> Option<Family> + Sync),
}

/// Every document of `bytes`, one after the other. Whoever calls bounds the bytes.
pub fn documents<'a>(
    format: Format,
    bytes: &'a [u8],
    context: &'a Context<'a>,
) -> Box<dyn Iterator<Item = Document> + Send + 'a> {
    match format {
        Format::Event => Box::new(split::documents(bytes).map(|piece| piece.map(event::read))),
        Format::Post2Tax => {
            Box::new(split::documents(bytes).map(|piece| piece.map(|json| post2tax::read(json, context))))
        }
        Format::Eezi => {
            Box::new(split::documents(bytes).map(|piece| piece.map(|json| eezi::read(json, context))))
        }
        Format::Csv => table::documents(bytes, context),
        Format::Ubl => Box::new(std::iter::once(Document { place: 1, result: ubl::read(bytes) })),
    }
}

/// How many documents [`documents`] will find, counted up to `most`, without reading what they say: whoever takes only so many can
/// refuse the rest before any work is done.
#[must_use]
pub fn count(format: Format, bytes: &[u8], most: usize) -> usize {
    match format {
        Format::Event | Format::Post2Tax | Format::Eezi => split::documents(bytes).take(most).count(),
        Format::Csv => table::count(bytes, most),
        Format::Ubl => most.min(1),
    }
}

#[cfg(test)]
mod tests;
