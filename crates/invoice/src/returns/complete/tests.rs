use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::event::{
    Family, GeneralTax, Identification, IdentificationScheme, Payment, Scope, Seller, TaxCategory,
};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn sold(id: u32, quantity: &str, price: &str, discount: &str) -> Line {
    Line {
        id: Some(id),
        name: format!("صنف {id}"),
        quantity: amount(quantity),
        unit_price: amount(price),
        discount: amount(discount),
        total: None,
        tax: Some(GeneralTax { category: TaxCategory::S, percent: amount("16") }),
        special_tax: None,
        consumer_price: None,
    }
}

fn original(lines: Vec<Line>) -> OriginalDocument {
    OriginalDocument {
        uuid: "7B0A54E2-93B6-4F3D-8F3C-5B1E6D3F9A11".to_owned(),
        number: "INV-1".to_owned(),
        family: Family::GeneralSales,
        scope: Scope::Local,
        payment: Payment::Receivable,
        currency: "USD".to_owned(),
        total: amount("123.48"),
        buyer: Some(Buyer {
            name: Some("مؤسسة الأردن".to_owned()),
            identification: Some(Identification {
                scheme: IdentificationScheme::TN,
                number: "87654321".to_owned(),
            }),
            phone: Some("0791234567".to_owned()),
            ..Buyer::default()
        }),
        lines,
    }
}

fn event(lines: Option<Vec<ReturnLine>>) -> ReturnEvent {
    ReturnEvent {
        schema_version: 1,
        uuid: None,
        amends: None,
        kind: super::super::ReturnKind::Return,
        number: "RET-1".to_owned(),
        issue_date: "2026-11-20".parse().unwrap(),
        note: None,
        metadata: None,
        seller: Seller {
            tax_number: "12345678".to_owned(),
            name: "متجر الياسمين".to_owned(),
            income_source: "9932895".to_owned(),
        },
        original: OriginalReference {
            uuid: None,
            number: Some("INV-1".to_owned()),
            reason: "بضاعة تالفة".to_owned(),
            total: None,
            lines: None,
        },
        lines,
        family: None,
        scope: None,
        payment: None,
        currency: None,
        buyer: None,
    }
}

fn back(id: u32, quantity: &str) -> ReturnLine {
    ReturnLine {
        id,
        quantity: amount(quantity),
        name: None,
        unit_price: None,
        discount: None,
        tax: None,
        special_tax: None,
        consumer_price: None,
    }
}

fn codes(result: Result<(InvoiceEvent, Returned), Vec<Fault>>) -> Vec<(FaultCode, String)> {
    result.unwrap_err().into_iter().map(|fault| (fault.code, fault.path)).collect()
}

#[test]
fn all_but_the_quantities_is_the_originals() {
    let original = original(vec![sold(3, "33", "2", "2"), sold(7, "10", "5", "5")]);
    let event = event(Some(vec![back(7, "4")]));
    let (document, returned) = complete(&event, &original, &Returned::new()).unwrap();
    let [line] = document.lines.as_slice() else { panic!("{document:?}") };
    assert_eq!(*line, Line { quantity: amount("4"), discount: amount("2"), ..sold(7, "10", "5", "5") });
    assert_eq!(
        (document.kind, document.family, document.scope, document.payment, document.currency.as_str()),
        (Kind::Return, Family::GeneralSales, Scope::Local, Payment::Receivable, "USD")
    );
    assert_eq!(document.buyer, original.buyer);
    let reference = document.original.unwrap();
    assert_eq!((reference.uuid, reference.number), (original.uuid, original.number));
    assert_eq!((reference.total, reference.reason.as_str()), (Some(original.total), "بضاعة تالفة"));
    assert_eq!((document.number.as_str(), document.seller), ("RET-1", event.seller));
    let now = ReturnedLine { quantity: amount("4"), discount: amount("2"), special_tax: Amount::ZERO };
    assert_eq!(returned, Returned::from([(7, now)]));
    assert_eq!(document.uuid.unwrap().get_version_num(), 5, "its own name");
}

