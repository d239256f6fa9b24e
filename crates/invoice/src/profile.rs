//! The readings of the specification that a taxpayer may choose where sources differ (marked C there). The default follows
//! guide v1.5 throughout. Plain data: the arithmetic, the rules and the writer each look at their own part.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::event::Family;
use crate::key::Environment;

/// One taxpayer's readings. Every field left out is as guide v1.5 has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// How printed amounts are rounded (specification, sections 2.11 and 3).
    pub rounding: Rounding,
    /// Which code the `currencyID` attribute of amounts carries (section 2.9).
    pub currency_id: CurrencyId,
    /// How a buyer without a number is written (section 2.5).
    pub nameless_buyer: NamelessBuyer,
    /// What stands in the buyer's `PartyTaxScheme/CompanyID` (section 2.5).
    pub buyer_company: BuyerCompany,
    /// Whether the buyer's country is written (section 2.5).
    pub buyer_country: BuyerCountry,
    /// How long a telephone number may be (section 2.5).
    pub phone: PhoneRule,
    /// What a buyer's number may hold (section 2.5).
    pub identification: IdentificationRule,
    /// Which families may use the scopes 3 to 5 (section 2.3).
    pub zone_scopes: ZoneScopes,
    /// Whether the tax subtotal of a general sales line states its `TaxableAmount` (section 2.7).
    pub taxable_amount: bool,
    /// Whether a general sales return repeats one subtotal for each rate and `PrepaidAmount`, as guide v1.4 had it (section 2.7).
    pub return_subtotals: bool,
    /// Whether the lines of a general sales return leave out `BaseQuantity`, which the guide prints there (section 2.6).
    pub omit_base_quantity: bool,
    /// Whether returns carry the note, for which the guide's skeletons have no place (section 2.2).
    pub return_note: bool,
    /// Whether ordinary invoices carry `PaymentMeans` with code 10 as well (section 2.2).
    pub payment_means_on_invoices: bool,
    /// Which element names the profile (section 2.2).
    pub profile_id: ProfileId,
    /// What becomes of `/` in document numbers (section 2.2).
    pub slash: Slash,
    /// Whether the line total of a special sales line with a consumer price leaves out the special tax, as the guide's worked examples
    /// do against its own formula (section 3.4). The document's totals hold it all the same.
    pub consumer_total_as_printed: bool,
    /// JOD for one unit of each foreign currency: with it the rule of the named buyer (10,000 JOD) is checked on such documents too.
    /// The guide gives no rate (section 2.9).
    pub exchange_rates: BTreeMap<String, Amount>,
}

/// How printed amounts are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Each printed amount from unrounded operands, rounded once, half-up, at 9 decimals.
    #[default]
    Once,
    /// Totals are the sums of the lines' amounts as printed.
    SumOfLines,
}

/// The `currencyID` attribute of amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurrencyId {
    /// `JO`, whatever the currency is.
    #[default]
    Jo,
    /// The document's currency code.
    Iso,
}

/// A buyer of whom no number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamelessBuyer {
    /// An empty number of scheme `NIN`.
    #[default]
    EmptyNin,
    /// An empty number of scheme `TN`.
    EmptyTn,
    /// `TN` with `0`.
    ZeroTn,
    /// `TN` with `-`.
    DashTn,
    /// No `PartyIdentification` at all.
    Absent,
}

/// The buyer's `PartyTaxScheme/CompanyID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuyerCompany {
    /// As guide v1.5 prints it: the tax number on general and special sales, nothing on income; `1` on special sales when none is known.
    #[default]
    Guide,
    /// The buyer's tax number wherever there is one, on every family.
    TaxNumber,
    /// `1`, as guide v1.4 had it for general and special sales.
    One,
    /// `0`.
    Zero,
    /// Never.
    Absent,
}

/// The buyer's country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuyerCountry {
    /// `JO` in every document, exports included.
    #[default]
    Jo,
    /// Left out on exports.
    AbsentOnExport,
}

/// Digits of a telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneRule {
    /// 9 to 14 digits; any other length is a fault.
    #[default]
    NineToFourteen,
    /// 1 to 15 digits.
    OneToFifteen,
    /// 9 to 14 digits; a number of any other length is left out of the document instead of refused.
    OmitUnfit,
}

/// What a buyer's identification number may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentificationRule {
    /// Digits, whatever it identifies.
    #[default]
    Digits,
    /// Digits; with scheme `PN` letters A to Z too, as passports have them (guide v1.4 speaks of passports there).
    AlphanumericPn,
}

/// Who may use transit, foreign trade and free zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZoneScopes {
    /// Every family.
    #[default]
    AllFamilies,
    /// General sales only.
    GeneralSalesOnly,
}

/// The element that names the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileId {
    /// `ProfileID` `reporting:1.0`.
    #[default]
    Reporting,
    /// `UBLVersionID` `2.1` instead.
    UblVersion,
}

/// `/` in the seller's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slash {
    /// Written as it is.
    #[default]
    Keep,
    /// Written as `_`.
    Underscore,
}

/// What the fleet must know of an income source, besides how to reach the authority for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Where its documents go.
    pub environment: Environment,
    /// The family that the seller is registered for; the authority refuses any other. None: every family is taken.
    pub family: Option<Family>,
    /// Where its counter (ICV) starts.
    pub icv_start: u64,
    /// Its readings.
    pub profile: Profile,
    /// Whether documents are taken and sent; one that is not loses nothing, its documents wait.
    pub active: bool,
}
