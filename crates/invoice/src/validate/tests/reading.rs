//! From bytes to an event: what cannot be read is told by path, all at once, and nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use crate::Published;
use crate::arbitrary;
use crate::schema::EXAMPLES;

fn faults(json: impl AsRef<[u8]>) -> Vec<(FaultCode, String)> {
    match read(json.as_ref()) {
        Ok(checked) => panic!("read as {}", checked.normal_form),
        Err(faults) => faults.into_iter().map(|fault| (fault.code, fault.path)).collect(),
    }
}

fn fault(json: impl AsRef<[u8]>) -> (FaultCode, String) {
    let mut faults = faults(json);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

fn example() -> Value {
    serde_json::from_str(EXAMPLES[1]).expect("JSON")
}

fn whole(code: FaultCode) -> (FaultCode, String) {
    (code, String::new())
}

#[test]
fn what_is_no_event_is_told() {
    assert_eq!(fault(""), whole(FaultCode::MalformedJson));
    assert_eq!(fault("{"), whole(FaultCode::MalformedJson));
    assert_eq!(fault("{'number': 1}"), whole(FaultCode::MalformedJson));
    assert_eq!(fault("فاتورة"), whole(FaultCode::MalformedJson));
    assert_eq!(fault("[]"), whole(FaultCode::InvalidValue));
    assert_eq!(fault("null"), whole(FaultCode::InvalidValue));
    assert_eq!(fault("[".repeat(200_000)), whole(FaultCode::MalformedJson));
    assert_eq!(fault(b"{\"number\": \"\xff\"}"), whole(FaultCode::InvalidUnicode));
    assert_eq!(fault(vec![b' '; limits::EVENT_BYTES + 1]), whole(FaultCode::TooLarge));
    assert_eq!(fault(format!("{} {{}}", EXAMPLES[0])), whole(FaultCode::TrailingData));
    assert_eq!(fault(format!("{},", EXAMPLES[0])), whole(FaultCode::TrailingData));
}

#[test]
fn half_a_surrogate_pair_is_told() {
    for lone in [r"\ud800", r"\udc00", r"\ud83e\u0041", r"\ud83ex", r"\\\uD800", r"\ud83e\ud83e"] {
        let json = EXAMPLES[0].replace("EIN00001", lone);
        assert_eq!(fault(json), whole(FaultCode::InvalidUnicode), "{lone}");
    }
    // A whole pair is a character, and a backslash before the u is none.
    for fine in [r"\ud83e\uddc0", r"\\ud800"] {
        assert!(read(EXAMPLES[0].replace("EIN00001", fine).as_bytes()).is_ok(), "{fine}");
    }
    // Other broken escapes are broken JSON.
    assert_eq!(fault(EXAMPLES[0].replace("EIN00001", r"\ux")), whole(FaultCode::MalformedJson));
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    let marked = format!("\u{feff}{}", EXAMPLES[0]);
    assert_eq!(read(marked.as_bytes()), read(EXAMPLES[0].as_bytes()));
}

#[test]
fn structural_faults_come_all_at_once_with_their_paths() {
    let mut event = example();
    event["numbr"] = json!("A1");
    event["family"] = json!("vat");
    event["issue_date"] = json!("14/09/2026");
    event["uuid"] = json!("0043e15e-740b-4e1b-889d-504afdb1d1d");
    event["buyer"]["identification"]["scheme"] = json!("TIN");
    event["lines"][1]["quantity"] = json!("عشرة");
    event["lines"][2]["tax"]["category"] = json!("E");
    event["lines"][2]["batch"] = json!({});
    event["lines"].as_array_mut().expect("lines").push(json!("خبز"));
    event.as_object_mut().expect("an event").remove("number");
    event["seller"].as_object_mut().expect("a seller").remove("income_source");
    let mut found = faults(event.to_string());
    found.sort_by(|(_, a), (_, b)| a.cmp(b));
    let found: Vec<_> = found.iter().map(|(code, path)| (*code, path.as_str())).collect();
    assert_eq!(
        found,
        [
            (FaultCode::InvalidValue, "buyer.identification.scheme"),
            (FaultCode::InvalidValue, "family"),
            (FaultCode::InvalidValue, "issue_date"),
            (FaultCode::InvalidValue, "lines[1].quantity"),
            (FaultCode::UnknownField, "lines[2].batch"),
            (FaultCode::InvalidValue, "lines[2].tax.category"),
            (FaultCode::InvalidValue, "lines[3]"),
            (FaultCode::MissingField, "number"),
            (FaultCode::UnknownField, "numbr"),
            (FaultCode::MissingField, "seller.income_source"),
            (FaultCode::InvalidValue, "uuid"),
        ]
    );
}

#[test]
fn an_empty_object_misses_all_that_is_mandatory() {
    let found = faults("{}");
    assert!(found.iter().all(|(code, _)| *code == FaultCode::MissingField), "{found:?}");
    let paths: Vec<_> = found.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths, ["schema_version", "family", "payment", "number", "issue_date", "seller", "lines"]);
}

