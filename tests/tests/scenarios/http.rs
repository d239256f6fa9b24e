//! The HTTP intake as its publishers meet it: over a real listener, in real time.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use invoice::life::State;
use invoice::{Digest, limits};
use producer::{Config, Producer, ProducerError};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use simulator::Times;
use tests::events::{event, uuid};
use tests::faulty::{self, Chaos, Weather};
use tests::fleet::{Fleet, Numbers, Seams, settled};
use tests::life::Life;
use tests::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::intake::Door;
use crate::scene::{misbehave, repriced, rule, status};

const REAL: Duration = Duration::from_secs(30);

fn only_http() -> Config {
    Config { amqp_intake: false, ..Config::default() }
}

async fn publish(door: &Door, body: impl Into<reqwest::Body>) -> Response {
    Client::new().post(door.url("/v1/invoices")).body(body).send().await.unwrap()
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

/// Checks that an answer is problem details, and gives them.
async fn problem(answer: Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.status().as_u16(), status, "{answer:?}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let waits = answer.headers().contains_key("retry-after");
    assert_eq!(waits, matches!(status, 429 | 503), "Retry-After");
    let body = json_of(answer).await;
    assert_eq!(
        (body["code"].as_str(), body["status"].as_u64()),
        (Some(code), Some(u64::from(status))),
        "{body}"
    );
    assert!(body["type"].is_string() && body["title"].is_string() && body["detail"].is_string(), "{body}");
    body
}

#[tokio::test]
async fn an_event_is_accepted_once_and_a_repeat_is_a_repeat() {
    let seams = Seams::memory(&Numbers::quick(), 71);
    let door = Door::open(&seams, only_http()).await;
    let answer = publish(&door, event(1).to_string()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.headers()["location"], format!("/v1/invoices/{}", uuid(1)));
    let receipt = json_of(answer).await;
    assert_eq!(receipt["uuid"], json!(uuid(1)));
    assert_eq!((receipt["state"].as_str(), receipt["repeat"].as_bool()), (Some("draft"), Some(false)));
    assert_eq!(receipt["environment"], "simulation", "what is simulated says so");
    let again = publish(&door, event(1).to_string()).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(json_of(again).await["repeat"], true);

    let other = problem(publish(&door, repriced(event(1), "9").to_string()).await, 409, "conflict").await;
    assert_eq!(other["uuid"], json!(uuid(1)));
    let differences = other["differences"].to_string();
    assert!(differences.contains("unit_price") && !differences.contains("quantity"), "{differences}");
    let mut taken = event(3);
    taken["number"] = event(1)["number"].clone();
    let other = problem(publish(&door, taken.to_string()).await, 409, "number_taken").await;
    assert_eq!(other["uuid"], json!(uuid(1)));
    door.close().await;
}

#[tokio::test]
async fn all_faults_are_told_at_once_with_their_places() {
    let seams = Seams::memory(&Numbers::quick(), 72);
    let door = Door::open(&seams, only_http()).await;
    let mut bad = event(1);
    bad["lines"][0]["quantity"] = json!("-2");
    bad["currency"] = json!("XXX");
    let body = problem(publish(&door, bad.to_string()).await, 422, "invalid").await;
    let faults: Vec<&str> =
        body["faults"].as_array().unwrap().iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    assert!(faults.contains(&"lines[0].quantity") && faults.contains(&"currency"), "{faults:?}");
    problem(publish(&door, "{\"schema_version\": 1,").await, 422, "invalid").await;
    problem(publish(&door, vec![0xff, 0xfe]).await, 422, "invalid").await;
    let large = vec![b' '; limits::EVENT_BYTES + 10];
    let answer = publish(&door, large).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(tests::fleet::invoices(&*seams.ledger).await.is_empty());

    let client = Client::new();
    problem(client.get(door.url("/v1/nothing")).send().await.unwrap(), 404, "no_such_route").await;
    problem(client.put(door.url("/v1/invoices")).send().await.unwrap(), 405, "method_not_allowed").await;
    door.close().await;
}

#[tokio::test]
async fn with_keys_configured_nobody_walks_in() {
    let seams = Seams::memory(&Numbers::quick(), 73);
    let hash = format!("sha256:{}", Digest::of("مفتاح-سري".as_bytes())).parse().unwrap();
    let other = format!("sha256:{}", Digest::of(b"second")).parse().unwrap();
    let door = Door::open(&seams, Config { keys: vec![other, hash], ..only_http() }).await;
    let client = Client::new();
    let post = |authorization: Option<&'static [u8]>| {
        let mut request = client.post(door.url("/v1/invoices")).body(event(1).to_string());
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        async move { request.send().await.unwrap() }
    };
    for wrong in [
        None,
        Some(b"Bearer wrong".as_slice()),
        Some(b"Basic c2Vjb25k".as_slice()),
        Some(b"second".as_slice()),
    ] {
        let answer = post(wrong).await;
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        problem(answer, 401, "unauthorized").await;
    }
    assert!(tests::fleet::invoices(&*seams.ledger).await.is_empty(), "nothing was taken");
    assert_eq!(
        client.get(door.url("/v1/invoices/x")).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(post(Some(b"Bearer second")).await.status(), StatusCode::ACCEPTED);
    door.close().await;
}

#[tokio::test]
async fn others_can_reach_it_only_with_keys() {
    let seams = Seams::memory(&Numbers::quick(), 74);
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let refused = Producer::bind(seams.intake(), Config { listen, ..Config::default() }).await;
    assert!(matches!(refused, Err(ProducerError::Unguarded(address)) if address == listen));
    let keys = vec![format!("sha256:{}", Digest::of(b"key")).parse().unwrap()];
    assert!(Producer::bind(seams.intake(), Config { listen, keys, ..Config::default() }).await.is_ok());
}

#[tokio::test]
async fn no_more_than_there_is_room_for() {
    let seams = Seams::memory(&Numbers::quick(), 75);
    let chaos = Chaos::new(Weather::default(), None, Random::new(75));
    let life = Life::new("producer", None);
    let door =
        Door::open(&faulty::over(&seams, &chaos, &life), Config { max_requests: 1, ..only_http() }).await;
    life.freeze(Duration::from_millis(1_500));
    let (one, other) =
        tokio::join!(publish(&door, event(1).to_string()), publish(&door, event(2).to_string()));
    let (taken, refused) = if one.status() == StatusCode::ACCEPTED { (one, other) } else { (other, one) };
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    problem(refused, 429, "overloaded").await;
    door.close().await;
}

#[tokio::test]
async fn without_the_ledger_nothing_is_taken_and_the_publisher_is_told_to_come_back() {
    let seams = Seams::memory(&Numbers::quick(), 76);
    let chaos = Chaos::new(Weather { ledger_before: 1_000, ..Weather::default() }, None, Random::new(76));
    let door = Door::open(&faulty::over(&seams, &chaos, &Life::new("producer", None)), only_http()).await;
    problem(publish(&door, event(1).to_string()).await, 503, "unavailable").await;
    let shown = Client::new().get(door.url(&format!("/v1/invoices/{}", uuid(1)))).send().await.unwrap();
    problem(shown, 503, "unavailable").await;
    assert!(tests::fleet::invoices(&*seams.ledger).await.is_empty());
    chaos.calm();
    assert_eq!(publish(&door, event(1).to_string()).await.status(), StatusCode::ACCEPTED);
    door.close().await;
}

#[tokio::test]
async fn an_invoice_is_shown_with_its_attempts_and_its_qr() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 77);
    misbehave(&seams, [rule("T-000001", Times::Total(1), status(503))]);
    let door = Door::open(&seams, only_http()).await;
    let client = Client::new();
    let get = |path: String| {
        let request = client.get(door.url(&path));
        async move { request.send().await.unwrap() }
    };
    problem(get(format!("/v1/invoices/{}", uuid(1))).await, 404, "unknown_invoice").await;
    problem(get("/v1/invoices/T-000001".to_owned()).await, 400, "not_a_uuid").await;
    publish(&door, event(1).to_string()).await;
    let draft = json_of(get(format!("/v1/invoices/{}", uuid(1))).await).await;
    assert_eq!((draft["state"].as_str(), draft["qr"].is_null()), (Some("draft"), true));

    let fleet = Fleet::start(&seams, &numbers);
    let all = settled(&*seams.ledger, 1, REAL).await;
    let shown = json_of(get(format!("/v1/invoices/{}?environment=simulation", uuid(1))).await).await;
    assert_eq!(
        (shown["state"].as_str(), shown["environment"].as_str()),
        (Some("cleared"), Some("simulation"))
    );
    let qr = all.values().next().and_then(|invoice| invoice.qr.clone());
    assert_eq!(shown["qr"].as_str(), qr.as_deref());
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2);
    assert_eq!(
        (attempts[0]["outcome"].as_str(), attempts[1]["outcome"].as_str()),
        (Some("not_now"), Some("cleared"))
    );
    assert_eq!(attempts[0]["evidence"]["http_status"], 503);
    problem(get(format!("/v1/invoices/{}?environment=production", uuid(1))).await, 404, "unknown_invoice")
        .await;
    fleet.stop().await;
    door.close().await;
}

