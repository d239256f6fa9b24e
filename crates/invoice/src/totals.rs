//! The amounts of a document by the authority's formulas (guide v1.5; specification, section 3). Knows no XML and no rule
//! but the arithmetic.
//!
//! Each amount is computed from unrounded operands and rounded once, half-up, at 9 decimals. A printed sum may therefore
//! differ from the sum of the printed lines by up to n x 0.5e-9, far inside the guide's tolerance of 0.001. The other reading
//! (specification, section 2.11, as Odoo does it) rounds quantity x price and the tax of each line first, so that printed
//! totals are the sums of printed lines to the last digit.

mod fixed;

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::event::{Family, InvoiceEvent, Line};
use crate::profile::{Profile, Rounding};
use crate::validate::{Fault, FaultCode, both};

pub(crate) use fixed::Fixed;

/// A document's amounts, in its currency, each with at most 9 decimals and normalised (no trailing zeros).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// The lines, in the event's order.
    pub lines: Vec<LineTotals>,
    /// `AllowanceTotalAmount`: the sum of the line discounts.
    pub allowance: Decimal,
    /// `TaxExclusiveAmount`: the sum of quantity x price, *before* discounts.
    pub tax_exclusive: Decimal,
    /// The document's `TaxAmount`: general sales tax only. 0 on income documents, which print none.
    pub tax: Decimal,
    /// The sum of the special sales tax; it has no element of its own in the document.
    pub special_tax: Decimal,
    /// `TaxInclusiveAmount`: the sum of the lines with all taxes.
    pub tax_inclusive: Decimal,
    /// `PayableAmount`: equal to `tax_inclusive`, since the profile knows no prepayment.
    pub payable: Decimal,
}

/// One line's amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineTotals {
    /// The line's number; its position (from 1) when the event gives none.
    pub id: u32,
    /// Quantity x unit price.
    pub gross: Decimal,
    /// `LineExtensionAmount`: gross less discount.
    pub extension: Decimal,
    /// General sales tax.
    pub tax: Decimal,
    /// Special sales tax, as the event gives it.
    pub special_tax: Decimal,
    /// `RoundingAmount`: the extension with all taxes.
    pub with_tax: Decimal,
}

/// Why an event has no totals. An event without faults always has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TotalsError {
    /// An operand has too many decimals, or is too large, to be calculated without losing a digit.
    #[error("{path} cannot be calculated exactly: too many decimals or too large")]
    NotExact {
        /// The line or field, such as `lines[3]`.
        path: String,
    },
    /// The guide gives no formula for such a line.
    #[error("{path}: {reason}")]
    NoFormula {
        /// The field, such as `lines[3].tax`.
        path: String,
        /// What is missing or contradictory.
        reason: &'static str,
    },
    /// The document's discount is more than its lines can bear.
    #[error("the discount {discount} is more than its lines can bear, {most}")]
    DiscountAboveDocument {
        /// What was asked for.
        discount: Amount,
        /// What the lines come to before it.
        most: Amount,
    },
    /// The special tax of a line, with the general tax on it, is more than the line's price with tax.
    #[error(
        "{path}: the special tax {special_tax} and the general tax on it are more than the line's total with tax, {total}"
    )]
    SpecialTaxAbovePrice {
        /// The line, such as `lines[3]`.
        path: String,
        /// The special tax.
        special_tax: Amount,
        /// What the shop charged for the line.
        total: Amount,
    },
}

impl TotalsError {
    /// The same as a fault of the event.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotExact { path } => {
                let message = both!(
                    "cannot be calculated exactly: too many decimals or too large",
                    "لا يمكن حسابه بدقة: منازل عشرية كثيرة أو قيم كبيرة جداً"
                );
                Fault::new(FaultCode::AmountTooLarge, path, message)
            }
            Self::NoFormula { path, reason } => Fault::new(FaultCode::InvalidValue, path, *reason),
            Self::DiscountAboveDocument { discount, most } => {
                let message = both!(
                    "{discount} is more than the lines can bear, {most}: lower it",
                    "الخصم {discount} أكثر مما تحتمله البنود، أي {most}: خفّضه"
                );
                Fault::new(FaultCode::DiscountAboveDocument, "discount", message)
            }
            Self::SpecialTaxAbovePrice { path, special_tax, total } => {
                let message = both!(
                    "{special_tax} and the general tax on it are more than the line's total with tax, {total}: the shop price holds them both; correct one of them",
                    "الضريبة الخاصة {special_tax} مع الضريبة العامة عليها أكثر من مجموع البند الشامل للضريبة، أي {total}: سعر المحل يشملهما معاً؛ صحّح أحدهما"
                );
                Fault::new(FaultCode::SpecialTaxAbovePrice, format!("{path}.special_tax"), message)
            }
        }
    }
}

