//! Every row of the tables, and the guide's own answers where they are at hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use invoice::life::OutcomeKind;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;

const NUMBER: &str = "فاتورة-0042";
const UUID: &str = "7a4452eb-0acd-4998-b630-b2b79d0ace27";
const CLIENT_ID: &str = "1f7c1f29-user-7";
const SECRET_KEY: &str = "s3cr3t/KEY+7==";
const QR: &str = "AQACAnt9AwVmYWxzZQQDMS4w";

fn document(number: &str, uuid: &str, note: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" \
         xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">\
         <cbc:ID>{number}</cbc:ID><cbc:UUID>{uuid}</cbc:UUID><cbc:Note>{note}</cbc:Note>\
         <cac:AdditionalDocumentReference><cbc:ID>ICV</cbc:ID><cbc:UUID>42</cbc:UUID></cac:AdditionalDocumentReference>\
         <cac:LegalMonetaryTotal><cbc:PayableAmount currencyID=\"JO\">118.480</cbc:PayableAmount></cac:LegalMonetaryTotal>\
         </Invoice>"
    )
}

fn ours() -> String {
    document(NUMBER, UUID, "ملاحظات")
}

/// Interprets with what is ours by default.
fn judge_sent(exchange: &Exchange, number: &str, uuid: &str) -> Verdict {
    let credentials =
        Credentials { client_id: CLIENT_ID.to_owned(), secret_key: SecretString::from(SECRET_KEY) };
    let xml = ours();
    let uuid = uuid.parse().unwrap();
    interpret(exchange, &Sent { number, uuid: &uuid, xml: xml.as_bytes(), credentials: &credentials })
}

fn answered(status: u16, body: impl Into<Bytes>) -> Verdict {
    let retry_after = Some(Duration::from_secs(9));
    judge_sent(&Exchange::Answered { status, retry_after, body: body.into() }, NUMBER, UUID)
}

fn kind(status: u16, body: &str) -> OutcomeKind {
    answered(status, body.to_owned()).outcome.kind()
}

/// An acceptance of ours, with some members replaced.
fn acceptance(status: &str, changes: &[(&str, Value)]) -> String {
    // As the authority's copies are: other white space, other decimals.
    let signed = ours().replace("118.480", "118.48").replace("><cac", ">\n <cac");
    let mut answer = json!({
        "EINV_RESULTS": {"status": "PASS", "INFO": [], "WARNINGS": [], "ERRORS": []},
        "EINV_STATUS": status,
        "EINV_SINGED_INVOICE": STANDARD.encode(STANDARD.encode(signed)),
        "EINV_QR": QR,
        "EINV_NUM": NUMBER,
        "EINV_INV_UUID": UUID,
    });
    for (name, value) in changes {
        answer[*name] = value.clone();
    }
    answer.to_string()
}

fn encoded(xml: &str) -> Value {
    Value::String(STANDARD.encode(xml))
}

fn refusal(messages: &[&str]) -> Value {
    let errors: Vec<Value> = messages
        .iter()
        .map(|message| json!({"type": "ERROR", "EINV_CODE": "invoice-persist", "EINV_MESSAGE": message}))
        .collect();
    json!({
        "EINV_RESULTS": {"status": " ERROR ", "INFO": [], "WARNINGS": [], "ERRORS": errors},
        "EINV_STATUS": "NOT_SUBMITTED",
        "EINV_SINGED_INVOICE": null, "EINV_QR": null, "EINV_NUM": null, "EINV_INV_UUID": null,
    })
}

const INNER: &str = "500 : \"{\"timestamp\":\"2024-01-01\",\"status\":500,\"error\":\"Internal Server Error\",\
                     \"path\":\"/ingestion/invoices\"}\"";

const OTHER_NUMBER: (&str, &str) = ("EINV_NUM", "فاتورة-0043");
const OTHER_UUID: (&str, &str) = ("EINV_INV_UUID", "7a4452eb-0acd-4998-b630-b2b79d0ace28");

#[test]
fn the_road() {
    let not_sent = judge_sent(&Exchange::NotSent { reason: "connection refused".into() }, NUMBER, UUID);
    assert_eq!(not_sent.outcome, Outcome::NotNow { retry_after: None });
    assert_eq!(not_sent.evidence.message, "nothing was sent: connection refused");
    let lost = judge_sent(&Exchange::Lost { reason: "time-out".into() }, NUMBER, UUID);
    assert_eq!((lost.outcome, lost.evidence.http_status), (Outcome::InDoubt, None));
}

