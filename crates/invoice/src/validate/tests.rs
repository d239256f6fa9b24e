//! Each rule by the event that just breaks it, and by the one that just keeps it.

mod options;
mod reading;
mod returned;

use std::collections::BTreeSet;

use super::*;
use crate::amount::Amount;
use crate::event::{
    Buyer, Family, GeneralTax, Identification, IdentificationScheme, Kind, Original, Payment, Scope,
    TaxCategory,
};
use crate::published::Published;
use crate::schema::EXAMPLES;

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

/// By the readings of guide v1.5.
fn validate(event: &InvoiceEvent) -> Vec<Fault> {
    super::validate(event, &Profile::default())
}

fn example(index: usize) -> InvoiceEvent {
    match parse(EXAMPLES[index].as_bytes()) {
        Ok(Published::Invoice(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn income() -> InvoiceEvent {
    example(0)
}

fn general() -> InvoiceEvent {
    example(1)
}

fn special() -> InvoiceEvent {
    let mut event = general();
    event.family = Family::SpecialSales;
    for line in &mut event.lines {
        line.special_tax = Some(amount("10"));
    }
    event
}

fn taken_back() -> InvoiceEvent {
    let mut event = general();
    event.kind = Kind::Return;
    event.original = Some(Original {
        uuid: "0043e15e-740b-4e1b-889d-8504afdb1d1d2".to_owned(),
        number: "EIN0001".to_owned(),
        total: Some(amount("68.48")),
        reason: "تم الإرجاع بسبب خلل في المنتج".to_owned(),
    });
    event
}

fn zero_rated(scope: Scope) -> InvoiceEvent {
    let mut event = general();
    event.scope = scope;
    for line in &mut event.lines {
        line.tax = Some(GeneralTax { category: TaxCategory::O, percent: Amount::ZERO });
    }
    event
}

fn with_consumer_prices(mut event: InvoiceEvent) -> InvoiceEvent {
    for line in &mut event.lines {
        line.consumer_price = Some(line.unit_price);
    }
    event
}

/// Breaks an event.
type Break = fn(&mut InvoiceEvent);

/// The base, what is done to it, and the one fault that follows.
type Case = (fn() -> InvoiceEvent, Break, FaultCode, &'static str);

const HEAD: [Case; 17] = [
    (income, |e| e.schema_version = 2, FaultCode::UnsupportedVersion, "schema_version"),
    (income, |e| e.uuid = Some(uuid::Uuid::nil()), FaultCode::NilUuid, "uuid"),
    (income, |e| e.amends = Some(0), FaultCode::InvalidAmends, "amends"),
    (income, |e| e.number = " \u{a0} ".into(), FaultCode::EmptyText, "number"),
    (income, |e| e.number = "٧".repeat(101), FaultCode::TextTooLong, "number"),
    (income, |e| e.number = "A\n1".into(), FaultCode::ForbiddenCharacter, "number"),
    (income, |e| e.number = "A\u{200f}1".into(), FaultCode::ForbiddenCharacter, "number"),
    (income, |e| e.issue_date = date(2017, 12, 31), FaultCode::DateOutOfRange, "issue_date"),
    (income, |e| e.issue_date = date(2101, 1, 1), FaultCode::DateOutOfRange, "issue_date"),
    (income, |e| e.currency = "jod".into(), FaultCode::UnknownCurrency, "currency"),
    (income, |e| e.note = Some("ن".repeat(2_001)), FaultCode::TextTooLong, "note"),
    (income, |e| e.note = Some("أ\u{b}ب".into()), FaultCode::ForbiddenCharacter, "note"),
    (income, |e| e.note = Some("أ\u{fffe}ب".into()), FaultCode::ForbiddenCharacter, "note"),
    (income, |e| e.original = taken_back().original, FaultCode::OriginalNotAllowed, "original"),
    (taken_back, |e| e.original = None, FaultCode::OriginalMissing, "original"),
    (taken_back, |e| original(e).reason = String::new(), FaultCode::EmptyText, "original.reason"),
    (taken_back, |e| original(e).total = Some(amount("-1")), FaultCode::Negative, "original.total"),
];

const PARTIES: [Case; 17] = [
    (income, |e| e.seller.tax_number = "1234".into(), FaultCode::DigitCount, "seller.tax_number"),
    (income, |e| e.seller.tax_number = "1".repeat(16), FaultCode::DigitCount, "seller.tax_number"),
    (income, |e| e.seller.tax_number = "JO1234567".into(), FaultCode::NotDigits, "seller.tax_number"),
    (income, |e| e.seller.tax_number = "١٢٣٤٥٦٧٨".into(), FaultCode::NotDigits, "seller.tax_number"),
    (income, |e| e.seller.name = "\t".into(), FaultCode::EmptyText, "seller.name"),
    (income, |e| e.seller.name = "م\u{1b}[31m".into(), FaultCode::ForbiddenCharacter, "seller.name"),
    (income, |e| e.seller.income_source = "99-3".into(), FaultCode::NotDigits, "seller.income_source"),
    (income, |e| e.seller.income_source = String::new(), FaultCode::EmptyText, "seller.income_source"),
    (general, |e| buyer(e).name = None, FaultCode::BuyerNameMissing, "buyer.name"),
    (general, |e| e.buyer = None, FaultCode::BuyerNameMissing, "buyer.name"),
    (general, |e| buyer(e).name = Some("ب".repeat(501)), FaultCode::TextTooLong, "buyer.name"),
    (general, |e| buyer(e).postal_code = Some("111181".into()), FaultCode::TextTooLong, "buyer.postal_code"),
    (general, |e| buyer(e).phone = Some("0777 888".into()), FaultCode::DigitCount, "buyer.phone"),
    (general, |e| buyer(e).phone = Some("0".repeat(15)), FaultCode::DigitCount, "buyer.phone"),
    (general, |e| identify(e, "P123"), FaultCode::NotDigits, "buyer.identification.number"),
    (
        development,
        |e| buyer(e).identification = None,
        FaultCode::BuyerTaxNumberMissing,
        "buyer.identification",
    ),
    (
        development,
        |e| buyer(e).identification.as_mut().unwrap().scheme = IdentificationScheme::NIN,
        FaultCode::BuyerTaxNumberMissing,
        "buyer.identification",
    ),
];

const LINES: [Case; 36] = [
    (income, |e| e.lines.clear(), FaultCode::NoLines, "lines"),
    (income, |e| e.lines = vec![e.lines[0].clone(); 10_001], FaultCode::TooManyLines, "lines"),
    (income, |e| e.lines[1].id = Some(7), FaultCode::LineIdMissing, "lines[0].id"),
    (taken_back, |e| e.lines[1].id = None, FaultCode::LineIdMissing, "lines[1].id"),
    (general, |e| e.lines[1].id = Some(0), FaultCode::LineIdZero, "lines[1].id"),
    (general, |e| e.lines[2].id = Some(1), FaultCode::LineIdRepeated, "lines[2].id"),
    (income, |e| e.lines[1].name = String::new(), FaultCode::EmptyText, "lines[1].name"),
    (income, |e| e.lines[1].name = "ق\0".into(), FaultCode::ForbiddenCharacter, "lines[1].name"),
    (income, |e| e.lines[0].quantity = amount("0"), FaultCode::NotPositive, "lines[0].quantity"),
    (
        income,
        |e| e.lines[0].quantity = amount("33.0000000001"),
        FaultCode::TooManyDecimals,
        "lines[0].quantity",
    ),
    (income, |e| e.lines[0].quantity = amount("1000000000"), FaultCode::AmountTooLarge, "lines[0].quantity"),
    (income, |e| e.lines[0].unit_price = amount("-2"), FaultCode::NotPositive, "lines[0].unit_price"),
    (income, |e| e.lines[0].unit_price = amount("1e9"), FaultCode::AmountTooLarge, "lines[0].unit_price"),
    (income, |e| e.lines[0].discount = amount("-0.000000001"), FaultCode::Negative, "lines[0].discount"),
    (
        income,
        |e| e.lines[0].discount = amount("66.000000001"),
        FaultCode::DiscountAboveGross,
        "lines[0].discount",
    ),
    (
        half_a_unit,
        |e| e.lines[0].discount = amount("0.000000001"),
        FaultCode::DiscountAboveGross,
        "lines[0].discount",
    ),
    (
        named_income,
        |e| (e.lines[0].quantity, e.lines[0].unit_price) = (amount("1000000"), amount("1000000.000000001")),
        FaultCode::AmountTooLarge,
        "lines[0]",
    ),
    (
        named_income,
        |e| {
            (e.lines[0].quantity, e.lines[0].unit_price) = (amount("1000000"), amount("1000000"));
            e.lines = vec![e.lines[0].clone(); 1_001];
        },
        FaultCode::AmountTooLarge,
        "lines",
    ),
    (income, |e| e.lines[0].tax = general().lines[1].tax.clone(), FaultCode::TaxNotAllowed, "lines[0].tax"),
    (
        income,
        |e| e.lines[0].special_tax = Some(Amount::ZERO),
        FaultCode::TaxNotAllowed,
        "lines[0].special_tax",
    ),
    (
        general,
        |e| e.lines[0].special_tax = Some(amount("1")),
        FaultCode::TaxNotAllowed,
        "lines[0].special_tax",
    ),
    (general, |e| e.lines[2].tax = None, FaultCode::TaxMissing, "lines[2].tax"),
    (special, |e| e.lines[1].special_tax = None, FaultCode::TaxMissing, "lines[1].special_tax"),
    (special, |e| e.lines[1].special_tax = Some(amount("-1")), FaultCode::Negative, "lines[1].special_tax"),
    (
        special,
        |e| e.lines[1].special_tax = Some(amount("2e12")),
        FaultCode::AmountTooLarge,
        "lines[1].special_tax",
    ),
    (general, |e| rate(e, TaxCategory::Z, "16"), FaultCode::PercentNotZero, "lines[0].tax.percent"),
    (general, |e| rate(e, TaxCategory::O, "1"), FaultCode::PercentNotZero, "lines[0].tax.percent"),
    (general, |e| rate(e, TaxCategory::S, "0"), FaultCode::PercentNotListed, "lines[0].tax.percent"),
    (general, |e| rate(e, TaxCategory::S, "6"), FaultCode::PercentNotListed, "lines[0].tax.percent"),
    (general, |e| rate(e, TaxCategory::S, "7.5"), FaultCode::PercentNotListed, "lines[0].tax.percent"),
    (export, |e| rate(e, TaxCategory::Z, "0"), FaultCode::NotZeroRated, "lines[0].tax.category"),
    (export, |e| rate(e, TaxCategory::S, "16"), FaultCode::NotZeroRated, "lines[0].tax.category"),
    (
        income,
        |e| e.lines[0].consumer_price = Some(amount("2")),
        FaultCode::ConsumerPriceNotAllowed,
        "lines[0].consumer_price",
    ),
    (
        || with_consumer_prices(general()),
        |e| e.lines[1].consumer_price = None,
        FaultCode::ConsumerPriceMissing,
        "lines[1].consumer_price",
    ),
    (
        || with_consumer_prices(special()),
        |e| e.lines[0].consumer_price = Some(amount("1.999999999")),
        FaultCode::ConsumerPriceBelowPrice,
        "lines[0].consumer_price",
    ),
    (
        || with_consumer_prices(general()),
        |e| (e.lines[0].quantity, e.lines[0].consumer_price) = (amount("100000"), Some(amount("1e8"))),
        FaultCode::AmountTooLarge,
        "lines[0].consumer_price",
    ),
];

fn date(year: i32, month: u32, day: u32) -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

fn original(event: &mut InvoiceEvent) -> &mut Original {
    event.original.as_mut().expect("an original")
}

fn buyer(event: &mut InvoiceEvent) -> &mut Buyer {
    event.buyer.as_mut().expect("a buyer")
}

fn identify(event: &mut InvoiceEvent, number: &str) {
    let number = number.to_owned();
    buyer(event).identification = Some(Identification { scheme: IdentificationScheme::PN, number });
}

fn rate(event: &mut InvoiceEvent, category: TaxCategory, percent: &str) {
    event.lines[0].tax = Some(GeneralTax { category, percent: amount(percent) });
}

fn export() -> InvoiceEvent {
    zero_rated(Scope::Export)
}

fn development() -> InvoiceEvent {
    zero_rated(Scope::DevelopmentArea)
}

/// A gross of 0.0000000005, which is printed as 0.000000001.
fn half_a_unit() -> InvoiceEvent {
    let mut event = income();
    let line = &mut event.lines[0];
    (line.quantity, line.unit_price, line.discount) = (amount("0.5"), amount("0.000000001"), Amount::ZERO);
    event
}

fn named_income() -> InvoiceEvent {
    InvoiceEvent { buyer: general().buyer, ..income() }
}

fn cases() -> impl Iterator<Item = Case> {
    HEAD.into_iter().chain(PARTIES).chain(LINES)
}

#[test]
fn each_rule_is_told_alone_at_its_place() {
    for (base, broken, code, path) in cases() {
        let mut event = base();
        assert_eq!(validate(&event), vec![], "the base of {code}");
        broken(&mut event);
        let faults = validate(&event);
        let found: Vec<_> = faults.iter().map(|fault| (fault.code, fault.path.as_str())).collect();
        assert_eq!(found, [(code, path)], "{faults:?}");
        assert!(faults.iter().all(|fault| !fault.message.chars().any(char::is_control)), "{faults:?}");
        options::same_facts(&faults);
    }
}

#[test]
fn a_return_of_itself_is_told() {
    let mut event = taken_back();
    original(&mut event).uuid = "5F0C2A3E-6D41-4B7A-9C1F-2E8B7D90A614".to_owned();
    let faults = validate(&event);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].code, faults[0].path.as_str()), (FaultCode::OriginalIsItself, "original.uuid"));
}

#[test]
fn every_code_of_a_rule_has_its_case() {
    let of_the_reader = [
        FaultCode::TooLarge,
        FaultCode::MalformedJson,
        FaultCode::InvalidUnicode,
        FaultCode::TrailingData,
        FaultCode::UnknownField,
        FaultCode::MissingField,
        FaultCode::DuplicateField,
        FaultCode::InvalidValue,
    ];
    // `unsupported` is for what the writer cannot write; what a return states is held against its original when it is completed.
    let elsewhere = of_the_reader.into_iter().chain([FaultCode::Unsupported, FaultCode::DiffersFromOriginal]);
    let covered: BTreeSet<_> = cases()
        .map(|(_, _, code, _)| code)
        .chain(returned::codes())
        .chain(options::codes())
        .chain(elsewhere)
        .collect();
    let missing: Vec<_> = FaultCode::ALL.iter().filter(|code| !covered.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_just_keeps_the_rules_passes() {
    let keeps: [(fn() -> InvoiceEvent, Break); 18] = [
        (income, |e| e.number = "٧".repeat(100)),
        (income, |e| e.issue_date = date(2018, 1, 1)),
        (income, |e| e.issue_date = date(2100, 12, 31)),
        (income, |e| e.currency = "SEK".into()),
        (income, |e| e.note = Some("سطر\n\tسطر\r\n".into())),
        (income, |e| e.note = Some(String::new())),
        (income, |e| e.seller.tax_number = " 12345 ".into()),
        (income, |e| e.lines[0].discount = amount("66")),
        (income, |e| (e.lines[0].quantity, e.lines[0].discount) = (amount("0.000000001"), Amount::ZERO)),
        (income, |e| e.buyer = Some(Buyer::default())),
        (general, |e| buyer(e).phone = Some("+962 (79) 123-4567".into())),
        (general, |e| buyer(e).phone = Some("٠٧٩١٢٣٤٥٦٧".into())),
        (general, |e| buyer(e).postal_code = Some("33 ٥5".into())),
        (special, |e| e.lines[0].special_tax = Some(Amount::ZERO)),
        (|| with_consumer_prices(special()), |e| e.lines[0].consumer_price = Some(amount("2.5"))),
        (taken_back, |e| e.buyer = None),
        (taken_back, |e| original(e).total = None),
        (development, |_| ()),
    ];
    for (position, (base, change)) in keeps.into_iter().enumerate() {
        let mut event = base();
        change(&mut event);
        assert_eq!(validate(&event), vec![], "case {position}");
    }
    for rate_percent in limits::RATES {
        let mut event = general();
        rate(&mut event, TaxCategory::S, &format!("{rate_percent}.00"));
        assert_eq!(validate(&event), vec![], "{rate_percent} %");
    }
    for scope in [Scope::Export, Scope::DevelopmentArea, Scope::Transit, Scope::ForeignTrade, Scope::FreeZone]
    {
        assert_eq!(validate(&zero_rated(scope)), vec![], "{scope:?}");
        let income = InvoiceEvent { scope, ..named_income() };
        assert_eq!(validate(&income), vec![], "{scope:?}");
    }
}

#[test]
fn a_cash_buyer_is_named_above_ten_thousand_dinars_only() {
    let sale = |price: &str, currency: &str, payment| {
        let mut event = income();
        event.lines.truncate(1);
        event.payment = payment;
        event.currency = currency.to_owned();
        let line = &mut event.lines[0];
        (line.quantity, line.unit_price, line.discount) = (amount("2"), amount(price), Amount::ZERO);
        validate(&event).into_iter().map(|fault| fault.code).collect::<Vec<_>>()
    };
    assert_eq!(sale("5000", "JOD", Payment::Cash), [], "exactly 10,000");
    assert_eq!(sale("5000.000000001", "JOD", Payment::Cash), [FaultCode::BuyerNameMissing]);
    assert_eq!(sale("9000", "USD", Payment::Cash), [], "no rate is known");
    assert_eq!(sale("1", "USD", Payment::Receivable), [FaultCode::BuyerNameMissing]);
}

#[test]
fn all_faults_come_at_once_and_are_bounded() {
    let mut event = general();
    event.currency = "ILS".to_owned();
    event.buyer = None;
    event.lines[0].quantity = Amount::ZERO;
    event.lines[2].tax = None;
    event.seller.tax_number = String::new();
    let paths: Vec<_> = validate(&event).into_iter().map(|fault| fault.path).collect();
    assert_eq!(paths, ["currency", "seller.tax_number", "lines[0].quantity", "lines[2].tax", "buyer.name"]);
    event.lines = vec![event.lines[2].clone(); 10_000];
    assert_eq!(validate(&event).len(), limits::FAULTS);
}
