//! What the writer cannot write yet, known from the event alone, so that intake refuses it (422) instead of accepting it.

use invoice::InvoiceEvent;
use invoice::event::{Family, Kind};

/// A kind of document that the profile knows and that this writer cannot write yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// A return (type code 381).
    #[error("returns cannot be sent yet: send invoices only, and keep this event")]
    Return,
    /// A document with special sales tax (third digit 3 of the type code's name).
    #[error("special sales tax documents cannot be sent yet: send income or general sales documents only")]
    SpecialSales,
    /// A line with a consumer price (guide v1.5, chapter 7).
    #[error(
        "line {} has a consumer price, which cannot be sent yet: leave `consumer_price` out where the law allows it",
        .line + 1
    )]
    ConsumerPrice {
        /// Its place among the event's lines, from 0.
        line: usize,
    },
}

impl Unsupported {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Return => "unsupported_return",
            Self::SpecialSales => "unsupported_special_sales",
            Self::ConsumerPrice { .. } => "unsupported_consumer_price",
        }
    }

    /// The place in the event, such as `lines[2].consumer_price`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Return => "kind".to_owned(),
            Self::SpecialSales => "family".to_owned(),
            Self::ConsumerPrice { line } => format!("lines[{line}].consumer_price"),
        }
    }
}

/// Whether [`write`](crate::write()) can write this event, apart from faults that validation finds.
///
/// # Errors
/// The first thing that it cannot write.
pub fn supports(event: &InvoiceEvent) -> Result<(), Unsupported> {
    match event.kind {
        Kind::Invoice => {}
        Kind::Return => return Err(Unsupported::Return),
    }
    match event.family {
        Family::Income | Family::GeneralSales => {}
        Family::SpecialSales => return Err(Unsupported::SpecialSales),
    }
    match event.lines.iter().position(|line| line.consumer_price.is_some()) {
        Some(line) => Err(Unsupported::ConsumerPrice { line }),
        None => Ok(()),
    }
}
