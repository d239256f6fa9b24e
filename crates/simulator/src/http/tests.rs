//! The server over real sockets: headers, cut connections, late answers, control interface, bounds, stop.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::authority::Authority;
use crate::device::Device;
use crate::document::Family;
use crate::fault::{Fault, FaultRule, Times};
use crate::sample;
use crate::settings::Settings;

/// How long a condition may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: std::net::SocketAddr,
    handle: Handle,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

async fn start(settings: Settings) -> Server {
    let mut authority = Authority::new(settings, 1);
    authority.register(Device {
        client_id: "client".into(),
        secret_key: "secret".into(),
        tax_number: sample::TAX_NUMBER.into(),
        income_source: sample::INCOME_SOURCE.into(),
        family: Family::General,
        consumer_price: false,
    });
    let handle = Handle::new(authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let clock: Clock = Arc::new(|| DateTime::UNIX_EPOCH);
    let task = tokio::spawn(serve(listener, None, handle.clone(), clock, shutdown.clone().cancelled_owned()));
    Server { address, handle, shutdown, task }
}

fn http(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

fn invoice_to(path: &str) -> String {
    let headers = "Client-Id: client\r\nSecret-Key: secret\r\nContent-Type: application/json\r\n";
    http("POST", path, headers, &json!({ "invoice": STANDARD.encode(sample::general()) }).to_string())
}

fn invoice() -> String {
    invoice_to("/core/invoices/")
}

/// Sends one request on a connection and reads one answer; none where the connection was cut before a byte came.
async fn exchange(stream: &mut TcpStream, request: &str) -> Option<Answer> {
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
                return Some(Answer { status, head, body });
            }
        }
        match tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("no answer in time") {
            Ok(0) | Err(_) => {
                assert!(bytes.is_empty(), "cut in the middle of an answer");
                return None;
            }
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, request: &str) -> Option<Answer> {
        exchange(&mut self.connect().await, request).await
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = "Content-Type: application/json\r\n";
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(&http(method, &format!("/_simulator/{path}"), headers, &body)).await.unwrap()
    }

    fn once(&self, fault: Fault) {
        let rule = FaultRule { times: Times::Total(1), ..FaultRule::always(fault) };
        self.handle.with(|authority| authority.add_fault(rule));
    }

    async fn until(&self, what: &str, condition: impl Fn(&mut Authority) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.handle.with(&condition) {
            assert!(tokio::time::Instant::now() < deadline, "{what} did not happen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("did not stop").unwrap().unwrap();
    }
}

#[tokio::test]
async fn accepts_on_a_kept_alive_connection_with_and_without_the_last_slash() {
    let server = start(Settings::default()).await;
    let mut stream = server.connect().await;
    let first = exchange(&mut stream, &invoice()).await.unwrap();
    assert_eq!((first.status, first.body["EINV_STATUS"].as_str()), (200, Some("SUBMITTED")));
    assert!(first.head.contains("content-type: application/json"));
    let second = exchange(&mut stream, &invoice_to("/core/invoices")).await.unwrap();
    assert_eq!(second.body["EINV_STATUS"], "ALREADY_SUBMITTED");
    assert_eq!(second.body["EINV_QR"], first.body["EINV_QR"]);
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn headers_decide() {
    let server = start(Settings::default()).await;
    let missing = invoice().replace("Secret-Key: secret\r\n", "");
    assert_eq!(server.ask(&missing).await.unwrap().status, 403);
    let lower_case = invoice().replace("Client-Id", "client-id").replace("Secret-Key", "secret-key");
    assert_eq!(server.ask(&lower_case).await.unwrap().status, 200);
    let get = http("GET", "/core/invoices/", "", "");
    assert_eq!(server.ask(&get).await.unwrap().status, 405);
    server.once(Fault::Status { code: 429, retry_after_s: Some(17), processed: false });
    let limited = server.ask(&invoice()).await.unwrap();
    assert_eq!(limited.status, 429);
    assert!(limited.head.contains("retry-after: 17"));
    server.stop().await;
}

#[tokio::test]
async fn a_drop_cuts_the_connection_before_the_first_byte() {
    let server = start(Settings::default()).await;
    server.once(Fault::DropBefore);
    assert!(server.ask(&invoice()).await.is_none());
    assert_eq!(server.handle.with(|authority| authority.summary(false).cleared_count), 0);
    server.once(Fault::DropAfter);
    assert!(server.ask(&invoice()).await.is_none());
    assert_eq!(server.handle.with(|authority| authority.summary(false).cleared_count), 1);
    let again = server.ask(&invoice()).await.unwrap();
    assert_eq!(again.body["EINV_STATUS"], "ALREADY_SUBMITTED");
    assert_eq!(server.handle.with(|authority| authority.summary(false).undelivered), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_late_answer_is_noted_as_undelivered_when_the_client_has_gone() {
    let server = start(Settings::default()).await;
    server.once(Fault::Late { delay_ms: 3_600_000 });
    let mut stream = server.connect().await;
    stream.write_all(invoice().as_bytes()).await.unwrap();
    server.until("the acceptance", |authority| authority.summary(false).cleared_count == 1).await;
    drop(stream);
    server.until("the note", |authority| authority.summary(false).undelivered == 1).await;
    assert!(!server.handle.with(|authority| authority.record().next().unwrap().delivered));
    assert_eq!(server.ask(&invoice()).await.unwrap().body["EINV_STATUS"], "ALREADY_SUBMITTED");
    server.stop().await;
}

#[tokio::test]
async fn a_late_answer_comes_to_who_waits() {
    let server = start(Settings::default()).await;
    server.once(Fault::Late { delay_ms: 60 });
    let before = std::time::Instant::now();
    let answer = server.ask(&invoice()).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(60));
    assert_eq!(answer.body["EINV_STATUS"], "SUBMITTED");
    assert_eq!(server.handle.with(|authority| authority.summary(false).undelivered), 0);
    server.stop().await;
}

#[tokio::test]
async fn down_cuts_every_connection_but_the_control_interface_stays() {
    let server = start(Settings::default()).await;
    assert_eq!(server.control("PUT", "down", &json!({ "down": true })).await.status, 204);
    assert!(server.ask(&invoice()).await.is_none());
    // The body is not waited for.
    let head = invoice().split_inclusive("\r\n\r\n").next().unwrap().to_owned();
    assert!(server.ask(&head).await.is_none());
    assert_eq!(server.control("GET", "summary", &Value::Null).await.body["turned_away"], 2);
    server.control("PUT", "down", &json!({ "down": false })).await;
    assert_eq!(server.ask(&invoice()).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn the_record_is_read_in_pages_and_by_document() {
    let server = start(Settings::default()).await;
    for _ in 0..3 {
        server.ask(&invoice()).await.unwrap();
    }
    let page = server.control("GET", "record?limit=2", &Value::Null).await.body;
    assert_eq!((&page["total"], &page["next_offset"]), (&json!(3), &json!(2)));
    assert_eq!(page["entries"][0]["verdict"], "submitted");
    let page = server.control("GET", "record?limit=2&offset=2", &Value::Null).await.body;
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["next_offset"]), (1, &Value::Null));
    assert_eq!(server.control("GET", "record?number=INV-2", &Value::Null).await.body["total"], 3);
    assert_eq!(server.control("GET", "record?uuid=other", &Value::Null).await.body["total"], 0);
    let summary = server.control("GET", "summary", &Value::Null).await.body;
    assert_eq!(summary["verdicts"], json!({ "submitted": 1, "already_submitted": 2 }));
    assert_eq!((&summary["cleared"][0]["number"], &summary["suspicious"]), (&json!("INV-2"), &json!([])));
    let short = server.control("GET", "summary?documents=false", &Value::Null).await.body;
    assert_eq!((&short["cleared_count"], &short["cleared"]), (&json!(1), &json!([])));
    server.stop().await;
}

#[tokio::test]
async fn misbehaviour_is_set_over_http() {
    let server = start(Settings::default()).await;
    let rule =
        json!([{ "match": { "number_prefix": "INV" }, "times": { "total": 1 }, "fault": "without_qr" }]);
    assert_eq!(server.control("POST", "faults", &rule).await.status, 204);
    assert_eq!(server.ask(&invoice()).await.unwrap().body["EINV_QR"], Value::Null);
    let in_force = server.control("GET", "faults", &Value::Null).await.body;
    assert_eq!((&in_force[0]["fired"], &in_force[0]["rule"]["fault"]), (&json!(1), &json!("without_qr")));
    let status = json!([{ "fault": { "status": { "code": 503 } } }]);
    assert_eq!(server.control("PUT", "faults", &status).await.status, 204);
    assert_eq!(server.ask(&invoice()).await.unwrap().status, 503);
    server.control("DELETE", "faults", &Value::Null).await;
    assert_eq!(server.control("PUT", "shape", &json!({ "form": "a" })).await.status, 204);
    assert_eq!(server.ask(&invoice()).await.unwrap().body["invoiceStatus"], "ALREADY_SUBMITTED");
    assert_eq!(server.control("PUT", "latency", &json!({ "fixed": { "ms": 1 } })).await.status, 204);
    assert_eq!(server.control("POST", "faults", &json!([{ "fault": "no such thing" }])).await.status, 422);
    let device = json!([{ "client_id": "other", "secret_key": "x", "tax_number": sample::TAX_NUMBER,
                          "income_source": sample::INCOME_SOURCE, "family": "general" }]);
    assert_eq!(server.control("PUT", "devices", &device).await.status, 204);
    assert_eq!(server.ask(&invoice()).await.unwrap().status, 403);
    assert_eq!(server.control("POST", "reset", &Value::Null).await.status, 204);
    assert_eq!(server.control("GET", "summary", &Value::Null).await.body["requests"], 0);
    server.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_turned_down() {
    let server = start(Settings { max_body_bytes: 100, ..Settings::default() }).await;
    assert_eq!(server.ask(&invoice()).await.unwrap().status, 413);
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let server = start(Settings { max_connections: 1, ..Settings::default() }).await;
    let mut first = server.connect().await;
    assert_eq!(exchange(&mut first, &invoice()).await.unwrap().status, 200);
    let mut second = server.connect().await;
    second.write_all(invoice().as_bytes()).await.unwrap();
    // The first is served as often as it likes while the second has no place.
    for _ in 0..20 {
        assert_eq!(exchange(&mut first, &invoice()).await.unwrap().status, 200);
    }
    assert_eq!(server.handle.with(|authority| authority.summary(false).requests), 21);
    drop(first);
    server.until("the second request", |authority| authority.summary(false).requests == 22).await;
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_late_answers() {
    let server = start(Settings { stop_grace_ms: 3_600_000, ..Settings::default() }).await;
    server.once(Fault::Late { delay_ms: 3_600_000 });
    let mut stream = server.connect().await;
    stream.write_all(invoice().as_bytes()).await.unwrap();
    server.until("the acceptance", |authority| authority.summary(false).cleared_count == 1).await;
    server.stop().await;
    assert!(exchange(&mut stream, "").await.is_none());
}

#[tokio::test]
async fn a_stop_cuts_who_never_finishes_a_request() {
    let server = start(Settings { stop_grace_ms: 50, ..Settings::default() }).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /core/invoices/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        .await
        .unwrap();
    // A second connection that is served shows that the first was accepted before it.
    assert_eq!(server.ask(&invoice()).await.unwrap().status, 200);
    server.stop().await;
    assert!(exchange(&mut stream, "").await.is_none());
}
