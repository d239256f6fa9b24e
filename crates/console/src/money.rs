//! Sums of money, kept apart by currency. Knows no rate.

use std::collections::BTreeMap;
use std::fmt;

use invoice::Amount;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What hangs on several invoices: one exact sum for each currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sums(BTreeMap<String, Amount>);

impl Sums {
    /// Adds an amount in its currency.
    pub fn add(&mut self, currency: &str, amount: Amount) {
        let sum = self.0.get(currency).copied().unwrap_or_default();
        // No sum of real invoices comes near; if it does, a sum that cannot be right is better than a wrong one.
        let sum = sum.decimal().checked_add(amount.decimal()).unwrap_or(Decimal::MAX);
        self.0.insert(currency.to_owned(), Amount::from(sum));
    }

    /// The sum in one currency.
    #[must_use]
    pub fn of(&self, currency: &str) -> Amount {
        self.0.get(currency).copied().unwrap_or_default()
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (place, (currency, amount)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{amount} {currency}")?;
        }
        Ok(())
    }
}