#[test]
fn lines_left_out_are_all_that_is_left() {
    let original = original(vec![sold(1, "3", "1", "1"), sold(2, "5", "1", "0"), sold(3, "1", "9", "0.5")]);
    let part = ReturnedLine { quantity: amount("1"), discount: amount("0.333333333"), ..Default::default() };
    let earlier =
        Returned::from([(1, part), (2, ReturnedLine { quantity: amount("5"), ..Default::default() })]);
    let (document, mut returned) = complete(&event(None), &original, &earlier).unwrap();
    let lines: Vec<_> =
        document.lines.iter().map(|line| (line.id.unwrap(), line.quantity, line.discount)).collect();
    assert_eq!(lines, [(1, amount("2"), amount("0.666666667")), (3, amount("1"), amount("0.5"))]);
    for (id, line) in earlier {
        let entry = returned.entry(id).or_default();
        *entry = entry.plus(&line).unwrap();
    }
    let codes = codes(complete(&event(None), &original, &returned));
    assert_eq!(codes, [(FaultCode::NothingLeft, "lines".to_owned())]);
}

#[test]
fn never_more_than_is_left_comes_back() {
    let original = original(vec![sold(1, "3", "1", "0"), sold(2, "5", "1", "0")]);
    let earlier = Returned::from([(1, ReturnedLine { quantity: amount("2"), ..Default::default() })]);
    let lines = vec![back(1, "1.000000001"), back(2, "0"), back(9, "1"), back(2, "5"), back(2, "1")];
    let found = codes(complete(&event(Some(lines)), &original, &earlier));
    let expected = [
        (FaultCode::MoreThanLeft, "lines[0].quantity"),
        (FaultCode::NotPositive, "lines[1].quantity"),
        (FaultCode::LineNotInOriginal, "lines[2].id"),
        (FaultCode::LineIdRepeated, "lines[3].id"),
        (FaultCode::LineIdRepeated, "lines[4].id"),
    ];
    assert_eq!(found, expected.map(|(code, path)| (code, path.to_owned())));
    assert!(complete(&event(Some(vec![back(1, "1"), back(2, "5")])), &original, &earlier).is_ok());
}

#[test]
fn what_is_stated_otherwise_is_a_fault_with_both_values() {
    let original = original(vec![sold(1, "10", "5", "1")]);
    let mut stated = event(Some(vec![ReturnLine {
        name: Some("صنف آخر".to_owned()),
        unit_price: Some(amount("4")),
        discount: Some(amount("0.4")),
        tax: Some(GeneralTax { category: TaxCategory::S, percent: amount("10") }),
        special_tax: Some(amount("1")),
        consumer_price: Some(amount("6")),
        ..back(1, "5")
    }]));
    stated.original.uuid = Some("7b0a54e2-93b6-4f3d-8f3c-5b1e6d3f9a12".to_owned());
    stated.original.number = Some("INV-2".to_owned());
    stated.original.total = Some(amount("123.47"));
    stated.family = Some(Family::Income);
    stated.scope = Some(Scope::Export);
    stated.payment = Some(Payment::Cash);
    stated.currency = Some("JOD".to_owned());
    stated.buyer = Some(Buyer {
        name: Some("آخر".to_owned()),
        phone: Some("0791234568".to_owned()),
        ..Buyer::default()
    });
    let faults = complete(&stated, &original, &Returned::new()).unwrap_err();
    assert!(faults.iter().all(|fault| fault.code == FaultCode::DiffersFromOriginal), "{faults:?}");
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    let expected = [
        "original.uuid",
        "original.number",
        "original.total",
        "currency",
        "family",
        "scope",
        "payment",
        "buyer.name",
        "buyer.phone",
        "lines[0].name",
        "lines[0].unit_price",
        "lines[0].discount",
        "lines[0].special_tax",
        "lines[0].tax",
        "lines[0].consumer_price",
    ];
    assert_eq!(paths, expected);
    let family = faults.iter().find(|fault| fault.path == "family").unwrap();
    assert!(family.message.contains("income") && family.message.contains("general_sales"), "{family}");
}

