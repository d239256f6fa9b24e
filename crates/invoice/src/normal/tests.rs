//! Equal content has one normal form however it is written; other content has another.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::amount::Amount;
use crate::arbitrary;
use crate::schema::EXAMPLES;
use crate::validate::{parse, read};

fn content(event: &Value) -> Digest {
    read(event.to_string().as_bytes()).expect("a valid event").content
}

fn example(index: usize) -> Value {
    serde_json::from_str(EXAMPLES[index]).expect("JSON")
}

#[test]
fn the_form_itself_is_pinned() {
    // A change here makes every stored content look different: it needs a migration.
    let checked = read(EXAMPLES[0].as_bytes()).expect("a valid event");
    assert_eq!(
        checked.normal_form,
        concat!(
            r#"{"schema_version":1,"uuid":"f66f845e-38c3-57c8-97b7-62d07657623b","kind":"invoice","family":"income","scope":"local","#,
            r#""payment":"cash","number":"EIN00001","issue_date":"2026-09-14","currency":"JOD","#,
            r#""note":"شكراً لزيارتكم","seller":{"tax_number":"12345678","name":"مكتبة الأندلس","#,
            r#""income_source":"9932895"},"lines":[{"id":1,"name":"دفتر مدرسي ١٠٠ ورقة","quantity":"33","#,
            r#""unit_price":"2","discount":"2"},{"id":2,"name":"قلم حبر أزرق","quantity":"10","#,
            r#""unit_price":"5","discount":"5"}]}"#,
        )
    );
    assert_eq!(checked.content, Digest::of(checked.normal_form.as_bytes()));
}

/// Events as retailers have published them since the first release, with the digests that ledgers hold for them.
const RECORDED: [(&str, &str); 3] = [
    (
        r#"{"schema_version":1,"family":"income","payment":"cash","number":" EIN-7 ","issue_date":"2026-09-14","note":"سطر\r\nسطر ","seller":{"tax_number":"12345678","name":"مكتبة الأندلس","income_source":"9932895"},"buyer":{"name":" ","phone":""},"lines":[{"name":"دفتر","quantity":33.0,"unit_price":"2.000"},{"name":"قلم","quantity":"1e1","unit_price":5,"discount":"5.0"}]}"#,
        "8c231bcd5b3dbd175154b88832db6868d299727dd101d72a7a5cc20c3539ec77",
    ),
    (
        r#"{"schema_version":1,"uuid":"5f0c2a3e-6d41-4b7a-9c1f-2e8b7d90a614","amends":2,"family":"general_sales","scope":"development_area","payment":"receivable","number":"MC/6","issue_date":"2026-09-14","currency":"USD","seller":{"tax_number":"12345678","name":"الشركة","income_source":"9932895"},"buyer":{"name":"سوبرماركت","identification":{"scheme":"TN","number":" 33445544 "},"postal_code":"33554","governorate":"JO-AZ","phone":"00962 (79) ١٢٣ 4567"},"lines":[{"id":4,"name":"بسكويت","quantity":"33","unit_price":"2.000","discount":"2","tax":{"category":"O"}}]}"#,
        "bfff867618622e52535d5aebe9fb29ddf635dda61a5f18d498fffaed288352b9",
    ),
    (
        r#"{"schema_version":1,"uuid":"5F0C2A3E6D414B7A9C1F2E8B7D90A615","family":"special_sales","payment":"cash","number":"S-1","issue_date":"2026-09-14","seller":{"tax_number":"12345678","name":"الشركة","income_source":"9932895"},"lines":[{"name":"عصير","quantity":"1.275","unit_price":"4.310344828","discount":null,"tax":{"category":"S","percent":"16.00"},"special_tax":"0.100","consumer_price":"4.5"}]}"#,
        "044f577bd3c8d4d00df7b5c4569632958f91497b44891cbd81beade3fe81224a",
    ),
];

#[test]
fn recorded_events_keep_their_digests() {
    for (json, digest) in RECORDED {
        let checked = read(json.as_bytes()).expect("a valid event");
        assert_eq!(checked.content.to_string(), digest, "{}", checked.normal_form);
    }
}

#[test]
fn the_derived_uuid_is_pinned_and_names_seller_source_and_number() {
    let name_based_uuid = |event: &InvoiceEvent| name_based_uuid(&event.seller, &event.number);
    let event = match parse(EXAMPLES[0].as_bytes()) {
        Ok(Published::Invoice(event)) => event,
        other => panic!("{other:?}"),
    };
    let uuid = name_based_uuid(&event);
    assert_eq!(uuid.to_string(), "f66f845e-38c3-57c8-97b7-62d07657623b");
    assert_eq!(uuid, Uuid::new_v5(&NAMESPACE, b"12345678:9932895:EIN00001"));
    let changes: [fn(&mut InvoiceEvent); 3] = [
        |event| event.seller.tax_number = "123456789".to_owned(),
        |event| event.seller.income_source = "932895".to_owned(),
        |event| event.number = "EIN00002".to_owned(),
    ];
    for change in changes {
        let mut other = event.clone();
        change(&mut other);
        assert_ne!(name_based_uuid(&other), uuid);
    }
    let mut same = event.clone();
    same.number = " EIN00001\n".to_owned();
    same.note = None;
    assert_eq!(name_based_uuid(&same), uuid);
}

