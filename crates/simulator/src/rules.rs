//! The authority's checks of one document by itself, and of a return against its original; they must not know who sent it.

mod figures;
pub(crate) mod returns;

use num_rational::BigRational;

use crate::decimal::{Decimal, near, zero};
use crate::document::{Document, Family, Line, LineTax, Sort};
use crate::finding::Finding;
use crate::settings::Settings;
use figures::Figures;

/// Codes that may stand in both currency elements (guide v1.5, list of currencies).
const CURRENCIES: [&str; 18] = [
    "JOD", "USD", "EUR", "SAR", "AED", "OMR", "GBP", "QAR", "KWD", "BHD", "AUD", "CAD", "JPY", "CHF", "TRY",
    "SYP", "EGP", "SEK",
];

/// The governorates of guide v1.5.
const GOVERNORATES: [&str; 12] = [
    "JO-BA", "JO-MN", "JO-MD", "JO-MA", "JO-KA", "JO-JA", "JO-IR", "JO-AZ", "JO-AT", "JO-AQ", "JO-AM",
    "JO-AJ",
];

/// The rates of category S, in percent (guide v1.5).
const RATES: [u8; 9] = [1, 2, 3, 4, 5, 7, 8, 10, 16];

/// What is wrong with a document.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) findings: Vec<Finding>,
    /// A percentage is not on the list, which the real service answers with 500 instead of a reason.
    pub(crate) unlisted_rate: bool,
}

/// Checks one document by itself; all faults at once.
pub(crate) fn check(document: &Document, settings: &Settings) -> Faults {
    let mut faults = Faults::default();
    check_head(document, &mut faults.findings);
    check_buyer(document, settings, &mut faults.findings);
    check_line_ids(document, &mut faults.findings);
    check_consumer_prices(document, &mut faults.findings);
    let figures: Vec<Figures> = document.lines.iter().map(Figures::of).collect();
    for (line, exact) in document.lines.iter().zip(&figures) {
        check_line(document, line, exact, settings.tolerance.value(), &mut faults);
    }
    check_totals(document, &figures, settings.tolerance.value(), &mut faults.findings);
    faults
}

fn check_head(document: &Document, findings: &mut Vec<Finding>) {
    if !CURRENCIES.contains(&document.currency.as_str()) {
        findings.push(Finding::uncoded("DocumentCurrencyCode is not on the list"));
    }
    if document.currency != document.tax_currency {
        findings.push(Finding::uncoded("DocumentCurrencyCode and TaxCurrencyCode must be equal"));
    }
    match document.sort {
        Sort::Invoice if document.original.is_some() => {
            findings.push(Finding::uncoded("cac:BillingReference belongs in returns only"));
        }
        Sort::Return => {
            match &document.original {
                None => findings.push(Finding::uncoded("cac:BillingReference is missing")),
                Some(original) if original.total.parse::<Decimal>().is_err() => {
                    findings.push(Finding::uncoded("DocumentDescription must be the total of the original"));
                }
                Some(_) => {}
            }
            if document.reason.is_empty() {
                findings.push(Finding::uncoded("the reason of the return is missing"));
            }
        }
        Sort::Invoice => {}
    }
}

fn check_buyer(document: &Document, settings: &Settings, findings: &mut Vec<Finding>) {
    let buyer = &document.buyer;
    if settings.buyer_identification_required && buyer.kind.is_none() {
        findings.push(Finding::uncoded("the buyer's identification type is missing"));
    }
    if !all_digits(&buyer.number) {
        findings.push(Finding::uncoded("the buyer's number must be digits"));
    }
    if buyer.postal_code.chars().count() > 5 {
        findings.push(Finding::postal_code());
    }
    if !buyer.governorate.is_empty() && !GOVERNORATES.contains(&buyer.governorate.as_str()) {
        findings.push(Finding::uncoded("CountrySubentityCode is not on the list"));
    }
    let telephone = &buyer.telephone;
    let dialable = all_digits(telephone) && (9..=14).contains(&telephone.len());
    if !telephone.is_empty() && !dialable {
        findings.push(Finding::uncoded("Telephone must be 9 to 14 digits"));
    }
    if buyer.name.is_empty() && (document.receivable || above_name_limit(document, settings)) {
        findings.push(Finding::buyer_name());
    }
    if document.scope == 2 {
        let numbered = buyer.kind.as_deref() == Some("TN") && !buyer.number.is_empty();
        let registered = settings.development_buyers.as_ref().is_none_or(|list| list.contains(&buyer.number));
        if !numbered || !registered {
            findings.push(Finding::development_area());
        }
    }
}