#[test]
fn what_is_stated_as_it_is_is_no_fault() {
    let original = original(vec![sold(1, "10", "5", "1")]);
    let mut stated = event(Some(vec![ReturnLine {
        name: Some("صنف 1".to_owned()),
        unit_price: Some(amount("5")),
        discount: Some(amount("0.5")),
        tax: Some(GeneralTax { category: TaxCategory::S, percent: amount("16") }),
        special_tax: Some(Amount::ZERO),
        ..back(1, "5")
    }]));
    stated.original.uuid = Some(original.uuid.to_lowercase());
    stated.original.total = Some(original.total);
    stated.family = Some(original.family);
    stated.buyer = Some(Buyer { phone: Some("079 123 4567".to_owned()), ..Buyer::default() });
    assert_eq!(complete(&stated, &original, &Returned::new()).map(|_| ()), Ok(()));
}

/// A line of any size, and cuts that share its quantity out.
fn line_and_cuts() -> impl Strategy<Value = (Line, Vec<u64>)> {
    let nine = 1_i64..1_000_000_000_000_000;
    let small = 1_i64..20_000_000_000;
    let quantity =
        prop_oneof![small.clone(), nine.clone(), (1_i64..50).prop_map(|pieces| pieces * 1_000_000_000)];
    (quantity, prop_oneof![small, nine], 0_u64..=1_000, 0_u64..=1_000, vec(1_u64..1_000, 1..12)).prop_map(
        |(quantity, price, discount, special, cuts)| {
            let decimal = |units: i64| Amount::from(rust_decimal::Decimal::new(units, 9));
            let mut line =
                Line { quantity: decimal(quantity), unit_price: decimal(price), ..sold(1, "1", "1", "0") };
            let gross = gross(line.quantity, line.unit_price).unwrap();
            let share = |permille: u64| {
                let share = gross.decimal() / rust_decimal::Decimal::from(1_000)
                    * rust_decimal::Decimal::from(permille);
                Amount::from(share.trunc_with_scale(9))
            };
            line.discount = share(discount);
            line.special_tax = Some(share(special));
            (line, cuts)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn partial_returns_sum_up_to_the_original_exactly((line, cuts) in line_and_cuts()) {
        let original = original(vec![line.clone()]);
        let mut earlier = Returned::new();
        let total: u64 = cuts.iter().sum();
        let mut events = Vec::new();
        let mut left = line.quantity;
        for cut in &cuts {
            let units = line.quantity.decimal() * rust_decimal::Decimal::from(*cut) / rust_decimal::Decimal::from(total);
            let quantity = Amount::from(units.trunc_with_scale(9)).min(left);
            if quantity > Amount::ZERO {
                left = minus(left, quantity).unwrap();
                events.push(event(Some(vec![ReturnLine { quantity, ..back(1, "1") }])));
            }
        }
        if left > Amount::ZERO {
            events.push(event(None));
        }
        for event in events {
            let (document, returned) = complete(&event, &original, &earlier).unwrap();
            let now = returned[&1];
            let gross = gross(now.quantity, line.unit_price).unwrap();
            prop_assert!(now.discount >= Amount::ZERO && now.discount <= gross, "{now:?} of {gross}");
            prop_assert!(now.special_tax >= Amount::ZERO);
            prop_assert_eq!((document.lines[0].discount, document.lines[0].special_tax), (now.discount, Some(now.special_tax)));
            let share = proportional(line.discount, now.quantity, line.quantity).unwrap();
            let off = minus(now.discount, share).unwrap().decimal().abs();
            prop_assert!(off <= rust_decimal::Decimal::new(20, 9), "{off} off the proportional part");
            let sum = earlier.entry(1).or_default();
            *sum = sum.plus(&now).unwrap();
        }
        let whole = ReturnedLine {
            quantity: line.quantity, discount: line.discount, special_tax: line.special_tax.unwrap(),
        };
        // Of a discount that takes off all, parts of less than a billionth cannot go back anywhere.
        let lost = minus(whole.discount, earlier[&1].discount).unwrap().decimal();
        prop_assert!(lost.is_zero() || line.discount == gross(line.quantity, line.unit_price).unwrap());
        prop_assert!(lost <= rust_decimal::Decimal::new(20, 9), "{lost}");
        prop_assert_eq!(ReturnedLine { discount: whole.discount, ..earlier[&1] }, whole);
        prop_assert_eq!(codes(complete(&event(None), &original, &earlier)), [(FaultCode::NothingLeft, "lines".to_owned())]);
    }
}
