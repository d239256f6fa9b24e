//! Lines that fit their document.

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::amount::Amount;
use crate::event::{Family, GeneralTax, InvoiceEvent, Line, Prices, Scope, TaxCategory};
use crate::limits;

use super::{decimal, text};

/// A line before it knows its document.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    name: String,
    quantity: Amount,
    unit_price: Amount,
    /// The discount in thousandths of the gross.
    discount: i128,
    category: TaxCategory,
    rate: i64,
    special_tax: Amount,
    /// What the consumer price has more than the unit price.
    surplus: Amount,
    /// To how many decimals the shop rounds its total, where it states one.
    total: Option<u32>,
}

pub(super) fn draft() -> impl Strategy<Value = Draft> {
    // Pieces, kilograms, and the odd quantity of nine decimals; below 10^6, as the prices, so that a line is below 10^12.
    let quantity = prop_oneof![
        decimal(1, 500, 0..=0),
        decimal(1, 99_999, 3..=3),
        decimal(1, 999_999_999_999_999, 9..=9),
    ];
    let price = prop_oneof![decimal(1, 99_999, 2..=3), decimal(1, 999_999_999_999_999, 9..=9)];
    let discount = prop_oneof![3 => Just(0_i128), 2 => 0_i128..1_000, 1 => Just(1_000)];
    let category = select(&[TaxCategory::S, TaxCategory::S, TaxCategory::Z, TaxCategory::O][..]);
    let surplus = prop_oneof![Just(Amount::ZERO), decimal(1, 999_999_999, 9..=9)];
    let special_tax = prop_oneof![1 => Just(Amount::ZERO), 3 => decimal(0, 99_999_999, 0..=9)];
    let total = select(&[None, Some(2), Some(3)][..]);
    let taxes = (category, select(&limits::RATES[..]), special_tax, surplus);
    (text(), quantity, price, discount, taxes, total).prop_map(
        |(name, quantity, unit_price, discount, (category, rate, special_tax, surplus), total)| Draft {
            name,
            quantity,
            unit_price,
            discount,
            category,
            rate,
            special_tax,
            surplus,
            total,
        },
    )
}

impl Draft {
    /// The line as it stands in `event`, whose head is known already.
    pub(super) fn line(self, event: &InvoiceEvent, consumer_price: bool, id: Option<u32>) -> Line {
        let sales = event.family != Family::Income;
        let category = if event.scope == Scope::Local { self.category } else { TaxCategory::O };
        let rate = if sales && category == TaxCategory::S { self.rate } else { 0 };
        let above = self.unit_price.decimal().checked_add(self.surplus.decimal());
        let discount = self.discount().unwrap_or_default();
        let inclusive = event.prices == Prices::TaxIncluded;
        let total = self.total.filter(|_| inclusive).and_then(|decimals| self.total(discount, decimals));
        let special_tax = if inclusive {
            // The shop price holds it and the tax on it.
            let most = total.or_else(|| self.total(discount, limits::DECIMALS)).and_then(|total| {
                Amount::from_billionths(total.billionths()? * 100 / i128::from(100 + rate))
            });
            self.special_tax.min(most.unwrap_or_default())
        } else {
            self.special_tax
        };
        Line {
            id,
            total,
            discount,
            tax: sales.then(|| GeneralTax { category, percent: Decimal::from(rate).into() }),
            special_tax: (event.family == Family::SpecialSales).then_some(special_tax),
            consumer_price: above.filter(|_| consumer_price).map(Amount::from),
            name: self.name,
            quantity: self.quantity,
            unit_price: self.unit_price,
        }
    }

    /// In units of 10^-18.
    fn gross(&self) -> Option<i128> {
        self.quantity.billionths()?.checked_mul(self.unit_price.billionths()?)
    }

    /// The share of the gross, rounded down at 9 decimals, so that it never exceeds it.
    fn discount(&self) -> Option<Amount> {
        let billionth = 10_i128.pow(limits::DECIMALS);
        Amount::from_billionths(self.gross()?.checked_mul(self.discount)? / 1_000 / billionth)
    }

    /// What the shop prints for the line.
    fn total(&self, discount: Amount, decimals: u32) -> Option<Amount> {
        let billionth = 10_i128.pow(limits::DECIMALS);
        let rest = self.gross()?.checked_sub(discount.billionths()?.checked_mul(billionth)?)?;
        let rest = Amount::from_billionths(rest.checked_add(billionth / 2)? / billionth)?;
        let rounded = rest.decimal().round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        Some(rounded.into())
    }
}
