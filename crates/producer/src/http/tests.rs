use std::net::SocketAddr;

use broker::MemoryBroker;
use telemetry::listen::{Patience, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::batcher::Batcher;
use crate::config::Config;
use crate::testing::{event, intake};

/// A listener at work.
struct Door {
    address: SocketAddr,
    api: Arc<Api>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Door {
    async fn open(max_requests: usize, patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let intake = intake(Arc::new(MemoryBroker::default()));
        let (stop, closed) = (CancellationToken::new(), CancellationToken::new());
        let (batcher, work) = Batcher::new(intake.clone(), 4, Duration::from_millis(1), closed.clone());
        let api = Api::new(intake, batcher, &Config { max_requests, ..Config::default() }, stop.clone());
        let api = Arc::new(api);
        let (token, routes) = (stop.clone(), router(Arc::clone(&api)));
        let serving = tokio::spawn(async move {
            let serve = async {
                serve(listener, routes, patience, None, &token).await;
                closed.cancel();
            };
            tokio::join!(serve, work);
        });
        Self { address, api, stop, serving }
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn publish(&self, n: u64) -> String {
        let body = event(n).to_string();
        let head = format!(
            "POST /v1/invoices HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        read_until(&mut self.send(&(head + &body)).await, "}").await
    }

    async fn close(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

fn patient() -> Patience {
    Patience::new(16, Duration::from_secs(15))
}

/// Reads until `end` was seen or the connection ends.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if !end.is_empty() && text.contains(end) {
            return text;
        }
        // A reset is an end too.
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return text,
            Ok(_) => {}
        }
    }
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const BATCH: &str =
    "POST /v1/invoices:batch HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_batch_takes_up_room_until_its_stream_ends() {
    let door = Door::open(1, patient()).await;
    let mut batch = door.send(BATCH).await;
    batch.write_all(chunk(&format!("{}\n", event(1))).as_bytes()).await.unwrap();
    let first = read_until(&mut batch, "\"line\":1").await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let refused = door.publish(2).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("retry-after"), "{refused}");
    batch.write_all(b"0\r\n\r\n").await.unwrap();
    read_until(&mut batch, "\r\n0\r\n").await;
    let taken = door.publish(2).await;
    assert!(taken.starts_with("HTTP/1.1 202"), "{taken}");
    door.close().await;
}

