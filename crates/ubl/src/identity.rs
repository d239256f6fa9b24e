//! Number, UUID and counter of a document, for tests and tools. Reads no further than it must.

use crate::namespace::{Namespace, Namespaces};
use crate::walk::{Piece, Unreadable, Walk};

/// What names a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The seller's number, `cbc:ID`.
    pub number: String,
    /// `cbc:UUID` as it stands there; live ones are not always valid UUIDs (specification 2.4).
    pub uuid: String,
    /// The counter, from the document reference whose ID is `ICV`.
    pub icv: u64,
}

/// Why a document has no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is no UBL invoice.
    #[error("the root element is not a UBL Invoice")]
    NotAnInvoice,
    /// Something is not in it.
    #[error("the document has no {0}")]
    Missing(&'static str),
    /// The counter is not a whole number.
    #[error("the counter {:?} is not a whole number", invoice::excerpt(.0, 100))]
    Counter(String),
}

/// Reads the identity of a document.
///
/// # Errors
/// It is unreadable (as far as it was read), no invoice, or lacks one of the three.
pub fn identity(xml: &[u8]) -> Result<Identity, IdentityError> {
    let mut namespaces = Namespaces::new();
    let mut walk = Walk::new(xml)?;
    match walk.next(&mut namespaces)? {
        Piece::Start(root) if root.is(Namespace::INVOICE, "Invoice") => {}
        _ => return Err(IdentityError::NotAnInvoice),
    }
    let (mut number, mut uuid, mut icv) = (None, None, None);
    let mut reference = Reference::default();
    let mut field = Field::Other;
    while number.is_none() || uuid.is_none() || icv.is_none() {
        match walk.next(&mut namespaces)? {
            Piece::Start(start) => {
                let basic = start.namespace == Namespace::BASIC;
                let aggregate = start.namespace == Namespace::AGGREGATE;
                field = match (start.level, start.local()) {
                    (2, "ID") if basic => Field::Number,
                    (2, "UUID") if basic => Field::Uuid,
                    (2, "AdditionalDocumentReference") if aggregate => {
                        reference = Reference { open: true, ..Reference::default() };
                        Field::Other
                    }
                    (3, "ID") if basic && reference.open => Field::ReferenceId,
                    (3, "UUID") if basic && reference.open => Field::ReferenceUuid,
                    _ => Field::Other,
                };
            }
            Piece::Text(text) => match field {
                Field::Number => number = Some(text),
                Field::Uuid => uuid = Some(text),
                Field::ReferenceId => reference.is_counter = text == "ICV",
                Field::ReferenceUuid => reference.value = Some(text),
                Field::Other => {}
            },
            Piece::End(level) => {
                field = Field::Other;
                if level == 2 && reference.open {
                    let ended = std::mem::take(&mut reference);
                    if ended.is_counter {
                        icv = ended.value;
                    }
                }
            }
            Piece::Over => break,
        }
    }
    let icv = icv.ok_or(IdentityError::Missing("counter (ICV)"))?;
    Ok(Identity {
        number: number.ok_or(IdentityError::Missing("number (cbc:ID)"))?,
        uuid: uuid.ok_or(IdentityError::Missing("cbc:UUID"))?,
        icv: icv.parse().map_err(|_| IdentityError::Counter(icv))?,
    })
}

/// Where the text goes that comes next.
enum Field {
    Number,
    Uuid,
    ReferenceId,
    ReferenceUuid,
    Other,
}

/// The document reference that stands open.
#[derive(Default)]
struct Reference {
    open: bool,
    is_counter: bool,
    value: Option<String>,
}
