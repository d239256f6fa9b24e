//! The rules for what the event offers beyond the profile, the taxpayer's readings, and the two languages of messages.

use super::*;
use crate::event::Prices;
use crate::profile::{IdentificationRule, PhoneRule, Slash, ZoneScopes};

/// A receipt with tax in its prices.
fn receipt() -> InvoiceEvent {
    example(2)
}

fn special_receipt() -> InvoiceEvent {
    let mut event = receipt();
    event.family = Family::SpecialSales;
    for line in &mut event.lines {
        line.special_tax = Some(amount("0.05"));
    }
    event
}

fn net_receipt() -> InvoiceEvent {
    let mut event = receipt();
    event.prices = Prices::Net;
    event.lines[0].total = None;
    event
}

const OPTIONS: [Case; 15] = [
    (receipt, |e| e.discount = Some(amount("-0.001")), FaultCode::Negative, "discount"),
    (receipt, |e| e.discount = Some(amount("0.0000000001")), FaultCode::TooManyDecimals, "discount"),
    (receipt, |e| e.discount = Some(amount("4.292")), FaultCode::DiscountAboveDocument, "discount"),
    (net_receipt, |e| e.discount = Some(amount("4.291450001")), FaultCode::DiscountAboveDocument, "discount"),
    (net_receipt, |e| e.lines[0].total = Some(amount("1.771")), FaultCode::TotalNotAllowed, "lines[0].total"),
    (receipt, |e| e.lines[0].total = Some(amount("-1")), FaultCode::Negative, "lines[0].total"),
    (receipt, |e| e.lines[0].total = Some(amount("1.78145")), FaultCode::TotalMismatch, "lines[0].total"),
    (receipt, |e| e.lines[0].total = Some(amount("1.76145")), FaultCode::TotalMismatch, "lines[0].total"),
    (receipt, |e| e.lines[1].discount = amount("2.301"), FaultCode::DiscountAboveGross, "lines[1].discount"),
    (receipt, |e| *e = with_consumer_prices(e.clone()), FaultCode::TaxIncludedNotAllowed, "prices"),
    (
        special_receipt,
        |e| e.lines[2].special_tax = Some(amount("0.321")),
        FaultCode::SpecialTaxAbovePrice,
        "lines[2].special_tax",
    ),
    (special_receipt, |e| e.discount = Some(amount("4.132")), FaultCode::DiscountAboveDocument, "discount"),
    (receipt, |e| e.lines[1].quantity = amount("1e9"), FaultCode::AmountTooLarge, "lines[1].quantity"),
    (receipt, |e| e.metadata = Some([(" ".into(), "x".into())].into()), FaultCode::TextTooLong, "metadata"),
    (
        receipt,
        |e| e.metadata = Some([("till".into(), "\u{7}".into())].into()),
        FaultCode::ForbiddenCharacter,
        "metadata.till",
    ),
];

/// The codes that this file provokes.
pub(super) fn codes() -> impl Iterator<Item = FaultCode> {
    OPTIONS.into_iter().map(|(_, _, code, _)| code).chain([FaultCode::ScopeNotAllowed])
}

/// That a message says in Arabic what it says in English: a sentence of its own, with the same values.
pub(super) fn same_facts(faults: &[Fault]) {
    let numbers = |text: &str| {
        let mut numbers: Vec<_> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        numbers.sort();
        numbers
    };
    for fault in faults {
        let (english, arabic) = (&fault.message, &fault.message_ar);
        assert!(arabic.chars().any(|c| ('\u{620}'..='\u{64a}').contains(&c)), "{arabic}");
        assert_ne!(arabic, fault.code.rule().title.ar, "a sentence about this value: {english}");
        assert_eq!(numbers(english), numbers(arabic), "{english} / {arabic}");
        assert_eq!(english.contains('"'), arabic.contains(['"', '«']), "{english} / {arabic}");
    }
}

#[test]
fn each_rule_of_options_is_told_alone_at_its_place() {
    for (base, broken, code, path) in OPTIONS {
        let mut event = base();
        assert_eq!(validate(&event), vec![], "the base of {code}");
        broken(&mut event);
        let faults = validate(&event);
        let found: Vec<_> = faults.iter().map(|fault| (fault.code, fault.path.as_str())).collect();
        assert_eq!(found, [(code, path)], "{faults:?}");
        same_facts(&faults);
    }
}

#[test]
fn what_just_keeps_the_rules_of_options_passes() {
    let keeps: [(fn() -> InvoiceEvent, Break); 7] = [
        (receipt, |e| e.discount = Some(amount("4.291"))),
        (receipt, |e| e.lines[0].total = Some(amount("1.781449999"))),
        (receipt, |e| e.lines[0].total = Some(amount("1.761450001"))),
        (receipt, |e| e.lines[1].discount = amount("2.3")),
        (net_receipt, |e| e.discount = Some(amount("4.29145"))),
        (special_receipt, |e| e.lines[2].special_tax = Some(amount("0.32"))),
        (net_receipt, |e| *e = with_consumer_prices(e.clone())),
    ];
    for (position, (base, change)) in keeps.into_iter().enumerate() {
        let mut event = base();
        change(&mut event);
        assert_eq!(validate(&event), vec![], "case {position}");
    }
}

fn codes_by(event: &InvoiceEvent, profile: &Profile) -> Vec<FaultCode> {
    super::super::validate(event, profile).into_iter().map(|fault| fault.code).collect()
}

