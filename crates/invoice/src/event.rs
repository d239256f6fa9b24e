//! The canonical invoice event, version 1: what a retailer publishes. Types only; the rules are in `validate`.
//!
//! It can say everything that the authority's guide v1.5 can express (specification, section 2).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::amount::Amount;
use crate::key::IncomeSource;
use crate::limits;

/// One sale (or return) as its seller tells it. Amounts are in the document's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceEvent {
    /// The version of this format: 1.
    #[schemars(extend("const" = limits::SCHEMA_VERSION))]
    pub schema_version: u32,
    /// The document's UUID, made by the seller and kept for ever. Left out, it is derived from seller, income source and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Set when this event replaces a rejected or dead-lettered document: the document version that it amends (1 for the first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub amends: Option<u32>,
    /// Sale or return.
    #[serde(default, deserialize_with = "null_is_absent")]
    #[schemars(with = "Option<Kind>")]
    pub kind: Kind,
    /// The document's family; follows the seller's registration (guide v1.5, type codes).
    pub family: Family,
    /// Where the sale happens in the tax law's sense.
    #[serde(default, deserialize_with = "null_is_absent")]
    #[schemars(with = "Option<Scope>")]
    pub scope: Scope,
    /// Cash or receivable.
    pub payment: Payment,
    /// The seller's own number of the document, unique for seller and income source.
    #[schemars(length(min = 1, max = limits::NUMBER_CHARS))]
    pub number: String,
    /// The date of issue, `yyyy-mm-dd`.
    pub issue_date: NaiveDate,
    /// ISO 4217 code of the document's currency, one of the 18 that the authority takes. JOD when left out.
    #[serde(default = "jod", deserialize_with = "null_is_jod")]
    #[schemars(with = "Option<String>", extend("enum" = currencies_or_null()))]
    pub currency: String,
    /// What the lines' prices, discounts and totals are: before tax, or as in the shop, with the general sales tax included.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "Prices::is_net")]
    #[schemars(with = "Option<Prices>")]
    pub prices: Prices,
    /// A discount on the document as a whole, of the kind that `prices` says; spread over the lines, since the profile knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Amount>,
    /// Free text on the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NOTE_CHARS))]
    pub note: Option<String>,
    /// What the seller's own system wants kept with the document, such as contract, unit or product code: kept in the record, never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = limits::METADATA))]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Who sells.
    pub seller: Seller,
    /// Who buys. May be left out for a cash sale up to 10,000 JOD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<Buyer>,
    /// Returns only: the document that is returned, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// What was sold, or comes back.
    #[schemars(length(min = 1, max = limits::LINES))]
    pub lines: Vec<Line>,
}

impl InvoiceEvent {
    /// The counter and the credentials that the document belongs to.
    #[must_use]
    pub fn income_source(&self) -> IncomeSource {
        IncomeSource {
            tax_number: self.seller.tax_number.clone(),
            sequence: self.seller.income_source.clone(),
        }
    }
}

fn jod() -> String {
    "JOD".to_owned()
}

/// Absent or null makes no difference, also where a value has a default.
fn null_is_absent<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    source: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_default())
}

fn null_is_jod<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_else(jod))
}

fn currencies_or_null() -> Vec<Option<&'static str>> {
    limits::CURRENCIES.into_iter().map(Some).chain([None]).collect()
}

/// Sale or return (InvoiceTypeCode 388 or 381).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A new invoice, 388.
    #[default]
    Invoice,
    /// A return against one cleared invoice (the field's credit note), 381.
    Return,
}

/// The document's family, third digit of the type code's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The seller is not registered for sales tax: digit 1.
    Income,
    /// Registered for general sales tax: digit 2.
    GeneralSales,
    /// Registered for special sales tax: digit 3.
    SpecialSales,
}

/// The first digit of the type code's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// 0.
    #[default]
    Local,
    /// 1.
    Export,
    /// 2: the buyer's tax number is mandatory.
    DevelopmentArea,
    /// 3.
    Transit,
    /// 4.
    ForeignTrade,
    /// 5: a transfer inside the free zones.
    FreeZone,
}

/// What the prices of an event are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// Before tax, as the document states them.
    #[default]
    Net,
    /// With the general sales tax included, as shops show them; turned into net price and discount so that each line lands on its total.
    TaxIncluded,
}

impl Prices {
    /// Whether they are before tax.
    #[must_use]
    pub fn is_net(&self) -> bool {
        *self == Self::Net
    }
}

/// The second digit of the type code's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Digit 1.
    Cash,
    /// Digit 2: paid later; the buyer must be named.
    Receivable,
}