#[test]
fn the_way_of_writing_does_not_matter() {
    let plain = example(1);
    let mut written = plain.clone();
    written["uuid"] = json!("5F0C2A3E6D414B7A9C1F2E8B7D90A614");
    written["amends"] = json!(3);
    written["kind"] = json!("invoice");
    written["scope"] = Value::Null;
    written["note"] = json!(" \r\n ");
    written["original"] = Value::Null;
    written["number"] = json!(" MC-2026-09-14-00006 ");
    written["buyer"]["phone"] = json!("(٠٧٧٧) ٨٨٨ ٩٩٩");
    written["lines"][0]["discount"] = serde_json::from_str("2.000").expect("a number");
    written["lines"][0]["quantity"] = serde_json::from_str("3.3e1").expect("a number");
    written["lines"][1]["discount"] = json!("0.00");
    written["lines"][1]["tax"]["percent"] = json!(0);
    for line in written["lines"].as_array_mut().expect("lines") {
        line.as_object_mut().expect("a line").remove("id");
    }
    assert_eq!(content(&plain), content(&written));
    let mut nobody = example(0);
    let with_nobody = content(&nobody);
    nobody["buyer"] = json!({ "name": "  ", "phone": "" });
    assert_eq!(content(&nobody), with_nobody);
}

#[test]
fn line_ends_of_the_note_are_one_character() {
    let mut event = example(0);
    event["note"] = json!("سطر\r\nسطر\rسطر\n");
    let checked = read(event.to_string().as_bytes()).expect("a valid event");
    assert_eq!(checked.event.invoice().and_then(|event| event.note.as_deref()), Some("سطر\nسطر\nسطر"));
}

#[test]
fn other_content_has_another_form() {
    let plain = example(1);
    let changes: [fn(&mut Value); 12] = [
        |event| event["uuid"] = Value::Null,
        |event| event["payment"] = json!("cash"),
        |event| event["number"] = json!("MC-2026-09-14-00007"),
        |event| event["issue_date"] = json!("2026-09-15"),
        |event| event["currency"] = json!("USD"),
        |event| event["note"] = json!("ملاحظة"),
        |event| event["seller"]["name"] = json!("شركة أخرى"),
        |event| event["buyer"]["identification"]["scheme"] = json!("NIN"),
        |event| event["buyer"]["governorate"] = json!("JO-AM"),
        |event| event["lines"][0]["id"] = json!(4),
        |event| event["lines"][0]["unit_price"] = json!("2.000000001"),
        |event| event["lines"].as_array_mut().expect("lines").swap(0, 1),
    ];
    for (position, change) in changes.into_iter().enumerate() {
        let mut other = plain.clone();
        change(&mut other);
        assert_ne!(content(&plain), content(&other), "change {position}");
    }
}

/// The same event written otherwise: amounts as numbers with trailing zeros, absent members as null, blanks around texts.
fn rewritten(value: &Value, name: &str) -> Value {
    const AMOUNTS: [&str; 7] =
        ["quantity", "unit_price", "discount", "percent", "special_tax", "consumer_price", "total"];
    match value {
        Value::String(text) if AMOUNTS.contains(&name) => {
            let zeros = if text.contains('.') { "000" } else { ".000" };
            serde_json::from_str(&format!("{text}{zeros}")).expect("a number")
        }
        Value::String(text) if ["name", "number", "note", "reason", "income_source"].contains(&name) => {
            format!("\u{a0} {text}\t").into()
        }
        Value::Array(elements) => elements.iter().map(|element| rewritten(element, name)).collect(),
        Value::Object(members) => {
            let mut members: Map<_, _> =
                members.iter().rev().map(|(name, value)| (name.clone(), rewritten(value, name))).collect();
            for absent in match name {
                "" => &["uuid", "amends", "note", "buyer", "original"][..],
                "lines" => &["id", "tax", "special_tax", "consumer_price"],
                "buyer" => &["identification", "postal_code", "governorate", "phone"],
                "original" => &["total"],
                _ => &[],
            } {
                members.entry(*absent).or_insert(Value::Null);
            }
            Value::Object(members)
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn equal_events_have_one_form(event in arbitrary::invoice()) {
        let written = serde_json::to_value(&event).expect("JSON");
        prop_assert_eq!(content(&written), content(&rewritten(&written, "")));
        prop_assert_eq!(content(&written), content_digest(&event));
    }

    #[test]
    fn normalising_twice_changes_nothing_and_makes_no_fault(event in arbitrary::invoice()) {
        let mut once = event.clone();
        normalise(&mut once);
        prop_assert_eq!(crate::validate(&once, &crate::Profile::default()), vec![]);
        let mut twice = once.clone();
        normalise(&mut twice);
        prop_assert_eq!(&once, &twice);
        prop_assert_eq!(normal_form(&event), normal_form(&once));
        // The normal form is an event, and the same one.
        let back = parse(normal_form(&once).as_bytes()).expect("an event");
        prop_assert_eq!(back, Published::Invoice(once));
    }

    #[test]
    fn another_quantity_is_other_content_and_the_only_difference(event in arbitrary::invoice(), more in 1_i64..1_000) {
        let mut other = event.clone();
        let quantity = other.lines[0].quantity.decimal();
        other.lines[0].quantity = Amount::from(quantity + rust_decimal::Decimal::new(more, 9));
        let (ours, theirs) = (normal_form(&event), normal_form(&other));
        let found = differences(&ours, &theirs);
        prop_assert_eq!(found.len(), 1);
        prop_assert!(found[0].starts_with("lines[0].quantity: ours \""), "{}", found[0]);
    }
}