/// The places of all members.
pub(super) fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{name}");
                found.push(at.clone());
                places(member, &at, found);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_member_of_a_wrong_type_is_told_alone() {
    let mut full = example();
    full["prices"] = json!("net");
    full["discount"] = json!("0");
    full["scope"] = json!("local");
    full["note"] = json!("ملاحظة");
    full["lines"][0]["total"] = json!("1");
    full["lines"][0]["special_tax"] = json!("1");
    full["lines"][0]["consumer_price"] = json!("3");
    let mut found = Vec::new();
    places(&full, "", &mut found);
    assert!(found.len() > 40, "{found:?}");
    told_alone(&full, found);
}

/// Each place told by its path, and nothing else, when something stands there that cannot.
pub(super) fn told_alone(full: &Value, found: Vec<String>) {
    for place in found {
        let mut event = full.clone();
        *event.pointer_mut(&place).expect("a place") = json!(true);
        let path = fault(event.to_string()).1;
        let expected = place.trim_start_matches('/').split('/').fold(String::new(), |path, step| {
            let index = step.bytes().all(|byte| byte.is_ascii_digit());
            let dot = if path.is_empty() || index { "" } else { "." };
            if index { format!("{path}[{step}]") } else { format!("{path}{dot}{step}") }
        });
        assert_eq!(path, expected);
    }
}

#[test]
fn what_only_serde_would_take_is_refused() {
    let places: [(&str, Value, &str); 6] = [
        ("/seller", json!(["12345678", "شركة", "9932895"]), "seller"),
        ("/payment", json!({ "receivable": null }), "payment"),
        ("/buyer/identification", json!(["TN", "33445544"]), "buyer.identification"),
        ("/buyer/governorate", json!({ "JO-AZ": null }), "buyer.governorate"),
        ("/lines/1", json!([2, "خبز", "10", "5", "0", null, { "category": "Z" }, null, null]), "lines[1]"),
        ("/lines/0/tax", json!(["S", "7"]), "lines[0].tax"),
    ];
    for (place, value, path) in places {
        let mut event = example();
        *event.pointer_mut(place).expect("a place") = value;
        assert!(serde_json::from_value::<InvoiceEvent>(event.clone()).is_ok(), "serde takes {event}");
        assert_eq!(fault(event.to_string()), (FaultCode::InvalidValue, path.to_owned()));
    }
    let private = EXAMPLES[0].replace("\"33\"", "{\"$serde_json::private::Number\": \"33\"}");
    assert_eq!(fault(private), whole(FaultCode::InvalidValue));
    let mut brackets = example();
    brackets["note"] = json!("{[ \\\" [{ \\");
    assert!(read(brackets.to_string().as_bytes()).is_ok(), "brackets in a text are text");
}

#[test]
fn a_repeated_member_is_told() {
    let json = EXAMPLES[1].replacen(r#""quantity": "33","#, r#""quantity": "33", "quantity": "34","#, 1);
    assert_eq!(fault(json), (FaultCode::DuplicateField, "lines[0].quantity".to_owned()));
}

#[test]
fn another_version_is_told_alone() {
    let mut event = example();
    event["schema_version"] = json!(2);
    event["members"] = json!("of version two");
    assert_eq!(fault(event.to_string()), (FaultCode::UnsupportedVersion, "schema_version".to_owned()));
}

#[test]
fn faults_do_not_carry_long_or_hostile_input() {
    let mut event = example();
    event["\u{1b}[31m".repeat(9_000)] = json!(1);
    event["family"] = json!("\u{7}".repeat(90_000));
    for fault in read(event.to_string().as_bytes()).expect_err("faults") {
        assert!(fault.path.chars().count() < 400 && fault.message.chars().count() < 400, "{fault}");
        assert!(!fault.to_string().chars().any(char::is_control), "{fault}");
    }
}

#[test]
fn what_is_read_is_checked_normalised_and_summed() {
    let checked = read(EXAMPLES[1].as_bytes()).expect("a valid event");
    let event = checked.event.invoice().expect("an invoice");
    assert_eq!(event.buyer.as_ref().and_then(|buyer| buyer.phone.as_deref()), Some("0777888999"));
    assert_eq!(event.uuid.map(|uuid| uuid.get_version_num()), Some(4));
    let totals = checked.document.expect("a document").totals;
    assert_eq!(totals.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(totals.lines[2].extension.to_string(), "5.495689656", "5.4956896557 rounded");
    let derived = read(EXAMPLES[0].as_bytes()).expect("a valid event");
    let event = derived.event.invoice().expect("an invoice");
    assert_eq!(event.uuid.map(|uuid| uuid.get_version_num()), Some(5));
    assert_eq!(event.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn a_damaged_event_is_read_or_refused(event in arbitrary::invoice(), place in 0_usize..2_000, byte in any::<u8>()) {
        let mut json = serde_json::to_vec(&event).expect("JSON");
        let place = place % json.len();
        json[place] = byte;
        if let Err(faults) = read(&json) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn an_event_is_read_as_it_was_written(event in arbitrary::invoice()) {
        let json = serde_json::to_vec(&event).expect("JSON");
        prop_assert_eq!(parse(&json), Ok(Published::Invoice(event.clone())));
        let checked = read(&json).expect("a valid event");
        let settled = crate::settle(&event, &Profile::default()).expect("a document");
        prop_assert_eq!(checked.document.expect("a document").totals.payable, settled.totals.payable);
    }
}
