//! The gateway's own checks, its example, and its words.

use serde_json::json;

use super::*;
use crate::authority::Authority;
use crate::device::Device;
use crate::exchange::{Door, Request};
use crate::fault::{Fault, FaultRule};
use crate::sample;

/// The example of its description, with three lines of six, six and three pieces at 5 percent, and a fourth.
fn example() -> Value {
    let line = |id: &str, quantity: &str, price: &str, tax: &str| {
        let number = |text: &str| text.parse::<Number>().unwrap();
        json!({
            "ID": id, "ItemName": format!("صنف {id} & <ملح>"), "Quantity": number(quantity), "Price": number(price),
            "DiscountAmount": 0, "TaxAmount": number(tax), "TaxPercent": 5,
        })
    };
    let number = |text: &str| text.parse::<Number>().unwrap();
    json!({
        "ID": "P2T-1", "UUID": "9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3b01", "SerialNo": "17", "InvoiceType": 1,
        "InvoiceDate": "2026-03-01", "CountryCode": "JO", "AreaCode": "AM", "CurrencyCode": "JOD",
        "Supplier": {"ID": sample::INCOME_SOURCE, "Name": "متجر \"الزاوية\"", "TaxNumber": sample::TAX_NUMBER},
        "Customer": {"Name": "احمد", "IdentifiedBy": 1, "Identifier": "9876543210", "PostalZone": "11118",
                     "Telephone": "00962777888999"},
        "TotalDiscountAmount": number("0.000"), "TotalTaxAmount": number("0.578"),
        "SubTotalAmount": number("11.554"), "TotalAmount": number("12.132"),
        "InvoiceLines": [line("1", "6", "0.953", "0.286"), line("2", "6", "0.215", "0.065"),
                         line("3", "3", "0.866", "0.130"), line("4", "1", "1.948", "0.097")],
        "Note": "ملاحظة",
    })
}

fn authority() -> Authority {
    let license_keys = ["رخصة-1".to_owned(), "license-1".to_owned()].into();
    let mut authority = Authority::new(Settings { license_keys, ..Settings::default() }, 1);
    authority.register(Device {
        client_id: "shop-1".into(),
        secret_key: "secret-1".into(),
        tax_number: sample::TAX_NUMBER.into(),
        income_source: sample::INCOME_SOURCE.into(),
        family: Family::General,
        consumer_price: false,
    });
    authority
}

fn request(body: &Value) -> Request {
    Request {
        door: Door::Relay,
        client_id: Some("shop-1".into()),
        secret_key: Some("secret-1".into()),
        license_key: Some("license-1".into()),
        content_type: Some("application/json".into()),
        body: body.to_string().into(),
        ..Request::default()
    }
}

fn send(authority: &mut Authority, request: &Request) -> (u16, Value) {
    let reply = authority.handle(request, DateTime::UNIX_EPOCH);
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
}

#[test]
fn the_example_is_accepted_and_known_again() {
    let mut authority = authority();
    let (status, first) = send(&mut authority, &request(&example()));
    assert_eq!((status, &first["error"]), (200, &json!(false)), "{first}");
    let result = &first["result"];
    assert_eq!((&result["status"], &result["id"]), (&json!("SUBMITTED"), &json!("P2T-1")), "{first}");
    assert!(result["qrCode"].as_str().unwrap().len() > 100);
    let (status, again) = send(&mut authority, &request(&example()));
    assert_eq!((status, &again["result"]["status"]), (200, &json!("ALREADY_SUBMITTED")));
    assert_eq!(again["result"]["qrCode"], first["result"]["qrCode"]);
    let entry = authority.record().next().unwrap();
    assert_eq!((entry.number.as_str(), entry.icv.as_str(), entry.sha256.len()), ("P2T-1", "17", 64));
    assert_eq!(entry.client_id, "shop-1");
}

#[test]
fn totals_that_do_not_fit_the_lines_are_refused_by_name() {
    let cases = [
        ("/TotalDiscountAmount", "0.003", "TotalDiscountAmount"),
        ("/TotalTaxAmount", "0.582", "TotalTaxAmount"),
        ("/SubTotalAmount", "11.600", "SubTotalAmount"),
        ("/TotalAmount", "12.200", "TotalAmount"),
        ("/InvoiceLines/0/TaxAmount", "0.300", "TaxAmount of a line"),
        ("/InvoiceType", "3", "InvoiceType"),
    ];
    for (place, value, word) in cases {
        let mut body = example();
        *body.pointer_mut(place).unwrap() = Value::Number(value.parse().unwrap());
        let (status, answer) = send(&mut authority(), &request(&body));
        assert_eq!(
            (status, &answer["error"], &answer["result"]),
            (400, &json!(true), &json!("INVALID_DATA"))
        );
        assert!(answer["message"].as_str().unwrap().contains(word), "{place}: {answer}");
    }
    for (place, value) in [("/AreaCode", "BA"), ("/CurrencyCode", "USD"), ("/CountryCode", "US")] {
        let mut body = example();
        *body.pointer_mut(place).unwrap() = json!(value);
        assert_eq!(send(&mut authority(), &request(&body)).1["result"], "INVALID_DATA", "{place}");
    }
}

#[test]
fn what_is_no_invoice_is_no_document() {
    for body in [json!({}), json!([]), json!({"ID": 1})] {
        let (status, answer) = send(&mut authority(), &request(&body));
        assert_eq!((status, &answer["error"]), (400, &json!(true)), "{body}");
    }
    let mut body = example();
    *body.pointer_mut("/InvoiceLines/0/Price").unwrap() = Value::Number("1e400".parse().unwrap());
    assert_eq!(send(&mut authority(), &request(&body)).0, 400);
}

#[test]
fn licence_and_pair_are_looked_at_first() {
    let cases = [
        (Request { license_key: None, ..request(&example()) }, 401),
        (Request { license_key: Some("other".into()), ..request(&example()) }, 401),
        (Request { client_id: None, ..request(&example()) }, 403),
        (Request { secret_key: Some("other".into()), ..request(&example()) }, 403),
    ];
    for (request, expected) in cases {
        let (status, answer) = send(&mut authority(), &request);
        assert_eq!((status, &answer["error"]), (expected, &json!(true)));
    }
}

#[test]
fn the_authoritys_own_refusals_and_faults_come_through_in_its_words() {
    let mut authority = authority();
    let mut body = example();
    // A cash sale above ten thousand dinars needs a name.
    *body.pointer_mut("/Customer/Name").unwrap() = json!("");
    *body.pointer_mut("/InvoiceType").unwrap() = json!(2);
    let (status, answer) = send(&mut authority, &request(&body));
    assert_eq!((status, answer["message"].as_str()), (400, Some("Bayer name is missing")), "{answer}");
    authority.add_fault(FaultRule::always(Fault::Status {
        code: 503,
        retry_after_s: None,
        processed: false,
    }));
    assert_eq!(send(&mut authority, &request(&example())).0, 503);
    authority.clear_faults();
    authority.add_fault(FaultRule::always(Fault::WithoutQr));
    let (status, answer) = send(&mut authority, &request(&example()));
    assert_eq!((status, &answer["result"]["qrCode"]), (200, &Value::Null));
}