/// The seller, as registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seller {
    /// Tax number, digits.
    #[schemars(regex(pattern = r"^[0-9]{5,15}$"))]
    pub tax_number: String,
    /// Name as registered.
    #[schemars(length(min = 1, max = limits::NAME_CHARS))]
    pub name: String,
    /// Income-source sequence from the portal, digits.
    #[schemars(regex(pattern = r"^[0-9]{1,20}$"))]
    pub income_source: String,
}

/// The buyer, as far as known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// Mandatory on receivables, and on cash sales above 10,000 JOD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME_CHARS))]
    pub name: Option<String>,
    /// What identifies the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identification: Option<Identification>,
    /// At most five characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::POSTAL_CODE_CHARS))]
    pub postal_code: Option<String>,
    /// One of the twelve governorates, such as `JO-AM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governorate: Option<Governorate>,
    /// 9 to 14 digits; other characters are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::PHONE_CHARS))]
    pub phone: Option<String>,
}

/// A number that identifies the buyer, and of which kind it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identification {
    /// Which register the number is from.
    pub scheme: IdentificationScheme,
    /// Digits. With `PN` letters A to Z too, where the taxpayer's settings say so.
    #[schemars(regex(pattern = r"^[0-9A-Za-z]{1,30}$"))]
    pub number: String,
}

/// `schemeID` of the buyer's identification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum IdentificationScheme {
    /// National number of a Jordanian.
    NIN,
    /// Personal number of somebody who is not Jordanian (passport, residence).
    PN,
    /// Tax number.
    TN,
}

/// The twelve governorates (`CountrySubentityCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Governorate {
    /// Balqa.
    #[serde(rename = "JO-BA")]
    Balqa,
    /// Ma'an.
    #[serde(rename = "JO-MN")]
    Maan,
    /// Madaba.
    #[serde(rename = "JO-MD")]
    Madaba,
    /// Mafraq.
    #[serde(rename = "JO-MA")]
    Mafraq,
    /// Karak.
    #[serde(rename = "JO-KA")]
    Karak,
    /// Jerash.
    #[serde(rename = "JO-JA")]
    Jerash,
    /// Irbid.
    #[serde(rename = "JO-IR")]
    Irbid,
    /// Zarqa.
    #[serde(rename = "JO-AZ")]
    Zarqa,
    /// Tafilah.
    #[serde(rename = "JO-AT")]
    Tafilah,
    /// Aqaba.
    #[serde(rename = "JO-AQ")]
    Aqaba,
    /// Amman.
    #[serde(rename = "JO-AM")]
    Amman,
    /// Ajloun.
    #[serde(rename = "JO-AJ")]
    Ajloun,
}

/// The document that a return takes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Original {
    /// The original's UUID as it was sent; any text, since live ones are.
    #[schemars(length(min = 1, max = limits::NUMBER_CHARS))]
    pub uuid: String,
    /// The original's number.
    #[schemars(length(min = 1, max = limits::NUMBER_CHARS))]
    pub number: String,
    /// The original's total with tax. Looked up when the original is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Amount>,
    /// Why it comes back; mandatory by the guide.
    #[schemars(length(min = 1, max = limits::REASON_CHARS))]
    pub reason: String,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The line's number, unique in the document and kept for later returns. Its position (from 1) when left out on all lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub id: Option<u32>,
    /// Name or description.
    #[schemars(length(min = 1, max = limits::NAME_CHARS))]
    pub name: String,
    /// Above 0, at most 9 decimals.
    pub quantity: Amount,
    /// Unit price before tax, above 0, at most 9 decimals.
    pub unit_price: Amount,
    /// The line's discount before tax, 0 or more, at most 9 decimals.
    #[serde(default, deserialize_with = "null_is_absent")]
    #[schemars(with = "Option<Amount>")]
    pub discount: Amount,
    /// What the shop charged for the line, tax included; only where `prices` says so. Quantity x unit price - discount when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Amount>,
    /// General sales tax; none on income documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<GeneralTax>,
    /// Special sales tax of the whole line, an amount; special sales documents only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_tax: Option<Amount>,
    /// Consumer price of one unit (guide v1.5, chapter 7); by permission, on all lines or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_price: Option<Amount>,
}

/// Category and rate of the general sales tax on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneralTax {
    /// Jordan's own meaning of the letters.
    pub category: TaxCategory,
    /// 0 for Z and O; one of 1, 2, 3, 4, 5, 7, 8, 10, 16 for S.
    #[serde(default, deserialize_with = "null_is_absent")]
    #[schemars(with = "Option<Amount>")]
    pub percent: Amount,
}

/// Tax category as Jordan uses the letters (guide v1.5): not as Peppol or ZATCA do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TaxCategory {
    /// Exempt.
    Z,
    /// Subject to the zero rate.
    O,
    /// Taxed.
    S,
}