#[test]
fn accepted_with_qr_is_cleared_whatever_the_http_status() {
    for (status, already) in [("SUBMITTED", false), ("ALREADY_SUBMITTED", true), ("ACCEPTED", false)] {
        for http in [200, 201, 302, 400, 403, 500, 503] {
            let verdict = answered(http, acceptance(status, &[]));
            let Outcome::Cleared { qr, already: told, note, signed } = verdict.outcome else {
                panic!("{status} with {http}: {:?}", verdict.outcome);
            };
            assert_eq!((qr.as_str(), told, note), (QR, already, None));
            assert_eq!(signed, verdict.signed.as_deref().map(invoice::Digest::of));
            assert!(verdict.signed.unwrap().starts_with(b"<?xml"));
            assert_eq!((verdict.evidence.http_status, verdict.held), (Some(http), None));
        }
    }
}

#[test]
fn an_echo_may_differ_in_case_and_white_space_of_the_uuid() {
    let echo = [
        ("EINV_INV_UUID", json!(format!(" {} ", UUID.to_uppercase()))),
        ("EINV_NUM", json!(format!("{NUMBER} "))),
    ];
    for status in ["SUBMITTED", "ALREADY_SUBMITTED"] {
        let verdict = answered(200, acceptance(status, &echo));
        assert!(matches!(verdict.outcome, Outcome::Cleared { note: None, .. }), "{:?}", verdict.outcome);
    }
    let case = [("EINV_NUM", json!("inv-1"))];
    let body = Bytes::from(acceptance("ALREADY_SUBMITTED", &case));
    let exchange = Exchange::Answered { status: 200, retry_after: None, body };
    assert_eq!(judge_sent(&exchange, "INV-1", UUID).outcome.kind(), OutcomeKind::HoldsOther);
}

#[test]
fn accepted_without_qr_is_not_finished() {
    for status in ["SUBMITTED", "ALREADY_SUBMITTED"] {
        for qr in [Value::Null, json!(""), json!("  "), json!("null"), json!([])] {
            let verdict = answered(200, acceptance(status, &[("EINV_QR", qr)]));
            assert_eq!((verdict.outcome, verdict.signed), (Outcome::AcceptedWithoutQr, None), "{status}");
        }
    }
}

/// Promise 7, row by row, as the table in `acceptance` has it.
#[test]
fn whose_document_it_is() {
    use OutcomeKind::{Cleared, HoldsOther, InDoubt};
    let pair = |(name, value): (&'static str, &str)| (name, json!(value));
    let absent = |name: &'static str| (name, Value::Null);
    let foreign_uuid = ("EINV_SINGED_INVOICE", encoded(&document(NUMBER, OTHER_UUID.1, "ملاحظات")));
    let foreign_number = ("EINV_SINGED_INVOICE", encoded(&document(OTHER_NUMBER.1, UUID, "ملاحظات")));
    let differing = ("EINV_SINGED_INVOICE", encoded(&document(NUMBER, UUID, "ملاحظة أخرى")));
    let cut = ("EINV_SINGED_INVOICE", encoded(&ours()[..400]));
    let garbage = ("EINV_SINGED_INVOICE", json!("ليس وثيقة"));
    type Row<'a> = (Vec<(&'a str, Value)>, OutcomeKind, OutcomeKind);
    let rows: Vec<Row<'_>> = vec![
        (vec![pair(OTHER_NUMBER), pair(OTHER_UUID)], InDoubt, InDoubt),
        (vec![pair(OTHER_NUMBER)], InDoubt, HoldsOther),
        (vec![pair(OTHER_UUID)], InDoubt, HoldsOther),
        (vec![pair(OTHER_NUMBER), absent("EINV_INV_UUID")], InDoubt, HoldsOther),
        (vec![foreign_uuid], InDoubt, HoldsOther),
        (vec![foreign_number.clone()], InDoubt, HoldsOther),
        (vec![foreign_number, absent("EINV_NUM")], InDoubt, HoldsOther),
        (vec![differing.clone()], Cleared, HoldsOther),
        (vec![differing, absent("EINV_NUM")], InDoubt, HoldsOther),
        (vec![absent("EINV_NUM")], Cleared, Cleared),
        (vec![absent("EINV_NUM"), absent("EINV_INV_UUID")], Cleared, Cleared),
        (vec![absent("EINV_SINGED_INVOICE")], Cleared, Cleared),
        (vec![cut.clone()], Cleared, Cleared),
        (vec![garbage.clone()], Cleared, Cleared),
        (vec![absent("EINV_SINGED_INVOICE"), absent("EINV_NUM")], Cleared, InDoubt),
        (vec![cut, absent("EINV_INV_UUID")], Cleared, InDoubt),
        (vec![garbage, absent("EINV_INV_UUID")], Cleared, InDoubt),
    ];
    for (changes, submitted, already) in rows {
        for (status, expected) in [("SUBMITTED", submitted), ("ALREADY_SUBMITTED", already)] {
            let verdict = answered(200, acceptance(status, &changes));
            assert_eq!(verdict.outcome.kind(), expected, "{status} {changes:?}: {verdict:?}");
            assert_eq!(verdict.held.is_some(), expected == HoldsOther, "{status} {changes:?}");
            match verdict.outcome {
                // Whatever is odd about a clearance is told.
                Outcome::Cleared { note, .. } => {
                    assert!(note.is_some_and(|note| note.len() > 10), "{changes:?}");
                }
                Outcome::HoldsOther { qr, difference } => {
                    assert_eq!(qr.as_deref(), Some(QR));
                    assert!(
                        verdict.evidence.message.ends_with(&difference) && difference.contains("ours is")
                    );
                }
                _ => assert_eq!(verdict.signed, None),
            }
        }
    }
}

