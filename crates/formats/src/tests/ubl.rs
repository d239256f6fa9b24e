//! Ready-made documents: what our own writer has written comes back as the event that it was, and what contradicts itself is refused.

use invoice::event::{Family, Kind};
use invoice::{InvoiceEvent, Profile, arbitrary, settle};
use proptest::prelude::*;

use super::{credit_note, faults, invoice, one};
use crate::Format;
use crate::schema::POST2TAX_EXAMPLE;

fn written(event: &InvoiceEvent) -> String {
    let profile = Profile::default();
    let mut event = event.clone();
    invoice::normal::normalise(&mut event);
    let settled = settle(&event, &profile).expect("it can be calculated");
    let document = ::ubl::Document {
        event: &settled.event,
        totals: &settled.totals,
        icv: 7,
        profile: &profile,
        buyer: None,
    };
    let mut xml = Vec::new();
    ::ubl::write(&document, &mut xml).expect("it can be written");
    String::from_utf8(xml).expect("UTF-8")
}

fn sample() -> InvoiceEvent {
    let mut event = invoice(one(Format::Post2Tax, POST2TAX_EXAMPLE.as_bytes()).unwrap());
    event.metadata = None;
    event
}

fn return_of_sample() -> InvoiceEvent {
    let mut event = sample();
    event.kind = Kind::Return;
    event.number = "CN-1".to_owned();
    event.original = Some(invoice::event::Original {
        uuid: "0fa70000-0000-4000-8000-000000000101".to_owned(),
        number: "POS-000001".to_owned(),
        total: Some("12.131710".parse().unwrap()),
        reason: "تالف".to_owned(),
    });
    for (line, id) in event.lines.iter_mut().zip(1..) {
        line.id = Some(id);
    }
    event
}

#[test]
fn a_document_becomes_its_event() {
    let event = invoice(one(Format::Ubl, written(&sample()).as_bytes()).unwrap());
    assert_eq!(event.metadata, None, "the counter that is sent is ours");
    let mut expected = sample();
    invoice::normal::normalise(&mut expected);
    // A document has the number as it is dialled from anywhere, without the zeros in front.
    expected.buyer.as_mut().unwrap().phone = Some("962790000000".to_owned());
    assert_eq!(event, expected);
    assert_eq!(faults(Format::Ubl, written(&sample()).as_bytes()), [""; 0]);
}

#[test]
fn a_document_of_ours_is_the_same_content_as_its_event() {
    let profile = Profile::default();
    let mut event = sample();
    // As it stands in the document: there the zeros in front are left out.
    event.buyer.as_mut().unwrap().phone = Some("962790000000".to_owned());
    let xml = written(&event);
    let first = invoice::check(invoice::Published::Invoice(event), &profile).unwrap();
    let again = one(Format::Ubl, xml.as_bytes()).unwrap().check(&profile).unwrap();
    assert_eq!(again.normal_form, first.normal_form);
    assert_eq!(again.content, first.content, "a repeat, no conflict");
}

#[test]
fn amounts_that_the_lines_do_not_come_to_are_refused() {
    let xml = written(&sample());
    let payable =
        xml.split_once("<cbc:PayableAmount currencyID=\"JO\">").unwrap().1.split_once('<').unwrap().0;
    let wrong = xml.replace(&format!(">{payable}</cbc:PayableAmount>"), ">13.000</cbc:PayableAmount>");
    assert_ne!(wrong, xml);
    let found = faults(Format::Ubl, wrong.as_bytes());
    assert_eq!(found, ["/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount: total_mismatch"]);
}

#[test]
fn faults_are_places_in_the_document_also_those_of_the_rules() {
    let xml = written(&sample());
    let wrong = xml.replace("<cbc:PostalZone>11118<", "<cbc:PostalZone>1111888<");
    assert_ne!(wrong, xml);
    let found = faults(Format::Ubl, wrong.as_bytes());
    let place = "/Invoice/cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cbc:PostalZone";
    assert_eq!(found, [format!("{place}: text_too_long")]);
    assert_eq!(faults(Format::Ubl, b"<Order/>"), [": invalid_value"]);
    assert_eq!(faults(Format::Ubl, b"<!DOCTYPE x><Invoice/>"), [": invalid_value"]);
    let found = faults(Format::Ubl, xml.replace("<cbc:ID>POS-000001</cbc:ID>", "").as_bytes());
    assert_eq!(found, ["/Invoice/cbc:ID: missing_field"]);
}

#[test]
fn a_uuid_that_is_none_is_kept_and_gives_one() {
    let xml = written(&sample()).replace("0fa70000-0000-4000-8000-000000000101", "INV-77-x");
    let event = invoice(one(Format::Ubl, xml.as_bytes()).unwrap());
    assert_eq!(event.metadata.as_ref().unwrap()["cbc:UUID"], "INV-77-x");
    assert_eq!(event.uuid, Some(invoice::normal::name_based_uuid(&event.seller, "INV-77-x")));
}

#[test]
fn what_the_profile_has_no_place_for_is_said() {
    let xml = written(&sample())
        .replace("<cbc:InvoiceTypeCode", "<cbc:IssueTime>12:00:00</cbc:IssueTime><cbc:InvoiceTypeCode");
    let event = invoice(one(Format::Ubl, xml.as_bytes()).unwrap());
    assert!(event.metadata.unwrap()["left out"].contains("IssueTime"));
}

#[test]
fn a_return_document_becomes_a_return_that_states_all_it_says() {
    let xml = written(&return_of_sample());
    let event = credit_note(one(Format::Ubl, xml.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}")));
    assert_eq!(event.original.number.as_deref(), Some("POS-000001"));
    assert_eq!(event.original.uuid.as_deref(), Some("0fa70000-0000-4000-8000-000000000101"));
    assert_eq!(event.original.reason, "تالف");
    assert_eq!(event.family, Some(Family::GeneralSales));
    let lines = event.lines.unwrap();
    assert_eq!((lines.len(), lines[3].id, lines[3].quantity.to_string().as_str()), (4, 4, "2"));
    assert!(lines.iter().all(|line| line.unit_price.is_some() && line.tax.is_some()));
}

proptest! {
    #[test]
    fn every_document_of_ours_comes_back(event in arbitrary::event().prop_filter("invoices", |event| event.kind == Kind::Invoice)) {
        let xml = written(&event);
        let back = one(Format::Ubl, xml.as_bytes());
        prop_assert!(back.is_ok(), "{:?}\n{xml}", back.err());
        let back = invoice(back.unwrap());
        let mut expected = settle(&event, &Profile::default()).unwrap().event;
        invoice::normal::normalise(&mut expected);
        prop_assert_eq!((back.uuid, &back.number, back.lines.len()), (expected.uuid, &expected.number, expected.lines.len()));
    }
}
