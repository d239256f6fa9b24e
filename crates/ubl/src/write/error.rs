//! Why a document cannot be written, and where. Knows no element by name.

use rust_decimal::Decimal;

/// Why a document was not written. Sending the same event again gives the same error: only an amended one helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A character that XML 1.0 cannot carry, not even escaped.
    #[error("{path} holds U+{:04X}, which no XML document can carry: remove it", u32::from(*.character))]
    IllegalCharacter {
        /// The element, such as `Invoice/cac:InvoiceLine[3]/cac:Item/cbc:Name`.
        path: String,
        /// The character.
        character: char,
    },
    /// An amount below zero, or with more than 9 decimals (guide v1.5: at most 9).
    #[error("{path} would be {value}: amounts are not negative and have at most 9 decimals")]
    Amount {
        /// The element.
        path: String,
        /// The value.
        value: Decimal,
    },
    /// The event was not validated, or the totals are not its own.
    #[error("{path}: {reason}")]
    Unfit {
        /// The element.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
}

impl WriteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::IllegalCharacter { .. } => "illegal_character",
            Self::Amount { .. } => "unwritable_amount",
            Self::Unfit { .. } => "unfit_event",
        }
    }

    /// An error in the element that is being written; [`inside`](Self::inside) tells which.
    pub(super) fn unfit(reason: &'static str) -> Self {
        Self::Unfit { path: String::new(), reason }
    }

    /// The same error, one element further out. Paths are built only when something went wrong.
    pub(super) fn inside(mut self, element: &str) -> Self {
        match &mut self {
            Self::IllegalCharacter { path, .. } | Self::Amount { path, .. } | Self::Unfit { path, .. } => {
                if !path.is_empty() {
                    path.insert(0, '/');
                }
                path.insert_str(0, element);
            }
        }
        self
    }

    /// The same error, inside the repeated element with this index (from 0; XPath counts from 1).
    pub(super) fn at(self, element: &str, index: usize) -> Self {
        self.inside(&format!("{element}[{}]", index.saturating_add(1)))
    }
}
