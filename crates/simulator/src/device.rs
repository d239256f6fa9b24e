//! A linked device of a taxpayer: its keys and what they are bound to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document::Family;

/// One pair of keys, bound to one income source at its creation (linking procedures guide).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The header `Client-Id`.
    pub client_id: String,
    /// The header `Secret-Key`.
    pub secret_key: String,
    /// The taxpayer's number.
    pub tax_number: String,
    /// The income-source sequence.
    pub income_source: String,
    /// What the taxpayer is registered for.
    pub family: Family,
    /// Whether the taxpayer has the permission for consumer prices (guide v1.5, chapter 7).
    #[serde(default)]
    pub consumer_price: bool,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("client_id", &self.client_id)
            .field("tax_number", &self.tax_number)
            .field("income_source", &self.income_source)
            .field("family", &self.family)
            .field("consumer_price", &self.consumer_price)
            .finish_non_exhaustive()
    }
}
