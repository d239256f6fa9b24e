//! What becomes of sessions, transactions and waiting when something is dropped, killed or held.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use invoice::InvoiceKey;
use ledger::conformance::{Numbering, arrival};
use ledger::{
    Appended, Arrival, EncodeOutcome, Ledger, LedgerError, PostgresConfig, PostgresLedger, Reception,
};

use crate::room::{Room, started};

/// The future's answer, if it comes before it has been polled this often; it is dropped where it stands else.
async fn within_polls<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Futures that are dropped at any point leave nothing open behind, and nothing half done (pitfall of `begin`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_futures_leave_no_transaction_open() {
    let mut room = Room::new().await;
    let (mut encoded, mut claimed) = (0, 0);
    for n in 0..120_u64 {
        let arrivals: Vec<Arrival> = (3 * n..3 * n + 3).map(arrival).collect();
        let keys: Vec<InvoiceKey> = arrivals.iter().map(|arrival| arrival.key).collect();
        let polls = n % 12;
        within_polls(polls, room.ledger.accept(arrivals.clone())).await;
        room.ledger.accept(arrivals).await.unwrap();
        encoded += u64::from(
            within_polls(polls, room.ledger.encode(keys.clone(), Arc::new(Numbering::default())))
                .await
                .is_some(),
        );
        let outcomes = room.ledger.encode(keys.clone(), Arc::new(Numbering::default())).await.unwrap();
        assert!(outcomes.iter().all(|outcome| !matches!(outcome, EncodeOutcome::Unfit(_))));
        let loaded = room.ledger.load(&keys).await.unwrap();
        let changes = loaded.invoices.iter().flatten().map(|invoice| started(invoice, loaded.now)).collect();
        claimed += u64::from(within_polls(polls, room.ledger.append(changes)).await.is_some());
    }
    // Some came to their end and some did not, else this has shown nothing.
    assert!((1..120).contains(&encoded) && (1..120).contains(&claimed), "{encoded} {claimed}");
    let leaks = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while room.count(leaks).await > 0 {
        assert!(tokio::time::Instant::now() < deadline, "sessions stay busy or idle in transaction");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        room.count("SELECT count(*) FROM invoices WHERE xml IS NOT NULL").await,
        360,
        "what was told is true"
    );
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_session_costs_time_only() {
    let mut room = Room::with(4).await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for n in 10..20 {
        assert!(room.count(kill).await > 0);
        let reception =
            ledger::patiently(std::future::pending(), || room.ledger.accept(vec![arrival(n)])).await;
        assert!(matches!(reception.unwrap()[..], [Reception::Accepted(_) | Reception::Repeat(_)]));
    }
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_has_an_end_and_says_why() {
    let mut room = Room::with(1).await;
    let config = PostgresConfig {
        max_connections: 1,
        acquire_timeout: Duration::from_secs(2),
        lock_timeout: Duration::from_secs(8),
        ..PostgresConfig::new(room.database.url())
    };
    let ledger = PostgresLedger::connect(config).await.unwrap();
    room.owner("BEGIN; SELECT 1 FROM invoices FOR UPDATE").await.unwrap();
    let loaded = ledger.load(&[arrival(0).key]).await.unwrap();
    let change = started(loaded.invoices[0].as_ref().unwrap(), loaded.now);
    let held = tokio::spawn({
        let (ledger, change) = (ledger.clone(), change.clone());
        async move { ledger.append(vec![change]).await }
    });
    room.until_somebody_waits().await;
    match ledger.now().await {
        Err(LedgerError::Unavailable(why)) => assert!(why.contains("1 of at most 1 are open"), "{why}"),
        other => panic!("{other:?}"),
    }
    match held.await.unwrap() {
        Err(LedgerError::Unavailable(why)) => assert!(why.contains("55P03"), "{why}"),
        other => panic!("{other:?}"),
    }
    room.owner("COMMIT").await.unwrap();
    assert!(matches!(ledger.append(vec![change]).await.unwrap()[..], [Appended::Done(_)]));
    ledger.close().await;
    room.remove().await;
}

#[tokio::test]
async fn an_encoder_that_panics_harms_its_own_batch_only() {
    struct Panicking;
    impl ledger::Encode for Panicking {
        fn icv_start(&self, _: invoice::Environment, _: &invoice::IncomeSource) -> Option<u64> {
            Some(1)
        }
        fn encode(&self, _: &ledger::Draft, _: u64) -> Result<ledger::Encoding, ledger::Unencoded> {
            panic!("خطأ في المرمز")
        }
    }
    let room = Room::new().await;
    room.ledger.accept(vec![arrival(1)]).await.unwrap();
    let result = room.ledger.encode(vec![arrival(1).key], Arc::new(Panicking)).await;
    assert!(matches!(result, Err(LedgerError::Refused(_))), "{result:?}");
    let encoded = room.ledger.encode(vec![arrival(1).key], Arc::new(Numbering::default())).await.unwrap();
    assert!(
        matches!(&encoded[..], [EncodeOutcome::Encoded(invoice)] if invoice.icv == Some(1)),
        "{encoded:?}"
    );
    room.remove().await;
}

/// What touches a row without an event (parking, sweeping, sealing) makes no change outdated, even in mid-wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_waited_for_a_row_finds_it_as_it_is_then() {
    let mut room = Room::with(2).await;
    let loaded = room.ledger.load(&[arrival(0).key, arrival(1).key]).await.unwrap();
    let changes: Vec<_> =
        loaded.invoices.iter().flatten().map(|invoice| started(invoice, loaded.now)).collect();
    let moved = arrival(1).key.uuid;
    room.owner(&format!(
        "BEGIN; UPDATE invoices SET wake_at = now(), hints = 3; UPDATE invoices SET version = version + 1 WHERE uuid = '{moved}'"
    ))
    .await
    .unwrap();
    let waiting = tokio::spawn({
        let ledger = room.ledger.clone();
        async move { ledger.append(changes).await }
    });
    room.until_somebody_waits().await;
    room.owner("COMMIT").await.unwrap();
    let appended = waiting.await.unwrap().unwrap();
    assert!(matches!(appended[..], [Appended::Done(_), Appended::Outdated]), "{appended:?}");
    let events = format!("SELECT count(*) FROM events WHERE uuid = '{moved}'");
    assert_eq!(room.count(&events).await, 2, "what was outdated left no event");
    room.remove().await;
}
