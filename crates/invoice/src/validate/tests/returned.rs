//! The rules of a return event, each by the event that just breaks it.

use serde_json::json;

use super::super::*;
use super::{amount, date, options, reading};
use crate::event::{Family, GeneralTax, TaxCategory};
use crate::normal;
use crate::published::Published;
use crate::returns::ReturnEvent;

const PLAIN: &str = r#"{
    "schema_version": 1, "kind": "return", "uuid": "5f0c2a3e-6d41-4b7a-9c1f-2e8b7d90a615", "number": "R-1",
    "issue_date": "2026-09-20",
    "seller": { "tax_number": "12345678", "name": "مكتبة الأندلس", "income_source": "9932895" },
    "original": { "uuid": "0043e15e-740b-4e1b-889d-8504afdb1d1d2", "reason": "خلل في المنتج" },
    "lines": [{ "id": 2, "quantity": "1.5" }, { "id": 1, "quantity": 3 }]
}"#;

const OUTSIDE: &str = r#"{
    "schema_version": 1, "kind": "return", "number": "R-2", "issue_date": "2026-09-20",
    "family": "special_sales", "payment": "receivable", "scope": "local", "currency": "USD", "note": "من النظام القديم",
    "metadata": { "branch": "1" },
    "seller": { "tax_number": "12345678", "name": "مكتبة الأندلس", "income_source": "9932895" },
    "buyer": { "name": "سوبرماركت الزرقاء", "identification": { "scheme": "TN", "number": "33445544" },
               "postal_code": "33554", "governorate": "JO-AZ", "phone": "0777 888 999" },
    "original": { "uuid": "7a4452eb-0acd-49983-b630-b2b79d0acert", "number": "EIN/7", "reason": "تلف", "total": "638.66", "lines": [
        { "id": 4, "name": "عصير", "quantity": "10", "unit_price": "50", "discount": "5", "tax": { "category": "S", "percent": "16" },
          "special_tax": "10", "consumer_price": "50", "returned": "2", "returned_discount": "1", "returned_special_tax": "2" },
        { "id": 9, "name": "ماء", "quantity": "10", "unit_price": "5", "tax": { "category": "Z" }, "special_tax": "2.86",
          "consumer_price": "5" }
    ] },
    "lines": [{ "id": 4, "quantity": "8", "name": "عصير", "unit_price": "50", "discount": "4",
                "tax": { "category": "S", "percent": "16" }, "special_tax": "8", "consumer_price": "50" }]
}"#;

