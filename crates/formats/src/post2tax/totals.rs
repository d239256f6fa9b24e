//! The body's own amounts against its lines. Tills round each line at three decimals and add up what they show; the guide adds up what
//! is exact: either is taken, within the guide's tolerance of 0.001.

use invoice::{FaultCode, InvoiceEvent, LineTotals, Profile, Totals};
use rust_decimal::Decimal;

use crate::json::{At, Reader};
use crate::money::{agrees, shown};

pub(super) fn check(reader: &mut Reader, root: &At<'_>, lines: &[At<'_>], event: &InvoiceEvent) {
    // What cannot be calculated, or is beyond all bounds, breaks a rule, which the rules tell better.
    let Ok(totals) = Totals::of(event, &Profile::default()) else { return };
    let Some(sums) = Sums::of(&totals) else { return };
    for (at, line) in lines.iter().zip(&totals.lines) {
        compare(reader, &at.member("TaxAmount"), &[line.tax], "the line's tax comes to");
    }
    let before_tax = [sums.net, sums.extension, totals.tax_exclusive, sums.gross];
    compare(reader, &root.member("TotalDiscountAmount"), &[totals.allowance], "the lines' discounts come to");
    compare(reader, &root.member("TotalTaxAmount"), &[totals.tax, sums.tax], "the lines' taxes come to");
    compare(reader, &root.member("SubTotalAmount"), &before_tax, "the lines before tax come to");
    compare(
        reader,
        &root.member("TotalAmount"),
        &[totals.payable, sums.with_tax],
        "the lines with tax come to",
    );
}

/// The sums of what tills show, and the exact sum after discounts.
struct Sums {
    gross: Decimal,
    extension: Decimal,
    tax: Decimal,
    with_tax: Decimal,
    net: Decimal,
}

impl Sums {
    fn of(totals: &Totals) -> Option<Self> {
        let sum = |part: fn(&LineTotals) -> Decimal| {
            let mut lines = totals.lines.iter();
            lines.try_fold(Decimal::ZERO, |sum, line| sum.checked_add(shown(part(line))))
        };
        let (extension, tax) = (sum(|line| line.extension)?, sum(|line| line.tax)?);
        Some(Self {
            gross: sum(|line| line.gross)?,
            extension,
            tax,
            with_tax: extension.checked_add(tax)?,
            net: totals.tax_exclusive.checked_sub(totals.allowance)?,
        })
    }
}

fn compare(reader: &mut Reader, at: &At<'_>, calculated: &[Decimal], what: &str) {
    let Some(stated) = reader.amount(at) else { return };
    if !agrees(stated, calculated) {
        let ours = calculated.first().map(Decimal::normalize).unwrap_or_default();
        let message = format!("is {stated}, but {what} {ours}: correct it, or the lines");
        reader.fault(FaultCode::TotalMismatch, at, message);
    }
}