impl Totals {
    /// The totals of `event` by the taxpayer's readings, exact to the last digit or an error; never a wrong digit.
    ///
    /// The event's prices are taken to be net, and its document discount is not looked at: see [`settle`](crate::settle()).
    /// Assumes nothing about the event. What breaks a rule but still has a formula (a discount above the gross, say) is
    /// calculated: refusing it is the validation's business.
    pub fn of(event: &InvoiceEvent, profile: &Profile) -> Result<Self, TotalsError> {
        let mut lines = Vec::with_capacity(event.lines.len());
        let mut sum = Exact::default();
        for (index, line) in event.lines.iter().enumerate() {
            let exact = Exact::of(line, event.family, profile.rounding, index)?;
            sum = sum.plus(&exact).ok_or_else(|| not_exact(index))?;
            let id = line.id.or_else(|| u32::try_from(index).ok()?.checked_add(1)).unwrap_or(u32::MAX);
            let mut printed = exact.line(id).ok_or_else(|| not_exact(index))?;
            if profile.consumer_total_as_printed && line.consumer_price.is_some() {
                // The guide's examples print it so, against its own formula (specification, section 3.4).
                printed.with_tax = exact.without_special_tax().ok_or_else(|| not_exact(index))?;
            }
            lines.push(printed);
        }
        sum.document(lines).ok_or_else(|| TotalsError::NotExact { path: "lines".to_owned() })
    }
}

pub(crate) fn not_exact(index: usize) -> TotalsError {
    TotalsError::NotExact { path: format!("lines[{index}]") }
}

/// The unrounded amounts of a line, or of all lines together.
#[derive(Default)]
struct Exact {
    gross: Fixed,
    discount: Fixed,
    special_tax: Fixed,
    tax: Fixed,
}

impl Exact {
    /// `rounding` decides whether a line's products keep all their decimals, or only those that are printed.
    fn of(line: &Line, family: Family, rounding: Rounding, index: usize) -> Result<Self, TotalsError> {
        let exact = || not_exact(index);
        let kept = |value: Fixed| match rounding {
            Rounding::Once => Some(value),
            Rounding::SumOfLines => value.rounded().and_then(|value| Fixed::of(value.into())),
        };
        let gross = Fixed::product(line.quantity, line.unit_price).and_then(kept).ok_or_else(exact)?;
        let discount = Fixed::of(line.discount).ok_or_else(exact)?;
        let special_tax = match (family, line.special_tax) {
            (Family::SpecialSales, Some(amount)) => Fixed::of(amount).ok_or_else(exact)?,
            _ => Fixed::ZERO,
        };
        let untaxed = Self { gross, discount, special_tax, tax: Fixed::ZERO };
        if family == Family::Income {
            return Ok(untaxed);
        }
        let no_formula =
            |field: &str, reason| TotalsError::NoFormula { path: format!("lines[{index}].{field}"), reason };
        let tax = line.tax.as_ref().ok_or_else(|| no_formula("tax", "a sales document taxes every line"))?;
        let percent =
            whole(tax.percent).ok_or_else(|| no_formula("tax.percent", "not a whole percentage"))?;
        let base = match line.consumer_price {
            Some(price) if price < line.unit_price => {
                return Err(no_formula("consumer_price", "below the unit price"));
            }
            // Guide v1.5, chapter 7: the tax rests on the consumer price, and the discount does not lessen it.
            Some(price) if price > line.unit_price => Fixed::product(line.quantity, price).and_then(kept),
            _ => untaxed.extension(),
        };
        let tax = base.and_then(|base| base.plus(special_tax)?.percent(percent)).and_then(kept);
        let tax = tax.ok_or_else(exact)?;
        Ok(Self { tax, ..untaxed })
    }

    fn extension(&self) -> Option<Fixed> {
        self.gross.minus(self.discount)
    }

    fn with_tax(&self) -> Option<Fixed> {
        self.extension()?.plus(self.special_tax)?.plus(self.tax)
    }

    fn without_special_tax(&self) -> Option<Decimal> {
        self.extension()?.plus(self.tax)?.rounded()
    }

    fn plus(&self, line: &Self) -> Option<Self> {
        Some(Self {
            gross: self.gross.plus(line.gross)?,
            discount: self.discount.plus(line.discount)?,
            special_tax: self.special_tax.plus(line.special_tax)?,
            tax: self.tax.plus(line.tax)?,
        })
    }

    fn line(&self, id: u32) -> Option<LineTotals> {
        Some(LineTotals {
            id,
            gross: self.gross.rounded()?,
            extension: self.extension()?.rounded()?,
            tax: self.tax.rounded()?,
            special_tax: self.special_tax.rounded()?,
            with_tax: self.with_tax()?.rounded()?,
        })
    }

    fn document(&self, lines: Vec<LineTotals>) -> Option<Totals> {
        let tax_inclusive = self.with_tax()?.rounded()?;
        Some(Totals {
            lines,
            allowance: self.discount.rounded()?,
            tax_exclusive: self.gross.rounded()?,
            tax: self.tax.rounded()?,
            special_tax: self.special_tax.rounded()?,
            tax_inclusive,
            payable: tax_inclusive,
        })
    }
}

/// The rate as a whole number; the guide lists no other.
pub(crate) fn whole(percent: Amount) -> Option<i128> {
    let percent = percent.decimal();
    (percent.scale() == 0).then(|| percent.mantissa())
}

#[cfg(test)]
mod tests;
