//! A correction over HTTP: what was cleared wrongly comes back as a whole and is issued anew, and both halves clear.

use std::time::Duration;

use invoice::life::State;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use simulator::Verdict;
use tests::events::{event, uuid};
use tests::fleet::{Fleet, Numbers, Seams, settled};

use crate::intake::Door;
use crate::scene::{key, offer, repriced, seen, when};

const REAL: Duration = Duration::from_secs(30);

async fn post(door: &Door, correction: &Value) -> Response {
    Client::new().post(door.url("/v1/corrections")).body(correction.to_string()).send().await.unwrap()
}

#[tokio::test]
async fn a_correction_over_http_clears_as_a_return_and_a_new_invoice() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 191);
    let door =
        Door::open(&seams, producer::Config { amqp_intake: false, ..producer::Config::default() }).await;
    let fleet = Fleet::start(&seams, &numbers);
    offer(&seams, &event(1)).await.unwrap();
    when(&seams, key(1), "the wrong invoice to clear", REAL, |it| it.state == State::Cleared).await;

    let correction = json!({
        "return": { "number": "RET-1", "reason": "سعر خاطئ", "uuid": uuid(11) },
        "original": "T-000001",
        "invoice": repriced(event(3), "4.000"),
    });
    let answer = post(&door, &correction).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let receipts: Value = answer.json().await.unwrap();
    assert_eq!(
        (&receipts["return"]["uuid"], &receipts["invoice"]["uuid"]),
        (&json!(uuid(11)), &json!(uuid(3)))
    );
    let all = settled(&*seams.ledger, 3, REAL).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared), "{all:?}");
    for half in [11, 3] {
        let last = seen(&seams, key(half)).pop().expect("the authority saw it");
        assert_eq!(last.verdict, Verdict::Submitted, "{half}");
    }
    assert_eq!(post(&door, &correction).await.status(), StatusCode::OK, "the same again is a repeat");

    // With one half wrong, neither is taken.
    let mut wrong = correction.clone();
    wrong["return"] = json!({ "number": "RET-2", "reason": "سعر خاطئ" });
    wrong["invoice"] = event(5);
    wrong["invoice"]["lines"] = json!([]);
    let refused = post(&door, &wrong).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json::<Value>().await.unwrap()["half"], "invoice");
    fleet.stop().await;
    door.close().await;
    let verification = seams.ledger.verify().await.unwrap();
    assert_eq!((verification.violations, verification.streams), (Vec::new(), 3));
}
