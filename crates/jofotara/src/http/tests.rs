//! The road itself, against raw TCP servers: what is surely not sent, what may have arrived, what is heard.

mod server;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use invoice::Environment;
use invoice::life::OutcomeKind;
use secrecy::SecretString;
use server::{Act, Server};
use tokio::net::TcpSocket;
use uuid::Uuid;

use super::*;
use crate::{Client, Credentials, Endpoint};

const CLIENT_ID: &str = "1f7c1f29-user-7";
const SECRET: &str = "s3cr3t/KEY+7==";

fn endpoint_within(url: &str, timeout: Duration) -> Endpoint {
    let credentials = Credentials { client_id: CLIENT_ID.to_owned(), secret_key: SecretString::from(SECRET) };
    Endpoint::new(Environment::Simulation, url, credentials, timeout).unwrap()
}

/// Long enough that no healthy machine gets there.
fn endpoint(url: &str) -> Endpoint {
    endpoint_within(url, Duration::from_secs(30))
}

fn transport() -> HttpTransport {
    HttpTransport::new(HttpConfig::default()).unwrap()
}

fn request(endpoint: &Endpoint, body: &'static str) -> HttpRequest {
    crate::client::direct_request(endpoint, Bytes::from_static(body.as_bytes()))
}

async fn post(endpoint: Endpoint) -> Exchange {
    let transport = transport();
    let post = transport.exchange(request(&endpoint, "{\"invoice\":\"PA==\"}"));
    tokio::time::timeout(Duration::from_secs(40), post).await.expect("every call ends by its time-out")
}

fn is_not_sent(exchange: &Exchange) -> bool {
    matches!(exchange, Exchange::NotSent { .. })
}

fn is_lost(exchange: &Exchange) -> bool {
    matches!(exchange, Exchange::Lost { .. })
}

fn answer(head: &str, body: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let exchange = post(endpoint(&format!("http://{}/", socket.local_addr().unwrap()))).await;
    assert!(is_not_sent(&exchange), "{exchange:?}");
}

#[tokio::test]
async fn an_unknown_name_sends_nothing() {
    let config = HttpConfig { connect_timeout: Duration::from_secs(3), ..HttpConfig::default() };
    let request = request(&endpoint("http://fawtara.invalid/"), "");
    let exchange = HttpTransport::new(config).unwrap().exchange(request).await;
    assert!(is_not_sent(&exchange), "{exchange:?}");
}

#[tokio::test]
async fn failed_tls_sends_nothing() {
    let server = Server::start(|_, _| answer("400 Bad Request", "")).await;
    let exchange = post(endpoint(&server.url().replace("http:", "https:"))).await;
    assert!(is_not_sent(&exchange), "{exchange:?}");
}

