//! Each printed amount against its formula (specification, section 3). The formulas' results come from the invoice's own totals.

use invoice::event::{Family, InvoiceEvent, Kind, Line};
use invoice::{Amount, LineTotals, Profile, Totals};
use rust_decimal::Decimal;

use crate::finding::{Finding, FindingCode, Findings, Formula, Severity};
use crate::read::{PrintedLine, Reading};

/// The guide's tolerance: 0.001.
fn tolerance() -> Decimal {
    Decimal::new(1, 3)
}

/// Every amount that differs from what its formula gives by the taxpayer's readings.
pub(super) fn arithmetic(reading: &Reading, event: &InvoiceEvent, profile: &Profile) -> Vec<Finding> {
    let mut findings = Findings::default();
    // Without totals there is a rule broken, which is found already.
    let Ok(totals) = Totals::of(event, profile) else { return Vec::new() };
    let printed = reading.printed();
    let lines = event.lines.iter().zip(&totals.lines).zip(&printed.lines).zip(1_usize..);
    for (((line, totals), printed), place) in lines {
        let path = format!("/Invoice/cac:InvoiceLine[{place}]");
        check_line(line, event.family, totals, printed, &path, &mut findings);
    }
    let mut check = |inside: &str, printed: Option<Amount>, expected: Decimal, formula: Formula| {
        compare(&format!("/Invoice/{inside}"), printed, expected, formula, &mut findings);
    };
    check("cac:AllowanceCharge/cbc:Amount", printed.allowance, totals.allowance, Formula::Allowance);
    if event.family != Family::Income {
        check("cac:TaxTotal/cbc:TaxAmount", printed.tax, totals.tax, Formula::Tax);
    }
    let total = "cac:LegalMonetaryTotal/cbc";
    check(
        &format!("{total}:TaxExclusiveAmount"),
        printed.tax_exclusive,
        totals.tax_exclusive,
        Formula::TaxExclusive,
    );
    check(
        &format!("{total}:TaxInclusiveAmount"),
        printed.tax_inclusive,
        totals.tax_inclusive,
        Formula::TaxInclusive,
    );
    check(
        &format!("{total}:AllowanceTotalAmount"),
        printed.allowance_total,
        totals.allowance,
        Formula::Allowance,
    );
    check(&format!("{total}:PrepaidAmount"), printed.prepaid, Decimal::ZERO, Formula::Prepaid);
    check(&format!("{total}:PayableAmount"), printed.payable, totals.payable, Formula::Payable);
    if event.kind == Kind::Return {
        check_rates(reading, event, &totals, &mut findings);
    }
    findings.0
}

fn check_line(
    line: &Line,
    family: Family,
    totals: &LineTotals,
    printed: &PrintedLine,
    path: &str,
    findings: &mut Findings,
) {
    let mut check = |inside: &str, printed: Option<Amount>, expected: Decimal, formula: Formula| {
        compare(&format!("{path}/{inside}"), printed, expected, formula, findings);
    };
    check("cbc:LineExtensionAmount", printed.extension, totals.extension, Formula::LineExtension);
    if family == Family::Income {
        return;
    }
    let formula = tax_formula(line, family);
    check("cac:TaxTotal/cbc:TaxAmount", printed.tax, totals.tax, formula);
    check("cac:TaxTotal/cbc:RoundingAmount", printed.with_tax, totals.with_tax, Formula::LineTotal);
    let (general, special) = printed.places;
    let subtotal = |place: usize, name: &str| format!("cac:TaxTotal/cac:TaxSubtotal[{place}]/cbc:{name}");
    check(&subtotal(general, "TaxAmount"), printed.general_tax, totals.tax, Formula::SubtotalTax);
    check(&subtotal(general, "TaxableAmount"), printed.general_taxable, totals.extension, Formula::Taxable);
    check(&subtotal(special, "TaxableAmount"), printed.special_taxable, totals.extension, Formula::Taxable);
}

fn tax_formula(line: &Line, family: Family) -> Formula {
    let above = line.consumer_price.is_some_and(|price| price > line.unit_price);
    match (family, above) {
        (Family::SpecialSales, true) => Formula::LineTaxConsumerSpecial,
        (Family::SpecialSales, false) => Formula::LineTaxSpecial,
        (Family::Income | Family::GeneralSales, true) => Formula::LineTaxConsumer,
        (Family::Income | Family::GeneralSales, false) => Formula::LineTax,
    }
}

/// The subtotals of the rates, which returns in the form of guide v1.4 have (specification 2.7).
fn check_rates(reading: &Reading, event: &InvoiceEvent, totals: &Totals, findings: &mut Findings) {
    for rate in reading.rates() {
        let lines = event.lines.iter().zip(&totals.lines);
        let of_rate = lines.filter(|(line, _)| {
            line.tax
                .as_ref()
                .is_some_and(|tax| Some(tax.category) == rate.category && Some(tax.percent) == rate.percent)
        });
        let sums = of_rate.map(|(_, totals)| (totals.extension, totals.tax)).try_fold(
            (Decimal::ZERO, Decimal::ZERO),
            |(taxable, tax), (more_taxable, more_tax)| {
                Some((taxable.checked_add(more_taxable)?, tax.checked_add(more_tax)?))
            },
        );
        let Some((taxable, tax)) = sums else { continue };
        let path = format!("/Invoice/cac:TaxTotal/cac:TaxSubtotal[{}]", rate.place);
        compare(&format!("{path}/cbc:TaxableAmount"), rate.taxable, taxable, Formula::RateTaxable, findings);
        compare(&format!("{path}/cbc:TaxAmount"), rate.tax, tax, Formula::RateTax, findings);
    }
}

/// What is not printed is missed elsewhere.
fn compare(
    path: &str,
    printed: Option<Amount>,
    expected: Decimal,
    formula: Formula,
    findings: &mut Findings,
) {
    let Some(printed) = printed else { return };
    let expected = Amount::from(expected);
    if printed == expected {
        return;
    }
    let difference = printed.decimal().checked_sub(expected.decimal());
    let tolerated = difference.is_some_and(|difference| difference.abs() <= tolerance());
    let finding = Finding::error(FindingCode::Amount, path);
    findings.add(Finding {
        severity: if tolerated { Severity::Warning } else { Severity::Error },
        found: Some(printed.to_string()),
        expected: Some(expected.to_string()),
        formula: Some(formula),
        difference: difference.map(|difference| difference.normalize()),
        ..finding
    });
}
