//! What is refused before anything is written, and what the refusal says.

use chrono::NaiveDate;
use invoice::event::{Family, Kind, TaxCategory};
use invoice::{InvoiceEvent, Totals};
use ubl::{Unsupported, WriteError, supports};

use crate::sample::{self, amount};

/// Writes behind other bytes, which must stay untouched by an error.
fn write(event: &InvoiceEvent, totals: &Totals) -> Result<(), WriteError> {
    let mut out = "قبل".as_bytes().to_vec();
    let result = ubl::write(event, totals, 1, &mut out);
    if result.is_err() {
        assert_eq!(out, "قبل".as_bytes(), "nothing half-written is left");
    }
    result
}

fn path(error: WriteError) -> String {
    match error {
        WriteError::IllegalCharacter { path, .. }
        | WriteError::Amount { path, .. }
        | WriteError::Unfit { path, .. } => path,
        other => panic!("{other}"),
    }
}

#[test]
fn what_comes_later_is_refused_with_a_code() {
    let good = sample::guide_general();
    assert_eq!(supports(&good), Ok(()));
    let totals = Totals::of(&good).unwrap();

    let mut priced = good.clone();
    priced.lines[1].consumer_price = Some(amount("6"));
    for (event, unsupported, code, path) in [
        (
            InvoiceEvent { kind: Kind::Return, ..good.clone() },
            Unsupported::Return,
            "unsupported_return",
            "kind",
        ),
        (
            InvoiceEvent { family: Family::SpecialSales, ..good.clone() },
            Unsupported::SpecialSales,
            "unsupported_special_sales",
            "family",
        ),
        (
            priced,
            Unsupported::ConsumerPrice { line: 1 },
            "unsupported_consumer_price",
            "lines[1].consumer_price",
        ),
    ] {
        assert_eq!(supports(&event), Err(unsupported.clone()));
        assert_eq!((unsupported.code(), unsupported.path().as_str()), (code, path));
        let error = write(&event, &totals).unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(error, WriteError::Unsupported(unsupported));
    }
}

#[test]
fn events_that_were_not_validated_are_refused_with_the_place() {
    let good = sample::guide_general();
    let totals = Totals::of(&good).unwrap();
    assert_eq!(write(&good, &totals), Ok(()));

    let refused = |change: fn(&mut InvoiceEvent, &mut Totals)| {
        let (mut event, mut totals) = (good.clone(), totals.clone());
        change(&mut event, &mut totals);
        path(write(&event, &totals).unwrap_err())
    };
    assert_eq!(refused(|event, _| event.uuid = None), "Invoice/cbc:UUID");
    assert_eq!(refused(|event, _| event.issue_date = NaiveDate::MAX), "Invoice/cbc:IssueDate");
    assert_eq!(refused(|event, _| event.issue_date = NaiveDate::MIN), "Invoice/cbc:IssueDate");
    assert_eq!(refused(|event, _| event.lines.truncate(1)), "Invoice");
    assert_eq!(
        refused(|event, totals| {
            event.lines.clear();
            totals.lines.clear();
        }),
        "Invoice"
    );
    assert_eq!(refused(|event, _| event.lines[1].tax = None), "Invoice/cac:InvoiceLine[2]");
    assert_eq!(
        refused(|event, _| event.lines[1].special_tax = Some(amount("1"))),
        "Invoice/cac:InvoiceLine[2]"
    );
    assert_eq!(
        refused(|event, _| event.lines[0].quantity = amount("0.0000000001")),
        "Invoice/cac:InvoiceLine[1]/cbc:InvoicedQuantity"
    );
    assert_eq!(
        refused(|event, _| event.lines[1].discount = amount("-0.000000001")),
        "Invoice/cac:InvoiceLine[2]/cac:Price/cac:AllowanceCharge/cbc:Amount"
    );
    assert_eq!(
        refused(|_, totals| totals.payable = -totals.payable),
        "Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount"
    );

    let mut income = sample::guide_income();
    income.lines[0] = sample::taxed(income.lines[0].clone(), TaxCategory::S, "16");
    assert_eq!(path(write(&income, &totals).unwrap_err()), "Invoice/cac:InvoiceLine[1]");
}
