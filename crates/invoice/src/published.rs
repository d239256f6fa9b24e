//! Anything that a retailer may publish: an invoice, or a return of one. Must not know the rules of either.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::event::{Family, InvoiceEvent, Kind, Seller};
use crate::key::IncomeSource;
use crate::normal;
use crate::returns::ReturnEvent;

/// An event; `kind` tells which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "both are large, and neither is kept in numbers")]
pub enum Published {
    /// A sale.
    Invoice(InvoiceEvent),
    /// A return of one.
    Return(ReturnEvent),
}

impl Published {
    /// Sale or return.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invoice(_) => Kind::Invoice,
            Self::Return(_) => Kind::Return,
        }
    }

    /// The document's UUID: the one that was given, or the one that follows from seller, income source and number.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let given = match self {
            Self::Invoice(event) => event.uuid,
            Self::Return(event) => event.uuid,
        };
        given.unwrap_or_else(|| normal::name_based_uuid(self.seller(), self.number()))
    }

    /// The family, as far as it is stated.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Invoice(event) => Some(event.family),
            Self::Return(event) => event.family,
        }
    }

    /// The document version that it says it amends.
    #[must_use]
    pub fn amends(&self) -> Option<u32> {
        match self {
            Self::Invoice(event) => event.amends,
            Self::Return(event) => event.amends,
        }
    }

    /// Says which document version it amends.
    pub fn set_amends(&mut self, amends: Option<u32>) {
        match self {
            Self::Invoice(event) => event.amends = amends,
            Self::Return(event) => event.amends = amends,
        }
    }

    /// The seller's number.
    #[must_use]
    pub fn number(&self) -> &str {
        match self {
            Self::Invoice(event) => &event.number,
            Self::Return(event) => &event.number,
        }
    }

    /// With `_` for `/` in the numbers, by the reading that has them so: the document's own, and the original's unless that is from
    /// before this system's time and was sent as it is.
    pub(crate) fn replace_slashes(&mut self) {
        let (own, original) = match self {
            Self::Invoice(event) => (&mut event.number, None),
            Self::Return(event) if event.original.lines.is_some() => (&mut event.number, None),
            Self::Return(event) => (&mut event.number, event.original.number.as_mut()),
        };
        for number in [Some(own), original].into_iter().flatten() {
            if number.contains('/') {
                *number = number.replace('/', "_");
            }
        }
    }

    /// Who sells.
    #[must_use]
    pub fn seller(&self) -> &Seller {
        match self {
            Self::Invoice(event) => &event.seller,
            Self::Return(event) => &event.seller,
        }
    }

    /// The counter and the credentials that the document belongs to.
    #[must_use]
    pub fn income_source(&self) -> IncomeSource {
        match self {
            Self::Invoice(event) => event.income_source(),
            Self::Return(event) => event.income_source(),
        }
    }

    /// The invoice, if it is one.
    #[must_use]
    pub fn invoice(&self) -> Option<&InvoiceEvent> {
        match self {
            Self::Invoice(event) => Some(event),
            Self::Return(_) => None,
        }
    }
}
