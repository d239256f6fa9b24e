//! The return event: which invoice comes back, which lines and how many. Everything else is the original's, and what the event
//! states besides must agree with it (guide v1.5; specification, section 2.10). Must not know where originals are kept.

mod complete;
mod outside;
mod share;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::amount::Amount;
use crate::event::{Buyer, Family, GeneralTax, Line, Payment, Scope, Seller};
use crate::key::IncomeSource;
use crate::limits;

pub use complete::{Returned, ReturnedLine, complete};
pub use outside::Outside;

/// A return (the field's credit note) against one cleared invoice, as a retailer publishes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnEvent {
    /// The version of this format: 1.
    #[schemars(extend("const" = limits::SCHEMA_VERSION))]
    pub schema_version: u32,
    /// The return's own UUID. Left out, it is derived from seller, income source and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Set when this event replaces a rejected or dead-lettered return: the document version that it amends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub amends: Option<u32>,
    /// Always `return`.
    pub kind: ReturnKind,
    /// The return's own number, unique for seller and income source.
    #[schemars(length(min = 1, max = limits::NUMBER_CHARS))]
    pub number: String,
    /// The return's own date of issue, `yyyy-mm-dd`.
    pub issue_date: NaiveDate,
    /// Free text; written only where the taxpayer's settings say so, since the guide's returns have no place for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NOTE_CHARS))]
    pub note: Option<String>,
    /// What the seller's own system wants kept with the document: kept in the record, never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = limits::METADATA))]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Who sells; the seller of the original.
    pub seller: Seller,
    /// The invoice that is taken back, and why.
    pub original: OriginalReference,
    /// The lines that come back. Left out: everything that has not come back yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::LINES))]
    pub lines: Option<Vec<ReturnLine>>,
    /// The original's family, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// The original's scope, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The original's payment, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// The original's currency, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The original's buyer, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<Buyer>,
}

impl ReturnEvent {
    /// The counter and the credentials that the document belongs to.
    #[must_use]
    pub fn income_source(&self) -> IncomeSource {
        IncomeSource {
            tax_number: self.seller.tax_number.clone(),
            sequence: self.seller.income_source.clone(),
        }
    }
}

/// `return`, the one value of a return event's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnKind {
    /// A return, 381.
    Return,
}

/// The invoice that a return takes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginalReference {
    /// Its UUID as it was sent; any text, since live ones are. At least one of UUID and number is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::NUMBER_CHARS))]
    pub uuid: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::NUMBER_CHARS))]
    pub number: Option<String>,
    /// Why it comes back; mandatory by the guide.
    #[schemars(length(min = 1, max = limits::REASON_CHARS))]
    pub reason: String,
    /// Its total with tax, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Amount>,
    /// Its lines, when it is from before this system's time and was never cleared by it; then UUID and number, family and payment of the event
    /// are mandatory, and scope, currency and buyer are the original's (with their usual defaults). Needed on the first such return only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::LINES))]
    pub lines: Option<Vec<OutsideLine>>,
}

/// A line of an original from before this system's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutsideLine {
    /// The number that it had.
    #[schemars(range(min = 1))]
    pub id: u32,
    /// Its name.
    #[schemars(length(min = 1, max = limits::NAME_CHARS))]
    pub name: String,
    /// The quantity that was sold.
    pub quantity: Amount,
    /// Unit price before tax.
    pub unit_price: Amount,
    /// Its discount before tax; 0 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Amount>,
    /// General sales tax; none on income documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<GeneralTax>,
    /// Special sales tax of the whole line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_tax: Option<Amount>,
    /// Consumer price of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_price: Option<Amount>,
    /// How much of the quantity had come back before this system's time; 0 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Amount>,
    /// How much of the discount had been taken back with it; its proportional part when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_discount: Option<Amount>,
    /// How much of the special tax had been taken back with it; its proportional part when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_special_tax: Option<Amount>,
}

/// A line that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnLine {
    /// The number that it has in the original.
    #[schemars(range(min = 1))]
    pub id: u32,
    /// How much of it comes back; above 0, at most 9 decimals.
    pub quantity: Amount,
    /// The original's name, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The original's unit price, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Amount>,
    /// The discount that goes back with it, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Amount>,
    /// The original's tax, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<GeneralTax>,
    /// The special tax that goes back with it, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_tax: Option<Amount>,
    /// The original's consumer price, when stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_price: Option<Amount>,
}

/// An original as the authority holds it: read from its document, or told by the first return of one from before our time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalDocument {
    /// Its UUID, word for word.
    pub uuid: String,
    /// Its number.
    pub number: String,
    /// Its family.
    pub family: Family,
    /// Its scope.
    pub scope: Scope,
    /// Its payment.
    pub payment: Payment,
    /// Its currency.
    pub currency: String,
    /// Its total with tax, as it was printed.
    pub total: Amount,
    /// Its buyer, as far as an event can say it.
    pub buyer: Option<Buyer>,
    /// Its lines, each with its number.
    pub lines: Vec<Line>,
}

/// Whether two texts name the same UUID: word for word, or as UUIDs in whichever spelling.
#[must_use]
pub fn same_uuid(a: &str, b: &str) -> bool {
    canonical_uuid(a) == canonical_uuid(b)
}

/// A UUID's one spelling, small letters and hyphens; any other text as it is.
#[must_use]
pub fn canonical_uuid(text: &str) -> String {
    Uuid::try_parse(text.trim()).map_or_else(|_| text.trim().to_owned(), |uuid| uuid.to_string())
}
