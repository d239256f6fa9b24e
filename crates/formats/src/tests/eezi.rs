//! The fields of eezi invoices and credit notes, one after the other.

use invoice::Amount;
use invoice::event::{Family, IdentificationScheme, Payment, Scope, TaxCategory};
use serde_json::{Value, json};

use super::{credit_note, faults, invoice, json as parse, one, set, with, without};
use crate::schema::EEZI_EXAMPLES;
use crate::{Eezi, Format, Settings, eezi};

fn example() -> Value {
    parse(EEZI_EXAMPLES[0])
}

fn note() -> Value {
    parse(EEZI_EXAMPLES[1])
}

fn event(document: &[u8]) -> invoice::InvoiceEvent {
    invoice(one(Format::Eezi, document).expect("a valid document"))
}

fn refused(path: &str, value: Value) -> Vec<String> {
    faults(Format::Eezi, &set(&example(), path, value))
}

#[test]
fn the_example_becomes_this_event() {
    let expected = json!({
        "schema_version": 1,
        "uuid": "0fa70000-0000-4000-8000-000000000201",
        "kind": "invoice",
        "family": "general_sales",
        "scope": "local",
        "payment": "receivable",
        "number": "EZ-0001",
        "issue_date": "2026-11-20",
        "currency": "JOD",
        "note": "طلبية رقم 77",
        "metadata": {
            "organisation.address.state": "JO-AM",
            "recipient.address.line1": "شارع الملكة رانيا 10",
            "recipient.address.city": "عمّان",
            "recipient.address.country": "JO",
            "recipient.contact.email": "purchasing@example.com",
            "recipient.contract.authority": "دائرة المشتريات",
            "recipient.contract.reference": "C-2026-14",
            "recipient.contract.type": "supply",
            "recipient.contract.customerCode": "GOV-7",
            "recipient.contract.companyRegNumber": "123456",
            "lines[0].unit": "BX",
            "lines[0].itemCode": "6251001000017",
            "lines[0].vat.code": "S16",
            "lines[1].unit": "EA",
            "lines[1].itemCode": "BK-9",
            "lines[1].vat.code": "Z",
            "lines[1].vat.exemptReason": "معفى بموجب القانون"
        },
        "seller": { "tax_number": "22222222", "name": "شركة الأمثلة", "income_source": "2002002" },
        "buyer": {
            "name": "وزارة الأمثلة",
            "identification": { "scheme": "TN", "number": "33333333" },
            "postal_code": "11118",
            "governorate": "JO-AM",
            "phone": "0096265000000"
        },
        "lines": [
            { "id": 1, "name": "Printer paper A4", "quantity": "10", "unit_price": "2.75", "discount": "0", "tax": { "category": "S", "percent": "16" } },
            { "id": 2, "name": "كتاب مدرسي", "quantity": "4", "unit_price": "5", "discount": "0", "tax": { "category": "Z", "percent": "0" } }
        ]
    });
    assert_eq!(serde_json::to_value(event(EEZI_EXAMPLES[0].as_bytes())).unwrap(), expected);
    assert_eq!(faults(Format::Eezi, EEZI_EXAMPLES[0].as_bytes()), [""; 0]);
}

#[test]
fn eezi_recipient_address_and_organisation_state() {
    assert_eq!(
        refused("recipient/address/postalCode", json!("1234567")),
        ["recipient.address.postalCode: text_too_long"]
    );
    assert_eq!(
        refused("recipient/address/state", json!("Atlantis")),
        ["recipient.address.state: invalid_value"]
    );
    let long = "س".repeat(501);
    for kept in [
        "recipient/address/line1",
        "recipient/address/city",
        "recipient/address/country",
        "organisation/address/state",
    ] {
        let path = kept.replace('/', ".");
        assert_eq!(refused(kept, json!(long)), [format!("{path}: text_too_long")]);
    }
}

