//! One trace from publish to cleared, seen by a collector of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use producer::Producer;
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, settled};
use tests::wait;
use tokio_util::sync::CancellationToken;

/// The path and the body of each request.
type Kept = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// An OTLP/HTTP collector that keeps what it is sent.
fn collector() -> (String, Kept) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, keep) = (stream.unwrap(), Arc::clone(&keep));
            std::thread::spawn(move || {
                while let Some(request) = request(&mut stream) {
                    keep.lock().unwrap().push(request);
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    (address, kept)
}

/// The next request of a kept-alive connection.
fn request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|text| text.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head.split(' ').nth(1)?.to_owned(), body))
}

fn count(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).filter(|window| *window == needle).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_from_publish_to_cleared() {
    let (address, kept) = collector();
    let settings = telemetry::Settings { otlp_endpoint: Some(address), ..telemetry::Settings::default() };
    let telemetry = telemetry::init(&settings, "test").unwrap();
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 1);
    let fleet = Fleet::start(&seams, &numbers);
    let stop = CancellationToken::new();
    let config = producer::Config { listen: "127.0.0.1:0".parse().unwrap(), ..producer::Config::default() };
    let producer = Producer::bind(seams.intake(), config).await.unwrap();
    let url = format!("http://{}/v1/invoices", producer.address());
    let producing = tokio::spawn(producer.run(stop.clone()));

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = reqwest::Client::new()
        .post(url)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .body(event(1).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    settled(&*seams.ledger, 1, Duration::from_secs(20)).await;
    stop.cancel();
    producing.await.unwrap().unwrap();
    fleet.stop().await;

    // The exposition for scrapers has the fleet's own names.
    let families: Vec<_> =
        telemetry.registry().gather().iter().map(|family| family.name().to_owned()).collect();
    for name in ["fawtara_intake_total", "fawtara_transitions_total", "fawtara_time_to_clear_seconds"] {
        assert!(families.iter().any(|family| family == name), "{name} is missing from {families:?}");
    }
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await.unwrap();
    let bytes: Vec<u8> =
        (0..16).map(|index| u8::from_str_radix(&trace[index * 2..index * 2 + 2], 16).unwrap()).collect();
    wait::until("spans of all three roles", Duration::from_secs(20), || async {
        let kept = kept.lock().unwrap();
        let spans: Vec<u8> =
            kept.iter().filter(|(path, _)| path == "/v1/traces").flat_map(|(_, body)| body.clone()).collect();
        let measured = kept.iter().any(|(path, _)| path == "/v1/metrics");
        let named = ["publish", "encode", "submit"].iter().all(|name| count(&spans, name.as_bytes()) > 0);
        (named && measured && count(&spans, &bytes) >= 3).then_some(())
    })
    .await;
}
