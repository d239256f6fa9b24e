use std::sync::atomic::Ordering;

use tokio::time::timeout;

use super::*;
use crate::testing::{Moody, event, intake};

const LINGER: Duration = Duration::from_millis(2);

fn arrival(intake: &Intake, n: u64) -> Arrival {
    intake.check(event(n).to_string().as_bytes(), None).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_mute_broker_does_not_slow_the_commits() {
    let broker = Arc::new(Moody::default());
    broker.mute.store(true, Ordering::Relaxed);
    let intake = intake(broker);
    let (batcher, work) = Batcher::new(intake.clone(), 4, LINGER, CancellationToken::new());
    let work = tokio::spawn(work);
    let start = Instant::now();
    for n in 0..100 {
        assert!(batcher.offer(arrival(&intake, n)).await.unwrap().new);
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    drop(batcher);
    timeout(Duration::from_secs(10), work).await.unwrap().unwrap();
    assert_eq!(
        intake.ledger.standing().await.unwrap().counts.iter().map(|line| line.count).sum::<u64>(),
        100
    );
}

#[tokio::test]
async fn what_the_ledger_cannot_read_harms_only_itself() {
    let intake = intake(Arc::new(Moody::default()));
    let arrivals: Vec<_> = (0..5).map(|n| arrival(&intake, n)).collect();
    for error in [LedgerError::Corrupt, LedgerError::Refused] {
        let take = async |batch: Vec<Arrival>| {
            if batch.iter().any(|arrival| arrival.number == "ف-000003") {
                return Err(error("its summary is damaged".to_owned()));
            }
            intake.take(batch).await
        };
        let answers = split(arrivals.clone(), take).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
        assert_eq!(answers[3], Err(Refused::Unstorable("its summary is damaged".to_owned())));
    }
    let away = async |_| Err(LedgerError::Unavailable("restart".to_owned()));
    assert!(split(arrivals, away).await.iter().all(|answer| *answer == Err(Refused::Unavailable)));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_does_not_end_is_felt() {
    let pulse = Pulse::default();
    pulse.begun();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(pulse.check(), Ok(()), "it may wait for a lock");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(pulse.check().unwrap_err().contains("20 s"));
    pulse.ended();
    assert_eq!(pulse.check(), Ok(()));
}
