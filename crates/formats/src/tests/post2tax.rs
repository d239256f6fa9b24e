//! The fields of the Post2Tax body, one after the other.

use invoice::event::{Family, Governorate, IdentificationScheme, Payment, Scope, TaxCategory};
use invoice::{Fault, normal};
use serde_json::{Value, json};

use super::{faults, invoice, json as parse, one, set, with, without};
use crate::schema::POST2TAX_EXAMPLE;
use crate::{Format, Post2Tax, Settings, ZeroCategory, post2tax};

fn example() -> Value {
    parse(POST2TAX_EXAMPLE)
}

fn event(body: &[u8]) -> invoice::InvoiceEvent {
    invoice(one(Format::Post2Tax, body).expect("a valid body"))
}

fn refused(path: &str, value: Value) -> Vec<String> {
    faults(Format::Post2Tax, &set(&example(), path, value))
}

#[test]
fn the_example_becomes_this_event() {
    let event = event(POST2TAX_EXAMPLE.as_bytes());
    let expected = json!({
        "schema_version": 1,
        "uuid": "0fa70000-0000-4000-8000-000000000101",
        "kind": "invoice",
        "family": "general_sales",
        "scope": "local",
        "payment": "cash",
        "number": "POS-000001",
        "issue_date": "2026-11-20",
        "currency": "JOD",
        "note": "نقطة البيع رقم 3",
        "metadata": {
            "SerialNo": "1",
            "InvoiceLines[0].ID": "101",
            "InvoiceLines[1].ID": "102",
            "InvoiceLines[2].ID": "103",
            "InvoiceLines[3].ID": "104"
        },
        "seller": { "tax_number": "22222222", "name": "شركة الأمثلة", "income_source": "2002002" },
        "buyer": {
            "name": "سامر حداد",
            "identification": { "scheme": "NIN", "number": "9871234567" },
            "postal_code": "11118",
            "governorate": "JO-AM",
            "phone": "00962790000000"
        },
        "lines": [
            { "name": "جبنة بيضاء", "quantity": "6", "unit_price": "0.953", "discount": "0", "tax": { "category": "S", "percent": "5" } },
            { "name": "خبز", "quantity": "6", "unit_price": "0.215", "discount": "0", "tax": { "category": "S", "percent": "5" } },
            { "name": "Olives 500 g", "quantity": "3", "unit_price": "0.866", "discount": "0", "tax": { "category": "S", "percent": "5" } },
            { "name": "Milk 1 l", "quantity": "2", "unit_price": "0.974", "discount": "0", "tax": { "category": "S", "percent": "5" } }
        ]
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    assert_eq!(faults(Format::Post2Tax, POST2TAX_EXAMPLE.as_bytes()), [""; 0]);
}

#[test]
fn post2tax_id_is_the_number() {
    assert_eq!(refused("ID", json!("")), ["ID: missing_field"]);
    assert_eq!(event(&set(&example(), "ID", json!(17))).number, "17", "a number is a text too");
    let long = "7".repeat(101);
    assert_eq!(refused("ID", json!(long)), ["ID: text_too_long"], "a rule's fault has their name");
}

#[test]
fn post2tax_uuid_or_the_invoice_number() {
    let of = |value: Value| event(&set(&example(), "UUID", value)).uuid;
    let seller = event(POST2TAX_EXAMPLE.as_bytes()).seller;
    let by_number = normal::name_based_uuid(&seller, "POS-000001");
    assert_eq!(of(json!("POS-000001")), Some(by_number), "the number gives what an event without UUID gets");
    assert_eq!(of(json!(null)), None, "left out, it follows from the number");
    assert_ne!(of(json!("TILL-3-88")), Some(by_number));
    assert_eq!(of(json!("TILL-3-88")), of(json!("TILL-3-88")), "any other text always gives the same");
}

#[test]
fn post2tax_serial_no_is_kept_and_not_sent() {
    let event = event(&set(&example(), "SerialNo", json!("4711")));
    assert_eq!(event.metadata.unwrap()["SerialNo"], "4711");
}

#[test]
fn post2tax_invoice_type_cash_or_credit() {
    assert_eq!(event(&set(&example(), "InvoiceType", json!("2"))).payment, Payment::Receivable);
    assert_eq!(event(&set(&example(), "InvoiceType", json!(1))).payment, Payment::Cash);
    assert_eq!(refused("InvoiceType", json!(3)), ["InvoiceType: invalid_value"]);
    assert_eq!(faults(Format::Post2Tax, &without(&example(), "InvoiceType")), ["InvoiceType: missing_field"]);
    let mut nameless = example();
    nameless["InvoiceType"] = json!(2);
    nameless["Customer"]["Name"] = json!("");
    let nameless = nameless.to_string();
    assert_eq!(faults(Format::Post2Tax, nameless.as_bytes()), ["Customer.Name: buyer_name_missing"]);
}

#[test]
fn post2tax_invoice_date() {
    assert_eq!(refused("InvoiceDate", json!("20-11-2026")), ["InvoiceDate: invalid_value"]);
    assert_eq!(refused("InvoiceDate", json!("2026-02-30")), ["InvoiceDate: invalid_value"]);
    assert_eq!(refused("InvoiceDate", json!("2001-01-01")), ["InvoiceDate: date_out_of_range"]);
}

#[test]
fn post2tax_country_code_is_jo() {
    assert_eq!(refused("CountryCode", json!("SA")), ["CountryCode: invalid_value"]);
    event(&without(&example(), "CountryCode"));
}

#[test]
fn post2tax_area_codes_with_balqa_and_with_prefix() {
    for (code, governorate) in [
        ("AM", Governorate::Amman),
        ("MN", Governorate::Maan),
        ("MD", Governorate::Madaba),
        ("MA", Governorate::Mafraq),
        ("KA", Governorate::Karak),
        ("JA", Governorate::Jerash),
        ("IR", Governorate::Irbid),
        ("AZ", Governorate::Zarqa),
        ("AT", Governorate::Tafilah),
        ("AQ", Governorate::Aqaba),
        ("AJ", Governorate::Ajloun),
        ("BA", Governorate::Balqa),
        ("JO-BA", Governorate::Balqa),
        ("jo-am", Governorate::Amman),
    ] {
        let buyer = event(&set(&example(), "AreaCode", json!(code))).buyer.unwrap();
        assert_eq!(buyer.governorate, Some(governorate), "{code}");
    }
    assert_eq!(refused("AreaCode", json!("XX")), ["AreaCode: invalid_value"]);
}

#[test]
fn post2tax_currency_code() {
    assert_eq!(event(&without(&example(), "CurrencyCode")).currency, "JOD");
    assert_eq!(event(&set(&example(), "CurrencyCode", json!("USD"))).currency, "USD");
    assert_eq!(refused("CurrencyCode", json!("XXX")), ["CurrencyCode: unknown_currency"]);
}

#[test]
fn post2tax_supplier() {
    assert_eq!(refused("Supplier/ID", json!(null)), ["Supplier.ID: missing_field"]);
    assert_eq!(refused("Supplier/Name", json!(" ")), ["Supplier.Name: missing_field"]);
    assert_eq!(refused("Supplier/TaxNumber", json!("12")), ["Supplier.TaxNumber: digit_count"]);
    assert_eq!(
        event(&set(&example(), "Supplier/TaxNumber", json!("٢٢٢٢٢٢٢٢"))).seller.tax_number,
        "22222222"
    );
}

#[test]
fn post2tax_customer() {
    for (kind, scheme) in
        [(1, IdentificationScheme::NIN), (2, IdentificationScheme::PN), (3, IdentificationScheme::TN)]
    {
        let buyer = event(&set(&example(), "Customer/IdentifiedBy", json!(kind))).buyer.unwrap();
        assert_eq!(buyer.identification.unwrap().scheme, scheme);
    }
    assert_eq!(refused("Customer/IdentifiedBy", json!(4)), ["Customer.IdentifiedBy: invalid_value"]);
    assert_eq!(refused("Customer/Identifier", json!("A-1")), ["Customer.Identifier: not_digits"]);
    let unknown = event(&set(&example(), "Customer/Identifier", json!(""))).buyer.unwrap();
    assert_eq!(unknown.identification, None, "the kind alone says nothing");
    assert_eq!(refused("Customer/PostalZone", json!("1234567")), ["Customer.PostalZone: text_too_long"]);
    assert_eq!(refused("Customer/Telephone", json!("123")), ["Customer.Telephone: digit_count"]);
    let telephone = event(POST2TAX_EXAMPLE.as_bytes()).buyer.unwrap().phone.unwrap();
    assert_eq!(telephone.len(), 14, "with the prefix 00962");
    let mut nobody = example();
    nobody["Customer"] = json!(null);
    nobody["AreaCode"] = json!(null);
    assert_eq!(event(nobody.to_string().as_bytes()).buyer, None);
}

#[test]
fn post2tax_totals_are_checked_against_the_lines() {
    for total in ["TotalDiscountAmount", "TotalTaxAmount", "SubTotalAmount", "TotalAmount"] {
        assert_eq!(refused(total, json!(999)), [format!("{total}: total_mismatch")]);
        let left_out = without(&example(), total);
        assert_eq!(faults(Format::Post2Tax, &left_out), [""; 0], "{total} need not be stated");
        assert_eq!(refused(total, json!("ten")), [format!("{total}: invalid_value")]);
    }
    assert_eq!(refused("TotalAmount", json!(12.133)), [""; 0], "within the guide's tolerance of 0.001");
    assert_eq!(refused("TotalAmount", json!(12.134)), ["TotalAmount: total_mismatch"]);
    assert_eq!(
        refused("InvoiceLines/1/TaxAmount", json!(0.066)),
        ["InvoiceLines[1].TaxAmount: total_mismatch"]
    );
}

#[test]
fn a_line_that_breaks_a_rule_is_told_alone_not_what_follows_from_it() {
    assert_eq!(refused("InvoiceLines/0/Price", json!(0)), ["InvoiceLines[0].Price: not_positive"]);
    assert_eq!(refused("InvoiceLines/2/Quantity", json!(-3)), ["InvoiceLines[2].Quantity: not_positive"]);
    let mismatch = one(Format::Post2Tax, &set(&example(), "InvoiceLines/1/TaxAmount", json!(9))).unwrap_err();
    assert!(mismatch[0].message.contains("the line's tax comes to 0.0645"), "{mismatch:?}");
}

/// Ten lines of 0.0645 tax: shown as 0.065 each, 0.65 together; exact is 0.645.
#[test]
fn sums_of_amounts_as_tills_show_them_are_right_too() {
    let mut body = example();
    let line = body["InvoiceLines"][1].clone();
    body["InvoiceLines"] = json!(vec![line; 10]);
    body["TotalDiscountAmount"] = json!(0);
    for (tax, fits) in [("0.645", true), ("0.65", true), ("0.648", false)] {
        body["TotalTaxAmount"] = json!(tax);
        body["SubTotalAmount"] = json!("12.9");
        body["TotalAmount"] = json!("13.55");
        assert_eq!(faults(Format::Post2Tax, body.to_string().as_bytes()).is_empty(), fits, "{tax}");
    }
}

#[test]
fn sub_total_is_before_tax_with_or_without_discounts() {
    let mut body = example();
    body["InvoiceLines"][0]["DiscountAmount"] = json!("1.718");
    body["InvoiceLines"][0]["TaxAmount"] = json!("0.2");
    body["TotalDiscountAmount"] = json!("1.718");
    body["TotalTaxAmount"] = json!("0.492");
    body["TotalAmount"] = json!("10.328");
    for (subtotal, fits) in [("11.554", true), ("9.836", true), ("10.5", false)] {
        body["SubTotalAmount"] = json!(subtotal);
        let found = faults(Format::Post2Tax, body.to_string().as_bytes());
        assert_eq!(found.is_empty(), fits, "{subtotal}: {found:?}");
    }
}

#[test]
fn post2tax_invoice_lines() {
    let line = |name: &str, value: Value| refused(&format!("InvoiceLines/2/{name}"), value);
    assert_eq!(line("ItemName", json!("")), ["InvoiceLines[2].ItemName: missing_field"]);
    assert_eq!(line("Quantity", json!(null)), ["InvoiceLines[2].Quantity: missing_field"]);
    assert_eq!(line("Price", json!("0,866")), ["InvoiceLines[2].Price: invalid_value"]);
    assert_eq!(refused("InvoiceLines", json!([])), ["InvoiceLines: no_lines"]);
    assert_eq!(refused("InvoiceLines", json!({})), ["InvoiceLines: invalid_value", "InvoiceLines: no_lines"]);
    // Rules are told by their names too, once the totals fit.
    let mut body = example();
    for total in ["TotalDiscountAmount", "TotalTaxAmount", "SubTotalAmount", "TotalAmount"] {
        body.as_object_mut().unwrap().remove(total);
    }
    body["InvoiceLines"][2].as_object_mut().unwrap().remove("TaxAmount");
    let rule = |name: &str, value: Value| {
        faults(Format::Post2Tax, &set(&body, &format!("InvoiceLines/2/{name}"), value))
    };
    assert_eq!(rule("Quantity", json!(-1)).first().unwrap(), "InvoiceLines[2].Quantity: not_positive");
    assert_eq!(rule("Price", json!(0)).first().unwrap(), "InvoiceLines[2].Price: not_positive");
    assert_eq!(rule("DiscountAmount", json!(99)), ["InvoiceLines[2].DiscountAmount: discount_above_gross"]);
    assert_eq!(rule("TaxPercent", json!(6)), ["InvoiceLines[2].TaxPercent: percent_not_listed"]);
    let kept = event(&set(&body, "InvoiceLines/2/ID", json!("SKU-9"))).metadata.unwrap();
    assert_eq!(kept["InvoiceLines[2].ID"], "SKU-9");
}

#[test]
fn a_tax_percent_of_zero_is_what_the_setting_says() {
    let mut body = example();
    body["InvoiceLines"] = json!([{ "ItemName": "خبز", "Quantity": 1, "Price": 1, "TaxPercent": 0 }]);
    for total in ["TotalTaxAmount", "SubTotalAmount", "TotalAmount"] {
        body.as_object_mut().unwrap().remove(total);
    }
    let body = body.to_string();
    for (setting, category) in [(ZeroCategory::Z, TaxCategory::Z), (ZeroCategory::O, TaxCategory::O)] {
        let settings = Settings { post2tax: Post2Tax { zero_rate_category: setting }, ..Settings::default() };
        let mapped =
            with(Some(Family::GeneralSales), &settings, |context| post2tax::read(body.as_bytes(), context));
        let tax = invoice(mapped.unwrap()).lines.remove(0).tax.unwrap();
        assert_eq!(tax.category, category);
    }
    assert_eq!(Settings::default().post2tax.zero_rate_category, ZeroCategory::Z, "the one that claims less");
}

#[test]
fn the_family_is_the_sellers_registration() {
    let codes = |family, body: &Value| {
        let faults = with(family, &Settings::default(), |context| {
            post2tax::read(body.to_string().as_bytes(), context).err().unwrap_or_default()
        });
        faults.iter().map(|fault: &Fault| format!("{}: {}", fault.path, fault.code)).collect::<Vec<_>>()
    };
    let taxed = example();
    assert_eq!(codes(None, &taxed), [""; 0], "a tax says it as well");
    assert_eq!(codes(Some(Family::SpecialSales), &taxed), ["Supplier.ID: unsupported"]);
    assert_eq!(codes(Some(Family::Income), &taxed).len(), 4, "no line of an income document has a tax");
    let mut untaxed = taxed;
    for line in untaxed["InvoiceLines"].as_array_mut().unwrap() {
        line["TaxPercent"] = json!(0);
        line["TaxAmount"] = json!(0);
    }
    untaxed["TotalTaxAmount"] = json!(0);
    untaxed["TotalAmount"] = json!(11.554);
    assert_eq!(codes(None, &untaxed), ["Supplier.ID: missing_field"], "nothing says which");
    assert_eq!(codes(Some(Family::Income), &untaxed), [""; 0]);
    let income = with(Some(Family::Income), &Settings::default(), |context| {
        post2tax::read(untaxed.to_string().as_bytes(), context).unwrap()
    });
    let income = invoice(income);
    assert!(income.family == Family::Income && income.lines.iter().all(|line| line.tax.is_none()));
    assert_eq!(income.scope, Scope::Local);
}

#[test]
fn post2tax_note() {
    assert_eq!(event(&set(&example(), "Note", json!("  شكرا  "))).note.as_deref(), Some("شكرا"));
    assert_eq!(refused("Note", json!("x".repeat(2_001))), ["Note: text_too_long"]);
}

#[test]
fn what_is_not_known_is_kept_unless_it_could_change_the_amounts() {
    let kept = event(&set(&example(), "CashierName", json!("هند"))).metadata.unwrap();
    assert_eq!(kept["CashierName"], "هند");
    assert_eq!(refused("ServiceCharge", json!(1.5)), ["ServiceCharge: unknown_field"]);
    assert_eq!(refused("ServiceCharge", json!(0)), [""; 0], "nothing is no amount");
    assert_eq!(
        refused("InvoiceLines/0/SpecialTax", json!("2")),
        ["InvoiceLines[0].SpecialTax: unknown_field"]
    );
}

#[test]
fn names_may_be_written_in_any_case_but_once() {
    let body =
        POST2TAX_EXAMPLE.replace("\"InvoiceType\"", "\"invoiceType\"").replace("\"Price\"", "\"price\"");
    assert_eq!(faults(Format::Post2Tax, body.as_bytes()), [""; 0]);
    let body = POST2TAX_EXAMPLE.replace("\"SerialNo\": \"1\"", "\"Note\": \"a\", \"note\": \"b\"");
    assert_eq!(faults(Format::Post2Tax, body.as_bytes()), ["note: duplicate_field"]);
}
