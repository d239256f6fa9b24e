//! Documents of other systems over HTTP: one result for each, with faults in terms of their own fields.

use invoice::life::State;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, settled};

use crate::intake::Door;

const REAL: Duration = Duration::from_secs(30);

async fn import(door: &Door, format: &str, body: impl Into<reqwest::Body>) -> Vec<Value> {
    let url = door.url(&format!("/v1/import/{format}"));
    let answer = Client::new().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    answer.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn told(lines: &[Value]) -> Vec<(u64, u64)> {
    lines.iter().map(|it| (it["line"].as_u64().unwrap(), it["status"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn every_format_becomes_cleared_invoices() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 181);
    let door =
        Door::open(&seams, producer::Config { amqp_intake: false, ..producer::Config::default() }).await;
    let fleet = Fleet::start(&seams, &numbers);

    let table = "رقم الفاتورة,تاريخ الإصدار,طريقة الدفع,الرقم الضريبي للبائع,اسم البائع,تسلسل مصدر الدخل,اسم الصنف,الكمية,سعر الوحدة,نسبة الضريبة\n\
        C-1,2026-11-20,نقدي,22222222,شركة الأمثلة,2002002,خبز,٢,٣٫٢٥٠,16\n\
        ,,,,,,زيت,1,8.5,16\n\
        C-2,2026-11-20,نقدي,22222222,شركة الأمثلة,2002002,خبز,-2,3.250,16\n";
    let lines = import(&door, "csv", table).await;
    assert_eq!(told(&lines), [(2, 202), (4, 422)]);
    assert_eq!(lines[1]["faults"][0]["path"], "H4 (الكمية)");

    let eezi = formats::schema::EEZI_EXAMPLES[0];
    assert_eq!(told(&import(&door, "eezi", eezi).await), [(1, 202)]);
    assert_eq!(told(&import(&door, "eezi", eezi).await), [(1, 200)], "the same again is a repeat");
    let broken = eezi.replace("\"2.750\"", "\"-1\"");
    let lines = import(&door, "eezi", broken).await;
    assert_eq!(lines[0]["faults"][0]["path"], "lines[0].price.amount");

    let post2tax = formats::schema::POST2TAX_EXAMPLE;
    assert_eq!(
        told(&import(&door, "post2tax", format!("[{post2tax},{post2tax}]")).await),
        [(1, 202), (2, 200)]
    );
    let event = tests::events::event(2).to_string();
    assert_eq!(told(&import(&door, "event", event).await), [(1, 202)]);

    // What was cleared here is what another system might send as ready-made XML, under a number of its own.
    let all = settled(&*seams.ledger, 4, REAL).await;
    let key = *all.iter().find(|(_, invoice)| invoice.number == "POS-000001").unwrap().0;
    let wanted = [(key, 1, ledger::DocumentKind::Sent)];
    let xml = seams.ledger.documents(&wanted).await.unwrap().remove(0).unwrap().bytes;
    let xml = String::from_utf8(xml).unwrap();
    let uuid = key.uuid.to_string();
    let xml = xml.replace("POS-000001", "XML-1").replace(&uuid, "0fa70000-0000-4000-8000-000000000901");
    assert_eq!(told(&import(&door, "ubl", xml).await), [(1, 202)]);

    let all = settled(&*seams.ledger, 5, REAL).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared), "{all:?}");
    hold_promises(&seams, &all).await;
    let unknown = Client::new().post(door.url("/v1/import/edi")).body("x").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let large =
        Client::new().post(door.url("/v1/import/csv")).body(vec![b' '; (4 << 20) + 1]).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    fleet.stop().await;
    door.close().await;
}
