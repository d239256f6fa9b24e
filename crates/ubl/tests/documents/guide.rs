//! The worked examples of guide v1.5 against our documents, as trees. Their files are not ours to ship: the environment
//! variable `FAWTARA_VECTORS` names the directory that has them under `guide/`.

use std::path::Path;

use chrono::NaiveDate;
use invoice::InvoiceEvent;
use invoice::event::{Buyer, Family, GeneralTax, Identification, Kind, Line, Payment, Scope, Seller};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::sample::{self, SAMPLE_UUID, amount};
use crate::surroundings;

/// The document as the guide prints it, and the event that its neutral description makes.
fn example(directory: &Path, name: &str) -> (String, InvoiceEvent) {
    let read = |extension: &str| {
        std::fs::read_to_string(directory.join(format!("guide/{name}.{extension}"))).unwrap()
    };
    let input: Value = serde_json::from_str(&read("input.json")).unwrap();
    let printed_uuid = text(&input["document"]["uuid"]);
    let document = read("xml").replace(&printed_uuid, &SAMPLE_UUID.to_string());
    assert!(document.contains(&SAMPLE_UUID.to_string()), "the UUID was put in");
    (document, event(&input))
}

fn event(input: &Value) -> InvoiceEvent {
    let (document, buyer) = (&input["document"], &input["buyer"]);
    InvoiceEvent {
        schema_version: 1,
        uuid: Some(SAMPLE_UUID),
        amends: None,
        kind: code::<Kind>(&document["kind"]),
        family: match text(&document["family"]).as_str() {
            "income" => Family::Income,
            "general" => Family::GeneralSales,
            other => panic!("family {other}"),
        },
        scope: code::<Scope>(&document["scope"]),
        payment: code::<Payment>(&document["payment"]),
        number: text(&document["number"]),
        issue_date: text(&document["issue_date"]).parse::<NaiveDate>().unwrap(),
        currency: text(&document["currency"]),
        note: optional(&document["note"]),
        seller: Seller {
            tax_number: text(&input["seller"]["tax_number"]),
            name: text(&input["seller"]["name"]),
            income_source: text(&input["seller"]["income_source_sequence"]),
        },
        buyer: Some(Buyer {
            name: optional(&buyer["name"]),
            identification: Some(Identification {
                scheme: code(&buyer["id_scheme"]),
                number: text(&buyer["id"]),
            }),
            postal_code: optional(&buyer["postal_code"]),
            governorate: code(&buyer["governorate"]),
            phone: optional(&buyer["phone"]),
        }),
        original: None,
        lines: input["lines"].as_array().unwrap().iter().map(line).collect(),
    }
}

fn line(input: &Value) -> Line {
    Line {
        id: code(&input["id"]),
        name: text(&input["name"]),
        quantity: amount(&text(&input["quantity"])),
        unit_price: amount(&text(&input["unit_price"])),
        discount: amount(&text(&input["discount_amount"])),
        tax: input.get("general_tax").map(|tax| GeneralTax {
            category: code(&tax["category"]),
            percent: amount(&text(&tax["percent"])),
        }),
        special_tax: None,
        consumer_price: None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn code<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn check(name: &str, ours: &InvoiceEvent) {
    let Some(directory) = surroundings::directory("FAWTARA_VECTORS", "the guide's worked examples", &["CI"])
    else {
        return;
    };
    let (printed, event) = example(&directory, name);
    assert_eq!(&event, ours, "the golden document is the guide's");
    assert_eq!(ubl::same_document(&sample::written(&event), printed.as_bytes()), Ok(()));
}

#[test]
fn income_invoice_is_the_guides() {
    check("1_income_invoice", &sample::guide_income());
}

#[test]
fn general_sales_invoice_is_the_guides() {
    check("3_general_invoice", &sample::guide_general());
}