#[test]
fn what_the_authority_holds_instead_is_kept_even_without_qr() {
    let held = document(NUMBER, UUID, "ملاحظة أخرى");
    let changes = [("EINV_SINGED_INVOICE", encoded(&held)), ("EINV_QR", Value::Null)];
    let verdict = answered(200, acceptance("ALREADY_SUBMITTED", &changes));
    let Outcome::HoldsOther { qr: None, difference } = &verdict.outcome else { panic!("{verdict:?}") };
    assert!(difference.contains("/Invoice/Note") && difference.contains("ملاحظة أخرى"), "{difference}");
    assert_eq!(verdict.held.as_deref(), Some(held.as_bytes()));
}

#[test]
fn a_cut_document_is_kept_with_a_note_and_an_undecodable_one_is_not() {
    let cut = ours()[..400].to_owned();
    let verdict = answered(200, acceptance("SUBMITTED", &[("EINV_SINGED_INVOICE", encoded(&cut))]));
    assert_eq!(verdict.signed.as_deref(), Some(cut.as_bytes()));
    let verdict = answered(200, acceptance("SUBMITTED", &[("EINV_SINGED_INVOICE", json!("%"))]));
    assert!(matches!(verdict.outcome, Outcome::Cleared { signed: None, .. }));
}

#[test]
fn a_content_refusal_is_one_whatever_the_http_status() {
    for status in ["NOT_SUBMITTED", "REJECTED", "REJECT", "ERROR", " not_submitted "] {
        for http in [200, 400, 401, 403, 422, 500, 503] {
            let mut body = refusal(&["Total General Amount is Not Correct ", "Bayer name is missing"]);
            body["EINV_STATUS"] = json!(status);
            let verdict = answered(http, body.to_string());
            assert_eq!(verdict.outcome, Outcome::Refused, "{status} {http}");
            assert_eq!(verdict.evidence.codes, ["invoice-persist"]);
            assert_eq!(
                verdict.evidence.message,
                "Total General Amount is Not Correct; Bayer name is missing"
            );
        }
    }
    let bare = answered(200, r#"{"EINV_STATUS":"NOT_SUBMITTED"}"#);
    assert_eq!(
        (bare.outcome, bare.evidence.message.as_str()),
        (Outcome::Refused, "refused without a reason")
    );
}

#[test]
fn reasons_without_a_status_refuse_with_400_and_422_alone() {
    let mut body = refusal(&["Postal code length is incorrect"]);
    body["EINV_STATUS"] = Value::Null;
    let camel = r#"{"validationResults":{"errorMessages":[{"code":"XSD_INVALID","message":"مخطط"}]}}"#;
    for body in [body.to_string(), camel.to_owned()] {
        assert_eq!(kind(400, &body), OutcomeKind::Refused);
        assert_eq!(kind(422, &body), OutcomeKind::Refused);
        assert_eq!(kind(200, &body), OutcomeKind::InDoubt);
        assert_eq!(kind(500, &body), OutcomeKind::Suspect);
        assert_eq!(kind(503, &body), OutcomeKind::NotNow);
    }
}

#[test]
fn an_inner_failure_is_no_refusal() {
    for http in [200, 400, 500] {
        assert_eq!(kind(http, &refusal(&[INNER]).to_string()), OutcomeKind::Suspect, "{http}");
        let down = INNER.replace("500", "503");
        assert_eq!(kind(http, &refusal(&[&down]).to_string()), OutcomeKind::NotNow, "{http}");
    }
    // A real reason beside it is a reason all the same.
    assert_eq!(kind(400, &refusal(&[INNER, "Bayer name is missing"]).to_string()), OutcomeKind::Refused);
    assert_eq!(kind(400, &refusal(&["500 JOD is more than allowed"]).to_string()), OutcomeKind::Refused);
    let spring =
        r#"{"timestamp":"2026","status":500,"error":"Internal Server Error","path":"/ingestion/invoices"}"#;
    assert_eq!(kind(400, spring), OutcomeKind::Suspect);
    assert_eq!(kind(422, spring), OutcomeKind::Suspect);
    assert_eq!(kind(400, &spring.replace("500", "503")), OutcomeKind::NotNow);
}

#[test]
fn http_alone() {
    let told = r#"{"message":"عطل","timestamp":"2026-03-01"}"#;
    let bodies = ["", told, "<html>عطل</html>", "{\"EINV_STATUS\":null}", "{", "null", "\u{1}\u{2}"];
    use OutcomeKind::{Credentials, InDoubt, NotNow, Suspect};
    for body in bodies {
        for status in [200, 202, 204, 299, 300, 301, 302, 304, 307, 308, 409, 100, 600, 999] {
            assert_eq!(kind(status, body), InDoubt, "{status} {body}");
        }
        for status in [404, 405, 406, 407, 408, 410, 411, 415, 421, 425, 429, 431, 451, 499] {
            assert_eq!(kind(status, body), NotNow, "{status} {body}");
        }
        for status in [501, 502, 503, 504, 505, 507, 511, 520, 524, 599] {
            assert_eq!(kind(status, body), NotNow, "{status} {body}");
        }
        for status in [400, 413, 500] {
            assert_eq!(kind(status, body), Suspect, "{status} {body}");
        }
        for status in [401, 403] {
            assert_eq!(kind(status, body), Credentials, "{status} {body}");
        }
        let unprocessable = if body == told { OutcomeKind::Refused } else { Suspect };
        assert_eq!(kind(422, body), unprocessable, "{body}");
    }
}

#[test]
fn the_wish_to_wait_is_passed_on() {
    let wish = Outcome::NotNow { retry_after: Some(Duration::from_secs(9)) };
    for status in [429, 502, 503, 504, 404] {
        assert_eq!(answered(status, "").outcome, wish);
    }
    assert_eq!(answered(200, refusal(&[&INNER.replace("500", "503")]).to_string()).outcome, wish);
}

#[test]
fn an_unknown_status_is_judged_by_http_and_told() {
    for (http, expected) in
        [(200, OutcomeKind::InDoubt), (503, OutcomeKind::NotNow), (400, OutcomeKind::Suspect)]
    {
        let verdict = answered(http, acceptance("PENDING", &[]));
        assert_eq!(verdict.outcome.kind(), expected);
        assert!(verdict.evidence.message.contains("PENDING"), "{}", verdict.evidence.message);
    }
}

#[test]
fn a_web_page_with_403_hints_at_a_firewall() {
    assert!(answered(403, "<html>").evidence.message.contains("firewall"));
    assert!(!answered(403, r#"{"message":"Forbidden"}"#).evidence.message.contains("firewall"));
}

#[test]
fn the_camel_form_clears_as_well() {
    let signed = STANDARD.encode(ours());
    let body = json!({"invoiceStatus": "SUBMITTED", "submittedInvoice": signed, "qrCode": QR,
                      "invoiceNumber": NUMBER, "invoiceUUID": UUID, "validationResults": {"status": "PASS"}});
    assert!(matches!(answered(200, body.to_string()).outcome, Outcome::Cleared { note: None, .. }));
}

#[test]
fn secrets_that_come_back_are_masked_everywhere() {
    let noise = format!("{CLIENT_ID} {SECRET_KEY}");
    let exchanges = [
        Exchange::NotSent { reason: noise.clone() },
        Exchange::Lost { reason: noise.clone() },
        Exchange::Answered { status: 403, retry_after: None, body: Bytes::from(noise.clone()) },
        Exchange::Answered {
            status: 400,
            retry_after: None,
            body: Bytes::from(refusal(&[&noise]).to_string()),
        },
        Exchange::Answered {
            status: 200,
            retry_after: None,
            body: Bytes::from(acceptance("ALREADY_SUBMITTED", &[("EINV_NUM", json!(noise))])),
        },
        Exchange::Answered { status: 200, retry_after: None, body: Bytes::from(acceptance(&noise, &[])) },
    ];
    for exchange in exchanges {
        let shown = format!("{:?}", judge_sent(&exchange, NUMBER, UUID));
        assert!(!shown.contains(CLIENT_ID) && !shown.contains(SECRET_KEY), "{shown}");
        assert!(shown.contains("[masked]"), "{shown}");
    }
}

#[test]
fn the_excerpt_tells_the_answer_without_the_document() {
    let verdict = answered(200, acceptance("SUBMITTED", &[]));
    let excerpt = verdict.evidence.excerpt;
    assert!(excerpt.contains("\"EINV_STATUS\":\"SUBMITTED\"") && excerpt.contains(NUMBER), "{excerpt}");
    assert!(excerpt.contains("characters)") && excerpt.len() < 700, "{excerpt}");
}

/// The guide's answers, from the folder that `FAWTARA_VECTORS` names. None, loudly, when it is not set; but not in CI.
fn vector(name: &str) -> Option<String> {
    let Ok(folder) = std::env::var("FAWTARA_VECTORS") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI FAWTARA_VECTORS must be set");
        eprintln!(
            "SKIPPED: set FAWTARA_VECTORS to the folder with answers/ to test against the guide's answers"
        );
        return None;
    };
    Some(std::fs::read_to_string(std::path::Path::new(&folder).join("answers").join(name)).unwrap())
}

fn judge_vector(body: String, number: &str, uuid: &str) -> Verdict {
    judge_sent(&Exchange::Answered { status: 200, retry_after: None, body: body.into() }, number, uuid)
}

#[test]
fn guide_answers_are_cleared_with_a_note_for_the_cut_document() {
    for (name, already) in [("v1.5_submitted.json", false), ("v1.5_already_submitted.json", true)] {
        let Some(body) = vector(name) else { return };
        // The UUID as printed is none; so it can never be ours.
        let printed = judge_vector(body.clone(), "EIN000123456", UUID);
        let expected = if already { OutcomeKind::HoldsOther } else { OutcomeKind::InDoubt };
        assert_eq!(printed.outcome.kind(), expected, "{name}");
        let body = body.replace("7a4452eb-0acd-49983-b630-b2b79d0acert", UUID);
        let verdict = judge_vector(body, "EIN000123456", UUID);
        let Outcome::Cleared { qr, already: told, note, .. } = verdict.outcome else {
            panic!("{name}: {verdict:?}")
        };
        assert_eq!((told, qr.starts_with("AQACAnt9AwVmYWxzZQQ")), (already, true), "{name}");
        assert!(note.unwrap().contains("the signed document cannot be"), "{name}");
    }
}

#[test]
fn guide_refusal_is_refused() {
    let Some(body) = vector("v1.5_not_submitted.json") else { return };
    let verdict = judge_vector(body, NUMBER, UUID);
    assert_eq!(verdict.outcome, Outcome::Refused);
    assert_eq!(verdict.evidence.codes, ["totalGeneralTaxesAmount"]);
    assert_eq!(verdict.evidence.message, "Total General Amount is Not Correct");
}

#[test]
fn guide_camel_answer_is_cleared_with_a_note() {
    let Some(body) = vector("camelcase_submitted.json") else { return };
    let verdict = judge_vector(body, "EIN00032", "6c13d4a6-8fa9-46b4-b9e0-fb74b7c3f44a");
    let Outcome::Cleared { qr, note, signed: None, .. } = verdict.outcome else { panic!("{verdict:?}") };
    assert_eq!(qr, "qrcodedata");
    assert!(note.unwrap().contains("cannot be decoded"));
}
