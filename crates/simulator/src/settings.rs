//! What is fixed for the life of a simulated authority; it must not hold anything that a request changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;

/// How strict the authority is and how much it bears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// By how much a printed amount may differ from the exact value of its formula. The guide v1.5 says 0.001;
    /// 0.0000000005 accepts only what is rounded half-up at nine decimals from unrounded operands.
    pub tolerance: Decimal,
    /// Above this total in JOD a cash buyer must be named (guide v1.5, error table).
    pub name_limit_jod: Decimal,
    /// What one unit of a currency is worth in JOD, for that limit alone. Which rate the authority takes is not
    /// known; for a currency without a rate the limit is not checked.
    pub jod_rates: BTreeMap<String, Decimal>,
    /// Whether the buyer's kind of number must be there even when the buyer is nameless. The guide shades it as
    /// mandatory; programs that leave it out report success.
    pub buyer_identification_required: bool,
    /// The tax numbers registered in development areas with a valid exemption letter; none given means any.
    pub development_buyers: Option<BTreeSet<String>>,
    /// The longest request body in bytes; the real limit is not known.
    pub max_body_bytes: usize,
    /// The deepest nesting of elements that is read.
    pub max_depth: usize,
    /// The most elements in one document that are read.
    pub max_elements: usize,
    /// How many requests are remembered one by one; the oldest are forgotten first, the counts are not.
    pub record_capacity: usize,
    /// How many signed documents are kept for `ALREADY_SUBMITTED`; beyond it the oldest are answered with their
    /// QR alone. Which documents were accepted is never forgotten.
    pub documents_kept: usize,
    /// How many connections the HTTP server holds at once.
    pub max_connections: usize,
    /// The licence keys that the relay takes; none given means any that is not empty.
    pub license_keys: BTreeSet<String>,
    /// How long the HTTP server lets connections go on after it was told to stop, in milliseconds.
    pub stop_grace_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let rates = [("JOD", Decimal::scaled(1, 0)), ("USD", Decimal::scaled(709, 3))];
        Self {
            tolerance: Decimal::scaled(1, 3),
            name_limit_jod: Decimal::scaled(10_000, 0),
            jod_rates: rates.into_iter().map(|(currency, rate)| (currency.to_owned(), rate)).collect(),
            buyer_identification_required: true,
            development_buyers: None,
            max_body_bytes: 16 * 1024 * 1024,
            max_depth: 16,
            max_elements: 500_000,
            record_capacity: 200_000,
            documents_kept: 50_000,
            max_connections: 1024,
            license_keys: BTreeSet::new(),
            stop_grace_ms: 5_000,
        }
    }
}