#[test]
fn zone_scopes_are_every_familys_or_general_sales_alone() {
    let only = Profile { zone_scopes: ZoneScopes::GeneralSalesOnly, ..Profile::default() };
    for scope in [Scope::Transit, Scope::ForeignTrade, Scope::FreeZone] {
        let income = InvoiceEvent { scope, ..named_income() };
        assert_eq!(codes_by(&income, &Profile::default()), []);
        assert_eq!(codes_by(&income, &only), [FaultCode::ScopeNotAllowed]);
        same_facts(&super::super::validate(&income, &only));
        assert_eq!(codes_by(&zero_rated(scope), &only), []);
    }
    assert_eq!(codes_by(&InvoiceEvent { scope: Scope::Export, ..named_income() }, &only), []);
}

#[test]
fn a_foreign_total_names_its_buyer_where_a_rate_is_known() {
    let two = Profile { exchange_rates: [("USD".to_owned(), amount("2"))].into(), ..Profile::default() };
    let sale = |price: &str, currency: &str| {
        let mut event = income();
        event.lines.truncate(1);
        event.currency = currency.to_owned();
        let line = &mut event.lines[0];
        (line.quantity, line.unit_price, line.discount) = (amount("1"), amount(price), Amount::ZERO);
        event
    };
    assert_eq!(codes_by(&sale("5000", "USD"), &two), [], "exactly 10,000");
    assert_eq!(codes_by(&sale("5000.000000001", "USD"), &two), [FaultCode::BuyerNameMissing]);
    same_facts(&super::super::validate(&sale("5001", "USD"), &two));
    assert_eq!(codes_by(&sale("999999", "EUR"), &two), [], "no rate for euros");
    assert_eq!(codes_by(&sale("10000.000000001", "JOD"), &two), [FaultCode::BuyerNameMissing]);
    let huge = Profile {
        exchange_rates: [("USD".to_owned(), amount("79228162514264337593543950335"))].into(),
        ..Profile::default()
    };
    assert_eq!(codes_by(&sale("900000000", "USD"), &huge), [FaultCode::BuyerNameMissing], "beyond counting");
}

#[test]
fn a_passport_number_has_letters_where_the_settings_say_so() {
    let letters = Profile { identification: IdentificationRule::AlphanumericPn, ..Profile::default() };
    let mut event = general();
    identify(&mut event, "N1234567");
    assert_eq!(codes_by(&event, &Profile::default()), [FaultCode::NotDigits]);
    assert_eq!(codes_by(&event, &letters), []);
    identify(&mut event, "N-1234567");
    assert_eq!(codes_by(&event, &letters), [FaultCode::NotDigits]);
    same_facts(&super::super::validate(&event, &letters));
    identify(&mut event, "");
    assert_eq!(codes_by(&event, &letters), [FaultCode::EmptyText]);
    identify(&mut event, "N1234567");
    buyer(&mut event).identification.as_mut().expect("one").scheme = IdentificationScheme::NIN;
    assert_eq!(codes_by(&event, &letters), [FaultCode::NotDigits]);
}

#[test]
fn telephone_numbers_are_checked_by_the_taxpayers_reading() {
    let by = |phone: &str, rule| {
        let mut event = general();
        buyer(&mut event).phone = Some(phone.to_owned());
        codes_by(&event, &Profile { phone: rule, ..Profile::default() })
    };
    assert_eq!(by("00962 791234567 89", PhoneRule::NineToFourteen), [], "00 is dropped");
    assert_eq!(by("911", PhoneRule::NineToFourteen), [FaultCode::DigitCount]);
    assert_eq!(by("911", PhoneRule::OneToFifteen), []);
    assert_eq!(by("1".repeat(16).as_str(), PhoneRule::OneToFifteen), [FaultCode::DigitCount]);
    assert_eq!(by("ext.", PhoneRule::OneToFifteen), [FaultCode::DigitCount]);
    assert_eq!(by("911", PhoneRule::OmitUnfit), []);
}

#[test]
fn slashes_are_replaced_before_the_content_is_fixed() {
    let underscore = Profile { slash: Slash::Underscore, ..Profile::default() };
    let event = InvoiceEvent { number: "A/1/2".to_owned(), ..income() };
    let uuid = Published::Invoice(event.clone()).uuid();
    let kept = check(Published::Invoice(event.clone()), &Profile::default()).expect("a valid event");
    assert_eq!(kept.event.number(), "A/1/2");
    let replaced = check(Published::Invoice(event), &underscore).expect("a valid event");
    assert_eq!(replaced.event.number(), "A_1_2");
    assert_eq!(replaced.document.expect("a document").event.number, "A_1_2");
    assert!(replaced.normal_form.contains("A_1_2"));
    assert_eq!(replaced.event.uuid(), uuid, "the UUID follows from the number that the seller knows");
}

#[test]
fn faults_from_before_there_was_arabic_still_read() {
    let old = r#"{"code":"no_lines","path":"lines","message":"is empty"}"#;
    let fault: Fault = serde_json::from_str(old).expect("a fault");
    assert_eq!(fault.message_in(crate::Language::Ar), "في كل مستند بند واحد على الأقل.");
    assert_eq!(fault.line_in(crate::Language::En), "lines: is empty (no_lines)");
}

#[test]
fn structural_faults_speak_arabic_too() {
    for broken in [
        r#"{"schema_version":1,"family":"vat"}"#,
        r#"{"schema_version":1,"family":7,"numbr":1,"lines":[{"quantity":"1,5"}]}"#,
        r#"{"schema_version":2}"#,
        "[]",
        "{",
    ] {
        same_facts(&read(broken.as_bytes()).expect_err("faults"));
    }
}
