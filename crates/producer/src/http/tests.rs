use std::net::SocketAddr;

use broker::MemoryBroker;
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
        let token = stop.clone();
        let serving = tokio::spawn(async move {
            let serve = async {
                serve(listener, router(Arc::new(api)), patience, &token).await;
                closed.cancel();
            };
            tokio::join!(serve, work);
        });
        Self { address, stop, serving }
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn publish(&self, n: u64) -> String {
        let body = event(n).to_string();
        let head = format!("POST /v1/invoices HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
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

const BATCH: &str = "POST /v1/invoices:batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";

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
    let mut answered = door.send("GET /v1/nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut answered, "no_such_route").await;
    let start = Instant::now();
    door.close().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());

    let door = Door::open(8, Patience { drain: Duration::from_secs(5), ..patient() }).await;
    let half = door.send("POST /v1/invoices HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let start = Instant::now();
    door.close().await;
    assert_eq!(start.elapsed().as_secs(), 5);
    drop(half);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_trickle_break_off_or_are_too_large_get_a_problem() {
    let door = Door::open(8, patient()).await;
    let head = "POST /v1/invoices HTTP/1.1\r\nhost: x\r\n";
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
