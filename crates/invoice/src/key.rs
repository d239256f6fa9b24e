//! What names an invoice and its counter: environment, UUID, income source.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where an invoice is meant to go. Part of every key, so that a rehearsal never stands in the way of the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Our own simulator: nothing leaves the house.
    Simulation,
    /// Somebody's test service. No official one is known (specification 1.1).
    Sandbox,
    /// The authority itself.
    Production,
}

impl Environment {
    /// The name used in configuration, messages and the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulation => "simulation",
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of the three environments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment {0:?} is none of simulation, sandbox, production")]
pub struct UnknownEnvironment(pub String);

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "simulation" => Ok(Self::Simulation),
            "sandbox" => Ok(Self::Sandbox),
            "production" => Ok(Self::Production),
            other => Err(UnknownEnvironment(other.to_owned())),
        }
    }
}

/// The name of one invoice for ever: one UUID, one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InvoiceKey {
    /// Where it goes.
    pub environment: Environment,
    /// Made by the seller, or derived from seller, income source and number.
    pub uuid: Uuid,
}

impl fmt::Display for InvoiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.environment, self.uuid)
    }
}

/// One activity of one taxpayer: what a counter (ICV) and a credential pair belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncomeSource {
    /// The seller's tax number, digits.
    pub tax_number: String,
    /// The income-source sequence from the portal, digits.
    pub sequence: String,
}

impl fmt::Display for IncomeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tax_number, self.sequence)
    }
}
