//! The formulas of the authority in words (guide v1.5; specification, section 3). Calculates nothing.

use invoice::rules::Text;

/// What an amount is calculated from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Formula {
    /// Quantity × price − discount.
    LineExtension,
    /// (quantity × price − discount) × rate.
    LineTax,
    /// (quantity × price − discount + special tax) × rate.
    LineTaxSpecial,
    /// Quantity × consumer price × rate, since the consumer price is above the unit price.
    LineTaxConsumer,
    /// (quantity × consumer price + special tax) × rate, since the consumer price is above the unit price.
    LineTaxConsumerSpecial,
    /// Line extension + special tax + general tax.
    LineTotal,
    /// The tax of the line.
    SubtotalTax,
    /// The line extension.
    Taxable,
    /// Sum of the line discounts.
    Allowance,
    /// Sum of quantity × price before discounts.
    TaxExclusive,
    /// Sum of the general tax of the lines.
    Tax,
    /// Sum of the lines with all taxes.
    TaxInclusive,
    /// Equal to the total with tax.
    Payable,
    /// Sum of the line extensions of this rate.
    RateTaxable,
    /// Sum of the tax of the lines of this rate.
    RateTax,
    /// The profile knows no prepayment.
    Prepaid,
}

impl Formula {
    /// The formula in words.
    #[must_use]
    pub fn text(self) -> Text {
        let (en, ar) = match self {
            Self::LineExtension => ("quantity × price − discount", "الكمية × السعر − الخصم"),
            Self::LineTax => {
                ("(quantity × price − discount) × rate", "(الكمية × السعر − الخصم) × نسبة الضريبة")
            }
            Self::LineTaxSpecial => (
                "(quantity × price − discount + special tax) × rate",
                "(الكمية × السعر − الخصم + الضريبة الخاصة) × نسبة الضريبة",
            ),
            Self::LineTaxConsumer => (
                "quantity × consumer price × rate, since the consumer price is above the unit price",
                "الكمية × سعر المستهلك × نسبة الضريبة، لأن سعر المستهلك أعلى من سعر الوحدة",
            ),
            Self::LineTaxConsumerSpecial => (
                "(quantity × consumer price + special tax) × rate, since the consumer price is above the unit price",
                "(الكمية × سعر المستهلك + الضريبة الخاصة) × نسبة الضريبة، لأن سعر المستهلك أعلى من سعر الوحدة",
            ),
            Self::LineTotal => {
                ("line extension + special tax + general tax", "صافي البند + الضريبة الخاصة + الضريبة العامة")
            }
            Self::SubtotalTax => ("the tax of the line", "ضريبة البند"),
            Self::Taxable => ("the line extension", "صافي البند"),
            Self::Allowance => ("sum of the line discounts", "مجموع خصومات البنود"),
            Self::TaxExclusive => {
                ("sum of quantity × price before discounts", "مجموع الكمية × السعر قبل الخصم")
            }
            Self::Tax => ("sum of the general tax of the lines", "مجموع الضريبة العامة للبنود"),
            Self::TaxInclusive => ("sum of the lines with all taxes", "مجموع البنود شاملة كل الضرائب"),
            Self::Payable => ("equal to the total with tax", "يساوي المجموع شاملاً الضريبة"),
            Self::RateTaxable => {
                ("sum of the line extensions of this rate", "مجموع صافي البنود الخاضعة لهذه النسبة")
            }
            Self::RateTax => {
                ("sum of the tax of the lines of this rate", "مجموع ضريبة البنود الخاضعة لهذه النسبة")
            }
            Self::Prepaid => ("the profile knows no prepayment", "لا يعرف الملف الأردني دفعة مقدمة"),
        };
        Text { en, ar }
    }
}
