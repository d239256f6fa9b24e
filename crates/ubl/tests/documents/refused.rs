//! What is refused before anything is written, and what the refusal says.

use chrono::NaiveDate;
use invoice::event::{Family, Kind, TaxCategory};
use invoice::{InvoiceEvent, Profile, Totals};
use ubl::WriteError;

use crate::sample::{self, amount};

/// Writes behind other bytes, which must stay untouched by an error.
fn write(event: &InvoiceEvent, totals: &Totals) -> Result<(), WriteError> {
    let mut out = "قبل".as_bytes().to_vec();
    let result = ubl::write(
        &ubl::Document { event, totals, icv: 1, profile: &invoice::Profile::default(), buyer: None },
        &mut out,
    );
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
fn events_that_were_not_validated_are_refused_with_the_place() {
    let good = sample::guide_general();
    let totals = Totals::of(&good, &invoice::Profile::default()).unwrap();
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

    assert_eq!(refused(|event, _| event.family = Family::SpecialSales), "Invoice/cac:InvoiceLine[1]");
    assert_eq!(refused(|event, _| event.kind = Kind::Return), "Invoice/cac:BillingReference");
    assert_eq!(
        refused(|event, _| {
            *event = sample::returned(event.clone());
            event.original.as_mut().unwrap().total = None;
        }),
        "Invoice/cac:BillingReference/cac:InvoiceDocumentReference/cbc:DocumentDescription"
    );

    let mut priced = sample::guide_income();
    priced.lines[1].consumer_price = Some(amount("6"));
    assert_eq!(path(write(&priced, &totals).unwrap_err()), "Invoice/cac:InvoiceLine[2]");

    let mut income = sample::guide_income();
    income.lines[0] = sample::taxed(income.lines[0].clone(), TaxCategory::S, "16");
    assert_eq!(path(write(&income, &totals).unwrap_err()), "Invoice/cac:InvoiceLine[1]");
}

#[test]
fn a_buyer_that_is_not_the_whole_element_is_not_pasted() {
    let event = sample::returned(sample::guide_general());
    let totals = Totals::of(&event, &Profile::default()).unwrap();
    for block in ["", "<cac:Party></cac:Party>", "<cac:AccountingCustomerParty><cac:Party>", "x"] {
        let mut out = Vec::new();
        let document = ubl::Document {
            event: &event,
            totals: &totals,
            icv: 1,
            profile: &Profile::default(),
            buyer: Some(block),
        };
        let error = ubl::write(&document, &mut out).unwrap_err();
        assert_eq!((path(error).as_str(), out.len()), ("Invoice/cac:AccountingCustomerParty", 0), "{block}");
    }
}

#[test]
fn a_currency_that_is_no_code_stays_out_of_attributes() {
    let event = InvoiceEvent { currency: "J\"D".to_owned(), ..sample::guide_general() };
    let totals = Totals::of(&event, &Profile::default()).unwrap();
    let profile = Profile { currency_id: invoice::profile::CurrencyId::Iso, ..Profile::default() };
    let document = ubl::Document { event: &event, totals: &totals, icv: 1, profile: &profile, buyer: None };
    assert_eq!(path(ubl::write(&document, &mut Vec::new()).unwrap_err()), "Invoice/cbc:DocumentCurrencyCode");
}