/// More than 10,000 JOD; exactly that much does not need a name.
fn above_name_limit(document: &Document, settings: &Settings) -> bool {
    settings
        .jod_rates
        .get(&document.currency)
        .is_some_and(|rate| &document.payable * rate.value() > *settings.name_limit_jod.value())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_line_ids(document: &Document, findings: &mut Vec<Finding>) {
    let mut seen = std::collections::BTreeSet::new();
    if !document.lines.iter().all(|line| seen.insert(&line.id)) {
        findings.push(Finding::line_ids());
    }
    if !document.lines.iter().all(|line| all_digits(&line.id)) {
        findings.push(Finding::uncoded("the ID of a line must be a number"));
    }
}

/// On all lines or on none, never below the unit price, never on income documents (guide v1.5, chapter 7).
fn check_consumer_prices(document: &Document, findings: &mut Vec<Finding>) {
    let priced = document.lines.iter().filter(|line| line.consumer_price.is_some()).count();
    if priced == 0 {
        return;
    }
    if document.family == Family::Income {
        findings.push(Finding::uncoded("the consumer price does not belong in an income document"));
    }
    if priced != document.lines.len() {
        findings.push(Finding::uncoded("the consumer price must stand on all lines"));
    }
    if document.lines.iter().any(|line| line.consumer_price.as_ref().is_some_and(|price| *price < line.price))
    {
        findings.push(Finding::uncoded("the consumer price is below the unit price"));
    }
}

fn check_line(
    document: &Document,
    line: &Line,
    exact: &Figures,
    tolerance: &BigRational,
    faults: &mut Faults,
) {
    let id = &line.id;
    let findings = &mut faults.findings;
    if line.quantity <= zero() {
        findings.push(Finding::uncoded(format!("line {id}: the quantity must be greater than zero")));
    }
    if line.price <= zero() {
        findings.push(Finding::uncoded(format!("line {id}: the price must be greater than zero")));
    }
    if line.discount < zero() {
        findings.push(Finding::negative_discount());
    }
    if exact.net < zero() {
        findings.push(Finding::uncoded(format!("line {id}: the discount is greater than the line")));
    }
    if !near(&line.extension, &exact.net, tolerance) {
        findings.push(Finding::amount("LineExtensionAmount", format!(", line {id}")));
    }
    if let Some(tax) = &line.tax {
        check_category(document, tax, faults);
        check_line_tax(document, line, tax, exact, tolerance, &mut faults.findings);
    }
}

fn check_category(document: &Document, tax: &LineTax, faults: &mut Faults) {
    let percent = tax.general.percent.clone().unwrap_or_else(zero);
    let category = tax.general.category.as_str();
    match category {
        // The guide's own words for "0 % is category O, not S".
        "S" if percent == zero() => faults.findings.push(Finding::zero_percent()),
        "S" => {
            let listed = RATES.iter().any(|rate| percent == BigRational::from_integer((*rate).into()));
            faults.unlisted_rate |= !listed;
        }
        "Z" | "O" if percent != zero() => faults.findings.push(Finding::zero_percent()),
        "Z" | "O" => {}
        _ => faults.findings.push(Finding::uncoded(format!("tax category {category} is not on the list"))),
    }
    if document.scope != 0 && category != "O" {
        faults.findings.push(Finding::uncoded("tax category must be O for this scope"));
    }
}

fn check_line_tax(
    document: &Document,
    line: &Line,
    tax: &LineTax,
    exact: &Figures,
    tolerance: &BigRational,
    findings: &mut Vec<Finding>,
) {
    if !near(&tax.amount, &exact.tax, tolerance) || !near(&tax.general.amount, &exact.tax, tolerance) {
        findings.push(Finding::general_calculation());
    }
    if tax.special.as_ref().is_some_and(|special| special.amount < zero()) {
        findings.push(Finding::total_special(&line.id));
    }
    if !near(&tax.rounding, &exact.total, tolerance) {
        findings.push(match document.family {
            Family::Special => Finding::total_special(&line.id),
            Family::Income | Family::General => Finding::general_calculation(),
        });
    }
    let subtotals = tax.special.iter().chain([&tax.general]);
    if subtotals.filter_map(|s| s.taxable.as_ref()).any(|taxable| !near(taxable, &exact.net, tolerance)) {
        findings.push(Finding::amount("TaxableAmount", format!(", line {}", line.id)));
    }
}

fn check_totals(
    document: &Document,
    lines: &[Figures],
    tolerance: &BigRational,
    findings: &mut Vec<Finding>,
) {
    let discount: BigRational = document.lines.iter().map(|line| line.discount.clone()).sum();
    let gross: BigRational = lines.iter().map(|line| line.gross.clone()).sum();
    let tax: BigRational = lines.iter().map(|line| line.tax.clone()).sum();
    let total: BigRational = lines.iter().map(|line| line.total.clone()).sum();
    for (element, printed, exact) in [
        ("AllowanceCharge", &document.discount, &discount),
        ("AllowanceTotalAmount", &document.allowance_total, &discount),
        ("TaxExclusiveAmount", &document.tax_exclusive, &gross),
        ("TaxInclusiveAmount", &document.tax_inclusive, &total),
        ("PayableAmount", &document.payable, &total),
    ] {
        if !near(printed, exact, tolerance) {
            findings.push(Finding::amount(element, ""));
        }
    }
    if document.tax.as_ref().is_some_and(|printed| !near(printed, &tax, tolerance)) {
        findings.push(Finding::total_general());
    }
    check_document_subtotals(document, lines, tolerance, findings);
}

/// Where a document repeats its taxes by rate, each must be the sum of its lines.
fn check_document_subtotals(
    document: &Document,
    lines: &[Figures],
    tolerance: &BigRational,
    findings: &mut Vec<Finding>,
) {
    for subtotal in &document.tax_subtotals {
        let (mut taxable, mut tax) = (zero(), zero());
        for (line, exact) in document.lines.iter().zip(lines) {
            let same = line.tax.as_ref().is_some_and(|tax| {
                tax.general.category == subtotal.category && tax.general.percent == subtotal.percent
            });
            if same {
                taxable += &exact.net;
                tax += &exact.tax;
            }
        }
        let taxable_is_near =
            subtotal.taxable.as_ref().is_none_or(|printed| near(printed, &taxable, tolerance));
        if !taxable_is_near || !near(&subtotal.amount, &tax, tolerance) {
            findings.push(Finding::total_general());
        }
    }
}

#[cfg(test)]
mod tests;
