//! Tills written for the Post2Tax gateway: the address, headers and answers that its description promises, over a real listener.

use std::process::Stdio;
use std::time::Duration;

use invoice::Digest;
use invoice::life::State;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use simulator::{Fault, Times};
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, invoices, settled};

use crate::intake::Door;
use crate::scene::{misbehave, rule, status};

const REAL: Duration = Duration::from_secs(60);

fn config(wait_ms: u64) -> producer::Config {
    producer::Config { amqp_intake: false, post2tax_wait_ms: wait_ms, ..producer::Config::default() }
}

/// A body whose totals fit, of the general sales seller of the tests.
fn body(number: &str, price: &str) -> Value {
    json!({
        "ID": number,
        "UUID": number,
        "InvoiceType": 1,
        "InvoiceDate": "2026-11-20",
        "CurrencyCode": "JOD",
        "Supplier": { "ID": "2002002", "Name": "شركة الأمثلة", "TaxNumber": "22222222" },
        "InvoiceLines": [{ "ItemName": "خبز", "Quantity": 2, "Price": price, "TaxPercent": 16 }]
    })
}

async fn post(door: &Door, body: &Value) -> Response {
    Client::new().post(door.url("/api/Invoice")).body(body.to_string()).send().await.unwrap()
}

/// Checks the form of an error, and gives its message.
async fn error(answer: Response, expected: u16, result: &str) -> String {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (status, body["error"].as_bool(), body["result"].as_str()),
        (expected, Some(true), Some(result)),
        "{body}"
    );
    body["message"].as_str().unwrap().to_owned()
}

/// The client under `tests/clients` knows nothing but the published description.
#[tokio::test]
async fn a_client_written_from_the_description_alone_gets_the_answers_that_it_describes() {
    let python = std::process::Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        let complete =
            std::env::var_os("FAWTARA_TESTS_COMPLETE").is_some() || std::env::var_os("CI").is_some();
        assert!(!complete, "python3 is missing, and every test is to run");
        println!("SKIPPED: python3 is missing");
        return;
    }
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 171);
    let hash = format!("sha256:{}", Digest::of(b"till-licence")).parse().unwrap();
    let door = Door::open(&seams, producer::Config { keys: vec![hash], ..config(30_000) }).await;
    let fleet = Fleet::start(&seams, &numbers);
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/post2tax.py");
    let output = tokio::process::Command::new("python3")
        .args(["-B", client, &door.url(""), "--license-key", "till-licence", "--wrong-license-key"])
        .args(["--tax-number", "22222222", "--source", "2002002"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(REAL, output).await.unwrap().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 11, "{said}");
    let all = settled(&*seams.ledger, 3, REAL).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
    door.close().await;
}

#[tokio::test]
async fn an_invoice_that_is_not_cleared_in_time_is_no_success_and_is_heard_of_by_sending_it_again() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 172);
    let door = Door::open(&seams, config(200)).await;
    let answer = post(&door, &body("P-1", "3.25")).await;
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.headers()["fawtara-environment"], "simulation");
    let message = error(answer, 504, "PENDING").await;
    assert!(message.contains("send the same body again"), "{message}");
    let fleet = Fleet::start(&seams, &numbers);
    settled(&*seams.ledger, 1, REAL).await;
    let again = post(&door, &body("P-1", "3.25")).await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: Value = again.json().await.unwrap();
    assert_eq!(
        (again["error"].as_bool(), again["result"]["status"].as_str()),
        (Some(false), Some("SUBMITTED"))
    );
    let all = invoices(&*seams.ledger).await;
    assert_eq!(all.len(), 1);
    assert_eq!(again["result"]["qrCode"].as_str(), all.values().next().unwrap().qr.as_deref());
    fleet.stop().await;
    door.close().await;
}

