//! The gateway: what it is sent, what it answers, and what never goes out.

use invoice::life::OutcomeKind;

use super::*;

/// A local cash sale of two lines whose taxes need rounding.
pub(super) fn document() -> Bytes {
    Bytes::from(with(str::to_owned))
}

fn with(change: impl Fn(&str) -> String) -> String {
    let line = |id: u8, quantity: &str, price: &str, discount: &str, tax: &str| {
        format!(
            "<cac:InvoiceLine><cbc:ID>{id}</cbc:ID><cbc:InvoicedQuantity unitCode=\"PCE\">{quantity}</cbc:InvoicedQuantity>\
             <cac:TaxTotal><cbc:TaxAmount currencyID=\"JO\">{tax}</cbc:TaxAmount><cac:TaxSubtotal><cac:TaxCategory>\
             <cbc:ID>S</cbc:ID><cbc:Percent>5</cbc:Percent></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>\
             <cac:Item><cbc:Name>شاي &amp; سكر {id}</cbc:Name></cac:Item><cac:Price>\
             <cbc:PriceAmount currencyID=\"JO\">{price}</cbc:PriceAmount><cac:AllowanceCharge>\
             <cbc:Amount currencyID=\"JO\">{discount}</cbc:Amount></cac:AllowanceCharge></cac:Price></cac:InvoiceLine>"
        )
    };
    change(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" xmlns:cac=\"a\" xmlns:cbc=\"b\">\
         <cbc:ID>{NUMBER}</cbc:ID><cbc:UUID>{}</cbc:UUID><cbc:IssueDate>2026-03-01</cbc:IssueDate>\
         <cbc:InvoiceTypeCode name=\"012\">388</cbc:InvoiceTypeCode><cbc:Note>ملاحظة</cbc:Note>\
         <cbc:DocumentCurrencyCode>JOD</cbc:DocumentCurrencyCode><cbc:TaxCurrencyCode>JOD</cbc:TaxCurrencyCode>\
         <cac:AdditionalDocumentReference><cbc:ID>ICV</cbc:ID><cbc:UUID>42</cbc:UUID></cac:AdditionalDocumentReference>\
         <cac:AccountingSupplierParty><cac:Party><cac:PartyTaxScheme><cbc:CompanyID>12345678</cbc:CompanyID>\
         </cac:PartyTaxScheme><cac:PartyLegalEntity><cbc:RegistrationName>متجر</cbc:RegistrationName>\
         </cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty><cac:AccountingCustomerParty><cac:Party>\
         <cac:PartyIdentification><cbc:ID schemeID=\"TN\">33445544</cbc:ID></cac:PartyIdentification>\
         <cac:PostalAddress><cbc:PostalZone>33554</cbc:PostalZone><cbc:CountrySubentityCode>JO-AZ</cbc:CountrySubentityCode>\
         </cac:PostalAddress><cac:PartyLegalEntity><cbc:RegistrationName>احمد</cbc:RegistrationName>\
         </cac:PartyLegalEntity></cac:Party><cac:AccountingContact><cbc:Telephone>0777888999</cbc:Telephone>\
         </cac:AccountingContact></cac:AccountingCustomerParty><cac:SellerSupplierParty><cac:Party>\
         <cac:PartyIdentification><cbc:ID>9932895</cbc:ID></cac:PartyIdentification></cac:Party></cac:SellerSupplierParty>\
         <cac:TaxTotal><cbc:TaxAmount currencyID=\"JO\">0.3404</cbc:TaxAmount></cac:TaxTotal><cac:LegalMonetaryTotal>\
         <cbc:TaxExclusiveAmount currencyID=\"JO\">7.008</cbc:TaxExclusiveAmount>\
         <cbc:TaxInclusiveAmount currencyID=\"JO\">7.1484</cbc:TaxInclusiveAmount>\
         <cbc:AllowanceTotalAmount currencyID=\"JO\">0.2</cbc:AllowanceTotalAmount>\
         <cbc:PayableAmount currencyID=\"JO\">7.1484</cbc:PayableAmount></cac:LegalMonetaryTotal>{}{}</Invoice>",
        uuid(),
        line(1, "6", "0.953", "0.2", "0.2759"),
        line(2, "6.000", "0.215000000", "0", "0.0645"),
    ))
}

/// The route to a gateway inside, with its licence in a file that lives as long as the test.
fn relay(road: &Arc<Canned>) -> (Client, Endpoint) {
    let file = tempfile("licence-9-of-the-shop");
    let route = Route::Relay(RelayRoute {
        url: "http://[::1]/gateway/".into(),
        ..license_route(file.to_str().unwrap())
    });
    let endpoint = routed(&route);
    std::fs::remove_file(file).unwrap();
    (Client::new(road.clone()), endpoint)
}

