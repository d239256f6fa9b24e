//! The choices that formats leave to whoever takes them in.

use invoice::event::{Payment, TaxCategory};
use serde::{Deserialize, Serialize};

/// Choices for each format that leaves some.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// For the body of the Post2Tax gateway.
    pub post2tax: Post2Tax,
    /// For eezi invoices.
    pub eezi: Eezi,
}

/// What the body of the Post2Tax gateway does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Post2Tax {
    /// What a line with `TaxPercent` 0 is. The default is the one that claims less: a zero-rated sale lets its seller deduct the tax
    /// that was paid on it, an exempt one does not.
    pub zero_rate_category: ZeroCategory,
}

/// A category without tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ZeroCategory {
    /// Exempt.
    #[default]
    Z,
    /// Subject to the zero rate.
    O,
}

impl From<ZeroCategory> for TaxCategory {
    fn from(category: ZeroCategory) -> Self {
        match category {
            ZeroCategory::Z => Self::Z,
            ZeroCategory::O => Self::O,
        }
    }
}

/// What eezi's payment codes are: the authority knows cash and receivable only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eezi {
    /// Payment by card (code 48). Cash by default: the buyer owes nothing when the goods change hands.
    pub card_is: Payment,
    /// Transfers (30), bank accounts (42), "not defined" (1) and "mutually defined" (ZZZ). Receivable by default: paid later.
    pub transfer_is: Payment,
}

impl Default for Eezi {
    fn default() -> Self {
        Self { card_is: Payment::Cash, transfer_is: Payment::Receivable }
    }
}