#[test]
fn eezi_recipient_tax_id_type_and_is_person() {
    let document = |kind: &str, person: bool| {
        let document = set(&example(), "recipient/taxIdType", json!(kind));
        set(&serde_json::from_slice(&document).unwrap(), "recipient/isPerson", json!(person))
    };
    for (kind, person, scheme) in [
        ("NAT", true, IdentificationScheme::NIN),
        ("TIN", false, IdentificationScheme::TN),
        ("PASSPORT", false, IdentificationScheme::PN),
    ] {
        let identification = event(&document(kind, person)).buyer.unwrap().identification.unwrap();
        assert_eq!(identification.scheme, scheme);
        assert_eq!(faults(Format::Eezi, &document(kind, !person)), ["recipient.isPerson: invalid_value"]);
    }
    assert_eq!(refused("recipient/taxIdType", json!("XYZ")), ["recipient.taxIdType: invalid_value"]);
    assert_eq!(
        faults(Format::Eezi, &without(&example(), "recipient/taxIdType")),
        ["recipient.taxIdType: missing_field"]
    );
    assert_eq!(refused("recipient/taxId", json!("12-3")), ["recipient.taxId: not_digits"]);
}

#[test]
fn eezi_recipient_contact_and_contract_are_optional() {
    let mut document = example();
    document["recipient"].as_object_mut().unwrap().remove("contact");
    document["recipient"].as_object_mut().unwrap().remove("contract");
    assert_eq!(faults(Format::Eezi, document.to_string().as_bytes()), [""; 0]);
    assert_eq!(refused("recipient/contact/phone", json!("1")), ["recipient.contact.phone: digit_count"]);
}

#[test]
fn eezi_invoice_sub_type_gives_scope_and_family() {
    for (subtype, scope, family) in [
        ("LocalGeneralSalesInvoice", Scope::Local, Family::GeneralSales),
        ("ExportIncomeBill", Scope::Export, Family::Income),
        ("ExportGeneralSalesInvoice", Scope::Export, Family::GeneralSales),
        ("AreaDevGeneralSalesInvoice", Scope::DevelopmentArea, Family::GeneralSales),
        ("LocalSpecialSalesInvoice", Scope::Local, Family::SpecialSales),
        ("ExportSpecialSalesInvoice", Scope::Export, Family::SpecialSales),
        ("AreaDevSpecialSalesInvoice", Scope::DevelopmentArea, Family::SpecialSales),
        ("LocalIncomeBill", Scope::Local, Family::Income),
        ("AreaDevIncomeBill", Scope::DevelopmentArea, Family::Income),
    ] {
        let mut document = example();
        document["customInfo"]["jor"]["invoiceSubType"] = json!(subtype);
        for line in document["lines"].as_array_mut().unwrap() {
            line["vat"] = json!({ "type": "percent", "amount": "0", "exemptReasonCode": "Out-Of-Tax" });
        }
        let event = event(document.to_string().as_bytes());
        assert_eq!((event.scope, event.family), (scope, family), "{subtype}");
        assert_eq!(event.lines[0].tax.is_none(), family == Family::Income);
        assert_eq!(event.lines[0].special_tax, (family == Family::SpecialSales).then_some(Amount::ZERO));
        assert_eq!(faults(Format::Eezi, document.to_string().as_bytes()), [""; 0], "{subtype}");
    }
    let unknown = refused("customInfo/jor/invoiceSubType", json!("LocalInvoice"));
    assert_eq!(unknown, ["customInfo.jor.invoiceSubType: invalid_value"]);
    let taxed = refused("customInfo/jor/invoiceSubType", json!("ExportGeneralSalesInvoice"));
    assert_eq!(
        taxed,
        ["lines[0].vat.exemptReasonCode: not_zero_rated", "lines[1].vat.exemptReasonCode: not_zero_rated"]
    );
}

#[test]
fn eezi_payment_means_by_policy_and_by_either_spelling() {
    let settings = Settings {
        eezi: Eezi { card_is: Payment::Receivable, transfer_is: Payment::Cash },
        ..Settings::default()
    };
    for (code, usual, turned) in [
        ("10", Payment::Cash, Payment::Cash),
        ("48", Payment::Cash, Payment::Receivable),
        ("30", Payment::Receivable, Payment::Cash),
        ("42", Payment::Receivable, Payment::Cash),
        ("1", Payment::Receivable, Payment::Cash),
        ("ZZZ", Payment::Receivable, Payment::Cash),
    ] {
        let document = set(&example(), "customInfo/jor/paymentMeans/code", json!(code));
        assert_eq!(event(&document).payment, usual, "{code}");
        let other = with(None, &settings, |context| eezi::read(&document, context)).unwrap();
        assert_eq!(invoice(other).payment, turned, "{code}");
    }
    let unknown = refused("customInfo/jor/paymentMeans/code", json!("99"));
    assert_eq!(unknown, ["customInfo.jor.paymentMeans.code: invalid_value"]);
    let misspelt = EEZI_EXAMPLES[0].replace("paymentMeans", "paymnetMeans");
    let misspelt = event(misspelt.as_bytes());
    assert_eq!(misspelt.payment, Payment::Receivable);
    assert!(!misspelt.metadata.unwrap().keys().any(|name| name.contains("Means")));
}