#[tokio::test]
async fn tls_that_never_ends_sends_nothing() {
    let server = Server::silent().await;
    let config = HttpConfig { connect_timeout: Duration::from_millis(100), ..HttpConfig::default() };
    let endpoint = endpoint(&server.url().replace("http:", "https:"));
    let exchange = HttpTransport::new(config).unwrap().exchange(request(&endpoint, "")).await;
    assert!(is_not_sent(&exchange), "{exchange:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_cut_after_the_request_is_lost() {
    for act in
        [Act::Reset, Act::Close, Act::Say(b"HTTP/1.1 200 O".to_vec()), Act::Say(b"\x16\x03 what?".to_vec())]
    {
        let server = Server::start(move |_, _| act.clone().then_close()).await;
        let exchange = post(endpoint(&server.url())).await;
        assert!(is_lost(&exchange), "{exchange:?}");
        assert_eq!(server.requests().len(), 1, "and is not sent again");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_lost() {
    let server = Server::silent().await;
    let started = Instant::now();
    let exchange = post(endpoint_within(&server.url(), Duration::from_millis(150))).await;
    assert!(is_lost(&exchange), "{exchange:?}");
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn the_body_must_come_in_time_too() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec();
    let server = Server::start(move |_, _| Act::Say(head.clone())).await;
    let exchange = post(endpoint_within(&server.url(), Duration::from_millis(150))).await;
    assert!(is_lost(&exchange), "{exchange:?}");
}

#[tokio::test]
async fn a_body_that_is_cut_is_lost() {
    for (head, body) in [("Transfer-Encoding: chunked", "5\r\n{\"EIN\r\n"), ("Content-Length: 10", "{\"EIN")]
    {
        let said = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").into_bytes();
        let server = Server::start(move |_, _| Act::Say(said.clone()).then_close()).await;
        let exchange = post(endpoint(&server.url())).await;
        assert!(is_lost(&exchange), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_body_in_pieces_is_put_together() {
    let said =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n";
    let server = Server::start(move |_, _| Act::Say(said.as_bytes().to_vec())).await;
    let expected =
        Exchange::Answered { status: 200, retry_after: None, body: Bytes::from_static(b"{\"a\":1}") };
    assert_eq!(post(endpoint(&server.url())).await, expected);
}

#[tokio::test]
async fn a_body_without_end_is_lost_and_not_kept() {
    let announced =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", MAX_ANSWER_BYTES + 1).into_bytes();
    let server = Server::start(move |_, _| Act::Say(announced.clone())).await;
    let exchange = post(endpoint(&server.url())).await;
    // It does not wait for what it would not keep.
    assert!(matches!(&exchange, Exchange::Lost { reason } if reason.contains("more than")), "{exchange:?}");
    let mut streamed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..=16 {
        streamed.extend_from_slice(b"100000\r\n");
        streamed.resize(streamed.len() + (1 << 20), b' ');
        streamed.extend_from_slice(b"\r\n");
    }
    streamed.extend_from_slice(b"0\r\n\r\n");
    let server = Server::start(move |_, _| Act::Say(streamed.clone())).await;
    let exchange = post(endpoint(&server.url())).await;
    assert!(is_lost(&exchange), "{exchange:?}");
}

#[tokio::test]
async fn a_compressed_answer_is_told_and_never_unpacked() {
    // Ten bytes of gzip's head; what they unpack to does not matter.
    let mut said =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    let server = Server::start(move |_, _| Act::Say(said.clone())).await;
    let exchange = post(endpoint(&server.url())).await;
    let Exchange::Answered { status: 200, body, .. } = &exchange else { panic!("{exchange:?}") };
    let told = std::str::from_utf8(body).unwrap();
    assert!(told.contains("gzip") && told.contains("not read"), "{told}");
    let uuid = Uuid::from_u128(7);
    let endpoint = endpoint(&server.url());
    let sent = crate::Sent { number: "1", uuid: &uuid, xml: b"<a/>", credentials: endpoint.credentials() };
    let verdict = crate::interpret(&exchange, &sent);
    assert_eq!(verdict.outcome.kind(), OutcomeKind::InDoubt, "nothing intelligible was heard");
    assert!(verdict.evidence.excerpt.contains("gzip"), "{:?}", verdict.evidence);
    // What says that it is not encoded is read.
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let server = Server::start(move |_, _| Act::Say(said.clone())).await;
    let expected = Exchange::Answered { status: 200, retry_after: None, body: Bytes::from_static(b"{}") };
    assert_eq!(post(self::endpoint(&server.url())).await, expected);
}

#[tokio::test]
async fn the_request_is_the_one_that_the_guide_shows() {
    let server = Server::start(|_, _| answer("200 OK", "{}")).await;
    post(endpoint(&format!("{}core/invoices/", server.url()))).await;
    let request = server.requests().remove(0);
    assert!(request.starts_with("POST /core/invoices/ HTTP/1.1\r\n"), "{request}");
    for header in [
        format!("\r\nClient-Id: {CLIENT_ID}\r\n"),
        format!("\r\nSecret-Key: {SECRET}\r\n"),
        "\r\nContent-Type: application/json\r\n".to_owned(),
        "\r\nAccept: application/json\r\n".to_owned(),
        format!("\r\nUser-Agent: fawtara/{}\r\n", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(request.contains(&header), "{header} in {request}");
    }
    assert!(!request.contains("Accept-Language"), "no language is asked for: {request}");
    assert!(request.ends_with("\r\n\r\n{\"invoice\":\"PA==\"}"), "{request}");
}

#[tokio::test]
async fn a_connection_is_kept_alive_and_used_again() {
    let server = Server::start(|_, _| answer("200 OK", "{}")).await;
    let transport = transport();
    for _ in 0..5 {
        let request = request(&endpoint(&server.url()), "{}");
        assert!(matches!(transport.exchange(request).await, Exchange::Answered { status: 200, .. }));
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 5));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let elsewhere = Server::start(|_, _| answer("200 OK", "{}")).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let head = format!("{status}\r\nLocation: {}", elsewhere.url());
        let server = Server::start(move |_, _| answer(&head, "")).await;
        let exchange = post(endpoint(&server.url())).await;
        assert!(matches!(exchange, Exchange::Answered { status: 300..400, .. }), "{exchange:?}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn the_wish_to_wait_is_heard_as_seconds_and_as_a_date() {
    let date = "Retry-After: Sun, 01 Mar 2026 10:01:30 GMT\r\nDate: Sun, 01 Mar 2026 10:00:00 GMT";
    for (head, seconds) in [("Retry-After: 7", 7), (date, 90)] {
        let head = format!("503 Busy\r\n{head}");
        let server = Server::start(move |_, _| answer(&head, "مشغول")).await;
        let exchange = post(endpoint(&server.url())).await;
        let retry_after = Some(Duration::from_secs(seconds));
        assert_eq!(exchange, Exchange::Answered { status: 503, retry_after, body: Bytes::from("مشغول") });
    }
}

#[test]
fn a_certificate_that_is_none_is_refused_at_once() {
    let with = |extra_ca| {
        HttpTransport::new(HttpConfig { extra_ca: Some(extra_ca), ..HttpConfig::default() }).unwrap_err()
    };
    let missing = with(ExtraCa::File("nowhere/gateway.pem".into()));
    assert!(matches!(missing, HttpSetupError::CaFile { .. }), "{missing:?}");
    for pem in ["", "شهادة", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = with(ExtraCa::Pem(Bytes::from(pem)));
        assert!(matches!(error, HttpSetupError::Ca(_) | HttpSetupError::Client(_)), "{error:?}");
    }
}

/// Everything that is logged while it is set, on any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_ever_logged_or_shown() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let echo = format!("{{\"message\":\"{CLIENT_ID} {SECRET}\"}}");
    let server = Server::start(move |_, _| answer("403 Forbidden", &echo)).await;
    let client = Client::new(Arc::new(transport()));
    let secure = server.url().replace("http:", "https:");
    let mut shown = String::new();
    for (url, expected) in [(server.url(), OutcomeKind::Credentials), (secure, OutcomeKind::NotNow)] {
        let endpoint = endpoint(&url);
        let request = request(&endpoint, "");
        let verdict =
            client.submit(&endpoint, "فاتورة-1", &Uuid::from_u128(7), Bytes::from("<Invoice/>")).await;
        assert_eq!(verdict.outcome.kind(), expected);
        shown.push_str(&format!("{endpoint:?} {request:?} {client:?} {verdict:?}"));
    }
    shown.push_str(&format!("{:?}", transport()));
    shown.push_str(&String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    // It is a log of this very call, in which the secret was sent.
    assert!(shown.contains("authority_call") && shown.contains("outcome=\"credentials\""), "{shown}");
    assert!(server.requests().iter().any(|request| request.contains(SECRET)));
    assert!(!shown.contains(CLIENT_ID) && !shown.contains(SECRET), "{shown}");
    assert!(shown.contains("[masked]"));
}
