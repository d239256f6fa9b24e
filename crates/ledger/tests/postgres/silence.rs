//! A road that swallows everything without a word, as a firewall does that forgot a connection: every call ends all the same.

use std::sync::Arc;
use std::time::Duration;

use ledger::conformance::{Numbering, arrival};
use ledger::{EncodeOutcome, Ledger, LedgerError, PostgresConfig, PostgresLedger, Reception};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::room::Room;

const ANSWER: Duration = Duration::from_secs(3);
/// For a connection and an answer, on a machine that others use too.
const AT_MOST: Duration = Duration::from_secs(30);

/// The way to the server. Its connections are of the age in which they began; in odd ages nothing passes.
struct Road {
    url: String,
    age: watch::Sender<u64>,
}

impl Road {
    async fn to(url: &str) -> Self {
        let (login, rest) = url.split_once('@').expect("a URL with a login");
        let (server, database) = rest.split_once('/').expect("a URL with a database");
        let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{login}@{}/{database}", listener.local_addr().unwrap());
        let age = watch::Sender::new(0);
        let ages = age.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), ages.clone()));
            }
        });
        Self { url, age }
    }

    /// The connections there are fall silent for ever; new ones hear nothing.
    fn swallow(&self) {
        self.age.send_modify(|age| *age += 1);
    }

    /// New connections work again.
    fn mend(&self) {
        self.swallow();
    }

    async fn ledger(&self, max_connections: u32) -> PostgresLedger {
        let config = PostgresConfig {
            max_connections,
            acquire_timeout: Duration::from_secs(5),
            answer_timeout: ANSWER,
            ..PostgresConfig::new(&self.url)
        };
        PostgresLedger::connect(config).await.unwrap()
    }
}

async fn carry(mut client: TcpStream, server: String, mut ages: watch::Receiver<u64>) {
    let mine = *ages.borrow_and_update();
    let mut server = TcpStream::connect(server).await.unwrap();
    if mine.is_multiple_of(2) {
        tokio::select! {
            biased;
            _ = ages.wait_for(|age| *age != mine) => {}
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        }
    }
    // Both ends are held open until the road is gone.
    let _ = ages.wait_for(|_| false).await;
}

/// Until so many connections are back in the pool.
async fn until_idle(ledger: &PostgresLedger, connections: u32) {
    let end = Instant::now() + AT_MOST;
    while !format!("{ledger:?}").contains(&format!("idle: {connections},")) {
        assert!(Instant::now() < end, "still busy: {ledger:?}");
        tokio::task::yield_now().await;
    }
}

fn is_silence<T: std::fmt::Debug>(answer: &Result<T, LedgerError>) -> bool {
    matches!(answer, Err(LedgerError::Unavailable(why)) if why.contains("no answer within"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_and_the_connection_that_fell_silent_is_closed() {
    let room = Room::with(1).await;
    let road = Road::to(room.database.url()).await;
    for transaction in [false, true] {
        let ledger = road.ledger(1).await;
        assert_eq!(ledger.find(&arrival(0).key.uuid.to_string()).await.unwrap(), [arrival(0).key]);
        until_idle(&ledger, 1).await;
        road.swallow();
        let begun = Instant::now();
        if transaction {
            let encoded = ledger.encode(vec![arrival(0).key], Arc::new(Numbering::default()));
            let answer = timeout(AT_MOST, encoded).await.expect("it ends");
            assert!(is_silence(&answer), "{answer:?}");
        } else {
            let answer = timeout(AT_MOST, ledger.accept(vec![arrival(0)])).await.expect("it ends");
            assert!(is_silence(&answer), "{answer:?}");
        }
        assert!(begun.elapsed() >= ANSWER, "{:?}", begun.elapsed());
        // Its place in the pool is free: the next call wants a new connection, which the road swallows as well.
        let answer = timeout(AT_MOST, ledger.now()).await.expect("it ends");
        assert!(
            matches!(&answer, Err(LedgerError::Unavailable(why)) if why.contains("no connection")),
            "{answer:?}"
        );
        road.mend();
        let received = timeout(AT_MOST, ledger.accept(vec![arrival(0)])).await.expect("it ends").unwrap();
        assert!(matches!(received[..], [Reception::Repeat(_)]), "{received:?}");
        let encoded = ledger.encode(vec![arrival(0).key], Arc::new(Numbering::default())).await.unwrap();
        assert!(!matches!(encoded[..], [EncodeOutcome::Unfit(_)]), "{encoded:?}");
        ledger.close().await;
    }
    room.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_on_a_silent_road_keeps_no_place_in_the_pool() {
    let room = Room::with(1).await;
    let road = Road::to(room.database.url()).await;
    let ledger = road.ledger(1).await;
    until_idle(&ledger, 1).await;
    road.swallow();
    assert!(timeout(ANSWER / 4, ledger.now()).await.is_err(), "an answer came through");
    road.mend();
    timeout(AT_MOST, ledger.now()).await.expect("it ends").unwrap();
    ledger.close().await;
    room.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_were_forgotten_are_found_out_before_they_are_used() {
    let room = Room::with(1).await;
    let road = Road::to(room.database.url()).await;
    let ledger = road.ledger(2).await;
    let (one, other) = tokio::join!(ledger.now(), ledger.now());
    one.and(other).unwrap();
    until_idle(&ledger, 2).await;
    // They have to be idle for so long that they are asked for a sign of life.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    road.swallow();
    road.mend();
    timeout(AT_MOST, ledger.now()).await.expect("it ends").unwrap();
    ledger.close().await;
    room.remove().await;
}