#[test]
fn eezi_line_description_quantity_price() {
    let line = |name: &str, value: Value| refused(&format!("lines/1/{name}"), value);
    assert_eq!(line("description", json!("")), ["lines[1].description: missing_field"]);
    assert_eq!(line("quantity", json!(null)), ["lines[1].quantity: missing_field"]);
    assert_eq!(line("quantity", json!(-4)).first().unwrap(), "lines[1].quantity: not_positive");
    assert_eq!(line("price", json!({})), ["lines[1].price.amount: missing_field"]);
    assert_eq!(line("price", json!({ "amount": "0" })), ["lines[1].price.amount: not_positive"]);
    assert_eq!(
        line("discount", json!({ "amount": "21" })),
        ["lines[1].discount.amount: discount_above_gross"]
    );
    assert_eq!(line("unitDiscount", json!("21")), ["lines[1].unitDiscount: unknown_field"]);
}

#[test]
fn eezi_vat_type_code_and_amount() {
    let tax = |vat: Value| event(&set(&example(), "lines/0/vat", vat)).lines[0].tax.clone().unwrap();
    for percent in [4, 8, 16, 10] {
        let tax = tax(json!({ "type": "percent", "amount": percent }));
        assert_eq!((tax.category, tax.percent.to_string()), (TaxCategory::S, percent.to_string()));
    }
    // 27.5 at 16 percent.
    assert_eq!(tax(json!({ "type": "fixed", "amount": "4.400" })).percent.to_string(), "16");
    assert_eq!(
        refused("lines/0/vat", json!({ "type": "fixed", "amount": "4.3" })),
        ["lines[0].vat.amount: invalid_value"]
    );
    assert_eq!(
        refused("lines/0/vat", json!({ "type": "other", "amount": "4" })),
        ["lines[0].vat.type: invalid_value"]
    );
    assert_eq!(refused("lines/0/vat", json!({ "amount": "4" })), ["lines[0].vat.type: missing_field"]);
    assert_eq!(refused("lines/0/vat", json!({ "type": "percent" })), ["lines[0].vat.amount: missing_field"]);
    assert_eq!(
        refused("lines/0/vat", json!({ "type": "percent", "amount": 9 })),
        ["lines[0].vat.amount: percent_not_listed"]
    );
}

/// 0.0025 of 0.05 is 5 percent, and by the guide's tolerance 4 and 7 as well.
#[test]
fn a_fixed_vat_that_could_be_several_rates_is_refused() {
    let mut document = example();
    document["lines"][0]["quantity"] = json!(1);
    document["lines"][0]["price"]["amount"] = json!("0.05");
    document["lines"][0]["vat"] = json!({ "type": "fixed", "amount": "0.0025" });
    let found = faults(Format::Eezi, document.to_string().as_bytes());
    assert_eq!(found, ["lines[0].vat.amount: invalid_value"]);
}

/// Their names are the other way round than what their page says of them; the guide's letters follow the meaning.
#[test]
fn eezi_exempt_reason_codes_by_meaning() {
    for (code, category) in [("JO-Zero-Rated", TaxCategory::Z), ("Out-Of-Tax", TaxCategory::O)] {
        let vat = json!({ "type": "percent", "amount": 0, "exemptReasonCode": code, "exemptReason": "سبب" });
        let event = event(&set(&example(), "lines/0/vat", vat));
        assert_eq!(event.lines[0].tax.as_ref().unwrap().category, category);
        assert_eq!(event.metadata.unwrap()["lines[0].vat.exemptReason"], "سبب");
    }
    let vat = json!({ "type": "percent", "amount": 0 });
    assert_eq!(refused("lines/0/vat", vat), ["lines[0].vat.exemptReasonCode: missing_field"]);
    let vat = json!({ "type": "percent", "amount": 0, "exemptReasonCode": "E" });
    assert_eq!(refused("lines/0/vat", vat), ["lines[0].vat.exemptReasonCode: invalid_value"]);
}