fn event(json: &str) -> ReturnEvent {
    match parse(json.as_bytes()) {
        Ok(Published::Return(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn plain() -> ReturnEvent {
    event(PLAIN)
}

fn outside() -> ReturnEvent {
    event(OUTSIDE)
}

fn check_return(event: ReturnEvent) -> Result<Checked, Vec<Fault>> {
    check(Published::Return(event), &Profile::default())
}

/// The base, what is done to it, and the one fault that follows.
type Case = (fn() -> ReturnEvent, fn(&mut ReturnEvent), FaultCode, &'static str);

const HEAD: [Case; 20] = [
    (plain, |e| e.schema_version = 2, FaultCode::UnsupportedVersion, "schema_version"),
    (plain, |e| e.uuid = Some(uuid::Uuid::nil()), FaultCode::NilUuid, "uuid"),
    (plain, |e| e.amends = Some(0), FaultCode::InvalidAmends, "amends"),
    (plain, |e| e.number = " ".into(), FaultCode::EmptyText, "number"),
    (plain, |e| e.number = "R\u{200b}1".into(), FaultCode::ForbiddenCharacter, "number"),
    (plain, |e| e.issue_date = date(2017, 1, 1), FaultCode::DateOutOfRange, "issue_date"),
    (plain, |e| e.currency = Some("ILS".into()), FaultCode::UnknownCurrency, "currency"),
    (plain, |e| e.note = Some("ن".repeat(2_001)), FaultCode::TextTooLong, "note"),
    (plain, |e| e.seller.tax_number = "JO1".into(), FaultCode::NotDigits, "seller.tax_number"),
    (outside, |e| e.buyer.as_mut().unwrap().phone = Some("1".into()), FaultCode::DigitCount, "buyer.phone"),
    (plain, |e| e.original.uuid = None, FaultCode::OriginalMissing, "original"),
    (plain, |e| e.original.uuid = Some(" ".into()), FaultCode::OriginalMissing, "original"),
    (plain, |e| e.original.uuid = Some("u".repeat(101)), FaultCode::TextTooLong, "original.uuid"),
    (plain, |e| e.original.number = Some("1\n2".into()), FaultCode::ForbiddenCharacter, "original.number"),
    (plain, |e| e.original.reason = String::new(), FaultCode::EmptyText, "original.reason"),
    (plain, |e| e.original.total = Some(amount("-1")), FaultCode::Negative, "original.total"),
    (
        plain,
        |e| e.original.uuid = Some("5F0C2A3E-6D41-4B7A-9C1F-2E8B7D90A615".into()),
        FaultCode::OriginalIsItself,
        "original.uuid",
    ),
    (
        plain,
        |e| (e.original.uuid, e.original.number) = (None, Some(" R-1 ".into())),
        FaultCode::OriginalIsItself,
        "original.number",
    ),
    (plain, |e| e.lines = Some(vec![]), FaultCode::NoLines, "lines"),
    (
        plain,
        |e| e.lines = Some(vec![e.lines.as_ref().unwrap()[0].clone(); 10_001]),
        FaultCode::TooManyLines,
        "lines",
    ),
];

const LINES: [Case; 13] = [
    (plain, |e| line(e).id = 0, FaultCode::LineIdZero, "lines[0].id"),
    (plain, |e| line(e).id = 1, FaultCode::LineIdRepeated, "lines[1].id"),
    (plain, |e| line(e).quantity = amount("0"), FaultCode::NotPositive, "lines[0].quantity"),
    (plain, |e| line(e).quantity = amount("1.0000000001"), FaultCode::TooManyDecimals, "lines[0].quantity"),
    (plain, |e| line(e).quantity = amount("1e9"), FaultCode::AmountTooLarge, "lines[0].quantity"),
    (plain, |e| line(e).name = Some("ق".repeat(501)), FaultCode::TextTooLong, "lines[0].name"),
    (plain, |e| line(e).unit_price = Some(amount("0")), FaultCode::NotPositive, "lines[0].unit_price"),
    (plain, |e| line(e).discount = Some(amount("-1")), FaultCode::Negative, "lines[0].discount"),
    (plain, |e| line(e).special_tax = Some(amount("-1")), FaultCode::Negative, "lines[0].special_tax"),
    (
        plain,
        |e| line(e).tax = Some(tax(TaxCategory::S, "6")),
        FaultCode::PercentNotListed,
        "lines[0].tax.percent",
    ),
    (
        plain,
        |e| line(e).tax = Some(tax(TaxCategory::Z, "1")),
        FaultCode::PercentNotZero,
        "lines[0].tax.percent",
    ),
    (
        plain,
        |e| (e.family, line(e).tax) = (Some(Family::Income), Some(tax(TaxCategory::Z, "0"))),
        FaultCode::TaxNotAllowed,
        "lines[0].tax",
    ),
    (
        plain,
        |e| {
            e.scope = Some(crate::event::Scope::Export);
            line(e).tax = Some(tax(TaxCategory::Z, "0"));
        },
        FaultCode::NotZeroRated,
        "lines[0].tax.category",
    ),
];

const OUTSIDE_LINES: [Case; 16] = [
    (outside, |e| e.original.uuid = None, FaultCode::MissingField, "original.uuid"),
    (outside, |e| e.original.number = Some(String::new()), FaultCode::MissingField, "original.number"),
    (outside, |e| e.family = None, FaultCode::MissingField, "family"),
    (outside, |e| e.payment = None, FaultCode::MissingField, "payment"),
    (outside, |e| e.buyer = None, FaultCode::BuyerNameMissing, "buyer.name"),
    (outside, |e| told(e).id = 9, FaultCode::LineIdRepeated, "original.lines[1].id"),
    (outside, |e| told(e).name = " ".into(), FaultCode::EmptyText, "original.lines[0].name"),
    (
        outside,
        |e| told(e).discount = Some(amount("501")),
        FaultCode::DiscountAboveGross,
        "original.lines[0].discount",
    ),
    (outside, |e| told(e).tax = None, FaultCode::TaxMissing, "original.lines[0].tax"),
    (
        outside,
        |e| told(e).consumer_price = None,
        FaultCode::ConsumerPriceMissing,
        "original.lines[0].consumer_price",
    ),
    (outside, |e| e.original.total = Some(amount("638.70")), FaultCode::TotalMismatch, "original.total"),
    (outside, |e| told(e).returned = Some(amount("-1")), FaultCode::Negative, "original.lines[0].returned"),
    (
        outside,
        |e| told(e).returned_discount = Some(amount("5.1")),
        FaultCode::MoreThanLeft,
        "original.lines[0].returned_discount",
    ),
    (outside, |e| line(e).quantity = amount("8.001"), FaultCode::MoreThanLeft, "lines[0].quantity"),
    (outside, |e| line(e).id = 5, FaultCode::LineNotInOriginal, "lines[0].id"),
    (
        outside,
        |e| {
            for line in e.original.lines.iter_mut().flatten() {
                line.returned = Some(line.quantity);
            }
            e.lines = None;
        },
        FaultCode::NothingLeft,
        "original.lines",
    ),
];

fn line(event: &mut ReturnEvent) -> &mut crate::returns::ReturnLine {
    &mut event.lines.as_mut().expect("lines")[0]
}

fn told(event: &mut ReturnEvent) -> &mut crate::returns::OutsideLine {
    &mut event.original.lines.as_mut().expect("lines")[0]
}

fn tax(category: TaxCategory, percent: &str) -> GeneralTax {
    GeneralTax { category, percent: amount(percent) }
}

fn cases() -> impl Iterator<Item = Case> {
    HEAD.into_iter().chain(LINES).chain(OUTSIDE_LINES)
}

/// The codes that the tables provoke.
pub(super) fn codes() -> impl Iterator<Item = FaultCode> {
    cases().map(|(_, _, code, _)| code)
}

#[test]
fn each_rule_of_returns_is_told_alone_at_its_place() {
    for (base, broken, code, path) in cases() {
        let mut event = base();
        assert_eq!(check_return(event.clone()).map(drop), Ok(()), "the base of {code}");
        broken(&mut event);
        let faults = check_return(event).expect_err("a fault");
        let found: Vec<_> = faults.iter().map(|fault| (fault.code, fault.path.as_str())).collect();
        assert_eq!(found, [(code, path)], "{faults:?}");
        options::same_facts(&faults);
    }
}

#[test]
fn what_just_keeps_the_rules_of_returns_passes() {
    let keeps: [fn(&mut ReturnEvent); 6] = [
        |e| e.lines = None,
        |e| (e.original.uuid, e.original.number) = (None, Some("EIN-1".into())),
        // Other numbers may be alike: the UUID says that it is another document.
        |e| e.original.number = Some("R-1".into()),
        |e| line(e).quantity = amount("0.000000001"),
        |e| line(e).tax = Some(tax(TaxCategory::S, "16.0")),
        |e| e.original.reason = " خلل ".into(),
    ];
    for (position, change) in keeps.into_iter().enumerate() {
        let mut event = plain();
        change(&mut event);
        assert_eq!(check_return(event).map(drop), Ok(()), "case {position}");
    }
}

#[test]
fn the_normal_form_of_a_return_is_pinned() {
    let checked = check_return(plain()).expect("a valid return");
    assert_eq!(
        checked.normal_form,
        concat!(
            r#"{"schema_version":1,"uuid":"5f0c2a3e-6d41-4b7a-9c1f-2e8b7d90a615","kind":"return","number":"R-1","#,
            r#""issue_date":"2026-09-20","seller":{"tax_number":"12345678","name":"مكتبة الأندلس","#,
            r#""income_source":"9932895"},"original":{"uuid":"0043e15e-740b-4e1b-889d-8504afdb1d1d2","#,
            r#""reason":"خلل في المنتج"},"lines":[{"id":2,"quantity":"1.5"},{"id":1,"quantity":"3"}]}"#,
        )
    );
    assert_eq!(checked.document, None);
    assert_eq!(checked.content, crate::Digest::of(checked.normal_form.as_bytes()));
}

#[test]
fn the_way_of_writing_a_return_does_not_matter() {
    let plain = check_return(plain()).expect("a valid return");
    let mut written: serde_json::Value = serde_json::from_str(PLAIN).expect("JSON");
    written["amends"] = json!(2);
    written["number"] = json!(" R-1\n");
    written["original"]["number"] = json!("");
    written["original"]["reason"] = json!("\tخلل في المنتج ");
    written["original"]["lines"] = json!(null);
    written["buyer"] = json!({ "name": " " });
    written["lines"][0]["quantity"] = serde_json::from_str("1.500").expect("a number");
    written["lines"][0]["name"] = json!("  ");
    written["lines"][1]["name"] = json!(null);
    let other = read(written.to_string().as_bytes()).expect("a valid return");
    assert_eq!(other.content, plain.content);
    assert_eq!(other.event.amends(), Some(2));
    // The normal form is an event, and the same one.
    let again = read(plain.normal_form.as_bytes()).expect("a valid return");
    assert_eq!(again.content, plain.content);
}

#[test]
fn a_return_without_a_uuid_gets_the_one_of_its_number() {
    let mut event = plain();
    event.uuid = None;
    let expected = normal::name_based_uuid(&event.seller, &event.number);
    assert_eq!(check_return(event).expect("a valid return").event.uuid(), expected);
}

#[test]
fn every_member_of_a_return_of_a_wrong_type_is_told_alone() {
    let full: serde_json::Value = serde_json::from_str(OUTSIDE).expect("JSON");
    let mut found = Vec::new();
    reading::places(&full, "", &mut found);
    // Without its kind it is an invoice that lacks much.
    found.retain(|place| place != "/kind");
    assert!(found.len() > 55, "{found:?}");
    reading::told_alone(&full, found);
}

#[test]
fn structural_faults_of_a_return_come_all_at_once() {
    let mut event: serde_json::Value = serde_json::from_str(OUTSIDE).expect("JSON");
    event["discount"] = json!("1");
    event["issue_date"] = json!("yesterday");
    event["original"] = json!([1]);
    event["lines"][0]["id"] = json!(null);
    event["lines"][0]["batch"] = json!("7");
    event.as_object_mut().expect("an event").remove("seller");
    let faults = read(event.to_string().as_bytes()).expect_err("faults");
    let mut found: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.code)).collect();
    found.sort();
    assert_eq!(
        found,
        [
            ("discount", FaultCode::UnknownField),
            ("issue_date", FaultCode::InvalidValue),
            ("lines[0].batch", FaultCode::UnknownField),
            ("lines[0].id", FaultCode::InvalidValue),
            ("original", FaultCode::InvalidValue),
            ("seller", FaultCode::MissingField),
        ]
    );
}

#[test]
fn an_invoice_with_an_original_is_no_return() {
    let event = OUTSIDE.replace(r#""kind": "return","#, r#""kind": "invoice","#);
    let faults = read(event.as_bytes()).expect_err("faults");
    assert!(faults.iter().any(|fault| fault.path == "original.lines"), "{faults:?}");
    let repeated = PLAIN.replacen(r#""kind": "return","#, r#""kind": "return", "kind": "return","#, 1);
    let faults = read(repeated.as_bytes()).expect_err("faults");
    assert_eq!((faults[0].code, faults[0].path.as_str()), (FaultCode::DuplicateField, "kind"));
}
