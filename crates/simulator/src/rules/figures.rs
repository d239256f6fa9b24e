//! The exact amounts of one line by the guide's formulas (v1.5, calculation chapters); no rounding happens here.

use num_rational::BigRational;

use crate::decimal::{hundred, zero};
use crate::document::Line;

/// The amounts of a line before any rounding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Quantity times price.
    pub(crate) gross: BigRational,
    /// Gross less discount: `LineExtensionAmount`.
    pub(crate) net: BigRational,
    /// General tax: `TaxAmount`.
    pub(crate) tax: BigRational,
    /// Net, special tax and general tax: `RoundingAmount`.
    pub(crate) total: BigRational,
}

impl Figures {
    /// Where a consumer price above the unit price is given, the tax rests on it, and the discount does not lessen
    /// the base. The guide's two printed examples for special tax leave the special tax out of the total, against
    /// its own formula; the formula is followed.
    pub(crate) fn of(line: &Line) -> Self {
        let gross = &line.quantity * &line.price;
        let net = &gross - &line.discount;
        let Some(taxes) = &line.tax else {
            return Self { total: net.clone(), tax: zero(), gross, net };
        };
        let special = taxes.special.as_ref().map_or_else(zero, |special| special.amount.clone());
        let base = match &line.consumer_price {
            Some(price) if *price > line.price => &line.quantity * price + &special,
            _ => &net + &special,
        };
        let percent = taxes.general.percent.clone().unwrap_or_else(zero);
        let tax = base * percent / hundred();
        let total = &net + special + &tax;
        Self { gross, net, tax, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;
    use crate::document::{LineTax, Subtotal};

    fn number(text: &str) -> BigRational {
        text.parse::<Decimal>().unwrap().value().clone()
    }

    fn subtotal(amount: &str, percent: Option<&str>) -> Subtotal {
        Subtotal {
            taxable: None,
            amount: number(amount),
            category: "S".into(),
            percent: percent.map(number),
            scheme: "VAT".into(),
        }
    }

    /// Quantity, price, discount, special tax, percent, consumer price; net, tax and total expected.
    fn check(input: [&str; 6], expected: [&str; 3]) {
        let [quantity, price, discount, special, percent, consumer] = input;
        let tax = (!percent.is_empty()).then(|| LineTax {
            amount: zero(),
            rounding: zero(),
            special: (!special.is_empty()).then(|| subtotal(special, None)),
            general: subtotal("0", Some(percent)),
        });
        let line = Line {
            id: "1".into(),
            name: "بسكويت".into(),
            quantity: number(quantity),
            price: number(price),
            discount: number(discount),
            extension: zero(),
            consumer_price: (!consumer.is_empty()).then(|| number(consumer)),
            tax,
        };
        let figures = Figures::of(&line);
        assert_eq!([figures.net, figures.tax, figures.total], expected.map(number), "{input:?}");
    }

    #[test]
    fn the_worked_examples_of_the_guide() {
        // Income.
        check(["33", "2", "2", "", "", ""], ["64", "0", "64"]);
        check(["10", "5", "5", "", "", ""], ["45", "0", "45"]);
        // General.
        check(["33", "2", "2", "", "7", ""], ["64", "4.48", "68.48"]);
        check(["10", "5", "0", "", "0", ""], ["50", "0", "50"]);
        check(["10", "5", "0", "", "10", ""], ["50", "5", "55"]);
        // Special.
        check(["10", "50", "5", "10", "10", ""], ["495", "50.5", "555.5"]);
        // Consumer price, equal to the unit price and above it.
        check(["10", "5", "10", "", "16", "5"], ["40", "6.4", "46.4"]);
        check(["10", "5", "10", "", "16", "6"], ["40", "9.6", "49.6"]);
        check(["10", "50", "5", "10", "16", "50"], ["495", "80.8", "585.8"]);
        check(["10", "50", "5", "10", "16", "55"], ["495", "89.6", "594.6"]);
    }

    #[test]
    fn nothing_is_rounded() {
        check(
            ["0.333333333", "0.123456789", "0", "", "16", ""],
            ["0.041152262958847737", "0.00658436207341563792", "0.04773662503226337492"],
        );
    }
}