#[test]
fn eezi_additional_taxes_are_the_special_tax() {
    let mut document = example();
    document["customInfo"]["jor"]["invoiceSubType"] = json!("LocalSpecialSalesInvoice");
    document["lines"][0]["additionalTaxes"] = json!([
        { "code": "TOBACCO", "type": "fixed", "amount": "1.500" },
        { "code": "OTHER", "type": "percent", "percent": "10", "amount": "0.25" }
    ]);
    let event = event(document.to_string().as_bytes());
    assert_eq!(event.lines[0].special_tax.unwrap().to_string(), "1.75");
    let kept = event.metadata.unwrap();
    assert_eq!(kept["lines[0].additionalTaxes[1].percent"], "10");
    assert_eq!(kept["lines[0].additionalTaxes[0].code"], "TOBACCO");
    assert_eq!(faults(Format::Eezi, document.to_string().as_bytes()), [""; 0]);
    let path = "lines/0/additionalTaxes/1";
    let without_amount = set(&document, path, json!({ "type": "percent", "percent": "10" }));
    assert_eq!(faults(Format::Eezi, &without_amount), ["lines[0].additionalTaxes[1].amount: missing_field"]);
    let other = set(&document, path, json!({ "type": "levy", "amount": "1" }));
    assert_eq!(faults(Format::Eezi, &other), ["lines[0].additionalTaxes[1].type: invalid_value"]);
    let general = set(&document, "customInfo/jor/invoiceSubType", json!("LocalGeneralSalesInvoice"));
    assert_eq!(faults(Format::Eezi, &general), ["lines[0].additionalTaxes[].amount: tax_not_allowed"]);
}

#[test]
fn eezi_credit_note_becomes_a_return() {
    let event = credit_note(one(Format::Eezi, EEZI_EXAMPLES[1].as_bytes()).unwrap());
    let expected = json!({
        "schema_version": 1,
        "kind": "return",
        "number": "EZ-CN-0001",
        "issue_date": "2026-11-22",
        "seller": { "tax_number": "22222222", "name": "شركة الأمثلة", "income_source": "2002002" },
        "original": { "uuid": "0fa70000-0000-4000-8000-000000000201", "number": "EZ-0001", "reason": "بضاعة تالفة" },
        "lines": [
            { "id": 1, "quantity": "2", "name": "Printer paper A4", "unit_price": "2.75", "tax": { "category": "S", "percent": "16" } }
        ],
        "family": "general_sales",
        "scope": "local"
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
}

#[test]
fn eezi_credit_note_invoice_refs_names_exactly_one() {
    let of = |refs: Value| set(&note(), "invoiceRefs", refs);
    let by_number = credit_note(one(Format::Eezi, &of(json!(["EZ-0001"]))).unwrap());
    assert_eq!((by_number.original.number.as_deref(), by_number.original.uuid), (Some("EZ-0001"), None));
    let by_uuid =
        credit_note(one(Format::Eezi, &of(json!(["0fa70000-0000-4000-8000-000000000201"]))).unwrap());
    assert!(by_uuid.original.number.is_none() && by_uuid.original.uuid.is_some());
    assert_eq!(faults(Format::Eezi, &of(json!(["EZ-0001", "EZ-0002"]))), ["invoiceRefs: unsupported"]);
    assert_eq!(faults(Format::Eezi, &of(json!([]))), ["invoiceRefs: original_missing"]);
    assert_eq!(faults(Format::Eezi, &of(json!([{}]))), ["invoiceRefs[0]: original_missing"]);
}

#[test]
fn eezi_credit_note_needs_a_reason_and_line_numbers() {
    let reason = without(&note(), "customInfo/jor/creditReason");
    assert_eq!(faults(Format::Eezi, &reason), ["customInfo.jor.creditReason: missing_field"]);
    let line = without(&note(), "lines/0/lineNumber");
    assert_eq!(faults(Format::Eezi, &line), ["lines[0].lineNumber: line_id_missing"]);
    let all = credit_note(one(Format::Eezi, &without(&note(), "lines")).unwrap());
    assert!(all.lines.is_none(), "without lines everything comes back");
}
