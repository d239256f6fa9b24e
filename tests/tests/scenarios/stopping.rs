//! Stopping is safe (promise 15).

use std::time::Duration;

use invoice::life::{Event, State};
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, invoices, settled};
use tokio::time::{Instant, sleep};

use crate::scene::{HOUR, history, seen};

#[tokio::test(start_paused = true)]
async fn a_stop_in_mid_run_finishes_what_is_in_flight_and_loses_nothing() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 51);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Uniform { min_ms: 100, max_ms: 600 }));
    seams.publish((0..200).map(event)).await;
    let mut stops = 0;
    loop {
        let fleet = Fleet::start(&seams, &numbers);
        sleep(Duration::from_millis(350)).await;
        let stopping = Instant::now();
        fleet.stop().await;
        stops += 1;
        assert!(
            stopping.elapsed() <= numbers.timeout + Duration::from_millis(numbers.submitter.drain_margin_ms)
        );
        let all = invoices(&*seams.ledger).await;
        for (key, invoice) in &all {
            assert_ne!(invoice.state, State::Submitted, "{key} is left in somebody's hands");
            assert_eq!((invoice.in_doubt, invoice.charged), (None, 0), "{key}");
            let answers = seen(&seams, *key);
            assert!(answers.iter().all(|entry| entry.delivered), "an answer of {key} was not heard");
        }
        if all.values().all(|invoice| invoice.state == State::Cleared) {
            break;
        }
    }
    assert!(stops >= 3, "{stops} stops are none in mid-run");
    let all = settled(&*seams.ledger, 200, HOUR).await;
    for key in all.keys() {
        let silent = |it: &ledger::RecordedEvent| matches!(it.event, Event::LeaseExpired { .. });
        assert!(!history(&seams, *key).await.iter().any(silent), "a stop is no crash");
    }
    hold_promises(&seams, &all).await;
}
