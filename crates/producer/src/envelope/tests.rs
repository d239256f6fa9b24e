use serde_json::{Value, json};

use super::*;
use crate::intake::Intake;
use crate::testing::{event, intake};

fn envelope(data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": "a-1",
        "source": "/erp/amman",
        "type": EVENT_TYPE,
        "subject": data["uuid"],
        "time": "2026-11-22T08:00:00+03:00",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "storeextension": 7,
        "data": data,
    })
}

fn desk() -> Intake {
    intake(std::sync::Arc::new(broker::MemoryBroker::default()))
}

#[allow(clippy::result_large_err, reason = "as in Intake::check")]
fn structured(value: &Value) -> Result<Arrival, Refused> {
    let (attributes, body) = (BTreeMap::new(), value.to_string());
    let content_type = Some("Application/CloudEvents+JSON; charset=utf-8");
    desk().check_message(&Message { content_type, attributes: &attributes, body: body.as_bytes() }, None)
}

#[allow(clippy::result_large_err, reason = "as in Intake::check")]
fn binary(attributes: &[(&str, &str)], content_type: Option<&str>, body: &Value) -> Result<Arrival, Refused> {
    let attributes =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = body.to_string();
    desk().check_message(&Message { content_type, attributes: &attributes, body: body.as_bytes() }, None)
}

fn at_fault(refused: Result<Arrival, Refused>) -> String {
    match refused {
        Err(Refused::Envelope { attribute, message }) => {
            assert!(!message.is_empty());
            attribute
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_trace_that_is_none_is_dropped_and_the_event_taken() {
    for wrong in ["\0", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\0-01", "x", &"0".repeat(5_000)] {
        let mut told = envelope(&event(1));
        told["traceparent"] = json!(wrong);
        assert_eq!(structured(&told).unwrap(), desk().check(event(1).to_string().as_bytes(), None).unwrap());
    }
}

#[test]
fn the_event_in_an_envelope_is_the_event_without_one() {
    let bare = desk().check(event(1).to_string().as_bytes(), None).unwrap();
    let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let expected = Arrival { traceparent: trace, ..bare.clone() };
    assert_eq!(structured(&envelope(&event(1))).unwrap(), expected);

    let mut encoded = envelope(&event(1));
    let members = encoded.as_object_mut().unwrap();
    members.remove("data");
    members.insert("data_base64".to_owned(), json!(BASE64.encode(event(1).to_string())));
    assert_eq!(structured(&encoded).unwrap(), expected);

    let attributes =
        [("specversion", "1.0"), ("id", "a-1"), ("source", "/erp"), ("type", EVENT_TYPE), ("extra", "x")];
    let taken = binary(&attributes, Some("application/json"), &event(1)).unwrap();
    assert_eq!(taken, bare);
    assert_eq!(binary(&[], None, &event(1)).unwrap(), bare, "no envelope at all");
}

#[test]
fn an_envelope_that_is_wrong_is_refused_by_what_is_wrong() {
    let without = |name: &str| {
        let mut envelope = envelope(&event(1));
        envelope.as_object_mut().unwrap().remove(name);
        envelope
    };
    let with = |name: &str, value: Value| {
        let mut envelope = envelope(&event(1));
        envelope[name] = value;
        envelope
    };
    for name in ["specversion", "id", "source", "type", "data"] {
        assert_eq!(at_fault(structured(&without(name))), name);
    }
    for (name, value) in [
        ("specversion", json!("0.3")),
        ("specversion", json!(1.0)),
        ("id", json!("")),
        ("source", json!(7)),
        ("type", json!("com.example.order")),
        ("time", json!("yesterday")),
        ("subject", json!("INV-1")),
        ("subject", json!("11111111-1111-4111-8111-111111111111")),
        ("datacontenttype", json!("application/xml")),
        ("data_base64", json!("e30=")),
    ] {
        assert_eq!(at_fault(structured(&with(name, value.clone()))), name, "{value}");
    }
    let other = at_fault(structured(&with("data", event(2))));
    assert_eq!(other, "subject", "an envelope for another invoice");
    let mut encoded = without("data");
    encoded["data_base64"] = json!("%");
    assert_eq!(at_fault(structured(&encoded)), "data_base64");
    for body in ["", "[]", "7", r#"{"id":1,"id":2}"#] {
        assert_eq!(at_fault(Opened::structured(body.as_bytes()).map(|_| panic!("{body}"))), "");
    }
}

#[test]
fn binary_envelopes_are_checked_as_well() {
    let good = [("specversion", "1.0"), ("id", "a-1"), ("source", "/erp"), ("type", EVENT_TYPE)];
    for missing in 0..good.len() {
        let mut attributes = good.to_vec();
        let (name, _) = attributes.remove(missing);
        assert_eq!(at_fault(binary(&attributes, None, &event(1))), name);
    }
    assert_eq!(at_fault(binary(&good, Some("application/xml"), &event(1))), "content-type");
    assert_eq!(at_fault(binary(&good, Some(BATCH), &event(1))), "content-type");
    assert_eq!(at_fault(binary(&[], Some("application/cloudevents+avro"), &event(1))), "content-type");
    let refused = binary(&good, None, &json!({ "schema_version": 1 }));
    assert!(matches!(refused, Err(Refused::Invalid(_))), "{refused:?}");
}

#[test]
fn what_a_refusal_repeats_of_an_envelope_is_cut_and_shown() {
    let mut strange = envelope(&event(1));
    strange["type"] = json!(format!("\u{1b}\u{202e}{}", "x".repeat(100_000)));
    let Err(Refused::Envelope { message, .. }) = structured(&strange) else { panic!("taken") };
    assert!(message.len() < 2_000 && !message.contains(['\u{1b}', '\u{202e}']), "{message}");
    let media_type = format!("application/cloudevents+\u{202e}{}", "y".repeat(10_000));
    let Err(Refused::Envelope { message, .. }) = binary(&[], Some(&media_type), &event(1)) else {
        panic!("taken")
    };
    assert!(message.len() < 2_000 && message.contains("\\u{202e}"), "{message}");
}

#[test]
fn strange_envelopes_never_panic() {
    let whole = envelope(&event(1)).to_string().into_bytes();
    for end in 0..whole.len() {
        let _ = Opened::structured(&whole[..end]);
        let mut broken = whole.clone();
        broken[end] ^= 0x15;
        let _ = Opened::structured(&broken);
    }
}