async fn send(road: &Arc<Canned>, xml: impl Into<Bytes>) -> Verdict {
    let (client, endpoint) = relay(road);
    assert!(!endpoint.refusal_ends_doubt(), "only the authority's own refusal does");
    client.submit(&endpoint, NUMBER, &uuid(), xml.into()).await
}

fn told(status: &str) -> Exchange {
    let result = json!({"status": status, "qrCode": "QR==", "id": NUMBER, "uuid": uuid()});
    answered(200, json!({"error": false, "result": result}).to_string())
}

#[tokio::test(start_paused = true)]
async fn the_figures_of_the_document_are_sent_with_three_keys() {
    let road = Canned::new(|_| told("SUBMITTED"));
    let verdict = send(&road, document()).await;
    let cleared = Outcome::Cleared { qr: "QR==".into(), already: false, note: None, signed: None };
    assert_eq!(verdict.outcome, cleared, "{verdict:?}");
    let request = road.last();
    assert_eq!(request.url(), "http://[::1]/gateway/api/Invoice");
    assert_eq!(request.header("license-key"), Some("licence-9-of-the-shop"));
    assert_eq!(request.header("client-id"), Some(CLIENT_ID));
    assert_eq!(request.header("secret-key"), Some(SECRET_KEY));
    // Numbers are compared as they are written.
    let body = std::str::from_utf8(request.body()).unwrap();
    let line = |id: u8, quantity: &str, price: &str, discount: &str, tax: &str| {
        format!(
            r#"{{"DiscountAmount":{discount},"ID":"{id}","ItemName":"شاي & سكر {id}","Price":{price},"Quantity":{quantity},"TaxAmount":{tax},"TaxPercent":5.000}}"#
        )
    };
    let expected = format!(
        r#"{{"AreaCode":"AZ","CountryCode":"JO","CurrencyCode":"JOD","Customer":{{"IdentifiedBy":3,"Identifier":"33445544","Name":"احمد","PostalZone":"33554","Telephone":"00962777888999"}},"ID":"{NUMBER}","InvoiceDate":"2026-03-01","InvoiceLines":[{},{}],"InvoiceType":1,"Note":"ملاحظة","SerialNo":"42","SubTotalAmount":7.008,"Supplier":{{"ID":"9932895","Name":"متجر","TaxNumber":"12345678"}},"TotalAmount":7.148,"TotalDiscountAmount":0.200,"TotalTaxAmount":0.340,"UUID":"{}"}}"#,
        line(1, "6.000", "0.953", "0.200", "0.276"),
        line(2, "6.000", "0.215", "0.000", "0.064"),
        uuid()
    );
    let sorted = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(sorted(body), sorted(&expected), "{body}");
}

