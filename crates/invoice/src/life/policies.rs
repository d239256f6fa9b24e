//! Whose invoices wait how long: the house's numbers, and those of taxpayers who have their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::policy::Policy;
use crate::IncomeSource;

/// The numbers of every taxpayer. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies(Arc<All>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct All {
    usual: Policy,
    /// By tax number.
    own: BTreeMap<String, Policy>,
}

impl Policies {
    /// The house's numbers, and by tax number those of whoever has their own.
    #[must_use]
    pub fn new(usual: Policy, own: BTreeMap<String, Policy>) -> Self {
        Self(Arc::new(All { usual, own }))
    }

    /// The numbers that an invoice of this income source lives by.
    #[must_use]
    pub fn of(&self, source: &IncomeSource) -> &Policy {
        self.0.own.get(&source.tax_number).unwrap_or(&self.0.usual)
    }
}

impl From<Policy> for Policies {
    fn from(usual: Policy) -> Self {
        Self::new(usual, BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_taxpayer_has_their_own_or_the_houses() {
        let patient = Policy { plateau_ms: 7_200_000, ..Policy::default() };
        let policies = Policies::new(Policy::default(), [("12345678".to_owned(), patient.clone())].into());
        let source = |tax_number: &str, sequence: &str| IncomeSource {
            tax_number: tax_number.to_owned(),
            sequence: sequence.to_owned(),
        };
        for sequence in ["1", "2"] {
            assert_eq!(*policies.of(&source("12345678", sequence)), patient);
        }
        assert_eq!(*policies.of(&source("22222222", "1")), Policy::default());
    }
}