#[tokio::test]
async fn what_the_authority_refuses_is_told_with_its_code_and_corrected_by_sending_it_again() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 173);
    misbehave(
        &seams,
        [rule(
            "P-2",
            Times::Total(1),
            Fault::Refuse { message: "نوع الفاتورة غير مسموح".to_owned(), status: None },
        )],
    );
    let door = Door::open(&seams, config(20_000)).await;
    let fleet = Fleet::start(&seams, &numbers);
    let message = error(post(&door, &body("P-2", "3.25")).await, 400, "invoice").await;
    assert!(message.contains("نوع الفاتورة"), "{message}");
    error(post(&door, &body("P-2", "3.25")).await, 400, "invoice").await;
    let corrected = post(&door, &body("P-2", "4.50")).await;
    assert_eq!(corrected.status(), StatusCode::OK, "{:?}", corrected.text().await);
    let all = settled(&*seams.ledger, 1, REAL).await;
    let invoice = all.values().next().unwrap();
    assert_eq!((invoice.state, invoice.document), (State::Cleared, 2));
    // The receipt of the first content must not bear the code of the second.
    let message = error(post(&door, &body("P-2", "3.25")).await, 400, "SUPERSEDED").await;
    assert!(message.contains("document 2"), "{message}");
    assert_eq!(post(&door, &body("P-2", "4.50")).await.status(), StatusCode::OK);
    // What is cleared is not changed by anything.
    let message = error(post(&door, &body("P-2", "9.99")).await, 400, "CONFLICT").await;
    assert!(message.contains("cleared"), "{message}");
    fleet.stop().await;
    door.close().await;
}

#[tokio::test]
async fn waiting_tills_do_not_take_the_room_of_publishers_and_are_bounded() {
    let seams = Seams::memory(&Numbers::quick(), 174);
    let config = producer::Config { max_requests: 1, post2tax_waiting: 1, ..config(20_000) };
    let door = Door::open(&seams, config).await;
    let (first, second) = (body("P-3", "1"), body("P-4", "1"));
    let url = door.url("/api/Invoice");
    let waiting = tokio::spawn(async move { Client::new().post(url).body(first.to_string()).send().await });
    tests::wait::until("the first invoice", REAL, || async {
        (invoices(&*seams.ledger).await.len() == 1).then_some(())
    })
    .await;
    // The first one waits: there is room for a request, but not for another one that waits.
    error(post(&door, &second).await, 504, "PENDING").await;
    let published = Client::new().post(door.url("/v1/invoices")).body(tests::events::event(1).to_string());
    assert_eq!(published.send().await.unwrap().status(), StatusCode::ACCEPTED);
    waiting.abort();
    door.close().await;
    assert_eq!(invoices(&*seams.ledger).await.len(), 3, "all of them are kept");
}

#[tokio::test]
async fn a_till_hears_errors_in_its_form_only() {
    let seams = Seams::memory(&Numbers::quick(), 175);
    misbehave(&seams, [rule("P", Times::Total(1), status(503))]);
    let door = Door::open(&seams, config(100)).await;
    let client = Client::new();
    let got = client.get(door.url("/api/Invoice")).send().await.unwrap();
    error(got, 405, "METHOD_NOT_ALLOWED").await;
    let broken = client.post(door.url("/api/invoice")).body("{").send().await.unwrap();
    error(broken, 400, "MALFORMED_JSON").await;
    let large = client.post(door.url("/api/Invoice")).body(vec![b' '; (1 << 20) + 10]).send().await.unwrap();
    error(large, 413, "TOO_LARGE").await;
    let mut stranger = body("P-9", "1");
    stranger["Supplier"]["TaxNumber"] = json!("99999999");
    let message = error(post(&door, &stranger).await, 400, "UNKNOWN_INCOME_SOURCE").await;
    assert!(message.contains("99999999:2002002"), "{message}");
    let mut wrong = body("P-9", "1");
    wrong["TotalAmount"] = json!(7);
    let message = error(post(&door, &wrong).await, 400, "TOTAL_MISMATCH").await;
    assert!(message.starts_with("TotalAmount: is 7"), "{message}");
    assert!(invoices(&*seams.ledger).await.is_empty());
    door.close().await;
}
