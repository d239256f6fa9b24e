use std::sync::atomic::Ordering;

use broker::Hint;
use invoice::life::Invoice;
use invoice::{Digest, Environment, Timestamp};
use ledger::{MemoryLedger, Schedule};
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::intake::Taken;
use crate::testing::Moody;

fn hints(number: u128) -> Vec<Outgoing> {
    let hint = |n| Hint { environment: Environment::Simulation, uuid: Uuid::from_u128(n), version: 1 };
    (0..number)
        .map(|n| Outgoing { queue: Queue::Draft, payload: hint(n).to_bytes(), traceparent: None })
        .collect()
}

fn fresh(number: u128) -> Fresh {
    Fresh { hints: hints(number), at: Timestamp::UNIX_EPOCH, again: Vec::new() }
}

fn ledger() -> Arc<MemoryLedger> {
    Arc::new(MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default()))
}

#[tokio::test(start_paused = true)]
async fn all_hints_get_out_before_the_end() {
    let broker = Arc::new(Moody::default());
    let (announcer, work) = Announcer::new(ledger(), broker.clone());
    for _ in 0..20 {
        announcer.announce(fresh(3));
    }
    drop(announcer);
    work.await;
    assert_eq!(broker.depth(Queue::Draft).await.unwrap(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_never_confirms_holds_up_neither_work_nor_end() {
    let broker = Arc::new(Moody::default());
    broker.mute.store(true, Ordering::Relaxed);
    let (announcer, work) = Announcer::new(ledger(), broker.clone());
    let work = tokio::spawn(work);
    let start = Instant::now();
    for _ in 0..10 * ROOM {
        announcer.announce(fresh(1));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(announcer);
    work.await.unwrap();
    assert!(start.elapsed() <= 2 * PATIENCE, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_is_not_asked() {
    let broker = Arc::new(Moody::default());
    broker.away.store(true, Ordering::Relaxed);
    let start = Instant::now();
    assert!(publish(&*broker, hints(2)).await);
    let (announcer, work) = Announcer::new(ledger(), broker.clone());
    announcer.announce(fresh(2));
    drop(announcer);
    work.await;
    assert_eq!(broker.calls.load(Ordering::Relaxed), 0);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_parked() {
    let broker: Arc<Moody> = Arc::new(Moody::default());
    let intake = crate::testing::intake(broker.clone());
    let arrivals =
        (0..300).map(|n| intake.check(crate::testing::event(n).to_string().as_bytes(), None).unwrap());
    let taken = intake.take(arrivals.collect()).await.unwrap();
    // Their ledger's clock stands still, so nothing wakes by itself.
    assert_eq!(intake.ledger.parked(1_000).await.unwrap().unencoded, 0);
    intake.announce(taken.iter().flatten().map(|taken| (taken, None))).await;
    assert_eq!(broker.depth(Queue::Draft).await.unwrap(), Window::CLOSES);
    assert_eq!(intake.ledger.parked(1_000).await.unwrap().unencoded, 300 - Window::CLOSES);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_of_what_nobody_took_up_is_hinted_and_keeps_its_turn() {
    let broker: Arc<Moody> = Arc::new(Moody::default());
    let intake = crate::testing::intake(broker.clone());
    let arrivals = (0..Window::CLOSES + 50)
        .map(|n| intake.check(crate::testing::event(n).to_string().as_bytes(), None).unwrap());
    let arrivals: Vec<_> = arrivals.collect();
    // The first publisher died before it hinted.
    intake.take(arrivals.clone()).await.unwrap();
    let taken = intake.take(arrivals).await.unwrap();
    assert!(taken.iter().flatten().all(|taken| !taken.new));
    intake.announce(taken.iter().flatten().map(|taken| (taken, None))).await;
    assert_eq!(broker.depth(Queue::Draft).await.unwrap(), Window::CLOSES);
    assert_eq!(intake.ledger.parked(1_000).await.unwrap().unencoded, 0, "a repeat moves nobody in the line");
    let encoded = |taken: &Taken| Taken {
        invoice: Invoice { xml: Some(Digest::of(b"")), ..taken.invoice.clone() },
        new: false,
    };
    let encoded: Vec<_> = taken.iter().flatten().map(encoded).collect();
    assert!(crate::intake::hints(encoded.iter().map(|taken| (taken, None))).is_empty());
}