#[tokio::test]
async fn a_batch_is_answered_line_by_line() {
    let seams = Seams::memory(&Numbers::quick(), 78);
    let door = Door::open(&seams, only_http()).await;
    let mut body = Vec::new();
    let mut line = |bytes: &[u8]| {
        body.extend_from_slice(bytes);
        body.push(b'\n');
    };
    line(event(1).to_string().as_bytes());
    line("ليس مستندا".as_bytes());
    line(b"   ");
    line(&vec![b'x'; limits::EVENT_BYTES + 4_096]);
    line(event(1).to_string().as_bytes());
    line(repriced(event(1), "9").to_string().as_bytes());
    // The last line lacks its end.
    body.extend_from_slice(event(2).to_string().as_bytes());
    let answer = Client::new().post(door.url("/v1/invoices:batch")).body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines: Vec<Value> =
        answer.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        lines.iter().map(|it| (it["line"].as_u64().unwrap(), it["status"].as_u64().unwrap())).collect();
    assert_eq!(told, [(1, 202), (2, 422), (4, 413), (5, 200), (6, 409), (7, 202)]);
    assert!(lines[1]["faults"].is_array() && lines[4]["differences"].is_array());
    let all = tests::fleet::invoices(&*seams.ledger).await;
    assert_eq!(all.len(), 2);
    assert!(all.values().all(|invoice| invoice.state == State::Draft));
    door.close().await;
}

#[tokio::test]
async fn a_batch_that_breaks_off_keeps_what_was_answered() {
    let seams = Seams::memory(&Numbers::quick(), 79);
    let door = Door::open(&seams, only_http()).await;
    let line = format!("{}\n", event(1));
    let half = &event(2).to_string()[..40];
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /v1/invoices:batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        line.len() + 9_999
    );
    stream.write_all(format!("{head}{line}{half}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4_096];
    while !String::from_utf8_lossy(&answer).contains("\"status\":202") {
        let read = tokio::time::timeout(REAL, stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "cut: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    stream.shutdown().await.unwrap();
    tokio::time::timeout(REAL, stream.read_to_end(&mut answer)).await.unwrap().ok();
    let all = tests::fleet::invoices(&*seams.ledger).await;
    assert_eq!(all.len(), 1, "the half line is not taken");
    door.close().await;
}