#[tokio::test(start_paused = true)]
async fn what_it_has_no_word_for_is_refused_before_anything_goes_out() {
    let cases = [
        (">388<", ">381<", "return"),
        ("\"012\"", "\"112\"", "not local"),
        ("\"012\"", "\"013\"", "special"),
        ("\"012\"", "\"\"", "type name"),
        ("DocumentCurrencyCode>JOD", "DocumentCurrencyCode>USD", "USD"),
        ("TaxCurrencyCode>JOD", "TaxCurrencyCode>EUR", "EUR"),
        ("<cbc:ID>S</cbc:ID>", "<cbc:ID>Z</cbc:ID>", "category Z"),
        ("<cbc:ID>S</cbc:ID>", "<cbc:ID>O</cbc:ID>", "category O"),
        ("JO-AZ", "JO-BA", "JO-BA"),
        ("schemeID=\"TN\"", "schemeID=\"XX\"", "XX"),
        ("<cac:Price>", "<cac:ItemPriceExtension/><cac:Price>", "consumer price"),
        ("7.1484</cbc:PayableAmount>", "8.1484</cbc:PayableAmount>", "totals"),
        (">0.0645<", ">0.0745<", "taxes"),
        (">0.953<", ">x<", "no amount"),
        ("<Invoice ", "<!DOCTYPE Invoice><Invoice ", "DOCTYPE"),
        ("</Invoice>", "", "whole"),
        ("ICV", "QR", "counter"),
    ];
    for (from, to, word) in cases {
        let road = Canned::new(|_| told("SUBMITTED"));
        let xml = with(|text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let verdict = send(&road, xml).await;
        assert_eq!(verdict.outcome, Outcome::Refused, "{from} {to}: {verdict:?}");
        let evidence = verdict.evidence;
        assert!(
            evidence.message.starts_with("not sent: ") && evidence.message.contains(word),
            "{evidence:?}"
        );
        assert_eq!((evidence.http_status, evidence.codes), (None, vec!["post2tax-cannot-say".to_owned()]));
        assert_eq!(road.seen.lock().unwrap().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_its_answers_comes_to_its_outcome() {
    use OutcomeKind::{
        AcceptedWithoutQr, Cleared, Credentials, HoldsOther, InDoubt, NotNow, Refused, Suspect,
    };
    let accepted = |status: &str, id: &str, uuid: &str, qr: &str| {
        let result = json!({"status": status, "qrCode": qr, "id": id, "uuid": uuid});
        answered(200, json!({"error": false, "result": result}).to_string())
    };
    let refused = |http: u16, code: &str, message: &str| {
        answered(http, json!({"error": true, "result": code, "message": message}).to_string())
    };
    let ours = uuid().to_string();
    let cases = [
        (told("SUBMITTED"), Cleared),
        (told("ALREADY_SUBMITTED"), Cleared),
        (accepted("SUBMITTED", NUMBER, &ours, ""), AcceptedWithoutQr),
        (accepted("SUBMITTED", "x", &ours, "Q"), InDoubt),
        (accepted("ALREADY_SUBMITTED", "x", &ours, "Q"), HoldsOther),
        (accepted("ALREADY_SUBMITTED", NUMBER, "x", "Q"), HoldsOther),
        (accepted("ALREADY_SUBMITTED", "", &ours, "Q"), InDoubt),
        (accepted("PENDING", NUMBER, &ours, "Q"), InDoubt),
        (refused(400, "INVALID_DATA", "TotalAmount differs"), Refused),
        (refused(400, "X", "500 : \"{\"status\":500}\""), Suspect),
        (refused(400, "LICENSE_EXPIRED", "renew"), Credentials),
        (refused(401, "X", "no"), Credentials),
        (refused(403, "X", "no"), Credentials),
        (refused(500, "X", "no"), Suspect),
        (refused(503, "X", "no"), NotNow),
        (refused(200, "X", "no"), InDoubt),
        (answered(400, "{}"), Suspect),
        (answered(400, r#"{"error":true}"#), Suspect),
        (answered(200, "<html>"), InDoubt),
        (answered(502, "<html>"), NotNow),
        (refused(504, "PENDING", "not cleared yet"), InDoubt),
        (answered(504, "<html>"), InDoubt),
        (Exchange::NotSent { reason: String::new() }, NotNow),
        (Exchange::Lost { reason: String::new() }, InDoubt),
        // The authority's own words, handed through.
        (acceptance("SUBMITTED"), Cleared),
    ];
    for (answer, expected) in cases {
        let said = format!("{answer:?}");
        let road = Canned::new(move |_| answer.clone());
        let verdict = send(&road, document()).await;
        assert_eq!(verdict.outcome.kind(), expected, "{said}: {verdict:?}");
        if expected == Refused {
            assert_eq!(verdict.evidence.codes, ["INVALID_DATA"]);
            assert_eq!(verdict.evidence.message, "TotalAmount differs");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_there_already_is_cleared_with_a_note_that_it_was_not_compared() {
    let road = Canned::new(|_| told("ALREADY_SUBMITTED"));
    let verdict = send(&road, document()).await;
    let Outcome::Cleared { already: true, note: Some(note), .. } = verdict.outcome else {
        panic!("{verdict:?}")
    };
    assert!(note.contains("no document that could be compared"), "{note}");
}

/// The message may repeat the document: a shop that sells licences must not bring its income source to a stand.
#[tokio::test(start_paused = true)]
async fn only_its_code_speaks_of_the_licence() {
    for (code, message, expected) in [
        ("INVALID_DATA", "item 'Driving license renewal': rate is missing", OutcomeKind::Refused),
        ("", "item 'Software licence' is not valid", OutcomeKind::Refused),
        ("LICENCE_EXPIRED", "renew", OutcomeKind::Credentials),
        ("invalid_license", "", OutcomeKind::Credentials),
        ("access_denied", "", OutcomeKind::Credentials),
    ] {
        let body = json!({"error": true, "result": code, "message": message}).to_string();
        let answer = answered(400, body);
        let road = Canned::new(move |_| answer.clone());
        let verdict = send(&road, document()).await;
        assert_eq!(verdict.outcome.kind(), expected, "{code} {message}: {verdict:?}");
        let told = &verdict.evidence;
        let explained = crate::catalogue::explain(told.http_status, &told.codes, &told.message);
        let licence = explained.iter().any(|entry| entry.class == crate::catalogue::Class::Credentials);
        assert_eq!(licence, expected == OutcomeKind::Credentials, "{explained:?}");
    }
}