#[tokio::test]
async fn a_batch_hears_of_the_end_and_says_what_to_publish_again() {
    let door = Door::open(8, patient()).await;
    let mut batch = door.send(BATCH).await;
    batch.write_all(chunk(&format!("{}\n{}", event(1), "{\"half\":")).as_bytes()).await.unwrap();
    read_until(&mut batch, "\"line\":1").await;
    let start = Instant::now();
    door.stop.cancel();
    let last = read_until(&mut batch, "").await;
    assert!(last.contains("\"code\":\"stopping\"") && last.contains("\"line\":2"), "{last}");
    door.close().await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn idle_and_half_sent_connections_give_their_places_back() {
    let door = Door::open(8, Patience { connections: 2, ..patient() }).await;
    let mut idle = door.send("").await;
    let mut half = door.send("POST /v1/inv").await;
    let start = Instant::now();
    // The third has to wait for a place.
    let taken = door.publish(1).await;
    assert!(taken.starts_with("HTTP/1.1 202"), "{taken}");
    assert!(start.elapsed() >= patient().head, "{:?}", start.elapsed());
    read_until(&mut idle, "").await;
    read_until(&mut half, "").await;
    door.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_nobody_who_is_idle_and_not_long_for_the_rest() {
    let door = Door::open(8, Patience { drain: Duration::from_secs(5), ..patient() }).await;
    let mut answered = door.send("GET /v1/nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    read_until(&mut answered, "no_such_route").await;
    let start = Instant::now();
    door.close().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());

    let door = Door::open(8, Patience { drain: Duration::from_secs(5), ..patient() }).await;
    let half =
        door.send("POST /v1/invoices HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let start = Instant::now();
    door.close().await;
    assert_eq!(start.elapsed().as_secs(), 5);
    drop(half);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_trickle_break_off_or_are_too_large_get_a_problem() {
    let door = Door::open(8, patient()).await;
    let head = "POST /v1/invoices HTTP/1.1\r\nhost: localhost\r\n";
    let mut slow = door.send(&format!("{head}content-length: 100\r\n\r\n{{")).await;
    let start = Instant::now();
    let answer = read_until(&mut slow, "}").await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("application/problem+json"), "{answer}");
    assert_eq!(start.elapsed().as_secs(), 15);

    let mut large = door.send(&format!("{head}content-length: 1048578\r\n\r\n")).await;
    let answer = read_until(&mut large, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("application/problem+json"), "{answer}");

    let mut broken = door.send(&format!("{head}transfer-encoding: chunked\r\n\r\nxyz\r\n")).await;
    let answer = read_until(&mut broken, "}").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("application/problem+json"), "{answer}");
    door.close().await;
}

/// Publishes with these headers, a line each.
async fn publish_with(door: &Door, headers: &str, body: &str) -> String {
    let head = format!(
        "POST /v1/invoices HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    read_until(&mut door.send(&format!("{head}{headers}\r\n{body}")).await, "").await
}

const CE: &str = "ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /erp\r\n";

#[tokio::test]
async fn compressed_bodies_are_refused_unread_on_every_way() {
    let door = Door::open(4, patient()).await;
    for (route, headers, status) in [
        ("/v1/invoices", "content-encoding: gzip", "415"),
        ("/v1/invoices:batch", "content-encoding: identity, br", "415"),
        ("/v1/import/csv", "content-encoding: identity\r\ncontent-encoding: deflate", "415"),
        ("/v1/corrections", "content-encoding: \u{ff}", "415"),
        ("/api/Invoice", "Content-Encoding: zstd", "415"),
        // Says that it is not encoded, and is looked at.
        ("/v1/invoices", "content-encoding: identity", "422"),
    ] {
        let request =
            format!("POST {route} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\ncontent-length: 2\r\n\r\n{{}}");
        let answer = read_until(&mut door.send(&request).await, "}").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{route} {headers}: {answer}");
        assert_eq!(answer.contains("encoded_body"), status == "415", "{answer}");
        assert_eq!(answer.contains("accept-encoding: identity"), status == "415", "{answer}");
    }
    door.close().await;
}

#[tokio::test]
async fn cloud_events_are_taken_in_every_mode_or_refused_with_what_is_wrong() {
    let door = Door::open(8, patient()).await;
    let kind = "jo.fawtara.invoice.event.v1";
    let wrapped = |n: u64, kind: &str| serde_json::json!({ "specversion": "1.0", "id": "1", "source": "/erp", "type": kind, "data": event(n) });
    let structured = "content-type: application/cloudevents+json\r\n";
    let taken = publish_with(&door, structured, &wrapped(1, kind).to_string()).await;
    assert!(taken.starts_with("HTTP/1.1 202"), "{taken}");
    let again = publish_with(&door, &format!("{CE}ce-type: {kind}\r\n"), &event(1).to_string()).await;
    assert!(again.starts_with("HTTP/1.1 200"), "the same event, with its attributes as headers: {again}");
    let batch = format!("[{},{},{}]", wrapped(1, kind), wrapped(2, kind), wrapped(3, "x"));
    let several = publish_with(&door, "content-type: application/cloudevents-batch+json\r\n", &batch).await;
    let results: serde_json::Value = serde_json::from_str(several.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let statuses: Vec<_> =
        results.as_array().unwrap().iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, [200, 202, 422], "{results}");

    let refused = publish_with(&door, &format!("{CE}ce-type: order\r\n"), &event(4).to_string()).await;
    assert!(refused.starts_with("HTTP/1.1 422") && refused.contains("application/problem+json"), "{refused}");
    assert!(refused.contains("\"code\":\"envelope\"") && refused.contains(kind), "{refused}");
    let refused = publish_with(&door, "content-type: application/cloudevents-batch+json\r\n", "{}").await;
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    door.close().await;
}

#[tokio::test]
async fn an_idempotency_key_never_changes_whose_event_it_is() {
    let door = Door::open(8, patient()).await;
    let uuid = event(1)["uuid"].as_str().unwrap().to_owned();
    let mut answers = Vec::new();
    for key in [uuid.as_str(), "order-7", "11111111-1111-4111-8111-111111111111"] {
        let header = format!("idempotency-key: {key}\r\n");
        answers.push(publish_with(&door, &header, &event(1).to_string()).await);
    }
    assert!(answers[0].starts_with("HTTP/1.1 202"), "{}", answers[0]);
    assert!(answers[1].starts_with("HTTP/1.1 200"), "any other key says nothing: {}", answers[1]);
    assert!(answers[2].starts_with("HTTP/1.1 422") && answers[2].contains(&uuid), "{}", answers[2]);
    door.close().await;
}

/// The paths that are routed anywhere in this module.
fn routed_paths() -> std::collections::BTreeSet<String> {
    let mut texts = vec![include_str!("../http.rs").to_owned()];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    let paths = texts.iter().flat_map(|text| text.split(".route(").skip(1).collect::<Vec<_>>());
    paths
        .map(|rest| rest.trim_start().strip_prefix('"').unwrap().split('"').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_contract_names_every_route_and_every_method() {
    let document = crate::openapi();
    let admin = ["/livez", "/readyz", "/metrics"];
    let stated: std::collections::BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| !admin.contains(&path.as_str()))
        .cloned()
        .collect();
    assert_eq!(routed_paths(), stated);
    let door = Door::open(8, patient()).await;
    for path in stated {
        let place = path.replace("{uuid}", "x").replace("{format}", "x");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let head = format!(
                "{method} {place} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
            let answer = read_until(&mut door.send(&head).await, "").await;
            let unknown = answer.starts_with("HTTP/1.1 404") && answer.contains("no_such_route");
            let served = !answer.starts_with("HTTP/1.1 405") && !unknown;
            let named = document["paths"][&path].get(method.to_lowercase()).is_some();
            assert_eq!(served, named, "{method} {path}: {answer}");
        }
    }
    door.close().await;
}

#[tokio::test]
async fn answers_are_as_the_contract_says() {
    let door = Door::open(8, patient()).await;
    let body = |answer: &str| -> serde_json::Value {
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    let component = crate::openapi::tests::component;
    let valid = |name: &str, value: &serde_json::Value| {
        let errors: Vec<_> = component(name).iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {value}");
    };
    valid("Receipt", &body(&publish_with(&door, "", &event(1).to_string()).await));
    let mut other = event(1);
    other["note"] = "غيرها".into();
    for refused in ["{", "{}", &other.to_string()] {
        let problem = body(&publish_with(&door, "", refused).await);
        valid("Problem", &problem);
        assert!(problem["status"].as_u64().is_some_and(|status| status >= 400), "{problem}");
    }
    let wrapped = format!("[{{\"id\":1}},{}]", event(2));
    let results =
        body(&publish_with(&door, "content-type: application/cloudevents-batch+json\r\n", &wrapped).await);
    results.as_array().unwrap().iter().for_each(|result| valid("Result", result));
    let place = event(1)["uuid"].as_str().unwrap().to_owned();
    let head = format!("GET /v1/invoices/{place} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    valid("Invoice", &body(&read_until(&mut door.send(&head).await, "").await));
    door.close().await;
}

#[tokio::test]
async fn the_contract_is_open_to_everybody_and_needs_nothing_from_elsewhere() {
    let door = Door::open(8, patient()).await;
    for place in ["/openapi.json", "/docs", "/docs/page.js", "/docs/page.css"] {
        let head = format!("GET {place} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = read_until(&mut door.send(&head).await, "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
        assert!(!answer.contains("//cdn") && !answer.contains("src=\"http"), "{place}");
    }
    door.close().await;
}

/// The whole answer to an import.
async fn import(door: &Door, format: &str, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "POST /v1/import/{format} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    read_until(&mut door.send(&(head + body)).await, "").await
}

#[tokio::test]
async fn an_import_answers_every_document_up_to_the_bound_and_takes_nothing_above_it() {
    let door = Door::open(8, patient()).await;
    let ones = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    let most = super::import::DOCUMENTS;
    let all = import(&door, "event", &ones(most)).await;
    assert!(all.starts_with("HTTP/1.1 200"), "{all:.200}");
    assert_eq!(all.matches("\"line\":").count(), most);

    // The first document is in order, and still nothing is taken.
    let beyond = format!("[{},{}]", event(1), vec!["1"; most].join(","));
    for format in ["event", "post2tax", "eezi"] {
        let refused = import(&door, format, &beyond).await;
        assert!(refused.starts_with("HTTP/1.1 413"), "{refused:.200}");
        assert!(refused.contains("split the file") && refused.contains("too_large"), "{refused:.400}");
    }
    let header = formats::table::template(false).lines().next().unwrap().to_owned();
    let rows = format!("{header}\n{}", "1\n2\n".repeat(most));
    let refused = import(&door, "csv", &rows).await;
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused:.200}");
    let taken = door.publish(1).await;
    assert!(taken.starts_with("HTTP/1.1 202"), "it was not taken before: {taken}");
    door.close().await;
}

#[tokio::test]
async fn no_more_imports_are_at_work_than_there_are_places() {
    let door = Door::open(8, patient()).await;
    let mut places: Vec<_> = (0..super::api::IMPORTS).map(|_| door.api.begin_import().unwrap()).collect();
    let refused = import(&door, "event", &event(1).to_string()).await;
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("retry-after"), "{refused}");
    places.pop();
    let taken = import(&door, "event", &event(1).to_string()).await;
    assert!(taken.contains("\"status\":202"), "{taken}");
    drop(places);
    door.close().await;
}

/// Whoever disconnects makes no room while the work on what was sent goes on.
#[tokio::test]
async fn an_import_takes_up_room_until_its_work_has_ended() {
    use hyper::service::Service;

    let door = Door::open(1, patient()).await;
    let ones = format!("[{}]", vec!["1"; 5_000].join(","));
    let request =
        Request::builder().method("POST").uri("/v1/import/event").body(axum::body::Body::from(ones)).unwrap();
    let routes = hyper_util::service::TowerToHyperService::new(router(Arc::clone(&door.api)));
    let response = routes.call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    // Nothing of the answer is taken: the work waits, and holds what it holds.
    assert!(door.api.enter().is_none());
    drop(response);
    let places = || (0..super::api::IMPORTS).map_while(|_| door.api.begin_import()).collect::<Vec<_>>().len();
    crate::testing::until("the end of the work", async || {
        door.api.enter().is_some() && places() == super::api::IMPORTS
    })
    .await;
    door.close().await;
}

#[tokio::test]
async fn a_large_body_of_a_till_is_answered_like_a_small_one() {
    let door = Door::open(8, patient()).await;
    for size in [10, 100_000] {
        let body = format!("{{\"Note\":\"{}\",\"{}\":1}}", "x".repeat(size), "z".repeat(300));
        let head = format!(
            "POST /api/Invoice HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let answer = read_until(&mut door.send(&(head + &body)).await, "").await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("INVALID_VALUE"), "{answer:.300}");
    }
    door.close().await;
}
